"""What a contract needs of an adapter, and the few words in which contracts are told."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
import pytest

from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.postgres.catalogue_around import PostgresCatalogue, PostgresShelves
from oportuno.adapters.postgres.clicks import PostgresClicks
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.erasures import PostgresErasures
from oportuno.adapters.postgres.feed import PostgresFeed
from oportuno.adapters.postgres.hearings import PostgresHearings
from oportuno.adapters.postgres.holdings import PostgresHoldings
from oportuno.adapters.postgres.imports import PostgresImports
from oportuno.adapters.postgres.intake import PostgresIntake
from oportuno.adapters.postgres.mailbox import PostgresMailbox
from oportuno.adapters.postgres.merges import PostgresCrossings
from oportuno.adapters.postgres.outbox import PostgresOutbox
from oportuno.adapters.postgres.reads import PostgresReads
from oportuno.adapters.postgres.store import PostgresStore
from oportuno.adapters.postgres.suppressions import PostgresSuppressions
from oportuno.adapters.postgres.tallies import PostgresTallies
from oportuno.content.message import Message
from oportuno.content.said import Because, Said
from oportuno.events.event import Call, Source
from oportuno.flows.click import Clicks
from oportuno.flows.forget import Erasures
from oportuno.flows.hear_back import Hearings
from oportuno.flows.ports import Arrival, Feed, Intake, Mailbox, Outbox, Sighting
from oportuno.flows.ports_catalogue import Catalogue
from oportuno.flows.ports_imports import Imports
from oportuno.flows.reads import Reads
from oportuno.flows.suppressions import Suppressions
from oportuno.flows.take_out import Holdings
from oportuno.flows.tallies import Tallies
from oportuno.flows.work import SaveCustomer, Store, Writes
from oportuno.kit.ids import BUCKETS, CustomerKey, dated, derive, key_of
from oportuno.kit.times import HOUR, Millis, day_of
from oportuno.profile.purposes import Purpose

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

# A workspace of its own for every story, so that many stories share one database.
_workspaces = itertools.count(1_001)
_PATIENCE = 2_000


class Outside(Protocol):
    """One adapter of every port under contract."""

    store: Store
    outbox: Outbox
    reads: Reads
    mailbox: Mailbox
    catalogue: Catalogue
    erasures: Erasures
    hearings: Hearings
    suppressions: Suppressions
    tallies: Tallies
    imports: Imports
    holdings: Holdings
    clicks: Clicks

    def ingester(self) -> Intake:
        """Give one more ingester with lanes of its own."""
        ...

    async def feed(self) -> Feed:
        """Give a worker that owns every bucket."""
        ...

    async def start_deliverer(self) -> int:
        """Give the number of a living deliverer."""
        ...

    async def kill_deliverer(self, number: int) -> None:
        """Let it die as a process dies."""
        ...


class InMemory:
    """The twin under contract."""

    def __init__(self) -> None:
        self.world = MemoryWorld()
        self.store = self.world.store
        self.outbox = self.world.outbox
        self.reads = self.world.reads
        self.crossings = self.world.crossings
        self.mailbox = self.world.mailbox
        self.erasures = self.world.erasures
        self.hearings = self.world.hearings
        self.suppressions = self.world.suppressions
        self.tallies = self.world.tallies
        self.catalogue = self.world.catalogue
        self.shelves = self.world.catalogue
        self.imports = self.world.imports
        self.holdings = self.world.holdings
        self.clicks = self.world.clicks

    def ingester(self) -> Intake:
        return self.world.ingester()

    async def feed(self) -> Feed:
        return self.world.feed()

    async def start_deliverer(self) -> int:
        return self.world.start_deliverer()

    async def kill_deliverer(self, number: int) -> None:
        self.world.stop_deliverer(number)


@asynccontextmanager
async def open_memory() -> AsyncIterator[Outside]:
    """Open a twin of one's own."""
    yield InMemory()


class LazyIntake:
    """An ingester that connects when it is first asked for something."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._intake: PostgresIntake | None = None

    async def resolve(self, sightings, *asked):
        return await (await self._open()).resolve(sightings, *asked)

    async def alias(self, alias, asked):
        return await (await self._open()).alias(alias, asked)

    async def store(self, arrivals, rejects, lane):
        return await (await self._open()).store(arrivals, rejects, lane)

    async def backlog(self, workspace):
        return await (await self._open()).backlog(workspace)

    async def fullness(self):
        return await (await self._open()).fullness()

    async def close(self) -> None:
        if self._intake is not None:
            await self._intake.close()

    async def _open(self) -> PostgresIntake:
        if self._intake is None:
            self._intake = await PostgresIntake.open(self._url)
        return self._intake


class InPostgres:
    """PostgreSQL under contract."""

    def __init__(self, url: str, store: PostgresStore, outbox: PostgresOutbox, looking: Connections, changing: Connections) -> None:
        self.url = url
        self.store = store
        self.outbox = outbox
        self.reads = PostgresReads(looking, changing)
        self.crossings = PostgresCrossings(changing, store.secret)
        self.mailbox = PostgresMailbox(changing)
        self.erasures = PostgresErasures(changing)
        self.hearings = PostgresHearings(looking, changing, store.secret)
        self.suppressions = PostgresSuppressions(looking, changing, store.secret)
        self.tallies = PostgresTallies(changing)
        self.catalogue = PostgresCatalogue(changing)
        self.shelves = PostgresShelves(looking)
        self.imports = PostgresImports(url, changing)
        self.holdings = PostgresHoldings(looking)
        self.clicks = PostgresClicks(looking, changing)
        self.to_close = [store, outbox, self.imports, looking, changing]
        self.deliverers: dict[int, PostgresOutbox] = {}

    def ingester(self) -> Intake:
        intake = LazyIntake(self.url)
        self.to_close.append(intake)
        return intake

    async def feed(self) -> Feed:
        feed = await PostgresFeed.open(self.url, buckets=range(BUCKETS))
        self.to_close.append(feed)
        return feed

    async def start_deliverer(self) -> int:
        outbox = await PostgresOutbox.open(self.url)
        self.deliverers[outbox.deliverer] = outbox
        return outbox.deliverer

    async def kill_deliverer(self, number: int) -> None:
        await self.deliverers.pop(number).close()


@asynccontextmanager
async def open_postgres(url: str) -> AsyncIterator[Outside]:
    """Connect to a database that many stories share."""
    store, outbox = await PostgresStore.open(url, name="contract", size=14), await PostgresOutbox.open(url)
    outside = InPostgres(url, store, outbox, Connections(url, name="reads"), Connections(url, name="changes", plans=CHANGING))
    try:
        yield outside
    finally:
        for each in [*outside.to_close, *outside.deliverers.values()]:
            await each.close()


def told_on_each(memory: Callable[..., Any], postgres: Callable[[str], Any], *, url: str = "postgres_url") -> Any:
    """Make the fixture of a contract: a teller that opens an adapter and tells it the story, to its end.

    `memory` and `postgres` (which is given the database's address, from the fixture `url`) open what a story is told with.
    """

    @pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
    def tell(request: pytest.FixtureRequest) -> Callable[[Callable[..., Awaitable[None]]], None]:
        address = request.getfixturevalue(url) if request.param == "postgres" else ""

        def teller(story: Callable[..., Awaitable[None]]) -> None:
            async def whole() -> None:
                async with postgres(address) if address else memory() as outside:
                    await story(*outside)

            asyncio.run(asyncio.wait_for(whole(), 300))

        return teller

    return tell


def open_workspaces(url: str) -> None:
    """Make the workspaces that stories take one by one."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO workspaces (workspace, public_id, name, timezone, locale) OVERRIDING SYSTEM VALUE"
            " SELECT w, 'ws_' || w, 'Tienda Norte', 'Europe/Madrid', 'es-ES' FROM generate_series(1001, 3000) w"
        )


class Shop:
    """Tienda Norte in a workspace of its own, seen through one adapter."""

    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        self.store = outside.store
        self.outbox = outside.outbox
        self.workspace = next(_workspaces)
        self.intake = outside.ingester()

    def key(self, number: int) -> CustomerKey:
        """Give the key of an invented customer."""
        return key_of(self.workspace, 7_000_000_000 + number)

    async def customer(self, user: str = "", anonymous: str = "") -> CustomerKey:
        [customer] = await self.intake.resolve([Sighting(self.workspace, user, anonymous)])
        return key_of(self.workspace, customer)

    async def now(self) -> Millis:
        async with self.store.work() as work:
            now, _ = await work.lock([])
        return now

    async def read(self, key: CustomerKey):
        """Give the row as it stands."""
        async with self.store.work() as work:
            _, rows = await work.lock([key])
        return rows[key]

    async def write(self, **changes) -> None:
        """Commit without looking."""
        async with self.store.work() as work:
            await work.commit(Writes(**changes))

    async def save(self, key: CustomerKey, base_version: int, state: bytes = b"state", due_at: Millis | None = None) -> None:
        await self.write(saves=[SaveCustomer(key, base_version, state, due_at, due_at is not None)])

    async def waiting(self, channel: str = "email"):
        """Give the ids of this shop's messages that may be claimed now, in order."""
        due = await self.outbox.due(channel, 10_000)
        return [each.message.id for each in due.waiting if each.message.key.workspace == self.workspace]

    async def unread(self, feed: Feed, at_least: int = 0):
        """Give this shop's events and offsets that wait, once as many as expected are there; none of it is committed."""
        for _ in range(_PATIENCE):
            fetched = await feed.fetch(100_000)
            feed.again(fetched)
            events = [event for event in fetched.events if event.key.workspace == self.workspace]
            if len(events) >= at_least:
                break
            await feed.wait(0.1)
        return events, [move for move in fetched.offsets if move.workspace == self.workspace]


def arrival(
    key: CustomerKey, word: str, *, now: Millis, source: Source = Source.LIVE, day: int | None = None, also: int | None = None
) -> Arrival:
    """Make an event whose identity is its word."""
    return Arrival(
        key=key,
        h=derive(word),
        source=source,
        call=Call.TRACK,
        name=word,
        at=now - 5,
        received=now,
        body=b'{"type":"track","event":"x"}',
        day=day_of(now) if day is None else day,
        also_day=also,
    )


def message(
    key: CustomerKey,
    word: str,
    *,
    now: Millis,
    items: tuple[str, ...] = (),
    channel: str = "email",
    marketing: bool = True,
    lasts: Millis = 6 * HOUR,
) -> Message:
    """Make a message whose identity is its word and its customer."""
    said = Said(
        id=dated(day_of(now), derive(*key, word)),
        journey="abandoned-cart",
        version=1,
        step="tell",
        template="abandoned-cart",
        channel=channel,
        purpose=Purpose.MARKETING if marketing else Purpose.SERVICE,
        items=items,
        because=Because(kind="cart_left"),
        expires_at=now + lasts,
    )
    return Message(id=said.id, key=key, said=said, marketing=marketing, permitted_at=now, expires_at=now + lasts)
