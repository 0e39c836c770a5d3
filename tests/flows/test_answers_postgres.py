"""The same answers on PostgreSQL: what the customer says is in the state, the outbox and the ledger in one commit."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from customer_stage import MAKER, TIENDA_NORTE, Stage
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.reads import PostgresReads
from oportuno.adapters.postgres.store import PostgresStore
from oportuno.catalog.item import item_of
from oportuno.consent.answers import Answered, Consents, slot
from oportuno.content.links import Action, LinkFacts, verify
from oportuno.flows.answer import Desk, Scope, Verb
from oportuno.flows.record import Given, Registry
from oportuno.flows.work import OutboxStatus, SaveCustomer, Writes
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import CustomerKey
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

pytestmark = pytest.mark.postgres


def test_ana_answers_leaves_comes_back_and_is_forgotten(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO workspaces (workspace, public_id, name, timezone, locale) OVERRIDING SYSTEM VALUE"
            " VALUES (%s, 'ws_norte', 'Tienda Norte', 'Europe/Madrid', 'es-ES')",
            (TIENDA_NORTE,),
        )
    asyncio.run(asyncio.wait_for(_story(postgres_url), 60))


async def _story(url: str) -> None:
    connections = Connections(url, name="test", most=2, plans=CHANGING)
    store = await PostgresStore.open(url, name="test")
    reads = PostgresReads(connections, connections)
    try:
        await _tell(url, store, reads)
    finally:
        await store.close()
        await connections.close()


async def _tell(url: str, store: PostgresStore, reads: PostgresReads) -> None:
    stage = await asyncio.to_thread(Stage)
    ana = await asyncio.to_thread(stage.ana)
    await asyncio.to_thread(stage.hold, ana)
    first, second = (stage.message(stage.said(ana, step=step), ana) for step in ("first", "second"))
    async with store.work() as work:
        await work.lock([ana])
        state = stage.world.tables.customers[ana].state
        await work.commit(Writes(saves=[SaveCustomer(ana, 0, state, None, due_changed=False)], messages=[first, second]))
    desk = Desk(store=store, reads=reads, programmes=stage.world.programmes)
    registry = Registry(store=store, reads=reads, programmes=stage.world.programmes)

    def link(action: Action, answer: int = 0) -> LinkFacts:
        return verify(MAKER.token(first.id, ana, action, stage.now, answer=answer), MAKER.keys, stage.now)

    heard = await desk.answer_item(link(Action.WHY), Verb.NOT_INTERESTED, language="es")
    assert (heard.changed, heard.dropped) == (True, 3)
    record = await reads.message(TIENDA_NORTE, second.id)
    assert record is not None
    assert (record.status, record.reason) == (OutboxStatus.CANCELLED, "item_not_wanted")
    assert not (await desk.answer_item(link(Action.WHY), Verb.NOT_INTERESTED)).changed
    assert (await desk.standing(link(Action.WHY))).verb == "not_interested"
    assert (await desk.cart(link(Action.CART))).total == 9920

    # The undo names the answer by its number: what she does not want was watched no more, and is again.
    assert await _watched(url, ana) == set()
    assert (await desk.undo(link(Action.UNDO, answer=heard.number))).changed
    assert await _watched(url, ana) == {item_of("product", "galerna"), item_of("product", "faro")}
    assert (await desk.answer_item(link(Action.WHY), Verb.NOT_INTERESTED, language="es")).changed
    assert await _watched(url, ana) == set()

    left = await desk.unsubscribe(link(Action.UNSUBSCRIBE), Scope.ALL, one_click=False, language="es")
    assert left.changed
    assert (await desk.standing(link(Action.WHY))).left_at == left.at
    assert (await desk.undo(link(Action.UNDO, answer=left.number))).changed
    assert await _state(reads, stage) is Answered.GRANTED
    no = Given(
        purpose=Purpose.MARKETING, channel="email", state=Answered.WITHDRAWN, source="till", notice="7", language="es", actor="staff"
    )
    assert (await registry.record_consent(ana, no)).changed
    assert await _state(reads, stage) is Answered.WITHDRAWN
    ledger = await reads.ledger(ana)
    assert [entry.n for entry in ledger] == list(range(1, len(ledger) + 1))
    assert ledger[0].source == "preference_link"
    assert ledger[-1].actor == "staff"

    assert (await registry.erase(ana)).changed
    with pytest.raises(NotFound):
        await desk.answer_item(link(Action.WHY), Verb.BOUGHT)
    with pytest.raises(NotFound):
        await desk.standing(link(Action.WHY))


async def _state(reads: PostgresReads, stage: Stage) -> Answered:
    (key,) = stage.world.tables.customers
    stored = await reads.customer(key)
    assert stored is not None
    return Draft(key, stored.state, stored.version).read(Consents).answers[slot(Purpose.MARKETING, "email")].state


async def _watched(url: str, key: CustomerKey) -> set[int]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        rows = await connection.execute("SELECT item FROM watch WHERE bucket = %s AND workspace = %s AND customer = %s", tuple(key))
        return {item for (item,) in await rows.fetchall()}
