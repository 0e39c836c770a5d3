"""A file comes in: everything once, whenever it is stopped; yeses with their proof; and nobody hears a word of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from importlib.resources import files

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oportuno.adapters.memory.world import MemoryWorld
from oportuno.catalog.once import Once
from oportuno.consent.answers import Answered, Consents
from oportuno.consent.policy import Policy
from oportuno.decision.verdict import Verdict
from oportuno.events.bring.fields import Kind
from oportuno.events.bring.mapping import Mapping
from oportuno.events.bring.presets import PRESETS
from oportuno.events.bring.read import calls_of
from oportuno.events.bring.rows import Line
from oportuno.events.event import Source
from oportuno.flows import bring_in
from oportuno.flows.bring_in import BringIn, Told
from oportuno.flows.ports import Arrival, LaneClass, Sighting
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.react import react_once
from oportuno.flows.record import Registry
from oportuno.journeys.read import read_journey
from oportuno.kit.faults import Conflict, Unavailable
from oportuno.kit.ids import derive, key_of
from oportuno.kit.times import DAY, day_of, to_text
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Core, Orders

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)
"""Two cores shared with others: a slow draw says nothing about the promise."""
NORTE = 1
PLAYS = ("price-drop", "back-in-stock", "new-in-favourite", "after-purchase", "abandoned-cart")
CUSTOMERS = Mapping(
    kind=Kind.CUSTOMERS,
    columns={"user_id": "id", "email": "mail", "consent.email": "yes", "consent.at": "when"},
    fixed={"consent.method": "form", "consent.source": "checkout", "consent.notice": "v3", "consent.language": "es"},
)
ORDERS = Mapping(
    kind=Kind.ORDERS,
    columns={"order_id": "n", "user_id": "who", "timestamp": "at", "product_id": "sku", "quantity": "q", "price": "eur"},
    fixed={"currency": "EUR"},
)


class Shop:
    """Tienda Norte with every play in force, and a clerk who brings files in."""

    def __init__(self) -> None:
        self.world = MemoryWorld()
        self.world.programmes.put(
            Programme(
                workspace=NORTE,
                public_id="ws_norte",
                version=1,
                policy=Policy(limits=(), quiet=(0, 0)),
                brand=Brand(name="Tienda Norte"),
                journeys=tuple(read_journey((files("oportuno") / f"plays/{play}.yaml").read_text(encoding="utf-8")) for play in PLAYS),
            )
        )
        self.refused: list[tuple[int, str]] = []

    def run(self) -> BringIn:
        world = self.world
        return BringIn(
            NORTE,
            imports=world.imports,
            intake=world.intake,
            registry=Registry(store=world.store, reads=world.reads, programmes=world.programmes),
            clock=world.clock,
            digest_key=b"k" * 32,
            refuse=lambda line, _field, code, _sentence: self.refused.append((line.number, code)),
        )

    async def bring(self, rows: Iterable[dict[str, object]], mapping: Mapping, file: str = "a file") -> Told:
        lines = [Line(number, row, number + 1) for number, row in enumerate(rows, 1)]
        return await self.run().run(calls_of(lines, mapping, Once()), mapping, namespace=file, name=file)

    async def evaluate(self) -> None:
        feed = self.world.feed()
        while (await react_once(feed, self.world.store, self.world.programmes, limit=500)).events:
            pass

    async def customer(self, user: str) -> Draft:
        [customer] = await self.world.intake.resolve([Sighting(NORTE, user, "")])
        row = self.world.tables.customers[key_of(NORTE, customer)]
        return Draft(key_of(NORTE, customer), row.state, row.version)

    @property
    def verdicts(self) -> list[Verdict]:
        return [decision.verdict for decision in self.world.tables.decisions]


def told(story) -> None:
    asyncio.run(asyncio.wait_for(story, 60))


def orders(count: int, *, each: int = 2) -> list[dict[str, object]]:
    return [
        {"n": f"o{order}", "who": f"c{order % 7}", "at": f"2025-01-{1 + order % 28:02}", "sku": f"s{row}", "q": 1 + row, "eur": "2.50"}
        for order in range(count)
        for row in range(each)
    ]


def test_customers_and_orders_become_profiles() -> None:
    async def story() -> None:
        shop = Shop()
        people = await shop.bring([{"id": "ana", "mail": "ana@example.com"}, {"id": "", "mail": "nadie@example.com"}], CUSTOMERS, "people")
        bought = await shop.bring([{**row, "who": "ana"} for row in orders(3)], ORDERS, "orders")
        await shop.evaluate()
        ana = await shop.customer("ana")
        assert ana.read(Core).traits["email"].value == "ana@example.com"
        assert (ana.read(Orders).count, ana.read(Orders).totals) == (3, {"EUR": 3 * 750})
        assert (people.tally.events, people.tally.refused, people.tally.rows) == (1, 1, 2)
        assert (bought.tally.events, bought.tally.rows) == (3, 6)
        assert shop.refused == [(2, "row_without_customer")]

    told(story())


def test_calls_and_receipts_are_brought_in_once_and_nobody_hears_of_them() -> None:
    calls = Mapping(kind=Kind.CALLS, columns={"user_id": "who", "timestamp": "at", "direction": "way", "call_id": "n"})
    till = Mapping(kind=Kind.TILL, columns={**ORDERS.columns, "store": "shop"}, fixed={"currency": "EUR"})
    rang = [{"who": "ana", "at": "2025-01-05", "way": way, "n": str(number)} for number, way in enumerate(("inbound", "outbound", "?"))]
    bought = [{**row, "who": "ana", "shop": "madrid"} for row in orders(3)]

    async def story() -> None:
        shop = Shop()
        first = await shop.bring(rang, calls, "calls")
        again = await shop.bring(rang[:2], calls, "the same calls in another file")
        receipts = await shop.bring(bought, till, "till")
        done = await shop.bring(bought, till, "till")
        await shop.evaluate()
        assert (first.tally.events, first.tally.refused) == (2, 1)
        assert (again.tally.events, again.tally.known) == (0, 2)
        assert (receipts.tally.events, receipts.tally.rows, done.already) == (3, 6, True)
        paid = (await shop.customer("ana")).read(Orders)
        assert (paid.count, paid.totals) == (3, {"EUR": 3 * 750})
        assert shop.refused == [(3, "row_unfit")]
        assert {event.source for event in shop.world.tables.all_events()} == {Source.IMPORT}
        assert shop.verdicts == []

    told(story())


def test_the_same_file_again_adds_nothing_and_the_same_order_in_another_file_neither() -> None:
    async def story() -> None:
        shop = Shop()
        await shop.bring(orders(20), ORDERS, "monday")
        assert (await shop.bring(orders(20), ORDERS, "monday")).already
        again = await shop.bring(orders(25), ORDERS, "tuesday")
        assert (again.tally.events, again.tally.known) == (5, 20)
        assert len(list(shop.world.tables.all_events())) == 25

    told(story())


def test_a_file_that_was_begun_with_another_mapping_is_not_mixed() -> None:
    async def story() -> None:
        shop = Shop()
        shop.world.tables.imports.clear()
        await shop.bring(orders(2), ORDERS)
        (place, record), *_ = shop.world.tables.imports.items()
        shop.world.tables.imports[place] = msgspec.structs.replace(record, finished_at=None)
        with pytest.raises(Conflict) as fault:
            await shop.bring(orders(2), msgspec.structs.replace(ORDERS, decimal=","))
        assert fault.value.code == "import_other_mapping"

    told(story())


class _Stop(Exception):
    """The power is gone."""


@calm
@given(st.lists(st.integers(1, 12), max_size=4), st.integers(1, 4))
def test_wherever_it_is_stopped_everything_is_there_once(deaths: list[int], each: int) -> None:
    """Rows, some of them unfit; pieces of three calls; killed before or after any commit, as often as hypothesis wants."""
    rows = orders(11, each=each)
    rows[5] |= {"q": "many"}
    rows.insert(3, {"n": "", "who": "", "at": "", "sku": "", "q": "", "eur": ""})

    async def story() -> None:
        quiet, shop = Shop(), Shop()
        whole = await quiet.bring(rows, ORDERS)
        for death in deaths:
            left = [death]
            world = shop.world
            resting = world.pause

            async def pause(name: str, resting=resting, left: list[int] = left) -> None:
                left[0] -= name.startswith("imports.")
                if not left[0]:
                    raise _Stop
                await resting(name)

            world.pause = pause  # type: ignore[method-assign]
            try:
                await shop.bring(rows, ORDERS)
            except _Stop:
                pass
            finally:
                world.pause = resting  # type: ignore[method-assign]
        shop.refused.clear()
        done = await shop.bring(rows, ORDERS)
        assert {event.h for event in shop.world.tables.all_events()} == {event.h for event in quiet.world.tables.all_events()}
        assert len(list(shop.world.tables.all_events())) == whole.tally.events
        assert (done.tally.events, done.tally.known, done.tally.refused) == (whole.tally.events, 0, whole.tally.refused)
        assert done.already or shop.refused == quiet.refused

    before = bring_in.PIECE
    bring_in.PIECE = 3
    try:
        told(story())
    finally:
        bring_in.PIECE = before


def test_a_store_that_goes_away_ends_it_and_the_same_goes_on() -> None:
    async def story() -> None:
        shop = Shop()
        resting = shop.world.pause

        async def gone(name: str) -> None:
            if name == "imports.bring":
                raise Unavailable("database_gone", "the database does not answer")
            await resting(name)

        shop.world.pause = gone  # type: ignore[method-assign]
        with pytest.raises(Unavailable):
            await shop.bring(orders(3), ORDERS)
        shop.world.pause = resting  # type: ignore[method-assign]
        assert (await shop.bring(orders(3), ORDERS)).tally.events == 3

    told(story())


def test_a_yes_counts_with_its_proof_and_a_no_without() -> None:
    async def story() -> None:
        shop = Shop()
        when = to_text(shop.world.clock.now - 30 * DAY)
        done = await shop.bring(
            [
                {"id": "ana", "mail": "ana@example.com", "yes": "sí", "when": when},
                {"id": "bruno", "mail": "bruno@example.com", "yes": "sí", "when": ""},
                {"id": "carla", "mail": "carla@example.com", "yes": "no", "when": ""},
                {"id": "dora", "mail": "", "yes": "", "when": when},
            ],
            CUSTOMERS,
        )
        assert (done.tally.events, done.tally.answers, done.tally.unproven, done.tally.refused) == (4, 2, 1, 0)
        ana, carla = await shop.customer("ana"), await shop.customer("carla")
        answer = ana.read(Consents).answers["marketing/email"]
        assert (answer.state, answer.source, answer.notice) == (Answered.GRANTED, "checkout", "v3")
        assert carla.read(Consents).answers["marketing/email"].state is Answered.DENIED
        [proof] = [entry for entry in shop.world.tables.ledger.values() if entry.state == "granted"]
        assert proof.proof == {"file": "a file", "row": 1, "method": "form"}
        await shop.evaluate()
        assert not (await shop.customer("bruno")).read(Consents).answers
        assert (await shop.customer("ana")).read(Consents).answers["marketing/email"].state is Answered.GRANTED

    told(story())


def test_a_rehearsal_writes_nothing() -> None:
    shop = Shop()
    rows = [Line(number, row) for number, row in enumerate(orders(8), 1)]
    said = shop.run().rehearse(calls_of([*rows, Line(17, {})], ORDERS, Once()))
    assert (said.tally.events, said.tally.refused, len(said.shown)) == (8, 1, 5)
    assert said.tally.reasons == {"order_without_number": 1}
    assert not list(shop.world.tables.all_events())
    assert not shop.world.tables.imports


MINUTES_AGO = 4
"""An import may tell of what happened just now: it is old news all the same."""


def test_importing_any_kind_of_file_says_nothing_to_anybody() -> None:
    """The law: every kind and every known layout, told as of this minute, to people who said yes to everything, with all plays live."""

    async def story() -> None:
        shop = Shop()
        now = shop.world.clock.now
        moment = to_text(now - MINUTES_AGO * 60_000)
        people = [{"id": who, "mail": f"{who}@example.com", "yes": "sí", "when": to_text(now - 90 * DAY)} for who in ("ana", "bruno")]
        await shop.bring(people, CUSTOMERS, "people")
        events = Mapping(
            kind=Kind.EVENTS,
            columns={"user_id": "who", "event": "what", "timestamp": "at", "product_id": "sku", "price": "eur"},
            fixed={"currency": "EUR"},
        )
        names = ("Product Viewed", "Product Added", "Checkout Started", "Order Completed", "Back In Stock Requested", "Price Dropped")
        rows = [{"who": who, "what": name, "at": moment, "sku": "lamp", "eur": "9"} for who in ("ana", "bruno") for name in names * 3]
        await shop.bring(rows, events, "events")
        await shop.bring([{**row, "who": "ana", "at": moment} for row in orders(4)], ORDERS, "orders")
        for preset in PRESETS:
            if preset.kind is Kind.PRODUCTS:
                continue
            mapping = msgspec.structs.replace(preset.mapping, preset="", names={})
            cells: dict[str, object] = dict.fromkeys(mapping.columns.values(), "ana")
            for field, column in mapping.columns.items():
                if field == "timestamp":
                    cells[column] = moment
                elif field in {"price", "quantity", "total", "line_total"}:
                    cells[column] = "3"
                elif field == "event":
                    cells[column] = "Product Added"
                elif field.startswith("consent."):
                    cells[column] = "no"
                elif field == "products":
                    cells[column] = [{"product_id": "lamp"}]
            done = await shop.bring([cells | {mapping.columns.get("order_id", "-"): f"{preset.key}-1"}], mapping, preset.key)
            assert (done.tally.events, done.tally.refused) == (1, 0), preset.key
        for _ in range(40):
            await shop.evaluate()
            shop.world.clock.advance(DAY)
        assert {event.source for event in shop.world.tables.all_events()} == {Source.IMPORT}
        assert shop.verdicts == []
        assert shop.world.tables.messages == {}
        # The same told live is heard: it was the import that kept silent, not the plays.
        now = shop.world.clock.now
        live = [
            Arrival(
                key=event.key, h=derive("live", event.h), source=Source.LIVE, call=event.call, name=event.name, at=now, received=now,
                body=event.body, day=day_of(now),
            )
            for event in shop.world.tables.all_events()
            if event.name == "Product Added"
        ]  # fmt: skip
        await shop.world.intake.store(live, [], LaneClass.LIVE)
        for _ in range(40):
            await shop.evaluate()
            shop.world.clock.advance(DAY // 24)
        assert shop.verdicts

    told(story())
