"""How much an engine takes at once: much when nobody waits for it, and no more than fits in a moment when somebody does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MOMENT: Final = 0.010
"""Seconds that a batch may take in company, about: who has news waits for half of one on average."""
FEWEST: Final = 32
"""However slow the machine: a batch's own cost is paid for so many happenings at least."""
_MOST: Final = 5_000


@dataclass(slots=True)
class Stride:
    """How much fits in a moment, as learnt from what was done before."""

    moment: float = MOMENT
    fewest: int = FEWEST
    fits: float = 2.0 * FEWEST

    def limit(self, most: int, *, company: bool) -> int:
        """Say how much to take: `most` when nobody else waits, else no more than fits in the moment. Never more than `most`."""
        return min(most, max(self.fewest, int(self.fits))) if company else most

    def took(self, done: int, seconds: float) -> None:
        """Learn from a round, from its beginning to its commit. One hiccup halves the next at most, one lucky round doubles it."""
        if done < self.fewest:
            return  # almost only the round's own cost: it says nothing about how much would fit
        fits = done * self.moment / max(seconds, 1e-6)
        self.fits = max(float(self.fewest), min(float(_MOST), 2 * self.fits, max(self.fits / 2, fits)))
