"""The hourly round: partitions are there before their day, and nothing is let go that somebody may still need."""

from __future__ import annotations

import asyncio
import time

import psycopg
import pytest

from oportuno.adapters.postgres.database import connect
from oportuno.adapters.postgres.housekeeping import HOUSE_LOCK, KEEPING, Kept, keep_house
from oportuno.adapters.postgres.intake import LANE_LOCK, PostgresIntake
from oportuno.events.event import Call, Source
from oportuno.flows.ports import Arrival, LaneClass, Sighting
from oportuno.flows.work import LockHeld
from oportuno.kit.ids import key_of
from oportuno.kit.times import day_of


def keep(url: str) -> Kept:
    async def once() -> Kept:
        connection = await connect(url, name="test")
        try:
            return await keep_house(connection, dedupe_days=30)
        finally:
            await connection.close()

    return asyncio.run(once())


def test_a_day_that_is_missing_gets_its_partitions_and_a_second_round_makes_nothing(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        newest = connection.execute("SELECT max(relname) FROM pg_class WHERE relname ~ '^events_[0-9]{8}$'").fetchone()
        assert newest is not None
        connection.execute(f"DROP TABLE {newest[0]}")
    assert keep(postgres_url).partitions_made == 1
    assert keep(postgres_url).partitions_made == 0


def test_ids_of_events_are_remembered_a_month_and_then_let_go(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE seen_20200101 PARTITION OF seen FOR VALUES FROM (18262) TO (18263)")
    assert keep(postgres_url).seen_days_dropped == 1
    with psycopg.connect(postgres_url) as connection:
        days = connection.execute("SELECT count(*) FROM pg_class WHERE relname ~ '^seen_[0-9]{8}$' AND relkind = 'r'").fetchone()
    assert days is not None
    assert days[0] >= 62


def test_a_lane_is_retired_only_when_its_writer_is_gone_and_everything_in_it_was_read(postgres_url: str) -> None:
    async def write() -> tuple[int, int]:
        intake = await PostgresIntake.open(postgres_url)
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("INSERT INTO workspaces (public_id, name, timezone, locale) VALUES ('ws_lane', 'Tienda Norte', 'UTC', 'es')")
            row = connection.execute("SELECT workspace FROM workspaces WHERE public_id = 'ws_lane'").fetchone()
        workspace = row[0] if row else 0
        now = time.time_ns() // 1_000_000
        customer = (await intake.resolve([Sighting(workspace, "ana", "")]))[0]
        event = Arrival(
            key=key_of(workspace, customer), h=b"h" * 16, source=Source.LIVE, call=Call.TRACK, name="Product Viewed", at=now, received=now,
            body=b"{}", day=day_of(now),
        )  # fmt: skip
        await intake.store([event], [], LaneClass.LIVE)
        living = keep_in_thread()
        await intake.close()
        return workspace, (await asyncio.to_thread(living)).lanes_retired

    def keep_in_thread():
        return lambda: keep(postgres_url)

    _, while_unread = asyncio.run(write())
    assert while_unread == 0
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("INSERT INTO offsets SELECT bucket, workspace, lane, seq FROM events")
    assert keep(postgres_url).lanes_retired == 1


def test_a_change_is_let_go_when_every_bucket_is_past_it_and_nobody_is_still_being_told(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("INSERT INTO fanouts SELECT 9001, n, 5, 'x', 'Product Price Dropped', '{}', 0, 0 FROM generate_series(1, 4) n")
        connection.execute("INSERT INTO fanout_heads SELECT b, 9001, 3 FROM generate_series(0, 62) b")
        assert keep(postgres_url).fanouts_dropped == 0
        connection.execute("INSERT INTO fanout_heads VALUES (63, 9001, 3)")
        connection.execute("INSERT INTO fanout_cursors VALUES (7, 9001, 2, 3, 11)")
        assert keep(postgres_url).fanouts_dropped == 2
        connection.execute("DELETE FROM fanout_cursors WHERE workspace = 9001")
        assert keep(postgres_url).fanouts_dropped == 1
        assert connection.execute("SELECT array_agg(n) FROM fanouts WHERE workspace = 9001").fetchone() == ([4],)


def test_offsets_of_a_lane_that_is_gone_are_let_go_a_day_after_it(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("TRUNCATE offsets, retired_lanes")
        connection.execute("INSERT INTO lanes (lane, class, born_at) VALUES (7001, 0, clock_millis())")
        connection.execute("SELECT pg_advisory_lock(%s, 7001)", (LANE_LOCK,))
        connection.execute("INSERT INTO offsets (bucket, workspace, lane, seq) VALUES (1, 1, 7001, 5), (1, 1, 7002, 5), (2, 1, 7002, 5)")
        assert keep(postgres_url).offsets_dropped == 0
        assert connection.execute("SELECT lane FROM retired_lanes").fetchall() == [(7002,)]
        assert keep(postgres_url).offsets_dropped == 0
        connection.execute("UPDATE retired_lanes SET retired_at = retired_at - 90000000")
        assert keep(postgres_url).offsets_dropped == 2
        assert connection.execute("SELECT lane FROM offsets").fetchall() == [(7001,)]


def test_a_customer_who_raised_long_ago_and_went_on_is_named_no_more(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("INSERT INTO customers (bucket, workspace, customer, version, state) VALUES (1, 1, 1, 5, ''), (1, 1, 2, 5, '')")
        connection.execute(
            "INSERT INTO poisoned (bucket, workspace, customer, fault, since, last_at, version)"
            " VALUES (1, 1, 1, 'ValueError', 0, 0, 4), (1, 1, 2, 'ValueError', 0, 0, 5)"
        )
        assert keep(postgres_url).poison_dropped == 1
        assert connection.execute("SELECT customer FROM poisoned").fetchall() == [(2,)]


def test_two_keepers_at_once_make_a_missing_day_together(postgres_url: str) -> None:
    async def both() -> list[Kept]:
        connections = [await connect(postgres_url, name="test") for _ in range(4)]
        try:
            return await asyncio.gather(*(keep_house(connection, dedupe_days=30) for connection in connections))
        finally:
            for connection in connections:
                await connection.close()

    for _ in range(5):
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            newest = connection.execute("SELECT max(relname) FROM pg_class WHERE relname ~ '^events_[0-9]{8}$'").fetchone()
            assert newest is not None
            connection.execute(f"DROP TABLE {newest[0]}")
        assert sum(kept.partitions_made for kept in asyncio.run(asyncio.wait_for(both(), 300))) == 1


def test_a_keeper_that_finds_another_at_it_leaves_the_house_to_them(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s, 0)", (HOUSE_LOCK,))
        assert keep(postgres_url) == Kept()


def test_a_keeper_waits_for_nobody_who_stands_in_a_table(postgres_url: str) -> None:
    async def story() -> None:
        connection = await connect(postgres_url, name="test", plans=KEEPING | {"lock_timeout": "100"})
        try:
            await keep_house(connection, dedupe_days=30)
        finally:
            await connection.close()

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        newest = connection.execute("SELECT max(relname) FROM pg_class WHERE relname ~ '^outbox_[0-9]{8}$'").fetchone()
        assert newest is not None
        connection.execute(f"DROP TABLE {newest[0]}")
    with psycopg.connect(postgres_url) as stopped:
        stopped.execute("SELECT count(*) FROM outbox")
        with pytest.raises(LockHeld):
            asyncio.run(asyncio.wait_for(story(), 300))
    assert keep(postgres_url).partitions_made == 1
