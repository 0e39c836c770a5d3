"""The gate lets through what the customer wants to hear now, and names its reason for everything else."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oportuno.attention.ledger import Attention, Limit, confirm, reserve
from oportuno.consent.answers import Answered, Consents
from oportuno.consent.change import answer, choose_cadence, keep_quiet, lift, pause, skip_topic, suppress
from oportuno.consent.complaints import hear_complaint
from oportuno.consent.gate import Ask, examine, held_out
from oportuno.consent.permit import Permit, PermitForged
from oportuno.consent.policy import Policy
from oportuno.consent.refusals import Reason, Refusal
from oportuno.consent.wishes import Cadence
from oportuno.kit.ids import key_of, write_id
from oportuno.kit.times import DAY, HOUR, MINUTE
from oportuno.profile.draft import Draft
from oportuno.profile.mute import mute
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Core, Register

if TYPE_CHECKING:
    from tienda_norte import Cast


def ask(cast: Cast, **changes: object) -> Ask:
    plain = Ask(
        id=b"a" * 16,
        channel="email",
        purpose=Purpose.MARKETING,
        topic="cart",
        items=("mug", "coat"),
        expires_at=cast.saturday + DAY,
    )
    return msgspec.structs.replace(plain, **changes)


def refused(answered: Permit | Reason) -> Reason:
    assert isinstance(answered, Reason), "the gate let it through"
    assert answered.facts, "a reason stands on facts"
    return answered


def permitted(answered: Permit | Reason) -> Permit:
    assert isinstance(answered, Permit), answered
    return answered


def test_ana_who_said_yes_is_spoken_to_at_noon(cast: Cast) -> None:
    permit = permitted(examine(cast.ana(), ask(cast), policy=cast.norte, now=cast.saturday))
    assert permit.address == "ana@example.com"
    assert permit.marketing
    assert permit.facts["consent_source"] == "customer"


def test_carla_who_said_no_hears_nothing(cast: Cast) -> None:
    assert refused(examine(cast.carla(), ask(cast), policy=cast.norte, now=cast.saturday)).refusal is Refusal.NO_CONSENT


def test_dora_whom_we_do_not_know_cannot_be_reached(cast: Cast) -> None:
    assert refused(examine(cast.dora(), ask(cast), policy=cast.norte, now=cast.saturday)).refusal is Refusal.NO_ADDRESS


def test_bruno_hears_by_mail_but_not_by_the_channel_he_did_not_choose(cast: Cast) -> None:
    permitted(examine(cast.bruno(), ask(cast), policy=cast.norte, now=cast.saturday))
    answered = examine(cast.bruno(), ask(cast, channel="webhook"), policy=cast.norte, now=cast.saturday)
    assert refused(answered).refusal is Refusal.NO_CONSENT


def _withdrawn(draft: Draft, cast: Cast) -> None:
    _answer(draft, Answered.WITHDRAWN, cast.saturday - 1)


def _pending(draft: Draft, cast: Cast) -> None:
    draft.open(Consents).answers.clear()
    _answer(draft, Answered.PENDING, cast.saturday - 1)


def _unanswered(draft: Draft, _cast: Cast) -> None:
    draft.open(Consents).answers.clear()


def _run_out(draft: Draft, cast: Cast) -> None:
    _answer(draft, Answered.GRANTED, cast.saturday - DAY, expires=cast.saturday)


def _answer(draft: Draft, state: Answered, at: int, expires: int = 0) -> None:
    answer(draft, purpose=Purpose.MARKETING, channel="email", state=state, at=at, source="customer", expires=expires)


def _spoken_to_this_morning(draft: Draft, cast: Cast) -> None:
    confirm(draft.open(Attention), id=b"earlier", channel="webhook", now=cast.saturday - HOUR)


def _about_to_be_spoken_to(draft: Draft, cast: Cast) -> None:
    reserve(draft.open(Attention), id=b"other", channel="email", now=cast.saturday - HOUR, until=cast.saturday + HOUR)


def _monthly(draft: Draft, cast: Cast) -> None:
    choose_cadence(draft, Cadence.MONTHLY)
    confirm(draft.open(Attention), id=b"last week", channel="webhook", now=cast.saturday - 10 * DAY)


def _complaining(draft: Draft, cast: Cast) -> None:
    hear_complaint(draft, cast.event(draft, "Complaint Opened", cast.saturday - DAY))


def _without_address(draft: Draft, _cast: Cast) -> None:
    del draft.open(Core).traits["email"]


TROUBLES: list[tuple[Callable[[Draft, Cast], object], Refusal, int | None]] = [
    (_withdrawn, Refusal.CONSENT_WITHDRAWN, None),
    (_pending, Refusal.CONSENT_PENDING, None),
    (_unanswered, Refusal.NO_CONSENT, None),
    (_run_out, Refusal.CONSENT_EXPIRED, None),
    (lambda draft, cast: suppress(draft, "email", "unsubscribed", cast.saturday - 1), Refusal.SUPPRESSED, None),
    (lambda draft, cast: suppress(draft, "email", "hard_bounce", cast.saturday - 1), Refusal.SUPPRESSED, None),
    (lambda draft, cast: pause(draft, cast.saturday + 3 * HOUR), Refusal.PAUSED, 3 * HOUR),
    (lambda draft, _cast: skip_topic(draft, "cart"), Refusal.TOPIC_SKIPPED, None),
    (lambda draft, cast: mute(draft, ["coat"], "not_interested", cast.saturday - 1), Refusal.ITEM_NOT_WANTED, None),
    (lambda draft, cast: mute(draft, ["coat"], "bought", cast.saturday - 1), Refusal.ITEM_BOUGHT, None),
    (lambda draft, _cast: keep_quiet(draft, (11 * 60, 14 * 60)), Refusal.QUIET_HOURS, 2 * HOUR),
    (_spoken_to_this_morning, Refusal.LIMIT_REACHED, 23 * HOUR),
    (_about_to_be_spoken_to, Refusal.LIMIT_REACHED, HOUR),
    (_without_address, Refusal.NO_ADDRESS, None),
    (_monthly, Refusal.CADENCE_REACHED, 20 * DAY),
    (_complaining, Refusal.COMPLAINT_OPEN, None),
]


@pytest.mark.parametrize(("trouble", "refusal", "retry_in"), TROUBLES)
def test_every_reason_to_be_silent_has_its_name_and_the_time_that_may_change_it(
    cast: Cast, trouble: Callable[[Draft, Cast], object], refusal: Refusal, retry_in: int | None
) -> None:
    ana = cast.ana()
    trouble(ana, cast)
    reason = refused(examine(ana, ask(cast), policy=cast.norte, now=cast.saturday))
    assert reason.refusal is refusal
    assert reason.retry_at == (None if retry_in is None else cast.saturday + retry_in)


@pytest.mark.parametrize(("trouble", "refusal", "retry_in"), TROUBLES)
def test_news_about_an_order_reaches_everybody_whose_address_works(
    cast: Cast, trouble: Callable[[Draft, Cast], object], refusal: Refusal, retry_in: int | None
) -> None:
    ana = cast.ana()
    trouble(ana, cast)
    answered = examine(ana, ask(cast, purpose=Purpose.SERVICE), policy=cast.norte, now=cast.saturday + 14 * HOUR)
    bounced = ana.read(Consents).suppressed.get("email", ("", 0))[0] == "hard_bounce"
    if refusal is Refusal.NO_ADDRESS or bounced:
        assert refused(answered).refusal is refusal
    else:
        assert not permitted(answered).marketing
    assert retry_in is None or refusal in {Refusal.PAUSED, Refusal.QUIET_HOURS, Refusal.LIMIT_REACHED, Refusal.CADENCE_REACHED}


def test_a_moment_that_has_passed_is_passed_for_everybody(cast: Cast) -> None:
    for purpose in (Purpose.MARKETING, Purpose.SERVICE):
        late = ask(cast, purpose=purpose, expires_at=cast.saturday)
        assert refused(examine(cast.ana(), late, policy=cast.norte, now=cast.saturday)).refusal is Refusal.EXPIRED


def test_old_news_never_speaks(cast: Cast) -> None:
    reason = refused(examine(cast.ana(), ask(cast, live=False), policy=cast.norte, now=cast.saturday))
    assert reason.refusal is Refusal.NOT_LIVE


def test_somebody_of_whom_nothing_is_kept_is_gone(cast: Cast) -> None:
    nobody = Draft(key_of(1, 99))
    assert refused(examine(nobody, ask(cast), policy=cast.norte, now=cast.saturday)).refusal is Refusal.CUSTOMER_GONE


def test_with_a_clock_that_jumped_marketing_waits_and_nothing_is_called_expired(cast: Cast) -> None:
    tomorrow = cast.saturday + 3 * DAY
    reason = refused(examine(cast.ana(), ask(cast), policy=cast.norte, now=tomorrow, clock_trusted=False))
    assert (reason.refusal, reason.retry_at) == (Refusal.CLOCK_UNSURE, tomorrow + MINUTE)
    service = ask(cast, purpose=Purpose.SERVICE)
    permitted(examine(cast.ana(), service, policy=cast.norte, now=cast.saturday, clock_trusted=False))


def test_at_night_it_waits_for_the_morning_of_the_customer_not_of_the_shop(cast: Cast) -> None:
    ana = cast.ana()
    ana.open(Core).traits["timezone"] = Register(value="America/Mexico_City", at=1)
    reason = refused(examine(ana, ask(cast), policy=cast.norte, now=cast.saturday))
    assert (reason.refusal, reason.retry_at) == (Refusal.QUIET_HOURS, cast.saturday + 4 * HOUR)


def test_in_a_country_of_many_zones_it_waits_until_it_is_day_in_all_of_them(cast: Cast) -> None:
    ana = cast.ana()
    traits = ana.open(Core).traits
    del traits["timezone"]
    traits["country"] = Register(value="US", at=1)
    reason = refused(examine(ana, ask(cast), policy=cast.norte, now=cast.saturday))
    assert (reason.refusal, reason.facts["country"]) == (Refusal.QUIET_HOURS, "US")
    assert reason.retry_at == cast.saturday + 8 * HOUR  # nine in the morning in Honolulu and on the Aleutians


def test_when_nobody_knows_where_the_customer_lives_we_are_silent(cast: Cast) -> None:
    ana = cast.ana()
    del ana.open(Core).traits["timezone"]
    nowhere = msgspec.structs.replace(cast.norte, country="")
    assert refused(examine(ana, ask(cast), policy=nowhere, now=cast.saturday)).refusal is Refusal.ZONE_UNKNOWN


def test_without_quiet_hours_the_zone_does_not_matter(cast: Cast) -> None:
    ana = cast.ana()
    del ana.open(Core).traits["timezone"]
    permitted(examine(ana, ask(cast), policy=Policy(quiet=(0, 0), country=""), now=cast.saturday))


def test_a_message_that_no_limit_has_room_for_is_named_so(cast: Cast) -> None:
    reason = refused(examine(cast.ana(), ask(cast, cost=2), policy=cast.norte, now=cast.saturday))
    assert reason.refusal is Refusal.LIMIT_UNREADABLE


def test_the_claim_finds_its_own_reservation_no_obstacle(cast: Cast) -> None:
    ana = cast.ana()
    reserve(ana.open(Attention), id=b"a" * 16, channel="email", now=cast.saturday - HOUR, until=cast.saturday + DAY)
    permitted(examine(ana, ask(cast), policy=cast.norte, now=cast.saturday))


def test_a_purchase_of_last_month_no_longer_silences(cast: Cast) -> None:
    ana = cast.ana()
    mute(ana, ["coat"], "bought", cast.saturday - 30 * DAY)
    permitted(examine(ana, ask(cast), policy=cast.norte, now=cast.saturday))


def test_who_is_left_alone_stays_left_alone_and_about_as_many_as_said(cast: Cast) -> None:
    policy = Policy(holdout_percent=10, holdout_salt="spring")
    drafts = [Draft(key_of(1, customer)) for customer in range(1, 4001)]
    first = [held_out(draft, policy) for draft in drafts]
    assert first == [held_out(draft, policy) for draft in drafts]
    assert 320 <= sum(first) <= 480
    more = Policy(holdout_percent=20, holdout_salt="spring")
    assert all(held_out(draft, more) for draft, out in zip(drafts, first, strict=True) if out)
    assert not any(held_out(draft, Policy(holdout_percent=0)) for draft in drafts)
    reason = refused(examine(cast.ana(), ask(cast), policy=msgspec.structs.replace(cast.norte, holdout_percent=100), now=cast.saturday))
    assert reason.refusal is Refusal.HELD_OUT


@pytest.mark.parametrize(
    "address",
    ["", "nothing", "@example.com", "ana@", "ana@exa mple.com", "ana@example.com\r\nBcc: x@y", "a" * 260 + "@example.com", 7, None],
)
def test_what_is_no_address_is_no_address(cast: Cast, address: object) -> None:
    ana = cast.ana()
    ana.open(Core).traits["email"] = Register(value=address, at=1)
    assert refused(examine(ana, ask(cast), policy=cast.norte, now=cast.saturday)).refusal is Refusal.NO_ADDRESS


def test_a_webhook_is_told_the_customer_by_our_own_name_for_them(cast: Cast) -> None:
    permit = permitted(examine(cast.ana(), ask(cast, channel="webhook"), policy=cast.norte, now=cast.saturday))
    assert permit.address == write_id("cus", cast.ana().key.customer)


def test_a_channel_we_do_not_have_reaches_nobody(cast: Cast) -> None:
    assert refused(examine(cast.ana(), ask(cast, channel="pigeon"), policy=cast.norte, now=cast.saturday)).refusal is Refusal.NO_ADDRESS


changes = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.sampled_from(list(Answered)), st.integers(min_value=1, max_value=30)),
        st.tuples(st.just("suppress"), st.sampled_from(["unsubscribed", "complaint", "hard_bounce"]), st.just(0)),
        st.tuples(st.just("lift"), st.just(""), st.just(0)),
        st.tuples(st.just("pause"), st.just(""), st.integers(min_value=0, max_value=60)),
    ),
    max_size=8,
)


@given(changes)
@settings(max_examples=300, deadline=None)
def test_no_permit_after_a_withdrawal_whatever_else_was_answered_and_in_whatever_order(
    cast: Cast, done: list[tuple[str, str, int]]
) -> None:
    dora = cast.ana()
    dora.open(Consents).answers.clear()
    closed, resting = False, 0
    answers: dict[int, list[Answered]] = {}
    start = cast.saturday - 31 * MINUTE
    for what, word, number in done:
        if what == "answer":
            _answer(dora, Answered(word), start + number * MINUTE)
            answers.setdefault(number, []).append(Answered(word))
        elif what == "suppress":
            suppress(dora, "email", word, start)
            closed = True
        elif what == "lift":
            lift(dora, "email")
            closed = False
        else:
            pause(dora, start + number * MINUTE)
            resting = number
    answered = examine(dora, ask(cast), policy=cast.norte, now=cast.saturday)
    if isinstance(answered, Permit):
        assert not closed
        assert resting <= 31
        decisive = {at: states for at, states in answers.items() if set(states) != {Answered.PENDING}}
        last = decisive[max(decisive)]
        assert Answered.GRANTED in last
        assert not {Answered.WITHDRAWN, Answered.DENIED}.intersection(last)


def test_nobody_but_the_gate_makes_permits(cast: Cast) -> None:
    with pytest.raises(PermitForged):
        Permit(
            object(),
            ask=b"",
            key=cast.ana().key,
            channel="email",
            address="x@example.com",
            purpose=Purpose.MARKETING,
            granted_at=0,
            expires_at=1,
            facts={},
        )


def test_a_permit_can_be_neither_changed_nor_copied_nor_stored(cast: Cast) -> None:
    permit = permitted(examine(cast.ana(), ask(cast), policy=cast.norte, now=cast.saturday))
    for forbidden in (
        lambda: setattr(permit, "address", "eve@example.com"),
        lambda: delattr(permit, "expires_at"),
        lambda: setattr(permit, "extra", 1),
        lambda: pickle.dumps(permit),
        lambda: copy.copy(permit),
        lambda: copy.deepcopy(permit),
    ):
        with pytest.raises(PermitForged):
            forbidden()
    with pytest.raises(TypeError):
        permit.facts["consent_source"] = "forged"  # type: ignore[index]
    with pytest.raises(TypeError):
        msgspec.msgpack.encode(permit)


def test_one_limit_over_all_channels_is_one_limit(cast: Cast) -> None:
    policy = msgspec.structs.replace(cast.norte, limits=(Limit(at_most=2, per=DAY),))
    ana = cast.ana()
    attention = ana.open(Attention)
    confirm(attention, id=b"1", channel="webhook", now=cast.saturday - 2 * HOUR)
    permitted(examine(ana, ask(cast), policy=policy, now=cast.saturday))
    confirm(attention, id=b"2", channel="in_app", now=cast.saturday - HOUR)
    assert refused(examine(ana, ask(cast), policy=policy, now=cast.saturday)).retry_at == cast.saturday + 22 * HOUR
