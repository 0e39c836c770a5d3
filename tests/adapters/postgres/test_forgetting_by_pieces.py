"""The second pass of an erasure: small pieces, none of them waiting for the customer's lock, taken up by whoever comes next."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import psycopg

from oportuno.adapters.postgres import forget
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.erasures import PostgresErasures
from oportuno.adapters.postgres.intake import PostgresIntake
from oportuno.adapters.postgres.store import PostgresStore
from oportuno.events.event import Call, Source
from oportuno.flows.ports import Arrival, LaneClass
from oportuno.flows.work import Writes
from oportuno.kit.ids import CustomerKey, derive, key_of
from oportuno.kit.times import day_of

ANA = key_of(7, 1)


def test_every_piece_is_small_and_goes_on_where_another_process_left_it(postgres_url: str, monkeypatch) -> None:
    monkeypatch.setattr(forget, "EVENTS_A_PIECE", 2)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO workspaces (workspace, public_id, name, timezone, locale) OVERRIDING SYSTEM VALUE"
            " VALUES (7, 'ws_norte', 'Tienda Norte', 'Europe/Madrid', 'es-ES')"
        )
        asyncio.run(asyncio.wait_for(_lay_down(postgres_url), 60))
        left = [_unblanked(connection)]
        # Her row is locked by somebody who stands still: nobody has to wait for it.
        with psycopg.connect(postgres_url) as holder:
            holder.execute("SELECT 1 FROM customers WHERE customer = 1 FOR UPDATE")
            while asyncio.run(asyncio.wait_for(_one_piece(postgres_url), 60)):
                left.append(_unblanked(connection))
    assert left[0] == 9
    assert left[-1] == 0
    assert max(before - after for before, after in pairwise(left)) <= 2


def _unblanked(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT count(*) FROM events WHERE customer = 1 AND body <> '{}'").fetchone()
    assert row is not None
    return int(row[0])


async def _lay_down(url: str) -> None:
    store = await PostgresStore.open(url, name="test")
    async with store.work() as work:
        now, _ = await work.lock([])
    for lane in range(3):
        intake = await PostgresIntake.open(url)
        await intake.store([_visit(ANA, f"{lane} {n}", now) for n in range(3)], [], LaneClass.LIVE)
        await intake.close()
    async with store.work() as work:
        await work.lock([ANA])
        await work.commit(Writes(erasures=[ANA]))
    await store.close()


async def _one_piece(url: str) -> bool:
    connections = Connections(url, name="somebody new", plans=CHANGING)
    try:
        return await PostgresErasures(connections).advance()
    finally:
        await connections.close()


def _visit(key: CustomerKey, word: str, now: int) -> Arrival:
    return Arrival(
        key=key,
        h=derive("visit", word),
        source=Source.LIVE,
        call=Call.PAGE,
        name="Home",
        at=now,
        received=now,
        body=b'{"userId":"ana"}',
        day=day_of(now),
    )
