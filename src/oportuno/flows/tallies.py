"""What the processes count and tell of themselves: summed up while they work, kept beside everybody else's, read by the metrics page.

Counts only, by words of ours: never an id, a name or an address of a customer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from oportuno.kit.times import Millis

Labels = tuple[tuple[str, str], ...]
"""(word, value), in the order of the alphabet."""


class Counted(NamedTuple):
    """What is counted."""

    name: str
    labels: Labels = ()


class Sums:
    """What one process has counted since it last told."""

    def __init__(self) -> None:
        self._sums: dict[Counted, float] = {}

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Count."""
        self._add(name, labels, amount)

    def observe(self, name: str, value: float, bounds: Sequence[float], **labels: str) -> None:
        """Count a measured value in the first of the bounds that it does not pass (``le``), and add it to the sum of all."""
        bound = next((f"{each:g}" for each in bounds if value <= each), "+Inf")
        self._add(f"{name}_bucket", labels | {"le": bound}, 1)
        self._add(f"{name}_sum", labels, value)

    def take(self) -> dict[Counted, float]:
        """Give what was counted, and begin anew."""
        taken, self._sums = self._sums, {}
        return taken

    def put_back(self, taken: Mapping[Counted, float]) -> None:
        """Take back what could not be told."""
        for counted, amount in taken.items():
            self._sums[counted] = self._sums.get(counted, 0) + amount

    def _add(self, name: str, labels: Mapping[str, str], amount: float) -> None:
        counted = Counted(name, tuple(sorted(labels.items())))
        self._sums[counted] = self._sums.get(counted, 0) + amount


class Sum(NamedTuple):
    """A count over all processes of a part that ever were."""

    part: str
    counted: Counted
    amount: float


class Living(msgspec.Struct, frozen=True, kw_only=True):
    """A process that told of itself lately."""

    part: str
    says: dict[str, Any]
    """What it says of itself now, in words of its part."""


class Tallies(Protocol):
    """Where processes tell what they counted. What was told stays when they are gone."""

    async def tell(self, part: str, process: int, sums: Mapping[Counted, float], says: Mapping[str, Any]) -> int:
        """Add what was counted, say that the process lives and how it is, and give its number; 0: it has none yet.

        Raises Unavailable; then it may have been added or not.
        """
        ...

    async def leave(self, process: int) -> None:
        """Say that the process ends. Raises Unavailable."""
        ...

    async def sums(self) -> list[Sum]:
        """Give every sum. Raises Unavailable."""
        ...

    async def living(self) -> list[Living]:
        """Give the processes that told of themselves in the last `SILENT_AFTER`. Raises Unavailable."""
        ...


SILENT_AFTER: Millis = 20_000
"""A process that has not told of itself for so long is taken for dead."""
