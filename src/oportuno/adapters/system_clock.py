"""The machine's own clocks."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """Monotonic time for time-outs and paces, as the Clock port asks; and the wall clock that a mail's Date and a signature need."""

    def monotonic(self) -> float:
        """Seconds since some fixed point; runs on while the process is stopped."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Pause."""
        await asyncio.sleep(seconds)

    def wall(self) -> datetime:
        """Say what time it is, in UTC. Never decides anything: decisions take the store's clock."""
        return datetime.now(UTC)
