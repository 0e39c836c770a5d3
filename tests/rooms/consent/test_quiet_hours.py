"""Quiet hours are the customer's own evening and night, also when the clocks change, and when we do not know exactly where they live."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oportuno.consent.quiet import Hours, quiet_until, zones_of
from oportuno.kit.times import DAY, HOUR, MINUTE, Millis, parse_moment, to_datetime, to_text

PLACES = (
    "Europe/Madrid",
    "Atlantic/Canary",
    "America/Mexico_City",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Asia/Kathmandu",
)
NIGHT: Hours = (21 * 60, 9 * 60)

minutes = st.integers(min_value=0, max_value=24 * 60 - 1)
moments = st.integers(min_value=1_700_000_000, max_value=1_900_000_000).map(lambda second: second * 1000)


def at(text: str) -> Millis:
    moment = parse_moment(text)
    assert moment is not None
    return moment


def wall(zone: str, moment: Millis) -> int:
    local = to_datetime(moment).astimezone(ZoneInfo(zone))
    return local.hour * 60 + local.minute


def is_quiet(zones: tuple[str, ...], hours: tuple[Hours, ...], moment: Millis) -> bool:
    def covered(span: Hours, minute: int) -> bool:
        start, end = span
        return start <= minute < end if start <= end else minute >= start or minute < end

    return any(covered(span, wall(zone, moment)) for zone in zones for span in hours)


def clock_changes(zone: str, year: int) -> list[Millis]:
    """Find the moments of the year at which the zone's offset changes."""
    place = ZoneInfo(zone)
    start = at(f"{year}-01-01T00:00:00Z")
    days = [start + day * DAY for day in range(367)]
    found = []
    for before, after in pairwise(days):
        if _offset(place, before) != _offset(place, after):
            found.append(next(t for t in range(before, after + 1, 15 * MINUTE) if _offset(place, t) != _offset(place, before)))
    return found


def _offset(place: ZoneInfo, moment: Millis) -> timedelta | None:
    return to_datetime(moment).astimezone(place).utcoffset()


@given(st.sampled_from(PLACES), minutes, minutes, moments)
@settings(max_examples=150, deadline=None)
def test_what_comes_out_is_not_quiet_and_everything_before_it_is(zone: str, start: int, end: int, now: Millis) -> None:
    hours = ((start, end),)
    until = quiet_until((zone,), hours, now)
    assert until is not None
    assert not is_quiet((zone,), hours, until)
    assert all(is_quiet((zone,), hours, moment) for moment in range(now, until, 7 * MINUTE))


@given(
    st.sampled_from([(zone, change) for zone in PLACES for year in (2026, 2027) for change in clock_changes(zone, year)]),
    minutes,
    minutes,
    st.integers(min_value=-30 * 60, max_value=6 * 60),
)
@example(("Europe/Madrid", 1_774_746_000_000), 60, 150, -30)
@example(("Europe/Madrid", 1_792_890_000_000), 121, 0, -5)
@settings(max_examples=300, deadline=None)
def test_it_stays_true_around_every_change_of_the_clocks(change: tuple[str, Millis], start: int, end: int, minute: int) -> None:
    zone, moment = change
    now = moment + minute * MINUTE
    hours = ((start, end),)
    until = quiet_until((zone,), hours, now)
    assert until is not None
    assert not is_quiet((zone,), hours, until)
    assert all(is_quiet((zone,), hours, between) for between in range(now, until, 5 * MINUTE))


@given(st.lists(st.sampled_from(PLACES[:5]), min_size=1, max_size=3, unique=True), minutes, moments)
@settings(max_examples=100, deadline=None)
def test_with_several_zones_it_is_quiet_as_long_as_it_is_in_any_of_them(zones: list[str], start: int, now: Millis) -> None:
    hours = ((start, (start + 8 * 60) % (24 * 60)),)
    until = quiet_until(tuple(zones), hours, now)
    if until is not None:
        assert not is_quiet(tuple(zones), hours, until)
        assert all(is_quiet(tuple(zones), hours, between) for between in range(now, until, 15 * MINUTE))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-28T22:00:00Z", "2026-03-29T07:00:00.000Z"),  # the night is an hour shorter
        ("2026-10-24T22:00:00Z", "2026-10-25T08:00:00.000Z"),  # and an hour longer
        ("2026-11-21T11:00:00Z", "2026-11-21T11:00:00.000Z"),  # noon is not quiet
        ("2026-11-21T20:00:00Z", "2026-11-22T08:00:00.000Z"),  # nine in the evening is
        ("2026-11-21T19:59:59.999Z", "2026-11-21T19:59:59.999Z"),
    ],
)
def test_in_madrid_the_morning_comes_at_nine_by_the_clock_on_the_wall(now: str, expected: str) -> None:
    until = quiet_until(("Europe/Madrid",), (NIGHT,), at(now))
    assert until is not None
    assert to_text(until) == expected


def test_quiet_that_ends_inside_the_skipped_hour_ends_when_that_hour_is_over() -> None:
    until = quiet_until(("Europe/Madrid",), ((60, 150),), at("2026-03-29T00:30:00Z"))
    assert until == at("2026-03-29T01:00:00Z")


def test_the_customers_own_hours_count_beside_those_of_the_shop() -> None:
    siesta = (14 * 60, 17 * 60)
    assert quiet_until(("Europe/Madrid",), (NIGHT, siesta), at("2026-11-21T13:30:00Z")) == at("2026-11-21T16:00:00Z")


def test_from_one_quiet_time_straight_into_the_next_is_one_long_wait() -> None:
    early = (9 * 60, 11 * 60)
    assert quiet_until(("Europe/Madrid",), (NIGHT, early), at("2026-11-21T23:00:00Z")) == at("2026-11-22T10:00:00Z")


def test_zones_so_far_apart_that_it_is_always_quiet_somewhere_have_no_answer() -> None:
    around_the_world = ("Pacific/Auckland", "Asia/Kathmandu", "Europe/Madrid", "America/Los_Angeles")
    assert quiet_until(around_the_world, (NIGHT,), at("2026-11-21T11:00:00Z")) is None


def test_equal_times_mean_no_quiet_at_all() -> None:
    assert quiet_until(("Europe/Madrid",), ((0, 0),), 5 * HOUR) == 5 * HOUR


def test_a_known_zone_is_the_only_one_that_counts() -> None:
    assert zones_of("America/Bogota", "ES", "MX") == ("America/Bogota",)


def test_without_a_zone_every_zone_of_the_country_counts() -> None:
    assert set(zones_of("", "es", "MX")) == {"Europe/Madrid", "Africa/Ceuta", "Atlantic/Canary"}
    assert zones_of("Marte/Olympus", "", "ES") == zones_of("", "ES", "")


def test_without_zone_and_country_nobody_knows() -> None:
    assert zones_of("", "", "") == ()
    assert zones_of("", "ZZ", "") == ()


def test_the_oracle_itself_knows_the_wall_clock() -> None:
    assert wall("Europe/Madrid", at("2026-07-01T10:00:00Z")) == 12 * 60
    assert isinstance(to_datetime(0), datetime)
