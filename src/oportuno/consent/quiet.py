"""Quiet hours on the customer's own wall clock, across changes of daylight saving.

The one exception to «rooms read no files»: `zoneinfo` reads the zone tables, once per zone, and they never change while we run.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from oportuno.kit.times import DAY, MINUTE, Millis, to_datetime
from oportuno.profile.zones import ZONES, ZONES_OF

Hours: TypeAlias = tuple[int, int]
"""Minutes of the local day (from, to); may pass midnight; equal numbers: never."""

_QUARTER: Final[Millis] = 15 * MINUTE
"""Every change of an offset still in force anywhere falls on a quarter of an hour, so offsets are looked up once per quarter."""
_DAY_MINUTES: Final = 24 * 60
_LOOK_AHEAD: Final[Millis] = 2 * DAY


def zones_of(zone: str, country: str, fallback_country: str) -> tuple[str, ...]:
    """Give the zones a customer may live in: their own; else all of their country; else all of the workspace's country; else none."""
    if zone in ZONES:
        return (zone,)
    return ZONES_OF.get(country.upper(), ()) or ZONES_OF.get(fallback_country.upper(), ())


def quiet_until(zones: tuple[str, ...], hours: tuple[Hours, ...], now: Millis) -> Millis | None:
    """Say from when on it is quiet in none of the zones: `now` when it is not quiet at all.

    None when the zones are so far apart that within two days there is no such moment.
    """
    at = now
    while at < now + _LOOK_AHEAD:
        later = at
        for zone in zones:
            minute = _local_minute(zone, at)
            for span in hours:
                if _covers(span, minute):
                    later = max(later, _end(zone, span, at))
        if later == at:
            return at
        at = later
    return None


def _covers(span: Hours, minute: int) -> bool:
    start, end = span
    if start <= end:
        return start <= minute < end
    return minute >= start or minute < end


def _local_minute(zone: str, at: Millis) -> int:
    return (at // MINUTE + _offset(zone, at // _QUARTER)) % _DAY_MINUTES


def _end(zone: str, span: Hours, at: Millis) -> Millis:
    """Give the end of the quiet span that covers `at`; a change of the clocks on the way is taken into account."""
    left = (span[1] - _local_minute(zone, at)) % _DAY_MINUTES or _DAY_MINUTES
    end = (at // MINUTE + left) * MINUTE
    shift = (_offset(zone, end // _QUARTER) - _offset(zone, at // _QUARTER)) * MINUTE
    earlier = end - shift
    if shift > 0:
        # The clocks go forward on the way: quiet ends sooner, at the earliest when the skipped hour is over.
        soonest = max(earlier, (at // MINUTE + 1) * MINUTE)
        return next((t for t in range(soonest, end, MINUTE) if not _covers(span, _local_minute(zone, t))), end)
    if shift < 0:
        # They go back: the hour that comes twice may begin before the span does.
        change = next(q for q in range(at // _QUARTER + 1, end // _QUARTER + 1) if _offset(zone, q) != _offset(zone, at // _QUARTER))
        again = range(change * _QUARTER, min(change * _QUARTER - shift, end), MINUTE)
        return next((t for t in again if not _covers(span, _local_minute(zone, t))), end)
    return end


@lru_cache(maxsize=4096)
def _offset(zone: str, quarter: int) -> int:
    """Give the zone's minutes east of Greenwich in a quarter of an hour (counted since 1970)."""
    offset = to_datetime(quarter * _QUARTER).astimezone(_zone(zone)).utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) // 60


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
