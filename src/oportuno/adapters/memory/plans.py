"""The twin of tracking plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from oportuno.events.plan import Checker, TrackingPlan, Violation
from oportuno.flows.tracking_plan import KEPT, LISTED_AT_MOST, Times

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oportuno.adapters.memory.ground import Ground
    from oportuno.kit.ids import WorkspaceId


class MemoryTrackingPlans:
    """The port TrackingPlans; what is published in the world's workspaces is here at once."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._checkers: dict[WorkspaceId, Checker] = {}
        self._listed: dict[WorkspaceId, dict[Violation, Times]] = {}

    def put(self, workspace: WorkspaceId, compiled: bytes) -> None:
        """Let a published plan be in force; one that this release cannot read is none."""
        try:
            self._checkers[workspace] = Checker(msgspec.msgpack.decode(compiled, type=TrackingPlan))
        except msgspec.DecodeError:
            self._checkers.pop(workspace, None)

    async def checker(self, workspace: WorkspaceId) -> Checker | None:
        """Give what events are held against, or None."""
        await self._ground.pause("plans.checker")
        return self._checkers.get(workspace)

    async def note(self, workspace: WorkspaceId, seen: Mapping[Violation, Times]) -> None:
        """Add to the list."""
        await self._ground.pause("plans.note")
        listed = self._listed.setdefault(workspace, {})
        for violation, new in seen.items():
            known = listed.get(violation)
            if known is None and len(listed) >= LISTED_AT_MOST:
                continue
            listed[violation] = new if known is None else add(known, new)

    async def violations(self, workspace: WorkspaceId, *, limit: int) -> list[tuple[Violation, Times]]:
        """Give what is listed, the latest first."""
        await self._ground.pause("plans.violations")
        since = self._ground.clock.now - KEPT
        listed = [(violation, times) for violation, times in self._listed.get(workspace, {}).items() if times.last_at > since]
        return sorted(listed, key=lambda each: (-each[1].last_at, msgspec.msgpack.encode(each[0])))[:limit]


def add(known: Times, new: Times) -> Times:
    """Give the sums of two."""
    return Times(
        times=known.times + new.times,
        blocked=known.blocked + new.blocked,
        first_at=min(known.first_at, new.first_at),
        last_at=max(known.last_at, new.last_at),
        example=new.example or known.example,
    )
