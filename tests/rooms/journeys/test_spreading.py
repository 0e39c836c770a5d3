"""Waits of one instant end over the journey's spread: each customer at an own moment, always the same one, and never too early."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oportuno.events.event import Call, Event, Source
from oportuno.journeys.advance import advance, next_timer
from oportuno.journeys.journey import Journey
from oportuno.journeys.read import read_journey, write_journey
from oportuno.kit.faults import BadInput
from oportuno.kit.ids import key_of
from oportuno.kit.times import HOUR, MINUTE, SECOND, Millis
from oportuno.profile.draft import Draft

NOON: Millis = 1_795_262_400_000
TEXT = """
journey: come-back
trigger: [Product Added]
steps:
  - {id: rest, wait: 1h}
  - {id: hope, wait_for: [Order Completed], timeout: 30m, restart_on: [Product Added]}
  - {id: done, end: true}
spread: 10m
"""
SPREAD = read_journey(TEXT)


def added(draft: Draft, at: Millis) -> Event:
    return Event(
        key=draft.key,
        lane=1,
        seq=at,
        h=b"h" * 16,
        source=Source.LIVE,
        call=Call.TRACK,
        name="Product Added",
        at=at,
        received=at,
        body=b"{}",
    )


def due(journey: Journey, customer: int, *, until: Millis = 0) -> Millis:
    """Say when the wait is over that a customer stands in, who added a product at noon."""
    draft = Draft(key_of(7, customer))
    advance(draft, (journey,), added(draft, NOON), now=NOON, freshness=HOUR)
    if until:
        advance(draft, (journey,), None, now=until, freshness=HOUR)
    return next_timer(draft, (journey,)) or 0


@given(st.integers(1, 2**62))
def test_a_wait_is_over_within_the_spread_and_never_before_its_time(customer: int) -> None:
    first = due(SPREAD, customer)
    assert NOON + HOUR <= first <= NOON + HOUR + 10 * MINUTE
    assert first == due(SPREAD, customer)
    second = due(SPREAD, customer, until=first)
    assert first + 30 * MINUTE <= second <= first + 40 * MINUTE


def test_many_customers_of_one_instant_come_due_all_over_the_spread() -> None:
    places = sorted(due(SPREAD, customer) - NOON - HOUR for customer in range(1, 601))
    minutes = [sum(minute * MINUTE <= place < (minute + 1) * MINUTE for place in places) for minute in range(10)]
    assert min(minutes) > 30
    assert max(minutes) < 95


def test_without_a_spread_everybody_waits_as_long_as_is_stated() -> None:
    plain = read_journey(TEXT.replace("spread: 10m", ""))
    assert {due(plain, customer) for customer in range(1, 50)} == {NOON + HOUR}


def test_a_wait_that_starts_anew_keeps_the_customers_place() -> None:
    draft = Draft(key_of(7, 4711))
    advance(draft, (SPREAD,), added(draft, NOON), now=NOON, freshness=HOUR)
    first = next_timer(draft, (SPREAD,)) or 0
    advance(draft, (SPREAD,), None, now=first, freshness=HOUR)
    hope = (next_timer(draft, (SPREAD,)) or 0) - first
    later = first + MINUTE
    advance(draft, (SPREAD,), added(draft, later), now=later, freshness=HOUR)
    assert (next_timer(draft, (SPREAD,)) or 0) == later + hope


def test_the_spread_is_read_written_and_bounded() -> None:
    assert SPREAD.spread == 10 * MINUTE
    assert read_journey(write_journey(SPREAD)) == SPREAD
    assert read_journey(TEXT.replace("10m", "1s")).spread == SECOND
    with pytest.raises(BadInput):
        read_journey(TEXT.replace("10m", "25h"))
