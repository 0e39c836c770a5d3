"""The twin of the outbox as deliverers read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oportuno.flows.ports import Due
from oportuno.flows.work import OutboxStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oportuno.adapters.memory.ground import Ground
    from oportuno.adapters.memory.tables import MessageRow
    from oportuno.kit.times import Millis


class MemoryOutbox:
    """Messages that wait, and those in a dead deliverer's hands."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def due(self, channel: str, limit: int) -> Due:
        """Give PENDING messages of a channel whose time has come, fair over workspaces, oldest first."""
        ground = self._ground
        await ground.pause("outbox.due")
        now = ground.clock.now
        waiting = _fair((row for row in self._ready(now) if row.message.said.channel == channel), limit)
        await ground.pause("outbox.read")
        return Due(now, [row.waiting() for row in waiting])

    async def abandoned(self, limit: int) -> Due:
        """Give HANDING messages whose deliverer is certainly dead."""
        ground = self._ground
        await ground.pause("outbox.abandoned")
        dead = (
            row
            for row in ground.tables.messages.values()
            if row.status is OutboxStatus.HANDING and row.deliverer not in ground.tables.deliverers
        )
        return Due(ground.clock.now, [row.waiting() for row in _fair(dead, limit)])

    async def wait(self, most: float) -> None:
        """Return when something may have come, or after `most` seconds."""
        await self._ground.pause("outbox.wait")
        if not self._ready(self._ground.clock.now):
            await self._ground.clock.sleep(most)

    def _ready(self, now: Millis) -> list[MessageRow]:
        return [row for row in self._ground.tables.messages.values() if row.status is OutboxStatus.PENDING and row.not_before <= now]


def _fair(rows: Iterable[MessageRow], limit: int) -> list[MessageRow]:
    """Take the oldest of each workspace in turn."""
    by_workspace: dict[int, list[MessageRow]] = {}
    for row in sorted(rows, key=lambda row: row.born):
        by_workspace.setdefault(row.message.key.workspace, []).append(row)
    ranked = [(place, workspace, row) for workspace, queue in by_workspace.items() for place, row in enumerate(queue)]
    return [row for _, _, row in sorted(ranked, key=lambda each: each[:2])[:limit]]
