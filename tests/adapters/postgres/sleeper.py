"""A process that takes a customer's lock and is stopped with it, at one of three places.

Arguments: url, place, bucket, workspace, customer.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from oportuno.adapters.postgres.database import ENGINE_PLANS, Patience, connect
from oportuno.adapters.postgres.store import PostgresStore
from oportuno.flows.work import Writes
from oportuno.kit.faults import Unavailable
from oportuno.kit.ids import CustomerKey

NEVER = Patience(lock=60, idle=1, whole=600)
LOCK = "SELECT FROM customers WHERE bucket = %s AND workspace = %s AND customer = %s FOR UPDATE"


def fall_asleep() -> None:
    os.write(1, b"locked\n")
    os.kill(os.getpid(), signal.SIGSTOP)


async def between(url: str, key: CustomerKey) -> None:
    """Between the lock and the commit, as an engine that thinks."""
    store = await PostgresStore.open(url, name="sleeper", patience=NEVER)
    async with store.work() as work:
        await work.lock([key])
        fall_asleep()
        await work.commit(Writes())


async def within(url: str, key: CustomerKey) -> None:
    """In the middle of what it sends: the server waits for more, busy to all appearance."""
    connection = await connect(url, name="sleeper work", plans=ENGINE_PLANS, patience=NEVER)
    async with connection.pipeline():
        await connection.execute("BEGIN")
        cursor = await connection.execute(LOCK, tuple(key))
        await cursor.fetchall()
        fall_asleep()


async def deaf(url: str, key: CustomerKey) -> None:
    """Before it has read the answer: the server waits to get rid of it."""
    connection = await connect(url, name="sleeper work", plans=ENGINE_PLANS, patience=NEVER)
    await connection.execute("BEGIN")
    await connection.execute(LOCK, tuple(key))
    connection.pgconn.send_query(b"SELECT repeat('x', 1000000) FROM generate_series(1, 50)")
    connection.pgconn.flush()
    fall_asleep()
    await connection.execute("COMMIT")


async def main(url: str, place: str, *key: str) -> int:
    try:
        await {"between": between, "within": within, "deaf": deaf}[place](url, CustomerKey(*map(int, key)))
    except Unavailable:
        return 3
    return 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(*sys.argv[1:])))
