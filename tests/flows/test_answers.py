"""The customer answers, and it holds from that moment: also for what was already queued, on every channel, and only once."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_stage import MAKER, Stage
from oportuno.attention.ledger import Attention
from oportuno.consent.answers import Answered, Consents
from oportuno.content.links import Action, LinkFacts, verify
from oportuno.content.message import Message
from oportuno.decision.pending import Pending
from oportuno.flows.answer import Scope, Verb, masked
from oportuno.flows.change import Heard
from oportuno.flows.record import Given
from oportuno.flows.work import OutboxStatus
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import CustomerKey
from oportuno.kit.times import DAY, HOUR
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Muted


def facts_of(stage: Stage, message: Message, action: Action = Action.WHY, number: int = 0) -> LinkFacts:
    return verify(stage.token(message, action, answer=number), MAKER.keys, stage.now)


def answer(stage: Stage, message: Message, verb: Verb) -> Heard:
    return asyncio.run(stage.desk.answer_item(facts_of(stage, message), verb, language="es"))


def leave(stage: Stage, message: Message, scope: Scope, *, one_click: bool = False) -> Heard:
    return asyncio.run(stage.desk.unsubscribe(facts_of(stage, message, Action.UNSUBSCRIBE), scope, one_click=one_click, language="es"))


def undo(stage: Stage, message: Message, heard: Heard) -> Heard:
    return asyncio.run(stage.desk.undo(facts_of(stage, message, Action.UNDO, heard.number), language="es"))


def state_of(stage: Stage, key: CustomerKey, channel: str = "email") -> Answered:
    return stage.draft(key).read(Consents).answers[f"marketing/{channel}"].state


# ── Ya lo compré, no me interesa ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("verb", "reason"), [(Verb.BOUGHT, "item_bought"), (Verb.NOT_INTERESTED, "item_not_wanted")])
def test_everything_queued_about_the_item_is_cancelled_on_every_channel(verb: Verb, reason: str) -> None:
    stage = Stage()
    ana = stage.ana()
    mail = stage.send(ana)
    queued = [stage.queue(ana, step="again"), stage.queue(ana, step="hook", channel="webhook")]
    stage.hold(ana)
    heard = answer(stage, mail, verb)
    assert heard.changed
    assert heard.dropped == 3
    assert {stage.status(message) for message in queued} == {(OutboxStatus.CANCELLED, reason)}
    draft = stage.draft(ana)
    assert draft.read(Pending).held == []
    assert {touch.id for touch in draft.read(Attention).touches}.isdisjoint({message.id for message in queued})
    verdicts = [decision.verdict for decision in stage.world.tables.decisions]
    assert len(verdicts) == 3
    assert {verdict.reasons[0].refusal.value for verdict in verdicts} == {reason}
    assert set(draft.read(Muted).items) == {"galerna", "faro"}


def test_what_was_sent_stays_sent_and_what_is_in_hand_is_not_touched() -> None:
    stage = Stage()
    ana = stage.ana()
    mail, handed = stage.send(ana), stage.queue(ana, step="now")
    stage.world.tables.messages[handed.id].status = OutboxStatus.HANDING
    answer(stage, mail, Verb.NOT_INTERESTED)
    assert stage.status(mail)[0] is OutboxStatus.ACCEPTED
    assert stage.status(handed)[0] is OutboxStatus.HANDING


def test_messages_about_other_things_and_other_people_go_on() -> None:
    stage = Stage()
    ana, bruno = stage.ana(), stage.customer(2, "bruno@correo.example")
    mail, his = stage.send(ana), stage.queue(bruno)
    answer(stage, mail, Verb.BOUGHT)
    assert stage.status(his)[0] is OutboxStatus.PENDING
    assert not stage.draft(bruno).has(Muted)


def test_answering_twice_is_answering_once() -> None:
    stage = Stage()
    mail = stage.send(stage.ana())
    first = answer(stage, mail, Verb.NOT_INTERESTED)
    stage.world.clock.now += HOUR
    before = stage.everything()
    again = answer(stage, mail, Verb.NOT_INTERESTED)
    assert (again.at, again.changed, again.dropped) == (first.at, False, 0)
    assert stage.everything() == before


def test_an_answer_taken_back_lets_the_items_be_spoken_of_again() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = stage.send(ana)
    heard = answer(stage, mail, Verb.BOUGHT)
    assert undo(stage, mail, heard).changed
    assert stage.draft(ana).read(Muted).items == {}
    assert [entry.state for entry in stage.world.tables.ledger.values()] == ["bought", "bought", "undone", "undone"]


def test_undoing_an_old_answer_leaves_a_newer_one_alone() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = stage.send(ana)
    first = answer(stage, mail, Verb.BOUGHT)
    stage.world.clock.now += HOUR
    answer(stage, mail, Verb.NOT_INTERESTED)
    assert not undo(stage, mail, first).changed
    assert {reason for reason, _ in stage.draft(ana).read(Muted).items.values()} == {"not_interested"}


# ── Leaving ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_click_leaves_the_channel_and_stops_what_is_queued() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = stage.send(ana)
    queued, hook = stage.queue(ana, step="again"), stage.queue(ana, step="hook", channel="webhook")
    stage.hold(ana)
    heard = leave(stage, mail, Scope.CHANNEL, one_click=True)
    assert heard.changed
    assert state_of(stage, ana) is Answered.WITHDRAWN
    assert stage.draft(ana).read(Consents).answers["marketing/email"].source == "one_click"
    assert stage.draft(ana).read(Consents).suppressed["email"] == ("unsubscribed", heard.at)
    assert stage.status(queued) == (OutboxStatus.CANCELLED, "consent_withdrawn")
    assert state_of(stage, ana, "webhook") is Answered.GRANTED
    assert stage.status(hook)[0] is OutboxStatus.PENDING
    assert queued.id not in {touch.id for touch in stage.draft(ana).read(Attention).touches}
    assert hook.id in {touch.id for touch in stage.draft(ana).read(Attention).touches}


def test_leaving_everything_leaves_every_channel() -> None:
    stage = Stage()
    ana = stage.ana()
    mail, hook = stage.send(ana), stage.queue(ana, step="hook", channel="webhook")
    leave(stage, mail, Scope.ALL)
    assert {state_of(stage, ana, channel) for channel in ("email", "webhook")} == {Answered.WITHDRAWN}
    assert stage.status(hook)[0] is OutboxStatus.CANCELLED


def test_a_notice_about_an_order_is_not_cancelled_by_leaving() -> None:
    stage = Stage()
    ana = stage.ana()
    mail, notice = stage.send(ana), stage.queue(ana, step="order", purpose=Purpose.SERVICE)
    leave(stage, mail, Scope.ALL)
    assert stage.status(notice)[0] is OutboxStatus.PENDING


def test_a_click_that_comes_twice_leaves_once() -> None:
    stage = Stage()
    mail = stage.send(stage.ana())
    first = leave(stage, mail, Scope.CHANNEL, one_click=True)
    stage.world.clock.now += HOUR
    before = stage.everything()
    again = leave(stage, mail, Scope.CHANNEL, one_click=True)
    assert (again.at, again.changed) == (first.at, False)
    assert stage.everything() == before


def test_leaving_counts_even_against_a_yes_dated_ahead_of_our_clock() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = stage.send(ana)
    draft = stage.draft(ana)
    draft.open(Consents).answers["marketing/email"].at = stage.now + DAY
    stage.save(draft)
    leave(stage, mail, Scope.CHANNEL)
    assert state_of(stage, ana) is Answered.WITHDRAWN


def test_leaving_by_mistake_is_undone_with_one_tap_and_gives_back_exactly_the_yes_that_was() -> None:
    stage = Stage()
    bruno = stage.customer(2, "bruno@correo.example")
    mail = stage.send(bruno)
    heard = leave(stage, mail, Scope.ALL)
    stage.world.clock.now += HOUR
    assert undo(stage, mail, heard).changed
    consents = stage.draft(bruno).read(Consents)
    assert consents.answers["marketing/email"].state is Answered.GRANTED
    assert consents.answers["marketing/email"].notice == "7"
    assert consents.suppressed == {}
    # Bruno never said yes to the webhook: undoing makes no yes of nothing.
    assert consents.answers["marketing/webhook"].state is Answered.DENIED


def test_an_undo_does_not_bring_back_what_a_later_no_took() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = stage.send(ana)
    heard = leave(stage, mail, Scope.CHANNEL)
    undo(stage, mail, heard)
    stage.world.clock.now += HOUR
    leave(stage, mail, Scope.CHANNEL)
    assert not undo(stage, mail, heard).changed
    assert state_of(stage, ana) is Answered.WITHDRAWN


def test_of_two_answers_in_one_millisecond_an_undo_takes_back_its_own() -> None:
    stage = Stage()
    ana = stage.ana()
    mail, hook = stage.send(ana), stage.queue(ana, step="hook", channel="webhook")
    muted = answer(stage, mail, Verb.NOT_INTERESTED)
    left = leave(stage, mail, Scope.CHANNEL)
    hooked = leave(stage, hook, Scope.CHANNEL)
    assert muted.at == left.at == hooked.at
    assert undo(stage, mail, left).changed
    assert (state_of(stage, ana), state_of(stage, ana, "webhook")) == (Answered.GRANTED, Answered.WITHDRAWN)
    assert stage.draft(ana).read(Consents).suppressed == {"webhook": ("unsubscribed", hooked.at)}
    assert set(stage.draft(ana).read(Muted).items) == {"galerna", "faro"}
    assert undo(stage, mail, muted).changed
    assert state_of(stage, ana, "webhook") is Answered.WITHDRAWN
    assert stage.draft(ana).read(Muted).items == {}


def test_an_undo_without_a_number_takes_nothing_back() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = stage.send(ana)
    leave(stage, mail, Scope.CHANNEL)
    assert not asyncio.run(stage.desk.undo(facts_of(stage, mail, Action.UNDO))).changed
    assert state_of(stage, ana) is Answered.WITHDRAWN


def test_leaving_a_topic_leaves_the_rest() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = stage.send(ana)
    assert leave(stage, mail, Scope.TOPIC).changed
    assert stage.draft(ana).read(Consents).skipped_topics == ["cart"]
    assert state_of(stage, ana) is Answered.GRANTED
    assert asyncio.run(stage.desk.resume_topic(facts_of(stage, mail))).changed
    assert stage.draft(ana).read(Consents).skipped_topics == []


def test_every_answer_is_in_the_ledger_with_what_proves_it() -> None:
    stage = Stage()
    mail = stage.send(stage.ana())
    leave(stage, mail, Scope.CHANNEL, one_click=True)
    (entry,) = stage.world.tables.ledger.values()
    assert (entry.slot, entry.state, entry.source, entry.actor) == ("marketing/email", "withdrawn", "one_click", "customer")
    assert entry.proof == {"message": mail.id.hex()}
    assert (entry.language, entry.notice) == ("es", "pages-1")


# ── Whose link it is ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_link_about_a_message_of_somebody_else_answers_nothing() -> None:
    stage = Stage()
    ana, bruno = stage.ana(), stage.customer(2, "bruno@correo.example")
    hers = stage.send(ana)
    token = MAKER.token(hers.id, bruno, Action.WHY, stage.now)
    with pytest.raises(NotFound):
        asyncio.run(stage.desk.answer_item(verify(token, MAKER.keys, stage.now), Verb.BOUGHT))


def test_after_forgetting_there_is_nobody_to_answer_for() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = stage.send(ana)
    facts = facts_of(stage, mail)
    stage.erase(ana)
    with pytest.raises(NotFound):
        asyncio.run(stage.desk.answer_item(facts, Verb.BOUGHT))
    assert stage.world.tables.customers[ana].state == b""
    assert not asyncio.run(stage.registry.erase(ana)).changed


# ── The cart ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_cart_comes_back_exactly_with_what_is_held_and_until_when() -> None:
    stage = Stage()
    mail = stage.send(stage.ana(held=8 * HOUR))
    facts = facts_of(stage, mail, Action.CART)
    cart = asyncio.run(stage.desk.cart(facts))
    assert [(line.product, line.variant, line.quantity, line.price) for line in cart.lines] == [
        ("galerna", "Talla M", 1, 7120),
        ("faro", "Blanca", 2, 1400),
    ]
    assert (cart.total, cart.currency, cart.held) == (9920, "EUR", True)
    stage.world.clock.now += 9 * HOUR
    late = asyncio.run(stage.desk.cart(facts))
    assert not late.held
    assert late.held_until == cart.held_until
    assert late.lines == cart.lines


def test_what_was_bought_since_is_shown_and_not_put_back() -> None:
    stage = Stage()
    mail = stage.send(stage.ana())
    answer(stage, mail, Verb.BOUGHT)
    cart = asyncio.run(stage.desk.cart(facts_of(stage, mail, Action.CART)))
    assert all(line.bought for line in cart.lines)
    assert cart.total is None


# ── Programs with a secret key ──────────────────────────────────────────────────────────────────────────────────────


def given_answer(state: Answered, **more: object) -> Given:
    words: dict[str, object] = {"source": "checkout", "notice": "7", "language": "es", "actor": "customer", "proof": {"ip": "192.0.2.1"}}
    return Given(purpose=Purpose.MARKETING, channel="email", state=state, **(words | more))  # type: ignore[arg-type]


def test_a_consent_from_the_till_is_recorded_with_its_proof() -> None:
    stage = Stage()
    carla = CustomerKey(*stage.customer(3, "carla@correo.example", channels=()))
    heard = asyncio.run(stage.registry.record_consent(carla, given_answer(Answered.GRANTED)))
    assert heard.changed
    assert state_of(stage, carla) is Answered.GRANTED
    (entry,) = stage.world.tables.ledger.values()
    assert (entry.notice, entry.proof) == ("7", {"ip": "192.0.2.1"})


def test_a_consent_that_is_sent_again_is_recorded_once() -> None:
    stage = Stage()
    carla = stage.customer(3, "carla@correo.example", channels=())
    first = asyncio.run(stage.registry.record_consent(carla, given_answer(Answered.GRANTED)))
    stage.world.clock.now += HOUR
    before = stage.everything()
    again = asyncio.run(stage.registry.record_consent(carla, given_answer(Answered.GRANTED)))
    assert (again.at, again.changed) == (first.at, False)
    assert stage.everything() == before


def test_a_no_from_the_till_stops_what_is_queued() -> None:
    stage = Stage()
    ana = stage.ana()
    queued = stage.queue(ana)
    heard = asyncio.run(stage.registry.record_consent(ana, given_answer(Answered.WITHDRAWN)))
    assert heard.dropped == 1
    assert stage.status(queued) == (OutboxStatus.CANCELLED, "consent_withdrawn")


def test_an_old_yes_does_not_undo_a_newer_no_but_is_kept_in_the_ledger() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = stage.send(ana)
    leave(stage, mail, Scope.CHANNEL)
    heard = asyncio.run(stage.registry.record_consent(ana, given_answer(Answered.GRANTED, at=stage.now - HOUR)))
    assert not heard.changed
    assert state_of(stage, ana) is Answered.WITHDRAWN
    assert stage.draft(ana).read(Consents).suppressed
    assert len(stage.world.tables.ledger) == 2


def test_a_fresh_yes_opens_what_was_left_but_never_what_bounced() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = stage.send(ana)
    leave(stage, mail, Scope.CHANNEL)
    stage.world.clock.now += HOUR
    asyncio.run(stage.registry.record_consent(ana, given_answer(Answered.GRANTED)))
    assert stage.draft(ana).read(Consents).suppressed == {}
    asyncio.run(stage.registry.suppress_channel(ana, "email", "hard_bounce", actor="provider", proof={}))
    stage.world.clock.now += HOUR
    asyncio.run(stage.registry.record_consent(ana, given_answer(Answered.GRANTED)))
    assert stage.draft(ana).read(Consents).suppressed["email"][0] == "hard_bounce"


def test_a_customer_who_was_never_seen_can_have_a_consent_recorded() -> None:
    stage = Stage()
    new = stage.customer(9, "new@correo.example", channels=())
    del stage.world.tables.customers[new]
    assert asyncio.run(stage.registry.record_consent(new, given_answer(Answered.GRANTED))).changed
    assert state_of(stage, new) is Answered.GRANTED


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["bought", "not_interested", "leave", "leave_all", "undo", "topic", "yes", "no"]), max_size=8))
def test_whatever_is_said_in_whatever_order_the_last_no_holds(said: list[str]) -> None:
    stage = Stage()
    ana = stage.ana()
    mail = stage.send(ana)
    last: Heard | None = None
    for word in said:
        stage.world.clock.now += HOUR
        if word in set(Verb):
            last = answer(stage, mail, Verb(word))
        elif word == "leave":
            last = leave(stage, mail, Scope.CHANNEL)
        elif word == "leave_all":
            last = leave(stage, mail, Scope.ALL)
        elif word == "topic":
            leave(stage, mail, Scope.TOPIC)
        elif word in {"yes", "no"}:
            state = Answered.GRANTED if word == "yes" else Answered.WITHDRAWN
            asyncio.run(stage.registry.record_consent(ana, given_answer(state)))
        elif last is not None:
            undo(stage, mail, last)
    leave(stage, mail, Scope.ALL)
    consents = stage.draft(ana).read(Consents)
    assert all(consents.answers[f"marketing/{channel}"].state in {Answered.WITHDRAWN, Answered.DENIED} for channel in ("email", "webhook"))
    assert set(consents.suppressed) == {"email", "webhook"}


def test_an_address_is_shown_only_as_far_as_its_owner_needs() -> None:
    assert masked("ana.garcia@correo.example") == "an···@correo.example"
    assert masked("") == ""
