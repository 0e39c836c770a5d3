"""What the shop itself says to a customer takes its place in the limits, as a message does."""

from __future__ import annotations

import json

from oportuno.attention.contacts import count_contact
from oportuno.attention.ledger import Attention, Limit, next_at_cadence, room_from
from oportuno.events.event import Call, Event, Source
from oportuno.kit.times import DAY, HOUR, Millis
from oportuno.profile.draft import Draft

DAILY = (Limit(at_most=1, per=DAY),)
WEEK = 7 * DAY


def rung(draft: Draft, at: Millis, *, received: Millis | None = None, number: int = 1, source: Source = Source.LIVE, **properties) -> Event:
    body = {"type": "track", "event": "Call Ended", "properties": {"direction": "outbound"} | properties}
    return Event(
        key=draft.key, lane=1, seq=number, h=number.to_bytes(16, "big"), source=source, call=Call.TRACK, name="Call Ended", at=at,
        received=at if received is None else received, body=json.dumps(body).encode(),
    )  # fmt: skip


def test_after_we_rang_ana_up_there_is_no_room_for_a_message_that_day(cast):
    ana, noon = cast.ana(), cast.saturday
    assert room_from(ana.read(Attention), DAILY, noon) == noon
    assert count_contact(ana, rung(ana, noon), now=noon, longest=WEEK)
    assert room_from(ana.read(Attention), DAILY, noon) == noon + DAY


def test_a_call_told_late_counts_from_when_it_was_made(cast):
    ana, noon = cast.ana(), cast.saturday
    late = rung(ana, noon - 20 * HOUR, received=noon, source=Source.IMPORT)
    assert count_contact(ana, late, now=noon, longest=WEEK)
    assert room_from(ana.read(Attention), DAILY, noon) == noon + 4 * HOUR


def test_bruno_who_wants_one_a_week_had_it_by_telephone(cast):
    bruno, noon = cast.bruno(), cast.saturday
    count_contact(bruno, rung(bruno, noon), now=noon, longest=WEEK)
    assert next_at_cadence(bruno.read(Attention), Limit(at_most=1, per=WEEK), noon) == noon + WEEK


def test_a_call_about_a_repair_takes_no_place_in_brunos_week(cast):
    bruno, noon = cast.bruno(), cast.saturday
    count_contact(bruno, rung(bruno, noon, purpose="service"), now=noon, longest=WEEK)
    assert next_at_cadence(bruno.read(Attention), Limit(at_most=1, per=WEEK), noon) == noon
    assert room_from(bruno.read(Attention), DAILY, noon) == noon + DAY


def test_the_same_call_told_twice_is_one(cast):
    ana, noon = cast.ana(), cast.saturday
    assert count_contact(ana, rung(ana, noon), now=noon, longest=WEEK)
    assert not count_contact(ana, rung(ana, noon), now=noon, longest=WEEK)
    assert len(ana.read(Attention).touches) == 1


def test_a_call_of_last_year_is_no_touch_and_those_that_no_window_sees_are_let_go(cast):
    ana, noon = cast.ana(), cast.saturday
    assert not count_contact(ana, rung(ana, noon - 8 * DAY), now=noon, longest=WEEK)
    assert count_contact(ana, rung(ana, noon, number=2), now=noon, longest=WEEK)
    assert count_contact(ana, rung(ana, noon + 8 * DAY, number=3), now=noon + 8 * DAY, longest=WEEK)
    assert [touch.at for touch in ana.read(Attention).touches] == [noon + 8 * DAY]


def test_a_call_of_hers_to_us_leaves_everything_as_it_was(cast):
    ana, noon = cast.ana(), cast.saturday
    assert not count_contact(ana, rung(ana, noon, direction="inbound"), now=noon, longest=WEEK)
    assert not ana.has(Attention)
