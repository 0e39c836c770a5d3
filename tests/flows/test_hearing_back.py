"""What is told of a message reaches whom it concerns, once, in whatever order; what cannot be believed changes nothing."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_stage import TIENDA_NORTE, Stage
from oportuno.adapters.memory.hearings import mark_of_address
from oportuno.attention.ledger import Attention
from oportuno.channels.channel import Answer, Outcome
from oportuno.channels.hearing import Hearing, Proof, What
from oportuno.consent.answers import Answered, Consent, Consents
from oportuno.consent.gate import Ask, examine
from oportuno.consent.permit import Permit
from oportuno.consent.reach import Reach
from oportuno.consent.refusals import Refusal
from oportuno.content.message import Message
from oportuno.decision.pending import Pending
from oportuno.events.event import Source
from oportuno.flows.hear_back import HearBack, HeardAs, hear_back, hear_early_ones
from oportuno.flows.work import OutboxStatus
from oportuno.kit.ids import CustomerKey, derive
from oportuno.kit.times import DAY, HOUR, MINUTE, Millis
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Core, Register

ANA, BRUNO = "ana@correo.example", "bruno@correo.example"


def ear_of(stage: Stage) -> HearBack:
    world = stage.world
    return HearBack(hearings=world.hearings, store=world.store, programmes=world.programmes, intake=world.intake)


def hear(stage: Stage, hearing: Hearing) -> HeardAs:
    return asyncio.run(asyncio.wait_for(hear_back(hearing, ear_of(stage)), 60))


def sent(stage: Stage, key: CustomerKey, address: str = ANA, **said: Any) -> Message:
    """A mail that went to this address."""
    mail = stage.send(key, **said)
    row = stage.world.tables.messages[mail.id]
    row.mark = mark_of_address(TIENDA_NORTE, "email", address)
    row.answer = Answer(outcome=Outcome.ACCEPTED, provider_ref=f"ref-{mail.id.hex()}")
    return mail


def told(stage: Stage, mail: Message, what: What, *, word: str = "", ago: Millis = MINUTE, **more: Any) -> Hearing:
    facts: dict[str, Any] = {"id": derive(what.value, word, mail.id), "what": what, "source": "dsn", "at": stage.now - ago}
    return Hearing(**{**facts, "proof": Proof.SIGNED, "message": mail.id, **more})


def refusal(stage: Stage, key: CustomerKey, purpose: Purpose = Purpose.MARKETING, *, channel: str = "email") -> str:
    """Why nothing may be said to them now; empty: it may. Limits aside."""
    ask = Ask(id=b"next basket", channel=channel, purpose=purpose, expires_at=stage.now + DAY)
    policy = msgspec.structs.replace(stage.programme.policy, limits=())
    answer = examine(stage.draft(key), ask, policy=policy, now=stage.now)
    return "" if isinstance(answer, Permit) else answer.refusal.value


def listed(stage: Stage) -> dict[bytes, str]:
    return {mark: row.silenced.reason for (_, _, mark), row in stage.world.tables.suppressions.items()}


def moved_to(stage: Stage, key: CustomerKey, address: str) -> None:
    """The customer tells us a new address."""
    draft = stage.draft(key)
    draft.open(Core).traits["email"] = Register(value=address, at=stage.now)
    stage.save(draft)


# ── What follows ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_address_that_does_not_exist_is_not_written_to_again_and_service_messages_stop_too() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = sent(stage, ana)
    assert hear(stage, told(stage, mail, What.HARD_BOUNCE, status="5.1.1")) is HeardAs.TAKEN
    assert refusal(stage, ana) == refusal(stage, ana, Purpose.SERVICE) == Refusal.SUPPRESSED
    assert listed(stage) == {mark_of_address(TIENDA_NORTE, "email", ANA): "hard_bounce"}
    assert stage.draft(ana).read(Consents).answers["marketing/email"].state is Answered.GRANTED
    assert [entry.state for entry in stage.world.tables.ledger.values()] == ["hard_bounce"]


def test_who_gave_another_address_meanwhile_is_written_to_there_and_the_old_one_stays_on_the_list() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = sent(stage, ana)
    moved_to(stage, ana, "ana@nueva.example")
    assert hear(stage, told(stage, mail, What.HARD_BOUNCE)) is HeardAs.TAKEN
    assert refusal(stage, ana) == ""
    assert listed(stage) == {mark_of_address(TIENDA_NORTE, "email", ANA): "hard_bounce"}


def test_who_gives_another_address_after_the_bounce_is_reachable_again() -> None:
    stage = Stage()
    ana = stage.ana()
    hear(stage, told(stage, sent(stage, ana), What.HARD_BOUNCE))
    moved_to(stage, ana, "ana@nueva.example")
    assert refusal(stage, ana) == ""
    moved_to(stage, ana, " ANA@correo.example".strip())
    assert refusal(stage, ana) == Refusal.SUPPRESSED  # the same address, written otherwise


def test_who_calls_it_spam_has_said_no_and_what_waits_is_dropped() -> None:
    stage = Stage()
    ana = stage.ana()
    mail, queued = sent(stage, ana), stage.queue(ana, step="again")
    stage.hold(ana)
    assert hear(stage, told(stage, mail, What.COMPLAINT, source="arf")) is HeardAs.TAKEN
    draft = stage.draft(ana)
    found = draft.read(Consents).answers["marketing/email"]
    assert (found.state, found.source) == (Answered.WITHDRAWN, "complaint")
    assert draft.read(Consents).suppressed["email"][0] == "complaint"
    assert draft.read(Attention).complained == stage.now - MINUTE
    assert stage.status(queued) == (OutboxStatus.CANCELLED, "suppressed")
    assert draft.read(Pending).held == []
    assert refusal(stage, ana) == Refusal.SUPPRESSED
    assert refusal(stage, ana, Purpose.SERVICE) == ""  # her receipt still reaches her
    assert refusal(stage, ana, channel="webhook") == ""


def test_who_leaves_through_the_mail_program_has_left_as_on_our_page() -> None:
    stage = Stage()
    ana = stage.ana()
    mail, queued = sent(stage, ana), stage.queue(ana, step="again")
    assert hear(stage, told(stage, mail, What.UNSUBSCRIBED, source="mail")) is HeardAs.TAKEN
    draft = stage.draft(ana)
    assert draft.read(Consents).answers["marketing/email"].state is Answered.WITHDRAWN
    assert draft.read(Consents).suppressed["email"] == ("unsubscribed", stage.now - MINUTE)
    assert stage.status(queued) == (OutboxStatus.CANCELLED, "consent_withdrawn")
    assert listed(stage) == {}


def test_leaving_heard_late_does_not_undo_a_yes_that_was_given_since() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = sent(stage, ana)
    draft = stage.draft(ana)
    draft.open(Consents).answers["marketing/email"] = Consent(state=Answered.GRANTED, at=stage.now, source="customer")
    stage.save(draft)
    assert hear(stage, told(stage, mail, What.UNSUBSCRIBED, ago=HOUR)) is HeardAs.TAKEN
    assert refusal(stage, ana) == ""


@pytest.mark.parametrize("what", [What.DELIVERED, What.DELAYED])
def test_delivered_and_delayed_are_noted_and_nothing_follows(what: What) -> None:
    stage = Stage()
    ana = stage.ana()
    mail = sent(stage, ana)
    before = stage.everything()
    assert hear(stage, told(stage, mail, what)) is HeardAs.TAKEN
    assert stage.everything() == before
    found = asyncio.run(stage.world.hearings.of_message(TIENDA_NORTE, mail.id))
    assert [heard.what for heard in found] == [what]


def test_one_soft_bounce_silences_nobody_and_five_over_several_days_do_until_the_address_changes() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = sent(stage, ana)
    for number in range(5):
        assert refusal(stage, ana) == ""
        ago = (9 - number) * DAY
        assert hear(stage, told(stage, mail, What.SOFT_BOUNCE, word=str(number), ago=ago, status="4.2.2")) is HeardAs.TAKEN
    assert refusal(stage, ana) == Refusal.SUPPRESSED
    assert refusal(stage, ana, Purpose.SERVICE) == ""
    assert stage.draft(ana).read(Reach).silent["email"][0] == "soft_bounces"
    moved_to(stage, ana, "ana@nueva.example")
    assert refusal(stage, ana) == ""


def test_fifty_soft_bounces_of_one_bad_afternoon_silence_nobody() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = sent(stage, ana)
    for number in range(50):
        hear(stage, told(stage, mail, What.SOFT_BOUNCE, word=str(number), ago=number * 1000, status="4.2.2"))
    assert refusal(stage, ana) == ""


@pytest.mark.parametrize("status", ["5.7.1", "4.7.0", "5.6.1"])
def test_a_refusal_that_is_about_us_is_never_counted_against_the_address(status: str) -> None:
    stage = Stage()
    ana = stage.ana()
    mail = sent(stage, ana)
    for number in range(12):
        hear(stage, told(stage, mail, What.SOFT_BOUNCE, word=str(number), ago=(20 - number) * DAY, status=status))
    assert refusal(stage, ana) == ""
    assert listed(stage) == {}


@pytest.mark.parametrize(
    ("what", "name"),
    [(What.REPLY, "Message Replied"), (What.AUTO_REPLY, "Message Auto-Replied"), (What.CLICKED, "Message Clicked")],
)
def test_an_answer_becomes_an_event_on_the_customer_once(what: What, name: str) -> None:
    stage = Stage()
    ana = stage.ana()
    mail = sent(stage, ana)
    hearing = told(stage, mail, what, text="¿Queda la talla M?", address=ANA, raw=b"From: ana")
    assert [hear(stage, hearing) for _ in range(3)] == [HeardAs.TAKEN, HeardAs.AGAIN, HeardAs.AGAIN]
    (event,) = stage.world.tables.all_events()
    assert (event.key, event.name, event.source) == (ana, name, Source.LIVE)
    said = json.loads(event.body)["properties"]
    assert said["journey"] == "abandoned-cart"
    assert said["text"] == "¿Queda la talla M?"
    (record,) = stage.world.tables.hearings.values()
    assert (record.hearing.text, record.hearing.address, record.hearing.raw) == ("", "", b"")


def test_an_old_answer_is_old_news() -> None:
    stage = Stage()
    mail = sent(stage, stage.ana())
    hear(stage, told(stage, mail, What.REPLY, ago=2 * HOUR))
    (event,) = stage.world.tables.all_events()
    assert event.source is Source.LATE
    assert not event.speaks


# ── Bad input ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_report_fifty_times_is_one() -> None:
    stage = Stage()
    ana = stage.ana()
    hearing = told(stage, sent(stage, ana), What.COMPLAINT)
    ends = [hear(stage, hearing) for _ in range(50)]
    assert ends == [HeardAs.TAKEN] + [HeardAs.AGAIN] * 49
    assert len(stage.world.tables.hearings) == 1
    assert len(stage.world.tables.ledger) == 2


def test_a_report_of_a_message_that_was_never_sent_is_kept_and_changes_nothing() -> None:
    stage = Stage()
    ana = stage.ana()
    waiting = stage.queue(ana)
    before = stage.everything()
    unknown = told(stage, waiting, What.HARD_BOUNCE, message=b"\x50" * 16, address=ANA, raw=b"the whole of it")
    assert [hear(stage, unknown), hear(stage, unknown)] == [HeardAs.UNMATCHED, HeardAs.AGAIN]
    assert hear(stage, told(stage, waiting, What.HARD_BOUNCE, word="queued")) is HeardAs.UNMATCHED
    assert stage.everything() == before
    assert listed(stage) == {}
    kept = asyncio.run(stage.world.hearings.unmatched(0, before=None, limit=10))
    assert {record.hearing.raw for record in kept} == {b"the whole of it", b""}


def test_a_report_in_words_that_nobody_knows_is_kept_and_changes_nothing() -> None:
    stage = Stage()
    ana = stage.ana()
    assert hear(stage, told(stage, sent(stage, ana), What.NOT_UNDERSTOOD, detail="dialect unknown")) is HeardAs.UNMATCHED
    assert refusal(stage, ana) == ""
    assert len(stage.world.tables.unmatched) == 1


@pytest.mark.parametrize("what", [What.HARD_BOUNCE, What.COMPLAINT, What.UNSUBSCRIBED, What.REPLY])
def test_what_anybody_could_have_written_is_not_believed(what: What) -> None:
    stage = Stage()
    ana = stage.ana()
    mail = sent(stage, ana)
    before = stage.everything()
    assert hear(stage, told(stage, mail, what, proof=Proof.BARE, address=ANA)) is HeardAs.NOT_BELIEVED
    assert stage.everything() == before
    assert listed(stage) == {}
    assert list(stage.world.tables.all_events()) == []


@pytest.mark.parametrize("by", ["message", "provider_ref"])
def test_another_workspace_cannot_tell_of_our_messages(by: str) -> None:
    stage = Stage()
    ana = stage.ana()
    mail = sent(stage, ana)
    names = {"message": mail.id} if by == "message" else {"message": b"", "provider_ref": f"ref-{mail.id.hex()}"}
    ended = hear(stage, told(stage, mail, What.CLICKED, workspace=TIENDA_NORTE + 1, **names))
    assert ended is (HeardAs.NOT_BELIEVED if by == "message" else HeardAs.UNMATCHED)
    assert list(stage.world.tables.all_events()) == []
    assert asyncio.run(stage.world.hearings.of_message(TIENDA_NORTE, mail.id)) == []


def test_of_somebody_who_was_forgotten_nothing_is_kept_but_that_the_address_stays_silent() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = sent(stage, ana)
    stage.erase(ana)
    hearing = told(stage, mail, What.COMPLAINT, text="¡basta!", address=ANA)
    assert [hear(stage, hearing), hear(stage, hearing)] == [HeardAs.GONE, HeardAs.GONE]
    assert listed(stage) == {mark_of_address(TIENDA_NORTE, "email", ANA): "complaint"}
    assert stage.world.tables.hearings == {}
    assert stage.world.tables.unmatched == {}
    assert hear(stage, told(stage, mail, What.REPLY)) is HeardAs.GONE
    assert list(stage.world.tables.all_events()) == []


def test_a_report_that_overtakes_the_note_of_its_hand_off_finds_it_later() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = sent(stage, ana)
    row = stage.world.tables.messages[mail.id]
    answer, row.answer = row.answer, None
    hearing = told(stage, mail, What.HARD_BOUNCE, message=b"", provider_ref=f"ref-{mail.id.hex()}", workspace=TIENDA_NORTE)
    assert hear(stage, hearing) is HeardAs.UNMATCHED
    row.answer = answer
    again = hear_early_ones(ear_of(stage), now=stage.now, limit=10)
    assert asyncio.run(asyncio.wait_for(again, 60)) == 1
    assert refusal(stage, ana) == Refusal.SUPPRESSED
    assert stage.world.tables.unmatched == {}


def test_reports_of_what_others_send_by_the_same_account_keep_nobody_from_being_heard() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = sent(stage, ana)
    row = stage.world.tables.messages[mail.id]
    answer, row.answer = row.answer, None
    for place in range(3):
        strange = told(stage, mail, What.DELIVERED, message=b"", provider_ref=f"other-{place}", workspace=TIENDA_NORTE)
        assert hear(stage, msgspec.structs.replace(strange, id=derive("other", place))) is HeardAs.UNMATCHED
    hearing = told(stage, mail, What.HARD_BOUNCE, message=b"", provider_ref=f"ref-{mail.id.hex()}", workspace=TIENDA_NORTE)
    assert hear(stage, hearing) is HeardAs.UNMATCHED
    row.answer = answer
    again = hear_early_ones(ear_of(stage), now=stage.now, limit=1)
    assert asyncio.run(asyncio.wait_for(again, 60)) == 1
    assert [kept.hearing.provider_ref for kept in stage.world.tables.unmatched.values()] == ["other-0", "other-1", "other-2"]


# ── In any order, and however often ─────────────────────────────────────────────────────────────────────────────────

_REPORT = st.tuples(
    st.sampled_from([What.HARD_BOUNCE, What.SOFT_BOUNCE, What.COMPLAINT, What.UNSUBSCRIBED, What.DELIVERED, What.REPLY]),
    st.integers(min_value=1, max_value=29),
)


def _what_is_left(stage: Stage, key: CustomerKey) -> object:
    draft = stage.draft(key)
    consents = draft.read(Consents)
    answers = {place: (found.state, found.at, found.source) for place, found in consents.answers.items()}
    rows = {place: row.silenced for place, row in stage.world.tables.suppressions.items()}
    told_of = sorted(event.h for event in stage.world.tables.all_events())
    return answers, consents.suppressed, draft.read(Reach).silent, draft.read(Reach).soft, rows, told_of, draft.read(Attention).complained


@settings(max_examples=60, deadline=None)
@given(
    reports=st.lists(_REPORT, max_size=9, unique_by=lambda report: report[1]),
    data=st.data(),
)
def test_in_whatever_order_and_however_often_it_is_heard_the_same_is_left(reports: list[tuple[What, int]], data: st.DataObject) -> None:
    def left_by(order: list[tuple[What, int]]) -> object:
        stage = Stage()
        ana = stage.ana()
        mail = sent(stage, ana)
        for what, days in order:
            hear(stage, told(stage, mail, what, word=str(days), ago=days * DAY, status="4.2.2" if what is What.SOFT_BOUNCE else ""))
        return _what_is_left(stage, ana)

    again = data.draw(st.lists(st.sampled_from(reports), max_size=4)) if reports else []
    other = data.draw(st.permutations([*reports, *again]))
    assert left_by(other) == left_by(reports)


def test_two_who_hear_the_same_at_once_let_it_follow_once() -> None:
    stage = Stage()
    ana = stage.ana()
    hearing = told(stage, sent(stage, ana), What.COMPLAINT)

    async def together() -> list[HeardAs]:
        return list(await asyncio.gather(*(hear_back(hearing, ear_of(stage)) for _ in range(6))))

    ends = asyncio.run(asyncio.wait_for(together(), 60))
    assert sorted(end.value for end in ends) == ["again"] * 5 + ["taken"]
    assert len(stage.world.tables.ledger) == 2
