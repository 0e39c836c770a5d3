"""What the reader lets through, PostgreSQL stores; what it refuses is stored too, as a reject."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import Any

import psycopg
import pytest

from oportuno.adapters.memory.world import MemoryWorld
from oportuno.adapters.postgres.intake import PostgresIntake
from oportuno.flows.limits import Doorkeeper
from oportuno.flows.ports import KeyFacts
from oportuno.flows.take_in import TakeIn, Taken, take_in
from oportuno.kit.faults import Unavailable
from oportuno.kit.times import DAY, to_text

pytestmark = pytest.mark.postgres

STRANGE_BUT_GOOD: list[dict[str, Any]] = [
    {"event": "🥾" * 200, "userId": "ñ" * 200, "anonymousId": "\U0010ffff" * 200},
    {"event": "\ufeff\u202e\u0001\x7f", "userId": "'; DROP TABLE events; --"},
    {"event": "Order Completed", "userId": 2**63, "properties": {"total": 2**64 - 1, "tax": -(2**63), "rate": 1e308}},
    {"event": "Cart Viewed", "userId": "ana", "timestamp": "1900-01-01T00:00:00Z"},
    {"event": "Cart Viewed", "userId": "ana", "timestamp": "2099-12-31T23:59:59.999999+14:00"},
    {"event": "Cart Viewed", "userId": "ana", "timestamp": "2026-01-01"},
    {"event": "Cart Viewed", "userId": "ana", "messageId": "m" * 10_000},
    {"event": "Cart Viewed", "userId": "ana", "properties": {"drawing": [[[[[[[[]]]]]]]]}},
    {"event": " ", "type": "page", "anonymousId": "dora"},
]
BAD: list[bytes] = [
    b"",
    b"\xff\xfe\x00",
    b'{"type":"track","event":"a\\u0000b","userId":"ana"}',
    b'{"type":"track","event":"\\ud800","userId":"ana"}',
    b'{"type":"track","event":"x","userId":"ana","timestamp":"9999-01-01T00:00:00Z"}',
]


async def send(url: str, batches: list[bytes], now: int) -> list[Taken]:
    world = MemoryWorld()
    world.keys.put("write", KeyFacts(workspace=1, key_id="k1", secret=False))
    intake = await PostgresIntake.open(url)
    chance = itertools.count(1)
    try:
        return [
            await take_in(
                TakeIn(body=batch, key="write"),
                intake=intake,
                keys=world.keys,
                doorkeeper=Doorkeeper(),
                digest_key=b"k" * 32,
                ids=lambda: next(chance).to_bytes(16, "big"),
                now=now,
            )
            for batch in batches
        ]
    finally:
        await intake.close()


def test_everything_in_a_strange_batch_is_stored_and_a_retry_the_next_day_adds_nothing(postgres_url: str) -> None:
    now = time.time_ns() // 1_000_000
    good = [{"type": "track", "messageId": f"m-{number}", "timestamp": to_text(now)} | item for number, item in enumerate(STRANGE_BUT_GOOD)]
    batch = b'{"batch":[' + b",".join([json.dumps(item).encode() for item in good] + BAD) + b"]}"

    first = asyncio.run(asyncio.wait_for(send(postgres_url, [batch], now), 60))
    again = asyncio.run(asyncio.wait_for(send(postgres_url, [batch], now + DAY), 60))

    assert [(taken.items, taken.stored, len(taken.rejects)) for taken in first] == [(len(good) + len(BAD), len(good), len(BAD))]
    assert [taken.stored for taken in again] == [0]
    with psycopg.connect(postgres_url) as connection:
        bodies = {bytes(row[0]) for row in connection.execute("SELECT body FROM events").fetchall()}
        raws = [bytes(row[0]) for row in connection.execute("SELECT raw FROM rejects ORDER BY place").fetchall()]
    assert bodies == {json.dumps(item).encode() for item in good}
    assert set(raws) == set(BAD)


def test_who_loses_a_race_inside_the_database_is_told_to_come_again_and_not_that_the_request_is_wrong(postgres_url: str) -> None:
    """The stock libraries send a 503 again, and drop what got a 409."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$"
        )
        connection.execute("CREATE TRIGGER lose BEFORE INSERT ON seen FOR EACH STATEMENT EXECUTE FUNCTION lose()")
    batch = b'{"batch":[{"type":"track","event":"Cart Viewed","userId":"ana"}]}'
    try:
        with pytest.raises(Unavailable):
            asyncio.run(send(postgres_url, [batch], time.time_ns() // 1_000_000))
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("DROP FUNCTION lose CASCADE")
