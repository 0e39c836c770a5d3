"""The hourly round goes on, whatever happened in one of them: without partitions ahead of their day nothing could be taken in."""

from __future__ import annotations

import asyncio

import psycopg
from pydantic import SecretStr

from oportuno.entry import parts
from oportuno.settings import Settings


def test_a_round_that_fails_for_whatever_reason_is_done_again(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        # Nobody expected this: the database answers, and refuses.
        connection.execute("ALTER FUNCTION make_partitions(text, integer, integer) RENAME TO make_partitions_of_yore")

    async def story() -> None:
        stop = asyncio.Event()
        keeper = asyncio.create_task(parts._keep_house(Settings(database_url=SecretStr(postgres_url)), stop))
        ended, _ = await asyncio.wait({keeper}, timeout=0.5)
        assert not ended
        stop.set()
        await asyncio.wait_for(keeper, 120)

    asyncio.run(story())
