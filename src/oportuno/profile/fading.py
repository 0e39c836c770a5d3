"""How points fade: by half in a half-life, in whole numbers, so that every machine says the same."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

SHIFT: Final = 32


def fade(points: int, days: int, half_life: int) -> int:
    """Give what points are worth some days later; the same on every machine. No days, or days to come, take nothing away."""
    return points * share_left(half_life, days) >> SHIFT if days > 0 else points


@lru_cache(maxsize=4_096)
def share_left(half_life: int, days: int) -> int:
    """Give the share of points that is left after some days, in parts of 2 to the power of `SHIFT`."""
    return round((1 << SHIFT) * math.exp2(-days / half_life))
