"""A change of the catalogue, from its commit to what its watchers are told: each once, nobody else, and only while it is true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files

import msgspec
import pytest

from oportuno.adapters.memory.world import MemoryWorld
from oportuno.adapters.postgres.facts import FactsCache
from oportuno.catalog.item import item_of
from oportuno.catalog.product import Product
from oportuno.catalog.row import ProductRow
from oportuno.channels.pace import Pace
from oportuno.consent.answers import ANY_CHANNEL, Answered
from oportuno.consent.change import answer
from oportuno.consent.policy import Policy
from oportuno.content.message import Message, Rendered
from oportuno.events.event import Call, Source
from oportuno.flows.deliver import Delivered, Ended, deliver_one
from oportuno.flows.fan_out import FanOut
from oportuno.flows.fan_out import told as told_of
from oportuno.flows.ports import Arrival, LaneClass
from oportuno.flows.ports_catalogue import How
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.react import Reacted, react_once
from oportuno.flows.reads import SetAside
from oportuno.flows.ways import Way
from oportuno.flows.work import OutboxStatus, SaveCustomer, Writes
from oportuno.journeys.journey import Journey
from oportuno.journeys.read import read_journey
from oportuno.kit.ids import CustomerKey, derive, key_of
from oportuno.kit.times import DAY, HOUR, MINUTE, day_of
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Core, Register

NORTE = 7
ANA, BRUNO, CARLA, DORA = (key_of(NORTE, number) for number in (11, 12, 13, 14))
LAMP = item_of("product", "lamp")


@cache
def play() -> Journey:
    return read_journey((files("oportuno") / "plays" / "price-drop.yaml").read_text(encoding="utf-8"))


class House:
    """Tienda Norte with its catalogue, an engine and a deliverer."""

    def __init__(self) -> None:
        self.world = MemoryWorld()
        self.world.programmes.put(
            Programme(
                workspace=NORTE,
                public_id="ws_norte",
                version=1,
                policy=Policy(timezone="Europe/Madrid", country="ES"),
                brand=Brand(name="Tienda Norte"),
                journeys=(play(),),
            )
        )
        self.facts = FactsCache(self.world.catalogue)
        self.feed = self.world.feed()
        self.sent = 0

    async def open(self) -> None:
        await self.sell(lamp=10_000, rug=20_000)
        for key in (ANA, BRUNO, CARLA, DORA):
            draft = Draft(key)
            now = self.world.clock.now
            state = Answered.DENIED if key == CARLA else Answered.GRANTED
            for purpose, channel in ((Purpose.MARKETING, "email"), (Purpose.PERSONALISATION, ANY_CHANNEL)):
                answer(draft, purpose=purpose, channel=channel, state=state, at=now - DAY, source="form", notice="v1")
            if key != DORA:
                draft.open(Core).traits["email"] = Register(value=f"{key.customer}@example.com", at=now - DAY)
            async with self.world.store.work() as work:
                await work.commit(Writes(saves=[SaveCustomer(key, 0, draft.encode(), None, due_changed=False)]))

    async def sell(self, how: How = How(), **prices: int) -> None:  # noqa: B008 - a value
        rows = [
            ProductRow(
                product=Product(id=name, name=name.title(), price=price, currency="EUR", stock=5),
                told=frozenset({"name", "price", "currency", "stock"}),
            )
            for name, price in prices.items()
        ]
        await self.world.catalogue.upsert(NORTE, rows, how)

    async def happens(self, key: CustomerKey, name: str, *, product: str = "lamp", ago: int = MINUTE) -> None:
        now = self.world.clock.now
        self.sent += 1
        body = {
            "type": "track",
            "event": name,
            "properties": {"product_id": product, "price": 100, "currency": "EUR", "quantity": 1, "order_id": f"o{self.sent}"},
        }
        if name == "Order Completed":
            body["properties"] |= {"products": [{"product_id": product, "price": 100, "quantity": 1}]}  # type: ignore[operator] - of any shape
        event = Arrival(
            key=key,
            h=derive(self.sent),
            source=Source.LIVE,
            call=Call.TRACK,
            name=name,
            at=now - ago,
            received=now,
            body=msgspec.json.encode(body),
            day=day_of(now),
        )
        await self.world.intake.store([event], [], LaneClass.LIVE)
        await self.work()

    async def work(self, limit: int = 100) -> list[Reacted]:
        """Let the engine work until nothing is left to do now."""
        rounds = []
        while True:
            before = (len(self.world.tables.heads), dict(self.world.tables.walks), dict(self.world.tables.heads))
            done = await react_once(self.feed, self.world.store, self.world.programmes, self.facts, limit=limit)
            rounds.append(done)
            after = (len(self.world.tables.heads), dict(self.world.tables.walks), dict(self.world.tables.heads))
            if not (done.events or done.told or done.timers or done.moved) and before == after:
                return rounds

    def watchers(self) -> set[tuple[int, int]]:
        return {(customer, rank) for _, _, item, rank, customer in self.world.tables.watch if item == LAMP}

    def told(self) -> list[CustomerKey]:
        """Whose message is or was in the outbox."""
        return sorted(row.message.key for row in self.world.tables.messages.values())

    def state_of(self, key: CustomerKey) -> bytes:
        return self.world.tables.customers[key].state

    async def deliver(self) -> Delivered:
        [waiting] = (await self.world.outbox.due("email", 10)).waiting

        def render(message: Message, *_: object) -> Rendered:
            return Rendered(address="x@example.com", subject=str(message.said.context["product"]["price"]))

        return await deliver_one(
            waiting,
            programme=await self.world.programmes.programme(NORTE),
            store=self.world.store,
            ways=[Way("none", self.world_provider)],  # type: ignore[arg-type] - never reached in these stories
            render=render,
            deliverer=self.world.start_deliverer(),
            clock=self.world.clock,
            pace=Pace(),
            facts=self.facts,
        )

    world_provider = None


def told(story: Callable[[House], Awaitable[None]]) -> None:
    async def whole() -> None:
        house = House()
        await house.open()
        await story(house)

    asyncio.run(asyncio.wait_for(whole(), 300))


def test_a_price_falls_and_exactly_those_who_care_and_may_be_told_are_told_once() -> None:
    async def story(house: House) -> None:
        for key in (ANA, CARLA):
            await house.happens(key, "Product Added")
        await house.happens(BRUNO, "Product Added", product="rug")
        assert {customer for customer, _ in house.watchers()} == {ANA.customer, CARLA.customer}
        await house.sell(lamp=8_000)
        rounds = await house.work()
        assert sum(done.told for done in rounds) == 2
        assert house.told() == [ANA]
        assert {d.verdict.reasons[0].refusal for d in house.world.tables.decisions if d.key == CARLA} != set()
        await house.work()
        assert house.told() == [ANA]

    told(story)


def test_what_is_heard_of_the_catalogue_is_nothing_that_the_customer_did() -> None:
    async def story(house: House) -> None:
        await house.happens(ANA, "Product Added")
        before = Draft(ANA, house.state_of(ANA)).read(Core).last_seen
        house.world.clock.advance(HOUR)
        await house.sell(lamp=8_000)
        await house.work()
        assert house.told() == [ANA]
        assert Draft(ANA, house.state_of(ANA)).read(Core).last_seen == before

    told(story)


def test_a_watcher_reached_an_hour_late_is_told_all_the_same_and_one_after_its_expiry_is_not() -> None:
    async def story(house: House) -> None:
        await house.happens(ANA, "Product Added")
        await house.sell(lamp=8_000)
        house.world.clock.advance(HOUR)
        await house.work()
        assert house.told() == [ANA]
        await house.sell(How(lasts=dict.fromkeys(How().lasts, MINUTE)), lamp=7_000)
        house.world.clock.advance(HOUR)
        rounds = await house.work()
        assert sum(done.told for done in rounds) == 0
        assert house.told() == [ANA]
        assert not house.world.tables.walks

    told(story)


def test_facts_from_before_the_change_are_never_used_to_tell_it() -> None:
    async def story(house: House) -> None:
        await house.happens(ANA, "Product Added")
        # The engine has the old price at hand, looked at a moment ago.
        await house.facts.load([(NORTE, "lamp")])
        await house.facts.refresh()
        await house.sell(lamp=8_000)
        await house.work()
        [message] = [row.message for row in house.world.tables.messages.values()]
        assert message.said.because.facts["price"] == 8_000

    told(story)


def test_who_bought_it_meanwhile_no_longer_watches_and_hears_nothing() -> None:
    async def story(house: House) -> None:
        await house.happens(ANA, "Product Added")
        await house.happens(ANA, "Order Completed", ago=0)
        assert house.watchers() == set()
        await house.sell(lamp=8_000)
        await house.work()
        assert house.told() == []

    told(story)


def test_a_withdrawn_product_cancels_what_is_pending_about_it_and_nobody_watches_it_any_more() -> None:
    async def story(house: House) -> None:
        await house.happens(ANA, "Product Added")
        await house.sell(lamp=8_000)
        await house.work()
        await house.world.catalogue.withdraw(NORTE, ["lamp"])
        await house.work()
        [row] = house.world.tables.messages.values()
        assert (row.status, row.reason) == (OutboxStatus.CANCELLED, "item_withdrawn")
        assert house.watchers() == set()

    told(story)


@pytest.mark.parametrize(
    ("later", "reason"), [({"lamp": 9_500}, "offer_gone"), ({"stock": 0}, "offer_gone"), ({"withdrawn": 1}, "item_withdrawn")]
)
def test_what_is_no_longer_true_at_the_claim_is_not_said(later: dict[str, int], reason: str) -> None:
    async def story(house: House) -> None:
        await house.happens(ANA, "Product Added")
        await house.sell(lamp=8_000)
        await house.work()
        if "lamp" in later:
            await house.sell(lamp=later["lamp"])
        elif "stock" in later:
            await house.world.catalogue.upsert(NORTE, [ProductRow(product=Product(id="lamp", stock=0), told=frozenset({"stock"}))])
        else:
            await house.world.catalogue.withdraw(NORTE, ["lamp"])
        # Nobody has heard of it but the shelf.
        house.facts = FactsCache(house.world.catalogue)
        ended = await house.deliver()
        assert (ended.ended, ended.reason) == (Ended.SILENT, reason)
        [row] = house.world.tables.messages.values()
        assert (row.status, row.reason) == (OutboxStatus.CANCELLED, reason)
        assert house.world.tables.decisions[-1].verdict.reasons[0].refusal.value == reason

    told(story)


def test_an_event_of_that_name_from_a_browser_tells_nobody_anything() -> None:
    async def story(house: House) -> None:
        await house.happens(ANA, "Product Added")
        await house.happens(ANA, "Product Price Dropped")
        assert house.told() == []
        assert house.world.tables.decisions == []

    told(story)


def test_a_change_whose_telling_raised_can_be_named_like_every_event_that_was_set_aside() -> None:
    change = FanOut(workspace=NORTE, n=1, item=LAMP, id=b"c" * 16, name="Product Price Dropped", body=b"{}", at=1, expires_at=2)
    ana, bruno = told_of(change, ANA), told_of(change, BRUNO)
    names = {SetAside(event.key, event.lane, event.seq, 1, "ValueError").id for event in (ana, bruno)}
    assert [len(name) for name in names] == [12, 12]
