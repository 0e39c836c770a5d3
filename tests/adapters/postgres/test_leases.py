"""Engines share the buckets, tell of themselves, and hand on by which time they decided."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
import pytest

from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.postgres.feed import PostgresFeed
from oportuno.adapters.postgres.reads import PostgresReads
from oportuno.flows.reads import Vitals
from oportuno.kit.ids import BUCKETS
from oportuno.kit.times import HOUR, MINUTE, SECOND, Millis

pytestmark = pytest.mark.postgres

# The database's clock is put forward by what stands in a table.
_CLOCK = """
CREATE TABLE IF NOT EXISTS shift (by bigint);
DELETE FROM shift; INSERT INTO shift VALUES (0);
CREATE OR REPLACE FUNCTION clock_millis() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint + by FROM shift $$;
DELETE FROM workers; UPDATE leases SET until_at = 0, last_now = 0;
"""


class Town:
    """A database whose clock can be put, and engines whose monotonic clocks can."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.feeds: list[PostgresFeed] = []
        self.passed = 0.0

    async def engine(self) -> PostgresFeed:
        feed = await PostgresFeed.open(self.url, monotonic=lambda: self.passed)
        self.feeds.append(feed)
        return feed

    def wait(self, length: Millis) -> None:
        """Let both clocks run on."""
        self.passed += length / SECOND
        self.leap(length)

    def leap(self, length: Millis) -> None:
        """Put the database's clock."""
        self.do("UPDATE shift SET by = by + %s", length)

    def do(self, statement: str, *values: object) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement, values)

    async def vitals(self) -> Vitals:
        looking = Connections(self.url, name="test")
        try:
            return await PostgresReads(looking, looking).vitals()
        finally:
            await looking.close()


def tell(url: str, story: Callable[[Town], Awaitable[None]]) -> None:
    async def whole() -> None:
        town = Town(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_CLOCK)
        try:
            await story(town)
        finally:
            for feed in town.feeds:
                await feed.close()

    asyncio.run(asyncio.wait_for(whole(), 300))


async def settle(town: Town, *engines: PostgresFeed) -> None:
    """Let engines renew some times."""
    for _ in range(6):
        town.wait(2 * SECOND)
        for engine in engines:
            await engine.fetch(1)


def test_two_engines_share_the_buckets_and_the_one_that_stays_takes_them_all(postgres_url: str) -> None:
    async def story(town: Town) -> None:
        one = await town.engine()
        await one.fetch(1)
        assert len(one.owned) == BUCKETS
        two = await town.engine()
        await settle(town, one, two)
        assert (len(one.owned), len(two.owned), one.owned | two.owned) == (BUCKETS // 2, BUCKETS // 2, frozenset(range(BUCKETS)))
        assert (await town.vitals()).engines == 2
        await two.close()
        town.feeds.remove(two)
        await settle(town, one)
        assert len(one.owned) == BUCKETS
        assert (await town.vitals()).buckets_unowned == 0

    tell(postgres_url, story)


def test_a_bucket_that_one_engine_gave_up_is_taken_by_the_other_beyond_its_share(postgres_url: str) -> None:
    async def story(town: Town) -> None:
        old, new = await town.engine(), await town.engine()
        await settle(town, old, new)
        given = sorted(old.owned)[:20]
        for bucket in given:
            old.give_up(bucket, "consents")
        assert not set(given) & old.owned
        await settle(town, old, new)
        assert set(given) <= new.owned
        assert (len(old.owned), len(new.owned)) == (22, 42)
        vitals = await town.vitals()
        assert (vitals.buckets_unowned, vitals.given_up) == (0, dict.fromkeys(given, "consents"))
        town.wait(6 * MINUTE)
        await settle(town, old, new)
        assert (len(old.owned), len(new.owned), (await town.vitals()).given_up) == (32, 32, {})

    tell(postgres_url, story)


def test_a_bucket_that_everybody_gave_up_is_nobodys_and_is_told(postgres_url: str) -> None:
    async def story(town: Town) -> None:
        engine = await town.engine()
        await engine.fetch(1)
        engine.give_up(17, "core")
        await settle(town, engine)
        vitals = await town.vitals()
        assert (17 in engine.owned, len(engine.owned), vitals.buckets_unowned, vitals.given_up) == (False, BUCKETS - 1, 1, {17: "core"})

    tell(postgres_url, story)


@pytest.mark.parametrize("how", ["released", "expired"])
def test_who_takes_buckets_over_decides_no_earlier_than_who_had_them(postgres_url: str, how: str) -> None:
    async def story(town: Town) -> None:
        one = await town.engine()
        last = (await one.fetch(1)).now + 7
        one.decided(last)
        await settle(town, one)
        last = (await one.fetch(1)).now + 9
        one.decided(last)
        town.wait(2 * SECOND)
        last = max(last, (await one.fetch(1)).now)
        if how == "released":
            await one.close()
            town.feeds.remove(one)
        else:
            town.do("UPDATE leases SET until_at = 0")
            town.do("DELETE FROM workers")
        town.leap(-HOUR)
        two = await town.engine()
        fetched = await two.fetch(1)
        assert len(two.owned) == BUCKETS
        assert (fetched.now >= last - 2 * SECOND, fetched.clock_trusted) == (True, False)
        town.leap(2 * HOUR)
        town.wait(6 * MINUTE)
        assert (await two.fetch(1)).now > last

    tell(postgres_url, story)


def test_after_a_leap_of_the_clock_it_is_doubted_for_five_minutes_and_everybody_is_told(postgres_url: str) -> None:
    async def story(town: Town) -> None:
        engine = await town.engine()
        assert (await engine.fetch(1)).clock_trusted
        town.leap(HOUR)
        doubts = []
        for _ in range(7):
            doubts.append((await engine.fetch(1)).clock_trusted)
            if len(doubts) == 2:
                assert (await town.vitals()).clock_doubted
            town.wait(MINUTE)
        assert doubts == [False] * 5 + [True] * 2
        await engine.fetch(1)
        assert not (await town.vitals()).clock_doubted

    tell(postgres_url, story)


def test_a_workspace_that_is_left_alone_is_named(postgres_url: str) -> None:
    async def story(town: Town) -> None:
        town.do("INSERT INTO workspaces (public_id, name, timezone, locale) VALUES ('ws_norte', 'Tienda Norte', 'UTC', 'es')")
        with psycopg.connect(town.url) as connection:
            row = connection.execute("SELECT workspace FROM workspaces WHERE public_id = 'ws_norte'").fetchone()
        engine = await town.engine()
        await engine.fetch(1)
        engine.leave(row[0] if row else 0)
        town.wait(2 * SECOND)
        await engine.fetch(1)
        assert (await town.vitals()).left == ["ws_norte"]
        await settle(town, engine)
        assert (await town.vitals()).left == []

    tell(postgres_url, story)
