"""A clock moved by hand: wall time for the store, monotonic time for time-outs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from oportuno.kit.times import Millis

START: Final[Millis] = 1_795_255_200_000
"""2026-11-21T10:00:00Z, a Saturday: the world's first moment unless told otherwise."""


class HandClock:
    """Two times that only move when told: `now` (what time it is, in milliseconds) and `monotonic()` (seconds that never go back).

    `self_moving` lets `sleep` move both on by itself, so that a test with one task needs nobody to move them. The simulator turns it off
    and moves time between steps.
    """

    def __init__(self, pause: Callable[[str], Awaitable[None]], *, now: Millis = START, self_moving: bool = True) -> None:
        self.now = now
        self.self_moving = self_moving
        self._elapsed: Millis = 0
        self._pause = pause

    def monotonic(self) -> float:
        """Seconds since this clock was made."""
        return self._elapsed / 1000

    @property
    def elapsed(self) -> Millis:
        """Milliseconds since this clock was made; never goes back."""
        return self._elapsed

    def advance(self, length: Millis) -> None:
        """Let time pass: both clocks move on."""
        self.now += length
        self._elapsed += length

    def jump(self, length: Millis) -> None:
        """Set the wall clock forward or back, as a bad time server does. The monotonic clock does not notice."""
        self.now += length

    async def sleep(self, seconds: float) -> None:
        """Pause until that much monotonic time has passed."""
        wake = self._elapsed + max(0, round(seconds * 1000))
        await self._pause("clock.sleep")
        while self._elapsed < wake:
            if self.self_moving:
                self.advance(wake - self._elapsed)
            else:
                await self._pause("clock.asleep")
