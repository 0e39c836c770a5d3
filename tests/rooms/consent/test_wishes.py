"""Bruno said «once a week», and Carla waits for an answer to her complaint: both are kept, whatever the workspace's limits allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oportuno.attention.ledger import Attention, Limit, Touch, confirm, next_at_cadence, release, reserve
from oportuno.consent.answers import Consents
from oportuno.consent.change import choose_cadence
from oportuno.consent.complaints import open_since
from oportuno.consent.gate import Ask, examine
from oportuno.consent.listen import listen
from oportuno.consent.permit import Permit
from oportuno.consent.refusals import Refusal
from oportuno.consent.wishes import CADENCES, Cadence, cadence_of, longest_window
from oportuno.events.event import Event, Trust
from oportuno.kit.ids import key_of
from oportuno.kit.times import DAY, HOUR, MINUTE
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

if TYPE_CHECKING:
    from tienda_norte import Cast

    from oportuno.consent.refusals import Reason

GENEROUS = (Limit(at_most=50, per=DAY),)


def asked(cast: Cast, draft: Draft, *, now: int, name: bytes = b"a", purpose: Purpose = Purpose.MARKETING) -> Permit | Reason:
    ask = Ask(id=name, channel="email", purpose=purpose, expires_at=now + DAY)
    return examine(draft, ask, policy=msgspec.structs.replace(cast.norte, limits=GENEROUS, quiet=(0, 0)), now=now)


def desk(cast: Cast, draft: Draft, name: str, at: int, **properties: object) -> Event:
    """What the shop's help desk sends from its server."""
    return msgspec.structs.replace(cast.event(draft, name, at, properties=properties), trust=Trust.SECRET)


def refusal(answered: Permit | Reason) -> Refusal | None:
    return None if isinstance(answered, Permit) else answered.refusal


# ── Cadence ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_bruno_hears_once_a_week_although_the_shop_may_write_daily(cast: Cast) -> None:
    bruno = cast.bruno()
    assert refusal(asked(cast, bruno, now=cast.saturday)) is None
    confirm(bruno.open(Attention), id=b"said", channel="email", now=cast.saturday)
    answered = asked(cast, bruno, now=cast.saturday + 6 * DAY)
    assert not isinstance(answered, Permit)
    assert (answered.refusal, answered.retry_at) == (Refusal.CADENCE_REACHED, cast.saturday + 7 * DAY)
    assert answered.facts == {"cadence": "weekly", "free_at": cast.saturday + 7 * DAY}
    assert refusal(asked(cast, bruno, now=cast.saturday + 7 * DAY)) is None


def test_a_message_on_any_channel_was_the_weeks_message(cast: Cast) -> None:
    bruno = cast.bruno()
    confirm(bruno.open(Attention), id=b"hook", channel="webhook", now=cast.saturday - DAY)
    assert refusal(asked(cast, bruno, now=cast.saturday)) is Refusal.CADENCE_REACHED


def test_a_message_already_on_its_way_is_the_weeks_message(cast: Cast) -> None:
    bruno = cast.bruno()
    reserve(bruno.open(Attention), id=b"queued", channel="email", now=cast.saturday, until=cast.saturday + 2 * HOUR)
    answered = asked(cast, bruno, now=cast.saturday)
    assert not isinstance(answered, Permit)
    assert (answered.refusal, answered.retry_at) == (Refusal.CADENCE_REACHED, cast.saturday + 2 * HOUR)
    assert refusal(asked(cast, bruno, now=cast.saturday, name=b"queued")) is None, "its own place is no obstacle at the claim"


def test_a_notice_about_an_order_neither_counts_nor_waits(cast: Cast) -> None:
    bruno = cast.bruno()
    confirm(bruno.open(Attention), id=b"order", channel="email", now=cast.saturday - HOUR, service=True)
    assert refusal(asked(cast, bruno, now=cast.saturday)) is None
    confirm(bruno.open(Attention), id=b"news", channel="email", now=cast.saturday - HOUR)
    assert refusal(asked(cast, bruno, now=cast.saturday, purpose=Purpose.SERVICE)) is None


def test_only_what_fits_is_never_more_than_two_a_week(cast: Cast) -> None:
    ana = cast.ana()
    choose_cadence(ana, Cadence.WHEN_IT_FITS)
    confirm(ana.open(Attention), id=b"1", channel="email", now=cast.saturday - 2 * DAY)
    assert refusal(asked(cast, ana, now=cast.saturday)) is None
    confirm(ana.open(Attention), id=b"2", channel="email", now=cast.saturday - DAY)
    answered = asked(cast, ana, now=cast.saturday)
    assert not isinstance(answered, Permit)
    assert answered.retry_at == cast.saturday + 5 * DAY


def test_touches_are_remembered_as_long_as_the_cadence_asks(cast: Cast) -> None:
    ana = cast.ana()
    assert longest_window(ana.read(Consents), cast.norte.limits) == 7 * DAY
    choose_cadence(ana, Cadence.MONTHLY)
    assert longest_window(ana.read(Consents), cast.norte.limits) == 30 * DAY
    assert longest_window(Consents(), ()) == DAY


def test_a_cadence_of_a_later_release_counts_as_the_strictest() -> None:
    assert cadence_of(Consents(cadence="fortnightly")) == CADENCES[Cadence.MONTHLY]
    assert cadence_of(Consents()) is None


def test_choosing_the_same_again_changes_nothing(cast: Cast) -> None:
    bruno = cast.bruno()
    assert not choose_cadence(bruno, Cadence.WEEKLY)
    assert choose_cadence(bruno, None)
    assert not choose_cadence(bruno, None)


_STEPS = st.lists(
    st.tuples(st.sampled_from(["speak", "hand off", "give up"]), st.integers(min_value=0, max_value=4 * DAY), st.booleans()), max_size=25
)


@given(_STEPS, st.sampled_from(list(Cadence)))
@settings(max_examples=200, deadline=None)
def test_in_no_window_more_marketing_is_handed_off_than_was_chosen(done: list[tuple[str, int, bool]], cadence: Cadence) -> None:
    own = CADENCES[cadence]
    attention, now, made = Attention(), 100 * DAY, []
    for number, (what, later, service) in enumerate(done):
        now += later
        waiting = [touch for touch in attention.touches if not touch.made and touch.until > now]
        if what == "speak" and (service or next_at_cadence(attention, own, now) <= now):
            reserve(attention, id=b"%d" % number, channel="email", now=now, until=now + DAY, service=service)
        elif what == "hand off" and waiting and (waiting[0].service or next_at_cadence(attention, own, now, besides=waiting[0].id) <= now):
            confirm(attention, id=waiting[0].id, channel="email", now=now)
            made += [] if waiting[0].service else [now]
        elif what == "give up" and waiting:
            release(attention, id=waiting[0].id)
    for end in made:
        assert sum(end - own.per < at <= end for at in made) <= own.at_most


def test_when_told_to_ask_again_then_there_is_room_unless_something_came_between() -> None:
    own = CADENCES[Cadence.WHEN_IT_FITS]
    attention = Attention(touches=[Touch(id=bytes([n]), at=n * DAY, channel="email", made=True) for n in range(1, 6)])
    free_at = next_at_cadence(attention, own, 5 * DAY + HOUR)
    assert free_at == 11 * DAY
    assert next_at_cadence(attention, own, free_at) == free_at


# ── Complaints ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_while_a_complaint_is_open_nothing_is_sold_and_orders_are_still_spoken_of(cast: Cast) -> None:
    ana = cast.ana()
    listen(ana, desk(cast, ana, "Complaint Opened", cast.saturday - HOUR, complaint_id="C-7"))
    answered = asked(cast, ana, now=cast.saturday)
    assert not isinstance(answered, Permit)
    assert (answered.refusal, answered.facts, answered.retry_at) == (Refusal.COMPLAINT_OPEN, {"since": cast.saturday - HOUR}, None)
    assert refusal(asked(cast, ana, now=cast.saturday, purpose=Purpose.SERVICE)) is None
    listen(ana, desk(cast, ana, "Complaint Closed", cast.saturday - MINUTE, complaint_id="C-7"))
    assert refusal(asked(cast, ana, now=cast.saturday)) is None


def test_whoever_reads_the_pages_source_can_open_a_complaint_and_never_close_one(cast: Cast) -> None:
    ana = cast.ana()
    listen(ana, cast.event(ana, "Complaint Opened", cast.saturday - HOUR))
    listen(ana, cast.event(ana, "Complaint Closed", cast.saturday))
    assert refusal(asked(cast, ana, now=cast.saturday)) is Refusal.COMPLAINT_OPEN


def test_closing_one_of_two_complaints_leaves_the_other_open(cast: Cast) -> None:
    ana = cast.ana()
    for number, at in (("C-1", 3), ("C-2", 2)):
        listen(ana, desk(cast, ana, "Complaint Opened", cast.saturday - at * HOUR, complaint_id=number))
    listen(ana, desk(cast, ana, "Complaint Closed", cast.saturday - HOUR, complaint_id="C-1"))
    assert open_since(ana.read(Consents)) == cast.saturday - 2 * HOUR


def test_an_opening_that_arrives_after_its_closing_opens_nothing(cast: Cast) -> None:
    ana = cast.ana()
    listen(ana, desk(cast, ana, "Complaint Closed", cast.saturday - HOUR, complaint_id=7))
    listen(ana, desk(cast, ana, "Complaint Opened", cast.saturday - 2 * HOUR, complaint_id="7"))
    assert open_since(ana.read(Consents)) == 0


@pytest.mark.parametrize(
    "properties", [{}, {"complaint_id": None}, {"complaint_id": [1]}, {"complaint_id": True}, {"complaint_id": "x" * 999}]
)
def test_a_complaint_without_a_number_that_can_be_read_is_a_complaint_all_the_same(cast: Cast, properties: dict[str, object]) -> None:
    ana = cast.ana()
    listen(ana, desk(cast, ana, "Complaint Opened", cast.saturday, **properties))
    assert open_since(ana.read(Consents)) == cast.saturday
    listen(ana, desk(cast, ana, "Complaint Closed", cast.saturday + 1, **properties))
    assert open_since(ana.read(Consents)) == 0


def test_a_thousand_complaints_do_not_swell_the_state_and_leave_it_silent(cast: Cast) -> None:
    ana = Draft(key_of(1, 1))
    for number in range(1_000):
        listen(ana, desk(cast, ana, "Complaint Opened", cast.saturday + number, complaint_id=number))
        if number % 3:
            listen(ana, desk(cast, ana, "Complaint Closed", cast.saturday + number, complaint_id=number - 1))
    assert len(ana.read(Consents).complaints) <= 20
    assert open_since(ana.read(Consents))
