"""The same on PostgreSQL, as an engine does it: a click is settled, told, and an event of Ana's, and what raises keeps nobody waiting."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from customer_stage import TIENDA_NORTE, Stage
from oportuno.adapters.postgres.clicks import PostgresClicks
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.store import PostgresStore
from oportuno.channels.machine_clicks import Sign
from oportuno.flows.work import MoveMessage, OutboxStatus, SaveCustomer, Writes
from oportuno.kit.ids import CustomerKey, derive
from oportuno.kit.times import HOUR
from oportuno.settings import Settings
from oportuno.wiring.clicks import settling

pytestmark = pytest.mark.postgres

CART, HOME = derive("cart"), derive("home")
_OPEN = """
INSERT INTO workspaces (workspace, public_id, name, timezone, locale) OVERRIDING SYSTEM VALUE
VALUES (%s, 'ws_norte', 'Tienda Norte', 'Europe/Madrid', 'es-ES')
"""


def test_a_click_is_settled_beside_the_engine_and_is_an_event_of_hers_once(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(_OPEN, (TIENDA_NORTE,))
    stage = Stage()
    ana = stage.ana()
    asyncio.run(asyncio.wait_for(_story(postgres_url, stage, ana), 120))


async def _story(url: str, stage: Stage, ana: CustomerKey) -> None:
    connections = Connections(url, name="test", most=2, plans=CHANGING)
    store = await PostgresStore.open(url, name="test")
    clicks = PostgresClicks(connections, connections)
    try:
        mail = stage.message(stage.said(ana), ana)
        async with store.work() as work:
            now, _ = await work.lock([ana])
            state = stage.world.tables.customers[ana].state
            await work.commit(Writes(saves=[SaveCustomer(ana, 0, state, None, due_changed=False)], messages=[mail]))
        async with store.work() as work:
            await work.lock([ana])
            move = MoveMessage(ana, mail.id, OutboxStatus.PENDING, OutboxStatus.HANDING, now - 2 * HOUR, deliverer=1)
            await work.commit(Writes(moves=[move]))
        await clicks.note(TIENDA_NORTE, mail.id, CART, Sign.NONE)
        await clicks.note(TIENDA_NORTE, mail.id, HOME, Sign.AGENT)
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            # It is half an hour later.
            await connection.execute("UPDATE clicks SET at = at - 1800000")
            async with settling(Settings(database_url=url)) as settle:  # type: ignore[arg-type]
                assert (await settle()).messages == 1
                assert (await settle()).messages == 0
                # As if the engine had died between telling and writing it down.
                await connection.execute("UPDATE clicks SET verdict = ''")
                assert (await settle()).messages == 1
            told = await (await connection.execute("SELECT name, customer FROM events")).fetchall()
            assert told == [("Message Clicked", ana.customer)]
            kept = await (await connection.execute("SELECT link, verdict FROM clicks ORDER BY verdict")).fetchall()
            assert [(bytes(link), verdict) for link, verdict in kept] == [(HOME, "machine_agent"), (CART, "person")]
    finally:
        await store.close()
        await connections.close()
