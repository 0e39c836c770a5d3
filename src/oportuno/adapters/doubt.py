"""Judging the store's wall clock by a monotonic one: may what time it is be believed?"""

from __future__ import annotations

from typing import Final

from oportuno.kit.times import MINUTE, Millis

LEAP: Final[Millis] = 5 * MINUTE
"""So much further on than the monotonic clock is a leap; and so long the clock has to be steady again."""


class StoreClock:
    """The time by which an engine decides. It never goes back, and says when it is in doubt."""

    def __init__(self) -> None:
        self.latest: Millis = 0
        """By which time something was decided at the latest."""
        self._seen_at: tuple[Millis, Millis] | None = None
        self._unsure_until: Millis = 0

    @property
    def trusted(self) -> bool:
        """Whether the time that was read last may be believed: it is not behind what was decided, and leapt not lately."""
        return self._seen_at is None or (self._seen_at[0] >= self.latest and self._seen_at[1] >= self._unsure_until)

    def read(self, now: Millis, elapsed: Millis) -> Millis:
        """Give the batch's time: `now`, or the latest one while the clock stands behind it. `elapsed` is the monotonic clock."""
        if self._seen_at is not None and (now - self._seen_at[0]) - (elapsed - self._seen_at[1]) > LEAP:
            self._unsure_until = elapsed + LEAP
        self._seen_at = (now, elapsed)
        self.latest = max(self.latest, now)
        return self.latest

    def decided(self, at: Millis) -> None:
        """Hear by which time something was decided, here or by who had these buckets before."""
        self.latest = max(self.latest, at)
