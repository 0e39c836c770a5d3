"""Nobody keeps a customer's row for ever: a machine that stands still with a lock loses it, and those who wait for it go on."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from oportuno.adapters.postgres.database import ENGINE_PLANS, Patience, connect
from oportuno.adapters.postgres.store import PostgresStore
from oportuno.flows.work import LockHeld, SaveCustomer, Writes
from oportuno.kit.ids import CustomerKey, key_of

SLEEPER = Path(__file__).with_name("sleeper.py")
HASTY = Patience(lock=0.3, idle=1.0)
TRIES = 1_000


def sleeper(url: str, place: str, key: CustomerKey) -> subprocess.Popen[bytes]:
    """Start it, and return once it holds the lock and is stopped."""
    process = subprocess.Popen([sys.executable, str(SLEEPER), url, place, *map(str, key)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"locked\n"
    return process


async def take(store: PostgresStore, key: CustomerKey) -> None:
    """Win the lock, however often it is refused before."""
    for _ in range(TRIES):
        try:
            async with store.work() as work:
                _, rows = await work.lock([key])
                stored = rows[key]
                await work.commit(Writes(saves=[SaveCustomer(key, stored.version, b"taken", None, due_changed=False)]))
        except LockHeld:
            continue
        return
    raise AssertionError("the lock was never given back")


@pytest.mark.postgres
@pytest.mark.parametrize("place", ["between", "within", "deaf"])
def test_a_process_that_is_stopped_with_a_lock_loses_it_and_the_others_go_on(postgres_url: str, place: str) -> None:
    key = key_of(1, len(place))

    async def story() -> None:
        store = await PostgresStore.open(postgres_url, name="waiter", size=2, patience=HASTY)
        async with store.work() as work:
            await work.commit(Writes(saves=[SaveCustomer(key, 0, b"before", None, due_changed=False)]))
        process = await asyncio.to_thread(sleeper, postgres_url, place, key)
        try:
            await take(store, key)
            process.send_signal(signal.SIGCONT)
            ended, words = await asyncio.to_thread(lambda: (process.wait(300), process.communicate()[1]))
        finally:
            process.kill()
            await store.close()
        # It held the lock, and lost it: woken, it could not commit.
        assert ended != 0, words

    asyncio.run(asyncio.wait_for(story(), 600))
    with psycopg.connect(postgres_url) as connection:
        row = connection.execute("SELECT state, version FROM customers WHERE customer = %s", (key.customer,)).fetchone()
    assert row == (b"taken", 2)


@pytest.mark.postgres
def test_a_unit_of_work_that_thinks_stands_idle_to_the_server_which_can_end_it(postgres_url: str) -> None:
    async def story() -> list[tuple[str, ...]]:
        store = await PostgresStore.open(postgres_url, name="thinker", size=1)
        async with store.work() as work:
            await work.lock([key_of(1, 99)])
            watcher = await connect(postgres_url, name="watcher")
            rows = await (
                await watcher.execute("SELECT state FROM pg_stat_activity WHERE application_name = 'oportuno thinker work'")
            ).fetchall()
            await watcher.close()
        await store.close()
        return rows

    assert asyncio.run(asyncio.wait_for(story(), 300)) == [("idle in transaction",)]


@pytest.mark.postgres
def test_the_servers_time_outs_stand_where_customers_are_locked_and_nowhere_else(postgres_url: str) -> None:
    names = ("lock_timeout", "idle_in_transaction_session_timeout", "transaction_timeout")

    async def story() -> tuple[list[str], list[str]]:
        found = []
        for patience in (Patience(lock=2, idle=5, whole=60), None):
            connection = await connect(postgres_url, name="test", plans=ENGINE_PLANS, patience=patience)
            bounds = await connection.execute("SELECT setting FROM pg_settings WHERE name = ANY(%s) ORDER BY name", (sorted(names),))
            found.append([row[0] for row in await bounds.fetchall()])
            await connection.close()
        return found[0], found[1]

    bounded, unbounded = asyncio.run(asyncio.wait_for(story(), 300))
    assert bounded == ["5000", "2000", "60000"][: len(bounded)]
    assert set(unbounded) == {"0"}
