"""The twin of the processes' tallies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oportuno.flows.tallies import SILENT_AFTER, Counted, Living, Sum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oportuno.adapters.memory.ground import Ground
    from oportuno.kit.times import Millis


class MemoryTallies:
    """What processes counted and tell of themselves, in memory."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._sums: dict[tuple[str, Counted], float] = {}
        self._parts: dict[int, tuple[Millis, Living]] = {}
        self._numbers = 0

    async def tell(self, part: str, process: int, sums: Mapping[Counted, float], says: Mapping[str, Any]) -> int:
        """Add what was counted, and note that the process lives."""
        await self._ground.pause("tallies.tell")
        if not process:
            self._numbers += 1
            process = self._numbers
        for counted, amount in sums.items():
            self._sums[part, counted] = self._sums.get((part, counted), 0) + amount
        self._parts[process] = self._ground.clock.now, Living(part=part, says=dict(says))
        return process

    async def leave(self, process: int) -> None:
        """Forget a process."""
        await self._ground.pause("tallies.leave")
        self._parts.pop(process, None)

    async def sums(self) -> list[Sum]:
        """Give every sum."""
        await self._ground.pause("tallies.sums")
        return [Sum(part, counted, amount) for (part, counted), amount in sorted(self._sums.items())]

    async def living(self) -> list[Living]:
        """Give the processes that live."""
        await self._ground.pause("tallies.living")
        return [living for at, living in self._parts.values() if at > self._ground.clock.now - SILENT_AFTER]
