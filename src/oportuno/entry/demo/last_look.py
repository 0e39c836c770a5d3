"""What the shop shows, as the catalogue had it a moment ago."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final

from oportuno.catalog.product import Product as Sold

_OLD: Final = 2.0
"""Seconds for which the shelf is not looked at again: the live page asks every second, and the catalogue may hold 70,000 products."""


class Shelf:
    """What the shop shows, as the catalogue had it a moment ago."""

    def __init__(self) -> None:
        self._found: dict[str, Sold] = {}
        self._at = 0.0

    async def look(self, asked: Callable[[], Awaitable[dict[str, Sold]]]) -> dict[str, Sold]:
        """Give what stands on the shelf; asks the catalogue when the last look is too old."""
        if not self._at or time.monotonic() - self._at > _OLD:
            self._found = await asked()
            self._at = time.monotonic()
        return self._found

    def forget(self) -> None:
        """Look again next time: somebody wrote."""
        self._at = 0.0
