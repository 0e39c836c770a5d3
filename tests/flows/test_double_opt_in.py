"""Double opt-in: nothing is a yes until Dora presses the button behind her own mail, and nobody can drown her in questions."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from customer_stage import MAKER, TIENDA_NORTE, Stage
from oportuno.adapters.mjml import Mrml
from oportuno.consent.answers import Answered, Consents
from oportuno.consent.change import suppress
from oportuno.content.links import Action, LinkFacts, verify
from oportuno.content.message import Message, Rendered
from oportuno.decision.verdict import Decided
from oportuno.events.event import Call, Event, Source
from oportuno.flows.confirm import asking, confirm
from oportuno.flows.house_messages import house_messages
from oportuno.flows.ports import LaneClass
from oportuno.flows.put_in_words import put_in_words
from oportuno.flows.react import react_once
from oportuno.flows.record import Given
from oportuno.flows.work import OutboxStatus
from oportuno.kit.faults import Conflict, NotAllowed
from oportuno.kit.ids import CustomerKey, derive, key_of
from oportuno.kit.times import DAY, HOUR, MINUTE
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Core, Register

DORA = key_of(TIENDA_NORTE, 4)
HOUSE = asyncio.run(house_messages([(files("oportuno") / "plays/messages/confirm-subscription.yaml").read_text("utf-8")], Mrml()))


class Shop(Stage):
    """Tienda Norte with an engine."""

    def __init__(self) -> None:
        super().__init__()
        self.feed = self.world.feed()
        self.world.tables.lanes[1] = LaneClass.LIVE
        self.seq = 0

    def identify(self, key: CustomerKey = DORA, *, source: Source = Source.LIVE, **traits: Any) -> None:
        """Bring an identify of a browser, and let the engine work."""
        self.seq += 1
        body = msgspec.json.encode({"type": "identify", "anonymousId": "dora", "traits": traits})
        event = Event(
            key=key,
            lane=1,
            seq=self.seq,
            h=derive("identify", self.seq),
            source=source,
            call=Call.IDENTIFY,
            name="",
            at=self.now,
            received=self.now,
            body=body,
        )
        self.world.tables.events.setdefault((key.bucket, key.workspace, 1), []).append(event)
        asyncio.run(self._work())

    async def _work(self) -> None:
        while (await react_once(self.feed, self.world.store, self.world.programmes, limit=50)).events:
            pass

    def asks(self) -> list[Message]:
        return [row.message for row in self.world.tables.messages.values() if row.message.said.confirms]

    def refusals(self) -> list[str]:
        return [each.verdict.reasons[0].refusal.value for each in self.world.tables.decisions if each.verdict.decided is Decided.SILENCE]

    def state(self, key: CustomerKey = DORA) -> Answered | None:
        answer = self.draft(key).read(Consents).answers.get("marketing/email")
        return answer.state if answer is not None else None

    def link(self, message: Message) -> LinkFacts:
        token = MAKER.links(message, message.permitted_at).confirm.rpartition("/")[2]
        return verify(token, MAKER.keys, self.now)

    def words(self, message: Message) -> Rendered:
        return put_in_words(MAKER, HOUSE)(message, self.programme, self.draft(message.key), self.now)


def dora_asked(**traits: Any) -> tuple[Shop, Message]:
    shop = Shop()
    shop.identify(email="dora@correo.example", marketing_consent=True, **traits)
    (ask,) = shop.asks()
    return shop, ask


def test_who_asks_for_news_gets_one_question_and_no_yes() -> None:
    shop, ask = dora_asked()
    assert shop.state() is Answered.PENDING
    assert (ask.marketing, ask.said.purpose, ask.said.channel) == (False, Purpose.SERVICE, "email")
    shop.identify(first_name="Dora")
    assert shop.asks() == [ask]


@pytest.mark.parametrize(
    ("locale", "subject", "button"),
    [("es-ES", "Confirma tu correo", "Confirmar mi correo"), ("en-IE", "Confirm your e-mail", "Confirm my e-mail")],
)
def test_the_question_is_one_button_in_her_language_and_sells_nothing(locale: str, subject: str, button: str) -> None:
    shop, ask = dora_asked(locale=locale)
    mail = shop.words(ask)
    assert mail.subject == subject
    assert button in mail.html
    assert "Tienda Norte" in mail.html
    link = MAKER.links(ask, ask.permitted_at).confirm
    assert link in mail.html
    assert link in mail.text
    assert "List-Unsubscribe" not in mail.headers


def test_the_button_makes_the_yes_with_its_proof() -> None:
    shop, ask = dora_asked()
    facts = shop.link(ask)
    before = shop.everything()
    assert asyncio.run(asking(shop.desk, facts)).state == "pending"
    assert shop.everything() == before
    shop.world.clock.now += HOUR
    assert asyncio.run(confirm(shop.desk, facts, yes=True, language="es")).changed
    assert shop.state() is Answered.GRANTED
    wish, entry = shop.world.tables.ledger.values()
    assert (wish.slot, wish.state, wish.source) == ("marketing/email", "pending", "browser")
    assert (entry.slot, entry.state, entry.source, entry.notice, entry.language, entry.actor) == (
        "marketing/email",
        "granted",
        "double_opt_in",
        "confirm-1",
        "es",
        "customer",
    )
    assert entry.proof["message"] == ask.id.hex()
    assert entry.proof["asked_source"] == "browser"
    assert "dora@correo.example" not in repr(entry.proof)


def test_pressing_twice_is_pressing_once() -> None:
    shop, ask = dora_asked()
    first = asyncio.run(confirm(shop.desk, shop.link(ask), yes=True))
    shop.world.clock.now += HOUR
    before = shop.everything()
    again = asyncio.run(confirm(shop.desk, shop.link(ask), yes=True))
    assert (again.at, again.changed) == (first.at, False)
    assert shop.everything() == before


def test_it_was_not_her_and_nothing_is_sent() -> None:
    shop, ask = dora_asked()
    assert asyncio.run(confirm(shop.desk, shop.link(ask), yes=False)).changed
    assert shop.state() is Answered.DENIED
    assert asyncio.run(asking(shop.desk, shop.link(ask))).state == "denied"
    with pytest.raises(Conflict):
        asyncio.run(confirm(shop.desk, shop.link(ask), yes=True))


def test_a_no_said_since_is_not_undone_by_an_old_link() -> None:
    shop, ask = dora_asked()
    facts = shop.link(ask)
    asyncio.run(confirm(shop.desk, facts, yes=True))
    shop.world.clock.now += HOUR
    no = Given(
        purpose=Purpose.MARKETING, channel="email", state=Answered.WITHDRAWN, source="till", notice="7", language="es", actor="staff"
    )
    asyncio.run(shop.registry.record_consent(DORA, no))
    with pytest.raises(Conflict):
        asyncio.run(confirm(shop.desk, facts, yes=True))
    assert shop.state() is Answered.WITHDRAWN


def test_a_link_confirms_the_address_it_was_sent_to_and_no_other() -> None:
    shop, ask = dora_asked()
    shop.world.clock.now += MINUTE
    shop.identify(email="somebody.else@correo.example")
    assert asyncio.run(asking(shop.desk, shop.link(ask))).state == "elsewhere"
    with pytest.raises(Conflict):
        asyncio.run(confirm(shop.desk, shop.link(ask), yes=True))
    assert shop.state() is Answered.PENDING


def test_a_link_that_is_too_old_confirms_nothing() -> None:
    shop, ask = dora_asked()
    token = MAKER.links(ask, ask.permitted_at).confirm.rpartition("/")[2]
    assert verify(token, MAKER.keys, shop.now + 3 * DAY - MINUTE).action is Action.CONFIRM
    with pytest.raises(NotAllowed):
        verify(token, MAKER.keys, shop.now + 3 * DAY + MINUTE)


def test_whoever_asks_a_hundred_times_is_asked_twice_a_week() -> None:
    shop = Shop()
    for _ in range(100):
        shop.identify(email="dora@correo.example", marketing_consent=True)
        shop.world.clock.now += MINUTE
    assert len(shop.asks()) == 2
    assert set(shop.refusals()) == {"asked_enough"}
    shop.world.clock.now += 8 * DAY
    shop.identify(email="dora@correo.example", marketing_consent=True)
    assert len(shop.asks()) == 3


@pytest.mark.parametrize("source", [Source.LATE, Source.IMPORT, Source.REPLAY])
def test_old_news_asks_nobody(source: Source) -> None:
    shop = Shop()
    shop.identify(source=source, email="dora@correo.example", marketing_consent=True)
    assert shop.state() is Answered.PENDING
    assert shop.asks() == []


@pytest.mark.parametrize("reason", ["complaint", "hard_bounce", "manual", "invalid"])
def test_who_complained_or_bounced_is_not_even_asked(reason: str) -> None:
    shop = Shop()
    shop.identify(email="dora@correo.example")
    draft = shop.draft(DORA)
    suppress(draft, "email", reason, shop.now)
    shop.save(draft)
    shop.identify(marketing_consent=True)
    assert shop.asks() == []
    assert shop.refusals() == ["suppressed"]


def test_who_had_left_and_asks_again_may_come_back_by_the_button_only() -> None:
    shop = Shop()
    ana = shop.ana()
    mail = shop.send(ana)
    asyncio.run(shop.desk.unsubscribe(verify(shop.token(mail, Action.UNSUBSCRIBE), MAKER.keys, shop.now), "all"))  # type: ignore[arg-type]
    shop.world.clock.now += HOUR
    shop.identify(ana, marketing_consent=True)
    (ask,) = shop.asks()
    assert shop.draft(ana).read(Consents).suppressed["email"][0] == "unsubscribed"
    assert asyncio.run(confirm(shop.desk, shop.link(ask), yes=True)).changed
    assert shop.state(ana) is Answered.GRANTED
    assert "email" not in shop.draft(ana).read(Consents).suppressed


def test_a_question_whose_answer_came_meanwhile_is_not_sent() -> None:
    from oportuno.consent.gate import examine
    from oportuno.consent.permit import Permit
    from oportuno.decision.decide import ask_of

    shop, ask = dora_asked()
    policy = shop.programme.policy
    assert isinstance(examine(shop.draft(DORA), ask_of(ask.said), policy=policy, now=shop.now), Permit)
    asyncio.run(confirm(shop.desk, shop.link(ask), yes=True))
    refused = examine(shop.draft(DORA), ask_of(ask.said), policy=policy, now=shop.now)
    assert not isinstance(refused, Permit)
    assert refused.refusal.value == "already_answered"


def test_a_form_in_the_shop_sets_off_the_question_too_and_an_old_one_does_not() -> None:
    shop = Shop()
    carla = shop.customer(3, "carla@correo.example", channels=())
    form = Given(
        purpose=Purpose.MARKETING, channel="email", state=Answered.PENDING, source="form", notice="7", language="es", actor="customer"
    )
    asyncio.run(shop.registry.record_consent(carla, msgspec.structs.replace(form, at=shop.now - DAY)))
    assert shop.asks() == []
    heard = asyncio.run(shop.registry.record_consent(carla, form))
    assert (heard.changed, heard.dropped) == (True, 0)
    (ask,) = shop.asks()
    assert shop.world.tables.messages[ask.id].status is OutboxStatus.PENDING
    asyncio.run(confirm(shop.desk, shop.link(ask), yes=True, language="en"))
    assert [entry.state for entry in shop.world.tables.ledger.values()] == ["pending", "pending", "granted"]


def test_without_an_address_nobody_is_asked_and_the_silence_has_its_name() -> None:
    shop = Shop()
    shop.identify(marketing_consent=True)
    assert shop.asks() == []
    assert shop.refusals() == ["no_address"]


def test_no_other_mail_carries_a_link_that_confirms() -> None:
    shop = Shop()
    mail = shop.send(shop.ana())
    assert MAKER.links(mail, shop.now).confirm == ""
    facts = verify(shop.token(mail, Action.CONFIRM), MAKER.keys, shop.now)
    assert asyncio.run(asking(shop.desk, facts)).state == ""
    with pytest.raises(Conflict):
        asyncio.run(confirm(shop.desk, facts, yes=True))


def test_the_address_may_be_told_in_the_same_breath_or_before() -> None:
    shop = Shop()
    draft = shop.draft(shop.customer(4, "dora@correo.example", channels=()))
    draft.open(Core).traits["email"] = Register(value="dora@correo.example", at=shop.now)
    shop.save(draft)
    shop.identify(draft.key, marketing_consent=True)
    assert len(shop.asks()) == 1
