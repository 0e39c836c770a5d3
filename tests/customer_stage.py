"""Tienda Norte, one customer with a mail about her cart, and the desk where she answers: the stage of those stories."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

import msgspec

from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.mjml import Mrml
from oportuno.attention.ledger import Attention, Limit, reserve
from oportuno.consent.answers import ANY_CHANNEL, Answered, Consent, Consents, granted_purposes, slot
from oportuno.consent.policy import Policy
from oportuno.content.links import Action, LinkKey, LinkMaker
from oportuno.content.message import Message, Rendered
from oportuno.content.said import Because, Said
from oportuno.content.template import Template
from oportuno.decision.pending import Held, Pending
from oportuno.flows.answer import Desk
from oportuno.flows.click import ClickDoor
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.publish import read_template
from oportuno.flows.put_in_words import put_in_words
from oportuno.flows.reads import MessageRecord, Spot
from oportuno.flows.record import Registry
from oportuno.flows.work import OutboxStatus, SaveCustomer, Status, Stored, Writes
from oportuno.kit.ids import CustomerKey, dated, derive, key_of
from oportuno.kit.times import DAY, HOUR, MINUTE, Millis, day_of
from oportuno.moments.proposal import Proposal
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Cart, Core, Line, Register

TIENDA_NORTE = 7
KEY = LinkKey(id="k1", secret=b"only for tests, thirty-two bytes")
MAKER = LinkMaker(base_url="https://pages.example", key=KEY, keys={KEY.id: KEY}, mailbox="baja@norte.example")
BRAND = Brand(
    name="Tienda Norte",
    legal="Tienda Norte, S. L. · C/ del Muelle 12, 39003 Santander",
    sender="hola@norte.example",
    shop_url="https://norte.example",
    cart_url="https://norte.example/cesta",
    privacy_url="https://norte.example/privacidad",
)
GALERNA = Line(product="galerna", name="Chubasquero Galerna", variant="Talla M", price=7120, url="https://norte.example/galerna")
FARO = Line(
    product="faro",
    name="Taza esmaltada Faro",
    variant="Blanca",
    price=1400,
    quantity=2,
    url="https://norte.example/faro?utm_source=propio#fotos",
)


@lru_cache(maxsize=1)
def cart_mail() -> Template:
    """Give the shipped mail of the abandoned cart, as published."""
    text = (files("oportuno") / "plays/messages/abandoned-cart.yaml").read_text(encoding="utf-8")
    return asyncio.run(read_template(text, Mrml()))


class TwinReads:
    """What the pages look up, from the rows of the twin. It counts how often it was asked and cannot write."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world

    async def now(self) -> Millis:
        return self._world.clock.now

    async def customer(self, key: CustomerKey) -> Stored | None:
        row = self._world.tables.customers.get(key)
        return None if row is None else Stored(key, row.status, row.version, row.state, row.due_at)

    async def message(self, workspace: int, id: bytes) -> MessageRecord | None:  # noqa: A002 - the port's own word
        row = self._world.tables.messages.get(id)
        if row is None or row.message.key.workspace != workspace:
            return None
        return _record(row)

    async def messages(self, key: CustomerKey, *, before: Spot | None, limit: int) -> list[MessageRecord]:
        assert before is None
        return [_record(row) for row in self._world.tables.messages_of(key)][:limit]

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the pages have no business with {name}")


def _record(row: Any) -> MessageRecord:
    return MessageRecord(
        message=row.message,
        status=row.status,
        created_at=row.message.permitted_at,
        not_before=row.not_before,
        attempts=row.attempts,
        handed_at=row.handed_at,
        reason=row.reason,
        answer=row.answer,
    )


class Stage:
    """One world with Tienda Norte open for business."""

    def __init__(self, brand: Brand = BRAND) -> None:
        self.world = MemoryWorld()
        self.reads = TwinReads(self.world)
        self.brand = brand
        policy = Policy(timezone="Europe/Madrid", country="ES", quiet=(0, 0), limits=(Limit(at_most=1, per=DAY),))
        programme = Programme(
            workspace=TIENDA_NORTE,
            public_id="ws_norte",
            version=1,
            policy=policy,
            brand=brand,
            templates={"abandoned-cart": cart_mail()},
        )
        self.world.programmes.put(programme)
        self.programme = programme
        ports: dict[str, Any] = {"store": self.world.store, "reads": self.reads, "programmes": self.world.programmes}
        self.desk = Desk(**ports)
        self.click_door = ClickDoor(desk=self.desk, links=MAKER, clicks=self.world.clicks)
        self.registry = Registry(**ports)

    @property
    def now(self) -> Millis:
        return self.world.clock.now

    def ana(self, *, locale: str = "es-ES", lines: Sequence[Line] = (GALERNA, FARO), held: Millis = 8 * HOUR) -> CustomerKey:
        """Ana said yes to all; she left a cart an hour ago."""
        return self.customer(1, "ana@correo.example", locale=locale, lines=lines, held=held, channels=("email", "webhook"))

    def customer(
        self,
        number: int,
        email: str,
        *,
        locale: str = "es-ES",
        lines: Sequence[Line] = (GALERNA, FARO),
        held: Millis = 0,
        channels: Sequence[str] = ("email",),
    ) -> CustomerKey:
        """Make a customer with a yes to marketing on the channels, and a cart."""
        key = key_of(TIENDA_NORTE, number)
        draft = Draft(key)
        draft.granted = frozenset(Purpose)
        traits = {"email": email, "locale": locale, "timezone": "Europe/Madrid", "first_name": email[:3].capitalize()}
        core = draft.open(Core)
        core.traits = {name: Register(value=value, at=self.now - DAY) for name, value in traits.items()}
        consents = draft.open(Consents)
        asked = self.now - 40 * DAY
        consents.answers = {slot(Purpose.MARKETING, each): Consent(state=Answered.GRANTED, at=asked, notice="7") for each in channels}
        consents.answers[slot(Purpose.PERSONALISATION, ANY_CHANNEL)] = Consent(state=Answered.GRANTED, at=asked)
        cart = draft.open(Cart)
        cart.lines, cart.currency, cart.at = list(lines), "EUR", self.now - HOUR
        cart.held_until = self.now + held if held else 0
        self.save(draft)
        return key

    def measure(self, key: CustomerKey, state: Answered = Answered.GRANTED) -> None:
        """Let the customer say yes to measurement, or take it back."""
        draft = self.draft(key)
        draft.open(Consents).answers[slot(Purpose.MEASUREMENT)] = Consent(state=state, at=self.now, notice="7")
        self.save(draft)

    def save(self, draft: Draft) -> None:
        async def run() -> None:
            async with self.world.store.work() as work:
                _, rows = await work.lock([draft.key])
                await work.commit(Writes(saves=[SaveCustomer(draft.key, rows[draft.key].version, draft.encode(), None, due_changed=False)]))

        asyncio.run(run())

    def draft(self, key: CustomerKey) -> Draft:
        row = self.world.tables.customers[key]
        draft = Draft(key, row.state, row.version)
        draft.granted = frozenset(Purpose)
        return draft

    def said(self, key: CustomerKey, *, step: str = "offer", channel: str = "email", purpose: Purpose = Purpose.MARKETING) -> Said:
        """What would be said about the customer's cart as it stands."""
        cart = self.draft(key).read(Cart)
        shown = ("product", "variant", "name", "price", "quantity", "url", "image")
        lines = [{name: getattr(line, name) for name in shown} for line in cart.lines]
        total = sum((line.price or 0) * line.quantity for line in cart.lines)
        context = {
            "lines": lines,
            "more_lines": 0,
            "total": total,
            "currency": cart.currency,
            "held_until": cart.held_until or None,
            "left_at": cart.at,
        }
        count = sum(line.quantity for line in cart.lines)
        facts: dict[str, Any] = {"count": count, "names": [line.name for line in cart.lines], "left_at": cart.at}
        facts |= {"total": total, "currency": "EUR"} | ({"held_until": cart.held_until} if cart.held_until else {})
        return Said(
            id=dated(day_of(self.now), derive(key.customer, step, channel)),
            journey="abandoned-cart",
            version=1,
            step=step,
            template="abandoned-cart",
            channel=channel,
            purpose=purpose,
            topic="cart",
            items=tuple(line.product for line in cart.lines),
            because=Because(kind="cart_left", facts=facts, read=("core", "cart")),
            expires_at=self.now + DAY,
            context=context,
        )

    def message(self, said: Said, key: CustomerKey) -> Message:
        marketing = said.purpose is not Purpose.SERVICE
        return Message(id=said.id, key=key, said=said, marketing=marketing, permitted_at=self.now, expires_at=said.expires_at)

    def send(self, key: CustomerKey, **said: Any) -> Message:
        """Put a message into the outbox and let it be accepted ten minutes later."""
        message = self.queue(key, **said)
        row = self.world.tables.messages[message.id]
        self.world.clock.now += 10 * MINUTE
        row.status, row.handed_at = OutboxStatus.ACCEPTED, self.now
        return message

    def queue(self, key: CustomerKey, **said: Any) -> Message:
        """Put a message into the outbox, with its place in the limit reserved."""
        message = self.message(self.said(key, **said), key)
        draft = self.draft(key)
        reserve(draft.open(Attention), id=message.id, channel=message.said.channel, now=self.now, until=message.expires_at)

        async def run() -> None:
            async with self.world.store.work() as work:
                _, rows = await work.lock([key])
                save = SaveCustomer(key, rows[key].version, draft.encode(), None, due_changed=False)
                await work.commit(Writes(messages=[message], saves=[save]))

        asyncio.run(run())
        return message

    def hold(self, key: CustomerKey, *, step: str = "later", channel: str = "email") -> Proposal:
        """Let a proposal about the same cart wait in the customer's state."""
        words = msgspec.structs.asdict(self.said(key, step=step, channel=channel))
        proposal = Proposal(**words, made_at=self.now)
        draft = self.draft(key)
        draft.open(Pending).held = [*draft.read(Pending).held, Held(proposal=proposal, retry_at=self.now + HOUR)]
        self.save(draft)
        return proposal

    def render(self, message: Message) -> Rendered:
        draft = self.draft(message.key)
        draft.granted = granted_purposes(draft, self.now)
        return put_in_words(MAKER)(message, self.programme, draft, self.now)

    def claim(self, message: Message) -> Rendered:
        """Put a message into words and store where its links lead, as its claim does."""
        rendered = self.render(message)

        async def run() -> None:
            async with self.world.store.work() as work:
                await work.lock([message.key])
                await work.commit(Writes(links=list(rendered.links)))

        asyncio.run(run())
        return rendered

    def token(self, message: Message, action: Action, *, answer: int = 0) -> str:
        return MAKER.token(message.id, message.key, action, self.now, answer=answer)

    def status(self, message: Message) -> tuple[OutboxStatus, str]:
        row = self.world.tables.messages[message.id]
        return row.status, row.reason

    def erase(self, key: CustomerKey) -> None:
        asyncio.run(self.registry.erase(key))
        assert self.world.tables.customers[key].status is Status.ERASED

    def everything(self) -> str:
        """All that is stored, to compare."""
        tables = self.world.tables
        return repr((tables.customers, tables.messages, tables.ledger, tables.decisions, tables.links))
