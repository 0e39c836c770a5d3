"""Tienda Norte with its customers, one message waiting for each, and a provider that judges: the stage of the delivery stories."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from oportuno.adapters.memory import MemoryWorld
from oportuno.attention.ledger import Attention, Limit, reserve
from oportuno.channels.channel import Answer, Outcome, Window
from oportuno.channels.pace import Pace
from oportuno.channels.ways import ALL_SIGNED
from oportuno.consent.answers import Answered, Consent, Consents, slot
from oportuno.consent.policy import Policy
from oportuno.content.message import Message, Rendered
from oportuno.content.said import Because, Said
from oportuno.flows.deliver import Delivered, deliver_one
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.ways import Way
from oportuno.flows.work import MoveMessage, OutboxStatus, SaveCustomer, Waiting, Writes
from oportuno.kit.faults import Fault, Unavailable
from oportuno.kit.ids import CustomerKey, dated, derive, key_of
from oportuno.kit.times import DAY, HOUR, Millis, day_of
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Core, Register

TIENDA_NORTE = 7
DAILY = Limit(at_most=1, per=DAY)
BRAND = Brand(name="Tienda Norte", legal="Tienda Norte, S. L., calle del Muelle 3, 39004 Santander", sender="hola@tiendanorte.example")
ACCEPTED = Answer(outcome=Outcome.ACCEPTED)


class HandOff(NamedTuple):
    """One hand-off as the provider saw it begin."""

    id: bytes
    address: str
    at: Millis


class JudgingProvider:
    """Answers as told, in turn (the last answer again and again), and remembers every hand-off that began."""

    def __init__(self, world: MemoryWorld, answers: list[Answer | Exception] | None = None) -> None:
        self._world = world
        self._answers = list(answers or [ACCEPTED])
        self.begun: list[HandOff] = []
        self.windows: list[Window] = []
        self.ended: list[Answer] = []

    async def hand_off(self, message: Message, rendered: Rendered, address: str, window: Window) -> Answer:
        self.windows.append(window)
        self.begun.append(HandOff(message.id, address, self._world.clock.now))
        await self._world.pause("provider.hand_off")
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        self.ended.append(answer)
        await self._world.pause("provider.answered")
        return answer


class ShakyWorld(MemoryWorld):
    """The twin, in which a story may make something happen at a named pause: `at["store.commit"]` runs there, once for each entry."""

    def __init__(self, **more: int) -> None:
        super().__init__(**more)  # type: ignore[arg-type]
        self.at: dict[str, list[Callable[[], Awaitable[None] | None]]] = {}

    async def pause(self, place: str) -> None:
        await super().pause(place)
        if self.at.get(place):
            happened = self.at[place].pop(0)()
            if happened is not None:
                await happened


def gone() -> None:
    """The database goes away."""
    raise Unavailable("database_gone", "the database does not answer")


def policy(**changes: object) -> Policy:
    return Policy(**{"limits": (DAILY,), "quiet": (0, 0), "timezone": "Europe/Madrid", "country": "ES", **changes})  # type: ignore[arg-type]


def programme(rules: Policy | None = None, workspace: int = TIENDA_NORTE) -> Programme:
    return Programme(workspace=workspace, public_id=f"ws_{workspace}", version=1, policy=rules or policy(), brand=BRAND)


def render(message: Message, _programme: Programme, _draft: Draft, _now: Millis) -> Rendered:
    return Rendered(channel=message.said.channel, language="es", subject="Tu cesta te espera", sender=BRAND.sender)


def faulty_render(_message: Message, _programme: Programme, _draft: Draft, _now: Millis) -> Rendered:
    raise Fault("variable_missing", "the template misses customer.first_name", place="line 3")


class Shop:
    """What the stories say."""

    def __init__(
        self, world: ShakyWorld | None = None, answers: list[Answer | Exception] | None = None, rules: Policy | None = None
    ) -> None:
        self.world = world or ShakyWorld()
        self.provider = JudgingProvider(self.world, answers)
        self.programme = programme(rules)
        self.pace = Pace()
        self.deliverer = self.world.start_deliverer()
        self.world.programmes.put(self.programme)

    async def customer(self, name: str, *, consent: Answered | None = Answered.GRANTED, workspace: int = TIENDA_NORTE) -> CustomerKey:
        """Ana, unless another answer is said."""
        key = key_of(workspace, int.from_bytes(derive(name)[:7], "big"))
        draft = Draft(key)
        core = draft.open(Core)
        core.first_seen = core.last_seen = self.now
        core.traits["timezone"] = Register(value="Europe/Madrid", at=self.now, h=b"h")
        core.traits["email"] = Register(value=f"{name}@cliente.example", at=self.now, h=b"h")
        if consent is not None:
            answer = Consent(state=consent, at=self.now, source="customer")
            draft.open(Consents).answers = {slot(Purpose.MARKETING, channel): answer for channel in ("email", "webhook")}
        async with self.world.store.work() as work:
            await work.lock([key])
            await work.commit(Writes(saves=[SaveCustomer(key, 0, draft.encode(), None, due_changed=False)]))
        return key

    async def message(
        self,
        key: CustomerKey,
        name: str = "cesta",
        *,
        purpose: Purpose = Purpose.MARKETING,
        lasts: Millis = HOUR,
        channel: str = "email",
        items: tuple[str, ...] = (),
        facts: dict[str, object] | None = None,
    ) -> Waiting:
        """Reserve attention and put a message into the outbox, as the engine does when it decides to speak."""
        said = Said(
            id=dated(day_of(self.now), derive(*key, name)),
            journey="abandoned-cart",
            version=1,
            step="send",
            template="abandoned-cart",
            channel=channel,
            purpose=purpose,
            items=items,
            because=Because(kind="cart_left", facts=facts or {}),
            expires_at=self.now + lasts,
        )
        words = Message(
            id=said.id,
            key=key,
            said=said,
            marketing=purpose is not Purpose.SERVICE,
            permitted_at=self.now,
            expires_at=said.expires_at,
        )

        def reserve_it(draft: Draft) -> None:
            reserve(draft.open(Attention), id=said.id, channel=channel, now=self.now, until=said.expires_at)

        await self.change(key, reserve_it, Writes(messages=[words]))
        return self.world.tables.messages[said.id].waiting()

    async def change(self, key: CustomerKey, how: Callable[[Draft], None], writes: Writes | None = None) -> None:
        """Change a customer under the lock, as every writer does."""
        writes = writes or Writes()
        async with self.world.store.work() as work:
            _, rows = await work.lock([key])
            stored = rows[key]
            draft = Draft(key, stored.state, stored.version)
            how(draft)
            writes.saves.append(SaveCustomer(key, stored.version, draft.encode(), None, due_changed=False))
            await work.commit(writes)

    async def withdraw(self, key: CustomerKey) -> None:
        """The customer says no to marketing by e-mail."""

        def say_no(draft: Draft) -> None:
            answers = draft.open(Consents).answers
            for channel in ("email", "webhook"):
                answers[slot(Purpose.MARKETING, channel)] = Consent(state=Answered.WITHDRAWN, at=self.now, source="customer")

        await self.change(key, say_no)

    async def erase(self, key: CustomerKey) -> None:
        async with self.world.store.work() as work:
            await work.lock([key])
            await work.commit(Writes(erasures=[key]))

    async def deliver(self, waiting: Waiting, **changes: object) -> Delivered:
        settings = {
            "programme": self.programme,
            "store": self.world.store,
            "ways": [Way("email", self.provider, ALL_SIGNED)],
            "render": render,
            "deliverer": self.deliverer,
            "clock": self.world.clock,
            "pace": self.pace,
        }
        return await deliver_one(waiting, **{**settings, **changes})  # type: ignore[arg-type]

    async def move(self, waiting: Waiting, **changes: object) -> None:
        step = MoveMessage(waiting.message.key, waiting.message.id, OutboxStatus.PENDING, OutboxStatus.PENDING, self.now)
        async with self.world.store.work() as work:
            await work.lock([waiting.message.key])
            await work.commit(Writes(moves=[step._replace(**changes)]))  # type: ignore[arg-type]

    @property
    def now(self) -> Millis:
        return self.world.clock.now

    def status(self, waiting: Waiting) -> OutboxStatus:
        return self.world.tables.messages[waiting.message.id].status

    def attention(self, key: CustomerKey) -> list[tuple[bytes, bool]]:
        """Give (id, made) of everything that counts against the customer's attention."""
        row = self.world.tables.customers[key]
        return [(touch.id, touch.made) for touch in Draft(key, row.state, row.version).read(Attention).touches]

    def verdicts(self) -> list[tuple[str, str]]:
        found = [decision.verdict for decision in self.world.tables.decisions]
        return [(verdict.decided.value, verdict.reasons[0].refusal.value) for verdict in found]
