"""The real prices of a supermarket, replayed at speed: whom the engine tells of which fall equals a plain reference over the raw data.

Written into the real catalogue week by week, told by the fan-out to an engine as it ships, decided with the shipped price-drop play and
mail; only its filter (10 % instead of 5, and no thirty days, because a year goes by in minutes) and its expiry are other ones. There are no
limits to speak of and no hold-out. What is simulated `price_reference` says.

Prices that fall in one week for the same household are written one after the other: at one and the same moment only the best is told, and
the others would wait for an hour.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import msgspec
import psycopg
from ground import Ground
from price_reference import Replay, Told, may_be_remembered, may_be_written_to, replay
from pydantic import SecretStr

from oportuno import wiring
from oportuno.adapters.mjml import Mrml
from oportuno.adapters.postgres.intake import PostgresIntake
from oportuno.catalog.reading import read_row
from oportuno.consent.answers import ANY_CHANNEL, Answered
from oportuno.consent.change import answer
from oportuno.content.message import Message
from oportuno.events.event import Call, Source
from oportuno.flows.apply import apply
from oportuno.flows.catalogue import FeedImport, Wanted
from oportuno.flows.open_workspace import open_workspace
from oportuno.flows.ports import Arrival, LaneClass, Sighting
from oportuno.flows.ports_catalogue import Catalogue
from oportuno.kit.ids import CustomerKey, derive, key_of
from oportuno.kit.times import day_of
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose
from oportuno.settings import Settings

POLICY = """\
policy:
  quiet: none
  timezone: Europe/Madrid
  currency: USD
  limits: [{at_most: 1000, per: 1m}]
  sandbox: true
brand:
  name: Tienda Norte
  legal: Tienda Norte, calle del Muelle 3, 39004 Santander
  sender: hola@tiendanorte.example
  shop_url: https://tiendanorte.example
"""
JOURNEY = """\
journey: price-drop
version: 1
names: {es: Bajada de precio, en: Price drop}
trigger: [Product Price Dropped]
filter: {field: event.drop_percent, at_least: 10}
steps:
  - {id: tell, send: price-drop, channel: email, purpose: marketing, topic: price_drops, because: price_dropped, expires: 60s, worth: 2}
reentry: always
on_publish: finish_old
"""
_MAIL = files("oportuno").joinpath("plays", "messages", "price-drop.yaml")
_BUSY = """
SELECT EXISTS (SELECT FROM events e LEFT JOIN offsets o USING (bucket, workspace, lane) WHERE e.seq > coalesce(o.seq, 0))
    OR EXISTS (SELECT FROM fanout_cursors) OR EXISTS (
        SELECT FROM catalogues c CROSS JOIN generate_series(0, 63) b
        LEFT JOIN fanout_heads h ON h.workspace = c.workspace AND h.bucket = b WHERE coalesce(h.n, 0) < c.fanout)
"""
_FORGET = "DELETE FROM watch WHERE customer %% 7 = 0"
_PATIENCE = 300.0


@dataclass
class Sizes:
    """How much of the data is replayed."""

    products: int
    weeks: int
    every: int = 1
    """Every so many-th household."""
    seed: int = 0
    """There is no chance in it; runs are told apart by this."""
    forgetful: bool = False
    """Plant the fault that the judge must find: halfway through, rows of what is watched vanish."""


@dataclass
class Findings:
    """What was found; the proof holds when `faults` is empty."""

    products: int = 0
    households: int = 0
    prices_written: int = 0
    falls: int = 0
    """Of at least 10 % from one week to the next."""
    falls_of_more: int = 0
    """Of more than 10 %."""
    looks: int = 0
    """Simulated."""
    orders: int = 0
    expected: int = 0
    """(household, product, fall) of the reference."""
    told: int = 0
    """The same, of the engine."""
    falls_told: int = 0
    """Falls of which at least one household was told."""
    households_told: int = 0
    silences: int = 0
    """Of those who said no, and of others: proposals that were not spoken."""
    faults: list[str] = field(default_factory=list)


@dataclass
class Report:
    """One run."""

    sizes: Sizes
    seconds: float = 0.0
    found: Findings = field(default_factory=Findings)


class Prices:
    """One run."""

    def __init__(self, sizes: Sizes, *, server: str = "") -> None:
        self.sizes = sizes
        self.report = Report(sizes)
        self.ground = Ground(server)
        self.keys: dict[int, CustomerKey] = {}
        """household → customer."""
        self.began: list[int] = []
        """When each week began, by the database's clock."""
        self._sent = 0

    def run(self) -> Report:
        """Replay and compare."""
        began = time.monotonic()
        raw = replay(products=self.sizes.products, weeks=self.sizes.weeks, every=self.sizes.every)
        found = self.report.found
        found.products, found.households = self.sizes.products, len(raw.households)
        found.falls, found.falls_of_more, found.expected = raw.falls, raw.falls_of_more, len(raw.told)
        with self.ground as ground:
            asyncio.run(self._replay(raw, Settings(database_url=SecretStr(ground.url), data_dir=ground.folder)))
            self._judge(raw)
        self.report.seconds = round(time.monotonic() - began, 1)
        return self.report

    async def _replay(self, raw: Replay, settings: Settings) -> None:
        async with wiring.importing(settings) as parts:
            workspaces, catalogue = parts.workspaces, parts.catalogue
            opened = await open_workspace(
                "Tienda Norte", timezone="Europe/Madrid", locale="es-ES", sandbox=True, workspaces=workspaces, chance=secrets.token_bytes
            )
            workspace = opened.workspace.workspace
            texts = {"policy.yaml": POLICY, "journeys/price-drop.yaml": JOURNEY}
            texts["messages/price-drop.yaml"] = _MAIL.read_text(encoding="utf-8")
            await apply(texts, workspace=workspace, workspaces=workspaces, compiler=Mrml())
            intake = await PostgresIntake.open(self.ground.url)
            try:
                await self._people(raw, intake, workspace)
                self.ground.oportuno("engine")
                for week in sorted(raw.prices):
                    await self._week(week, raw, intake, catalogue, workspace)
            finally:
                await intake.close()

    async def _people(self, raw: Replay, intake: PostgresIntake, workspace: int) -> None:
        names = [Sighting(workspace, f"h{household}", "") for household in raw.households]
        for household, customer in zip(raw.households, await intake.resolve(names), strict=True):
            self.keys[household] = key_of(workspace, customer)
        with psycopg.connect(self.ground.url) as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO customers (bucket, workspace, customer, version, state) VALUES (%s, %s, %s, 1, %s)",
                [(*key, _answered(key, household).encode()) for household, key in self.keys.items()],
            )
        traits = [(household, {"type": "identify", "traits": {"email": f"h{household}@example.com"}}) for household in raw.households]
        await self._send(intake, traits)

    async def _week(self, week: int, raw: Replay, intake: PostgresIntake, catalogue: Catalogue, workspace: int) -> None:
        self.began.append(int(self.ground.execute("SELECT clock_millis()")[0][0]))
        for wave in self._waves(raw, week):
            rows = [read_row(_row(product, raw.prices[week][product]), currency="USD") for product in wave]
            done = await FeedImport(workspace, catalogue, Wanted(), refuse=self._refused).run(rows)
            self.report.found.prices_written += done.written
            await self._rest()
        calls = [(household, _viewed(product)) for household, product in raw.looks[week] for _ in range(2)]
        self.report.found.looks += len(calls)
        self.report.found.orders += len(raw.orders[week])
        calls += [(household, _ordered(household, product, week)) for household, product in raw.orders[week]]
        await self._send(intake, calls)
        await self._rest()
        if self.sizes.forgetful and week == self.sizes.weeks // 2:
            self.ground.execute(_FORGET)

    def _waves(self, raw: Replay, week: int) -> list[list[int]]:
        """Share the week's prices out so that within one wave no household looks at two products whose prices fall."""
        watchers: dict[int, set[int]] = {}
        for earlier in range(1, week):
            for household, product in raw.looks[earlier]:
                watchers.setdefault(product, set()).add(household)
        falling = {product for _, product, when, _, _ in raw.told if when == week}
        waves: list[tuple[list[int], set[int]]] = [([], set())]
        for product in raw.prices[week]:
            if product not in falling:
                waves[0][0].append(product)
                continue
            mine = watchers[product]
            place = next((each for each in waves if mine.isdisjoint(each[1])), None)
            if place is None:
                place = ([], set())
                waves.append(place)
            place[0].append(product)
            place[1].update(mine)
        return [products for products, _ in waves if products]

    def _refused(self, fault: Any) -> None:
        self.report.found.faults.append(f"a row was refused: {fault.code} {fault.field}")

    async def _send(self, intake: PostgresIntake, calls: list[tuple[int, dict[str, Any]]]) -> None:
        now = time.time_ns() // 1_000_000
        arrivals = []
        for household, call in calls:
            self._sent += 1
            track = call["type"] == "track"
            arrivals.append(
                Arrival(
                    key=self.keys[household],
                    h=derive("prices", self._sent),
                    source=Source.LIVE,
                    call=Call.TRACK if track else Call.IDENTIFY,
                    name=call.get("event", ""),
                    at=now,
                    received=now,
                    body=msgspec.json.encode(call | {"userId": f"h{household}", "messageId": str(self._sent)}),
                    day=day_of(now),
                )
            )
        for start in range(0, len(arrivals), 500):
            await intake.store(arrivals[start : start + 500], [], LaneClass.LIVE)

    async def _rest(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while self.ground.execute(_BUSY)[0][0]:
            if time.monotonic() > deadline:
                raise TimeoutError("the engine did not come to rest: " + self.ground.log()[-600:])
            await asyncio.sleep(0.02)

    def _judge(self, raw: Replay) -> None:
        found = self.report.found
        households = {key.customer: household for household, key in self.keys.items()}
        told: Counter[Told] = Counter()
        for customer, body in self.ground.execute("SELECT customer, body FROM outbox"):
            said = msgspec.msgpack.decode(body, type=Message).said
            facts = said.because.facts
            week = bisect_right(self.began, facts["at"])
            told[households[customer], int(said.items[0]), week, facts["old_price"], facts["price"]] += 1
        found.told = len(told)
        found.falls_told = len({(product, week) for _, product, week, _, _ in told})
        found.households_told = len({household for household, *_ in told})
        found.silences = int(self.ground.execute("SELECT count(*) FROM verdicts WHERE decided <> 'speak'")[0][0])
        missed, wrong = raw.told - told.keys(), told.keys() - raw.told
        twice = sum(count > 1 for count in told.values())
        if missed:
            found.faults.append(f"{len(missed)} of {len(raw.told)} were never told: {sorted(missed)[:3]}")
        if wrong:
            found.faults.append(f"{len(wrong)} were told what the reference does not have: {sorted(wrong)[:3]}")
        if twice:
            found.faults.append(f"{twice} were told twice")
        aside = self.ground.execute("SELECT count(*) FROM quarantine")[0][0]
        if aside:
            found.faults.append(f"{aside} events were set aside")
        died = [process.returncode for process in self.ground.processes if process.poll() is not None]
        if died:
            found.faults.append(f"engines died by themselves: {died}: {self.ground.log()[-300:]}")


def _answered(key: CustomerKey, household: int) -> Draft:
    draft = Draft(key)
    said = {True: Answered.GRANTED, False: Answered.DENIED}
    known = {"at": 1, "source": "proof", "notice": "v1"}
    answer(draft, purpose=Purpose.MARKETING, channel="email", state=said[may_be_written_to(household)], **known)
    answer(draft, purpose=Purpose.PERSONALISATION, channel=ANY_CHANNEL, state=said[may_be_remembered(household)], **known)
    return draft


def _row(product: int, cents: int | None) -> dict[str, Any]:
    return {"id": str(product), "name": f"Producto {product}", "price": None if cents is None else f"{cents / 100:.2f}", "currency": "USD"}


def _viewed(product: int) -> dict[str, Any]:
    return {"type": "track", "event": "Product Viewed", "properties": {"product_id": str(product)}}


def _ordered(household: int, product: int, week: int) -> dict[str, Any]:
    order = {"order_id": f"{household}-{product}-{week}", "products": [{"product_id": str(product), "quantity": 1}], "currency": "USD"}
    return {"type": "track", "event": "Order Completed", "properties": order}
