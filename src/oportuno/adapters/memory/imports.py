"""The twin of imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from oportuno.flows.ports import LaneClass
from oportuno.flows.ports_imports import counted_on

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oportuno.adapters.memory.ground import Ground
    from oportuno.adapters.memory.intake import MemoryIntake
    from oportuno.flows.ports import Arrival
    from oportuno.flows.ports_imports import ImportRecord, Step
    from oportuno.kit.ids import WorkspaceId
    from oportuno.kit.times import Millis


class MemoryImports:
    """The port Imports: progress moves in the step in which the twin's log takes the events."""

    def __init__(self, ground: Ground, intake: MemoryIntake) -> None:
        self._ground = ground
        self._intake = intake

    async def begin(self, workspace: WorkspaceId, record: ImportRecord) -> tuple[ImportRecord, Millis]:
        """See the port."""
        await self._ground.pause("imports.begin")
        now = self._ground.clock.now
        new = msgspec.structs.replace(record, begun_at=now, moved_at=now)
        return self._ground.tables.imports.setdefault((workspace, record.id), new), now

    async def bring(self, workspace: WorkspaceId, arrivals: Sequence[Arrival], step: Step) -> int | None:
        """See the port."""
        known = self._ground.tables.imports[workspace, step.id]
        if known.position != step.since or known.finished_at is not None:
            return None
        # Before the events, whose store is one step of the scheduler: who is killed at its begin has neither.
        await self._ground.pause("imports.bring")
        stored = self._intake.write(arrivals, [], LaneClass.BULK)
        now = self._ground.clock.now
        self._ground.tables.imports[workspace, step.id] = msgspec.structs.replace(
            known,
            position=step.position,
            tally=counted_on(step.tally, len(arrivals), stored),
            moved_at=now,
            finished_at=now if step.finished else None,
        )
        await self._ground.pause("imports.brought")
        return stored

    async def every(self, workspace: WorkspaceId, *, limit: int) -> list[ImportRecord]:
        """See the port."""
        await self._ground.pause("imports.every")
        mine = [record for (owner, _), record in self._ground.tables.imports.items() if owner == workspace]
        return sorted(mine, key=lambda record: (-record.moved_at, record.id))[:limit]

    async def keep_mapping(self, workspace: WorkspaceId, name: str, mapping: bytes) -> None:
        """See the port."""
        await self._ground.pause("imports.keep_mapping")
        self._ground.tables.mappings[workspace, name] = mapping

    async def mappings(self, workspace: WorkspaceId) -> dict[str, bytes]:
        """See the port."""
        await self._ground.pause("imports.mappings")
        return {name: mapping for (owner, name), mapping in sorted(self._ground.tables.mappings.items()) if owner == workspace}
