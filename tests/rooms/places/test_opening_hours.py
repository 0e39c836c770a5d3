"""When a store is open: by its own clock, on special days, past midnight, and when the clock is put forward."""

from __future__ import annotations

import pytest

from oportuno.kit.faults import BadInput
from oportuno.kit.times import parse_moment
from oportuno.places.hours import read_hours, write_hours
from oportuno.places.store import Span, Store, check_store, open_at, opens_next

DAY = read_hours(["09:00-14:00", "17:00-20:30"], "week")
NIGHT = read_hours(["22:00-02:00"], "week")


def store(*, week=(DAY,) * 6 + ((),), **more):
    return Store(id="norte", timezone="Europe/Madrid", week=week, **more)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-23T08:00:00Z", True),  # Monday, 09:00 in Madrid
        ("2026-11-23T07:59:59Z", False),
        ("2026-11-23T13:00:00Z", False),  # 14:00: closed from that minute on
        ("2026-11-23T16:00:00Z", True),
        ("2026-11-22T10:00:00Z", False),  # Sunday
        ("2026-07-20T07:00:00Z", True),  # summer time: 09:00
    ],
)
def test_hours_are_those_of_the_local_clock(moment, expected):
    assert open_at(store(), parse_moment(moment)) is expected


def test_a_special_day_has_its_own_hours():
    closed = store(days={"2026-12-25": (), "2026-12-24": read_hours(["09:00-12:00"], "days")})
    assert open_at(closed, parse_moment("2026-12-25T10:00:00Z")) is False
    assert open_at(closed, parse_moment("2026-12-24T10:59:00Z")) is True
    assert open_at(closed, parse_moment("2026-12-24T11:00:00Z")) is False
    assert opens_next(closed, parse_moment("2026-12-24T12:00:00Z")) == parse_moment("2026-12-26T08:00:00Z")


def test_a_night_belongs_to_the_day_on_which_it_began():
    bar = store(week=((), (), (), (), NIGHT, NIGHT, ()))
    assert open_at(bar, parse_moment("2026-11-27T22:30:00Z")) is True  # Friday, 23:30
    assert open_at(bar, parse_moment("2026-11-28T00:30:00Z")) is True  # the same night
    assert open_at(bar, parse_moment("2026-11-28T01:30:00Z")) is False
    assert open_at(bar, parse_moment("2026-11-29T00:30:00Z")) is True  # Saturday's night, on Sunday
    assert open_at(bar, parse_moment("2026-11-30T00:30:00Z")) is False


def test_a_store_without_hours_is_neither_open_nor_closed():
    assert open_at(store(week=()), 0) is None
    assert opens_next(store(week=()), 0) is None
    assert opens_next(store(week=((),) * 7), 0) is None


def test_a_whole_day_and_what_is_written_are_read_back():
    assert read_hours(["00:00-24:00"], "week") == (Span(opens=0, closes=1_440),)
    assert write_hours(read_hours(["17:00-20:30", "09:00-14:00"], "week")) == ["09:00-14:00", "17:00-20:30"]
    assert open_at(store(week=(read_hours(["00:00-24:00"], "week"),) * 7), 12_345_678) is True


@pytest.mark.parametrize(
    "wrong",
    [store(week=(DAY,)), store(days={"tomorrow": ()}), store(week=((Span(opens=-1, closes=5),),) * 7)],
)
def test_hours_that_cannot_be_are_refused(wrong):
    with pytest.raises(BadInput) as caught:
        check_store(wrong)
    assert caught.value.code == "hours_malformed"


@pytest.mark.parametrize("text", ["9-14", "25:00-26:00", "09:00", "09:60-10:00", ""])
def test_hours_are_written_in_one_form(text):
    with pytest.raises(BadInput):
        read_hours([text], "week")
