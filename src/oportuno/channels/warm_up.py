"""Warming a sending domain up: receivers that do not know it take little at first, so it sends little at first, and more each day."""

from __future__ import annotations

import msgspec

from oportuno.kit.times import DAY, Millis, day_of


class WarmUp(msgspec.Struct, frozen=True, kw_only=True):
    """How many mails a domain may send on each of its first days. Marketing beyond waits for the next day; the rest goes, and counts."""

    starts: int
    """The first day, in days since 1970 (UTC). Before it marketing waits."""
    at_most: tuple[int, ...]
    """For each day from the first on; after the last there is no limit."""


def most_of_day(warm_up: WarmUp | None, now: Millis) -> int | None:
    """Give how many mails may leave today; None: there is no limit."""
    if warm_up is None:
        return None
    place = day_of(now) - warm_up.starts
    if place < 0:
        return 0
    return warm_up.at_most[place] if place < len(warm_up.at_most) else None


def until_tomorrow(now: Millis) -> Millis:
    """Give the time to the next day (UTC)."""
    return DAY - now % DAY
