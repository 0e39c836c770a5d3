"""The twin of the list of suppressions (port Suppressions)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oportuno.adapters.memory.hearings import mark_of_address
from oportuno.flows.suppressions import Suppression

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oportuno.adapters.memory.ground import Ground
    from oportuno.flows.reads import Spot
    from oportuno.flows.work import Listed
    from oportuno.kit.ids import CustomerKey, WorkspaceId


class MemorySuppressions:
    """The port Suppressions over the shared rows."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def mark(self, workspace: WorkspaceId, channel: str, address: str) -> bytes:
        """Give what stands for an address."""
        return mark_of_address(workspace, channel, address)

    async def suppression(self, workspace: WorkspaceId, mark: bytes) -> Suppression | None:
        """Give one entry."""
        await self._ground.pause("suppressions.suppression")
        return next((each for each in self._of(workspace) if each.mark == mark), None)

    async def suppressions(self, workspace: WorkspaceId, *, before: Spot | None, limit: int, source: str = "") -> list[Suppression]:
        """Give the workspace's list, the latest first."""
        await self._ground.pause("suppressions.suppressions")
        found = sorted(
            (each for each in self._of(workspace) if not source or each.source == source), key=lambda each: each.spot, reverse=True
        )
        return [each for each in found if before is None or each.spot < before][:limit]

    async def standing(self, workspace: WorkspaceId, channel: str, marks: Sequence[bytes]) -> dict[bytes, Suppression]:
        """Give those of many entries that are on the list."""
        await self._ground.pause("suppressions.standing")
        found = ((mark, self._ground.tables.suppressions.get((workspace, channel, mark))) for mark in marks)
        return {mark: _shown(row) for mark, row in found if row is not None}

    async def silent_because(self, suppression: Suppression) -> list[CustomerKey]:
        """Say which customers are silent because of an entry."""
        await self._ground.pause("suppressions.silent_because")
        wanted = (suppression.workspace, suppression.channel, suppression.mark)
        return sorted(key for key, channel, mark in self._ground.tables.silent_because if (key.workspace, channel, mark) == wanted)

    async def take_off(self, suppression: Suppression) -> None:
        """Take an entry off the list."""
        await self._ground.pause("suppressions.take_off")
        tables, wanted = self._ground.tables, (suppression.workspace, suppression.channel, suppression.mark)
        tables.suppressions.pop(wanted, None)
        tables.silent_because = {row for row in tables.silent_because if (row[0].workspace, row[1], row[2]) != wanted}

    async def take_back(self, entries: Sequence[Suppression]) -> int:
        """Take off those that are as they were told and silence nobody."""
        await self._ground.pause("suppressions.take_back")
        tables, gone = self._ground.tables, 0
        heard = {(key.workspace, channel, mark) for key, channel, mark in tables.silent_because}
        for each in entries:
            place = (each.workspace, each.channel, each.mark)
            row = tables.suppressions.get(place)
            if row is not None and row.source == each.source and place not in heard:
                del tables.suppressions[place]
                gone += 1
        return gone

    def _of(self, workspace: WorkspaceId) -> list[Suppression]:
        return [_shown(row) for place, row in self._ground.tables.suppressions.items() if place[0] == workspace]


def _shown(row: Listed) -> Suppression:
    return Suppression(
        workspace=row.workspace,
        channel=row.channel,
        mark=row.mark,
        reason=row.silenced.reason,
        since=row.silenced.since,
        source=row.source,
        note=row.note,
    )
