"""A store of the shop, and when it is open."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from oportuno.kit.faults import BadInput
from oportuno.kit.times import Millis, to_datetime

_DAY: Final = 24 * 60
_AHEAD: Final = 15
"""Days that are looked through for the next opening."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """From when to when, in minutes of the local day. A span that ends at or before its start goes on past midnight."""

    opens: int
    closes: int


class Store(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One store."""

    id: str
    version: int = 0
    name: str = ""
    timezone: str = "UTC"
    address: str = ""
    postcode: str = ""
    country: str = ""
    latitude: float | None = None
    longitude: float | None = None
    phone: str = ""
    url: str = ""
    week: tuple[tuple[Span, ...], ...] = ()
    """Seven days, Monday first; empty: nothing is known of its hours."""
    days: dict[str, tuple[Span, ...]] = {}
    """Special days (``2026-12-25``) with their own hours; no span: closed."""


def check_store(store: Store) -> None:
    """Check what types cannot say. Raises BadInput."""
    try:
        ZoneInfo(store.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        raise BadInput("timezone_unknown", f"“{store.timezone[:40]}” is not a time zone such as Europe/Madrid", place="timezone") from fault
    if store.week and len(store.week) != 7:  # noqa: PLR2004 - the days of a week
        raise BadInput("hours_malformed", "a week of opening hours has seven days, Monday first", place="week")
    for place, spans in [("week", spans) for spans in store.week] + [("days", spans) for spans in store.days.values()]:
        for span in spans:
            if not (0 <= span.opens < _DAY and 0 < span.closes <= _DAY):
                raise BadInput("hours_malformed", "opening hours go from 00:00 to 24:00", place=place)
    for day in store.days:
        try:
            date.fromisoformat(day)
        except ValueError as fault:
            raise BadInput("hours_malformed", f"“{day[:20]}” is not a day such as 2026-12-25", place="days") from fault


def open_at(store: Store, at: Millis) -> bool | None:
    """Say whether a store is open at a moment; None when nothing is known of its hours.

    Hours are those of the local clock: where the clock is put forward or back, the store follows it. A span past midnight belongs to the
    day on which it began.
    """
    if not store.week and not store.days:
        return None
    local = to_datetime(at).astimezone(ZoneInfo(store.timezone))
    minute, today = local.hour * 60 + local.minute, local.date()
    yesterday = today - timedelta(days=1)
    return any(_within(span, minute) for span in spans_of(store, today)) or any(
        span.closes <= span.opens and minute < span.closes for span in spans_of(store, yesterday)
    )


def opens_next(store: Store, at: Millis) -> Millis | None:
    """Give when a closed store opens next within two weeks; `at` itself when it is open, None when that is not known."""
    is_open = open_at(store, at)
    if is_open is None or is_open:
        return at if is_open else None
    zone = ZoneInfo(store.timezone)
    today = to_datetime(at).astimezone(zone).date()
    for ahead in range(_AHEAD):
        day = today + timedelta(days=ahead)
        for opens in sorted(span.opens for span in spans_of(store, day)):
            moment = datetime(day.year, day.month, day.day, opens // 60, opens % 60, tzinfo=zone)
            millis = int((moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))
            if millis > at:
                return millis
    return None


def spans_of(store: Store, day: date) -> tuple[Span, ...]:
    """Give the hours of a day: the special ones where it has any."""
    special = store.days.get(day.isoformat())
    if special is not None:
        return special
    return store.week[day.weekday()] if store.week else ()


def _within(span: Span, minute: int) -> bool:
    return span.opens <= minute < span.closes if span.closes > span.opens else minute >= span.opens
