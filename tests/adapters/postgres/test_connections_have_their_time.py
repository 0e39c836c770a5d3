"""A connection that has had its time is not lent again: what the server's process behind it remembers goes with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.postgres.database import Connection
from oportuno.adapters.postgres.store import Pool
from oportuno.flows.work import Moved

Lend = Callable[[], AbstractAsyncContextManager[Connection]]


def told(url: str, story: Callable[[Lend], Awaitable[None]], *, kind: str, lifetime: float) -> None:
    async def whole() -> None:
        if kind == "looking":
            connections = Connections(url, name="test looking", most=1, lifetime=lifetime)
            try:
                await story(connections.lend)
            finally:
                await connections.close()
            return
        pool = Pool(url, name="test work", size=1, lifetime=lifetime)
        try:
            await story(pool.connection)
        finally:
            await pool.close()

    asyncio.run(asyncio.wait_for(whole(), 120))


async def served_by(lend: Lend) -> int:
    async with lend() as connection:
        return await process_of(connection)


async def process_of(connection: Connection) -> int:
    row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("kind", ["looking", "work"])
def test_a_connection_in_its_time_is_lent_again(postgres_url: str, kind: str) -> None:
    async def story(lend: Lend) -> None:
        assert await served_by(lend) == await served_by(lend)

    told(postgres_url, story, kind=kind, lifetime=3_600)


@pytest.mark.parametrize("kind", ["looking", "work"])
def test_a_connection_that_has_had_its_time_is_closed_and_another_takes_its_place(postgres_url: str, kind: str) -> None:
    async def story(lend: Lend) -> None:
        async with lend() as connection:
            before = await process_of(connection)
        async with lend() as following:
            assert await process_of(following) != before
            assert connection.closed

    told(postgres_url, story, kind=kind, lifetime=0)


def test_who_lost_a_race_on_an_old_connection_leaves_the_next_one_a_new_one(postgres_url: str) -> None:
    async def story(lend: Lend) -> None:
        served: list[int] = []

        async def lose() -> None:
            async with lend() as connection:
                served.append(await process_of(connection))
                raise Moved("moved", "somebody else was first")

        with pytest.raises(Moved):
            await lose()
        assert await served_by(lend) not in served

    told(postgres_url, story, kind="work", lifetime=0)
