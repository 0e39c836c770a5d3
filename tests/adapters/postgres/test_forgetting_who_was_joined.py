"""Somebody whose visits on a telephone were joined with those at home is forgotten under both numbers."""

from __future__ import annotations

import asyncio

import psycopg

from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.erasures import PostgresErasures
from oportuno.adapters.postgres.intake import PostgresIntake
from oportuno.adapters.postgres.store import PostgresStore
from oportuno.events.event import Call, Source
from oportuno.flows.forget import forget_on
from oportuno.flows.ports import Arrival, LaneClass
from oportuno.flows.work import Writes
from oportuno.kit.ids import CustomerKey, derive, key_of
from oportuno.kit.times import day_of

_ASK = """
INSERT INTO merges (bucket, workspace, id, loser, winner, stage, reason, asked_by, trust, asked_at, loser_state, winner_state)
VALUES (%s, %s, %s, %s, %s, 3, 'alias', 'k', 2, 1, 'telephone', 'home')
"""


def test_who_was_joined_is_emptied_with_the_one_they_were_joined_to(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO workspaces (workspace, public_id, name, timezone, locale) OVERRIDING SYSTEM VALUE"
            " VALUES (7, 'ws_norte', 'Tienda Norte', 'Europe/Madrid', 'es-ES')"
        )
        home, phone, tablet, stranger = (key_of(7, number) for number in (1, 2, 3, 4))
        for loser, winner in ((phone, home), (tablet, phone)):
            connection.execute(_ASK, (loser.bucket, 7, derive("merge", loser.customer), loser.customer, winner.customer))
        asyncio.run(asyncio.wait_for(_forget(postgres_url, home, [home, phone, tablet, stranger]), 60))
        rows = connection.execute("SELECT customer, body FROM events WHERE workspace = 7").fetchall()
        states = connection.execute("SELECT loser_state, winner_state FROM merges WHERE workspace = 7").fetchall()
        jobs = connection.execute("SELECT customer, done_at IS NOT NULL, last_state, traces FROM erasures WHERE workspace = 7").fetchall()
    assert {customer: bytes(body) for customer, body in rows} == {1: b"{}", 2: b"{}", 3: b"{}", 4: b'{"userId":"somebody"}'}
    assert states == [(None, None), (None, None)]
    assert sorted(jobs) == [(1, True, b"", b""), (2, True, b"", b""), (3, True, b"", b"")]


async def _forget(url: str, home: CustomerKey, people: list[CustomerKey]) -> None:
    intake = await PostgresIntake.open(url)
    store = await PostgresStore.open(url, name="test")
    connections = Connections(url, name="test", plans=CHANGING)
    try:
        async with store.work() as work:
            now, _ = await work.lock([])
        for key in people:
            await intake.store([_visit(key, now)], [], LaneClass.LIVE)
        async with store.work() as work:
            await work.lock([home])
            await work.commit(Writes(erasures=[home]))
        await forget_on(PostgresErasures(connections), most=1_000)
    finally:
        await connections.close()
        await store.close()
        await intake.close()


def _visit(key: CustomerKey, now: int) -> Arrival:
    return Arrival(
        key=key,
        h=derive("visit", key.customer),
        source=Source.LIVE,
        call=Call.PAGE,
        name="Home",
        at=now,
        received=now,
        body=b'{"userId":"somebody"}',
        day=day_of(now),
    )
