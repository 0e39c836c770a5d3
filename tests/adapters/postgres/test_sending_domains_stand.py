"""What PostgreSQL knows of sending domains: no day is overdrawn by however many deliverers, and complaints brake whom they are about."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest

from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.sending import COMPLAINTS, PostgresDomainStandings, PostgresSending
from oportuno.channels.brake import ANY, OVER, Brake
from oportuno.channels.channel import Answer, Outcome
from oportuno.channels.warm_up import WarmUp
from oportuno.flows.providers import Release
from oportuno.kit.ids import derive, key_of
from oportuno.kit.times import DAY

pytestmark = pytest.mark.postgres
NORTE, DOMAIN = 7, "tiendanorte.example"


def tell(url: str, story) -> None:
    async def whole() -> None:
        connections = Connections(url, name="test", most=4, plans=CHANGING)
        try:
            await story(connections)
        finally:
            await connections.close()

    asyncio.run(asyncio.wait_for(whole(), 120))


def schedule(*at_most: int) -> WarmUp:
    """Give a schedule that began yesterday and stands for days, so that midnight may pass meanwhile."""
    return WarmUp(starts=time.time_ns() // 1_000_000 // DAY - 1, at_most=at_most)


def test_four_deliverers_send_no_more_of_a_new_domain_than_its_day_holds_and_service_goes_on(postgres_url: str) -> None:
    async def story(connections: Connections) -> None:
        deliverers = [PostgresSending(connections, time.monotonic) for _ in range(4)]
        warm_up = schedule(30, 30, 30)
        waits = await asyncio.gather(*(each.may_go(NORTE, DOMAIN, warm_up, marketing=True) for each in deliverers * 20))
        went = sum(wait == 0 for wait in waits)
        # If midnight passes in between, it is two days.
        assert went == 30 if time.time_ns() // 1_000_000 // DAY == warm_up.starts + 1 else 30 <= went <= 60
        assert all(0 < wait <= DAY for wait in waits if wait)
        assert await deliverers[0].may_go(NORTE, DOMAIN, warm_up, marketing=False) == 0
        assert await deliverers[0].may_go(NORTE, "otra.example", warm_up, marketing=True) == 0

    tell(postgres_url, story)


def test_what_came_back_may_go_again_and_after_the_last_day_there_is_no_limit(postgres_url: str) -> None:
    async def story(connections: Connections) -> None:
        sending, warm_up = PostgresSending(connections, time.monotonic), schedule(1, 1, 1)
        assert await sending.may_go(NORTE, "nueva.example", warm_up, marketing=True) == 0
        sending.came_back(NORTE, "nueva.example")
        assert await sending.may_go(NORTE, "nueva.example", warm_up, marketing=True) == 0
        free = [await sending.may_go(NORTE, "vieja.example", schedule(1), marketing=True) for _ in range(3)]
        assert free == [0, 0, 0]

    tell(postgres_url, story)


def _complaint(connection: psycopg.Connection, name: str, receiver: str) -> None:
    """Put down a mail that was taken and a complaint about it."""
    key, message = key_of(NORTE, 1), derive("mail", name)
    now = int(connection.execute("SELECT clock_millis()").fetchone()[0])
    answer = msgspec.msgpack.encode(Answer(outcome=Outcome.ACCEPTED, way="smtp uno", sender=DOMAIN, receiver=receiver))
    connection.execute(
        "INSERT INTO outbox (bucket, workspace, customer, id, day, channel, status, marketing, items, not_before, expires_at, created_at,"
        " answer, body) VALUES (%s, %s, %s, %s, %s, 'email', 2, true, '{}', %s, %s, %s, %s, '')",
        (*key, message, now // DAY, now, now + DAY, now, answer),
    )
    connection.execute(
        "INSERT INTO hearings (bucket, workspace, customer, message, id, day, what, channel, source, proof, at, heard_at, status, detail)"
        " VALUES (%s, %s, %s, %s, %s, %s, 'complaint', 'email', 'arf', 'signed', %s, %s, '', '')",
        (*key, message, derive("hearing", name), now // DAY, now, now),
    )


def test_complaints_brake_the_domain_for_those_who_complain_and_a_person_lets_it_go(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO workspaces (workspace, public_id, name, timezone, locale) OVERRIDING SYSTEM VALUE"
            " VALUES (%s, 'ws_7', 'Tienda Norte', 'UTC', 'es') ON CONFLICT DO NOTHING",
            (NORTE,),
        )
        for place in range(5):
            _complaint(connection, f"gmail {place}", "gmail")
        _complaint(connection, "other", "other")

    async def story(connections: Connections) -> None:
        sending, standings = PostgresSending(connections, time.monotonic), PostgresDomainStandings(connections)
        for receiver, count in (("gmail", 1_000), ("other", 7_000)):
            for _ in range(count):
                sending.accepted(NORTE, DOMAIN, receiver)
        await sending.keep_up()
        stands = {each.receivers: (each.accepted, each.complaints) for each in await standings.of(NORTE)}
        assert stands == {"gmail": (1_000, 5), "other": (7_000, 1), ANY: (8_000, 6)}
        brakes = [sending.brake(NORTE, DOMAIN, receivers) for receivers in ("gmail", "other", ANY)]
        assert brakes == [Brake.STOP, Brake.NONE, Brake.NONE]
        assert sending.brake(NORTE + 1, DOMAIN, "gmail") is Brake.NONE
        await standings.release(Release(workspace=NORTE, domain=DOMAIN, receivers="gmail", reason="the list was cleaned", actor="k1"))
        await sending.keep_up()
        assert sending.brake(NORTE, DOMAIN, "gmail") is Brake.NONE
        stands = {each.receivers: (each.accepted, each.complaints) for each in await standings.of(NORTE)}
        assert stands["gmail"] == (1_000, 0)

    tell(postgres_url, story)


def test_a_few_complaints_are_found_among_all_that_is_heard_without_looking_at_it(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for place in range(4):
            _complaint(connection, f"lost in a crowd {place}", "gmail")
        connection.execute(
            "INSERT INTO hearings SELECT 0, %s, 1, int8send(n), int8send(n), (clock_millis() / 86400000)::int, 'delivered', 'email', 'ses',"
            " 'signed', 0, clock_millis() - n, '', '' FROM generate_series(1, 20000) AS n",
            (NORTE,),
        )
        connection.execute("ANALYZE hearings")
        [plan] = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {COMPLAINTS}".encode(), (OVER, NORTE, 20_000)).fetchone()
    looked_at = list(_nodes(plan[0]["Plan"]))
    assert sum(node["Actual Rows"] * node["Actual Loops"] for node in looked_at if node["Node Type"] == "Limit") >= 4
    assert sum(node.get("Rows Removed by Filter", 0) * node["Actual Loops"] for node in looked_at) < 1_000


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from _nodes(inner)
