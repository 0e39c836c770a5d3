"""Connections to PostgreSQL: how they are opened, what their faults mean, and the installation's own facts."""

from __future__ import annotations

import select
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import errors

from oportuno.adapters.postgres.arrays import register_arrays
from oportuno.flows.work import Moved
from oportuno.kit.faults import Unavailable

Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]

# Every statement here is keyed by bucket first. Without statistics the planner prefers sorting a whole backlog or hashing a table;
# these settings leave it the index, and one generic plan, whatever the tables hold (ENGINE: planner trap).
ENGINE_PLANS: Final[Mapping[str, str]] = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "enable_memoize": "off",
    "jit": "off",
}
# The log's writer joins two sets of the same batch: a hash join, never a nested loop over its unindexed sides.
WRITER_PLANS: Final[Mapping[str, str]] = {
    "plan_cache_mode": "force_generic_plan",
    "enable_nestloop": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}

_MOVED_STATE: Final = "OP001"


async def connect(url: str, *, name: str, plans: Mapping[str, str] = {}) -> Connection:
    """Open a connection in autocommit, every statement prepared. Raises Unavailable."""
    options = " ".join(f"-c {setting}={value}" for setting, value in plans.items())
    try:
        connection = await psycopg.AsyncConnection.connect(
            url, autocommit=True, prepare_threshold=0, application_name=f"oportuno {name}", options=options, connect_timeout=10
        )
    except psycopg.OperationalError as fault:
        raise Unavailable("database_gone", "the database does not answer") from fault
    register_arrays(connection)
    connection.prepared_max = None
    return connection


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn the driver's errors into ours: Moved for a lost compare-and-set, Unavailable for a lost database."""
    try:
        yield
    except (errors.RaiseException, errors.DatabaseError) as fault:
        if fault.sqlstate == _MOVED_STATE:
            raise Moved("moved", (fault.diag.message_primary or "moved").removeprefix("moved: ")) from fault
        if isinstance(fault, (errors.DeadlockDetected, errors.SerializationFailure, errors.UniqueViolation)):
            raise Moved("moved", type(fault).__name__) from fault
        if isinstance(fault, (errors.OperationalError, errors.InternalError, errors.InterfaceError)):
            raise Unavailable("database_gone", "the database does not answer") from fault
        raise


def hung_up(connection: Connection) -> bool:
    """Say whether an idle connection is of no use any more: closed, or ended by a server that restarted (then its end can be read)."""
    if connection.closed or connection.broken:
        return True
    watch = select.poll()
    watch.register(connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(watch.poll(0))


async def read_secret(connection: Connection) -> bytes:
    """Give the installation's secret. Raises Unavailable when the database was never migrated."""
    try:
        row = await (await connection.execute("SELECT secret FROM installation")).fetchone()
    except errors.UndefinedTable:
        row = None
    if row is None:
        raise Unavailable("not_migrated", "the database has no Oportuno schema yet: run “oportuno migrate”")
    return bytes(row[0])
