"""The twin of what is measured over a workspace's customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oportuno.flows.standings import EVERY, Census, How, Standing
from oportuno.flows.work import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oportuno.adapters.memory.ground import Ground
    from oportuno.catalog.together import Companion
    from oportuno.kit.ids import WorkspaceId
    from oportuno.profile.worth import BreakPoints


class MemoryStandings:
    """The port Standings over the shared rows."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._taken: dict[WorkspaceId, Standing] = {}

    async def take(self) -> int:
        """Measure every workspace that was not measured lately; give how many were."""
        await self._ground.pause("standings.take")
        now, rows = self._ground.clock.now, self._ground.tables.customers
        taken = 0
        for workspace in sorted({key.workspace for key in rows}):
            known = self._taken.get(workspace)
            if known is not None and known.at > now - EVERY:
                continue
            census = Census(now)
            for key, row in sorted(rows.items()):
                if key.workspace == workspace and row.status is Status.ACTIVE and not census.full:
                    census.count(key, row.state)
            self._taken[workspace] = census.result()
            taken += 1
        return taken

    async def break_points(self, workspace: WorkspaceId) -> BreakPoints | None:
        """See the port."""
        await self._ground.pause("standings.break_points")
        known = self._taken.get(workspace)
        return None if known is None else known.points

    async def companions(self, workspace: WorkspaceId, product: str, how: How) -> Sequence[Companion]:
        """See the port."""
        await self._ground.pause("standings.companions")
        known = self._taken.get(workspace)
        return () if known is None else (known.viewed if how == "viewed" else known.bought).get(product, [])
