"""How points fade, by half in a half-life, and how days are remembered: in whole numbers, so that every machine says the same."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

SHIFT: Final = 32
_SINGLE_DAYS: Final = 7
"""Days counted one by one; older ones are kept by whole weeks."""


def fade(points: int, days: int, half_life: int) -> int:
    """Give what points are worth some days later; the same on every machine. No days, or days to come, take nothing away."""
    return points * share_left(half_life, days) >> SHIFT if days > 0 else points


@lru_cache(maxsize=4_096)
def share_left(half_life: int, days: int) -> int:
    """Give the share of points that is left after some days, in parts of 2 to the power of `SHIFT`."""
    return round((1 << SHIFT) * math.exp2(-days / half_life))


def by_weeks(days: list[tuple[int, int, int]], since: int, today: int, remembered: int) -> list[tuple[int, int, int]]:
    """Let days pass: the last seven stay single, older ones join under the youngest of their calendar week, those out of memory go.

    A day is (days before `today`, and two counts); they come oldest first. `since`: how many days have passed.
    """
    if days[0][0] + since < _SINGLE_DAYS:
        return [(known + since, looks, seconds) for known, looks, seconds in days]
    kept: list[tuple[int, int, int]] = []
    for known, looks, seconds in days:
        ago = known + since
        if ago >= remembered:
            continue
        if ago >= _SINGLE_DAYS:
            day = today - ago
            ago = today - min(day // 7 * 7 + 6, today - _SINGLE_DAYS)
        if kept and kept[-1][0] == ago:
            kept[-1] = (ago, kept[-1][1] + looks, kept[-1][2] + seconds)
        else:
            kept.append((ago, looks, seconds))
    return kept
