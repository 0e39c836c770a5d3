"""The nightly measurement on the real database, beside its twin: the same customers, the same answer."""

from __future__ import annotations

import asyncio
import json

import psycopg

from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.memory.tables import CustomerRow
from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.postgres.database import connect
from oportuno.adapters.postgres.standing import PostgresStandings, take_standings
from oportuno.consent.answers import ANY_CHANNEL, Answered
from oportuno.consent.change import answer
from oportuno.events.event import Call, Event, Source
from oportuno.flows.work import Status
from oportuno.kit.ids import derive, key_of
from oportuno.kit.times import DAY
from oportuno.profile.draft import Draft
from oportuno.profile.fold import fold
from oportuno.profile.purposes import Purpose

NOW = 1_795_250_000_000


def shopper(number: int, workspace: int) -> tuple[tuple[int, int, int], bytes]:
    """Somebody who looked at boots and socks and bought both; every third said no to personalisation."""
    key = key_of(workspace, 1_000 + number)
    draft = Draft(key)
    state = Answered.DENIED if number % 3 == 0 else Answered.GRANTED
    answer(draft, purpose=Purpose.PERSONALISATION, channel=ANY_CHANNEL, state=state, at=NOW - DAY, source="api")
    draft.granted = frozenset({Purpose.SERVICE} | ({Purpose.PERSONALISATION} if state is Answered.GRANTED else set()))
    both = [{"product_id": "boots", "price": 10 + number}, {"product_id": "socks", "price": 5}]
    for place, (name, properties) in enumerate(
        (
            ("Product Viewed", both[0]),
            ("Product Viewed", both[1]),
            ("Order Completed", {"order_id": f"o{number}", "currency": "EUR", "products": both}),
        )
    ):
        at = NOW - DAY + place * 1_000
        body = json.dumps({"event": name, "userId": f"u{number}", "properties": properties}).encode()
        fold(
            draft,
            Event(
                key=key, lane=0, seq=place, h=derive(number, place), source=Source.LIVE, call=Call.TRACK, name=name, at=at, received=at,
                body=body,
            ),
        )  # fmt: skip
    return key, draft.encode()


def test_the_measurement_says_the_same_on_the_database_and_on_its_twin(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        row = connection.execute(
            "INSERT INTO workspaces (public_id, name, timezone, locale) VALUES ('ws_standing', 'Norte', 'UTC', 'es-ES') RETURNING workspace"
        ).fetchone()
        assert row is not None
        workspace = row[0]
        people = [shopper(number, workspace) for number in range(12)]
        for key, state in people:
            connection.execute(
                "INSERT INTO customers (bucket, workspace, customer, version, state) VALUES (%s, %s, %s, 1, %s)", (*key, state)
            )

    async def story() -> None:
        connection = await connect(postgres_url, name="test")
        try:
            assert await take_standings(connection) >= 1
            assert await take_standings(connection) == 0, "once a night is enough"
        finally:
            await connection.close()
        looking = Connections(postgres_url, name="test", most=1)
        try:
            stored = PostgresStandings(looking)
            world = MemoryWorld()
            for key, state in people:
                world.tables.customers[key] = CustomerRow(status=Status.ACTIVE, version=1, state=state)
            await world.standings.take()
            for how in ("viewed", "bought"):
                found = await stored.companions(workspace, "boots", how)
                assert [(each.product, each.count) for each in found] == [("socks", 8)]
                assert list(found) == list(await world.standings.companions(workspace, "boots", how))
                assert list(await stored.companions(workspace, "lamp", how)) == []
            points = await stored.break_points(workspace)
            twin = await world.standings.break_points(workspace)
            assert points is not None
            assert twin is not None
            assert (points.money, points.frequency, points.buyers) == (twin.money, twin.frequency, 12)
            assert await stored.break_points(workspace + 1) is None
        finally:
            await looking.close()

    asyncio.run(asyncio.wait_for(story(), 300))
