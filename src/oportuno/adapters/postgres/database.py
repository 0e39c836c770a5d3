"""Connections to PostgreSQL: how they are opened, what their faults mean, and the installation's own facts."""

from __future__ import annotations

import select
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, TypeAlias

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from oportuno.adapters.postgres.arrays import register_arrays
from oportuno.flows.work import LockHeld, Moved, Unwritable
from oportuno.kit.faults import Fault, Unavailable

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
# What an engine decides follows from what is stored for good already, and goes to nobody before a claim that waits for the disk, and with
# itself for everything written before it. So an engine's commits need not wait: a fallen server forgets the last of them together with all
# that came of them, and they are decided again (docs/decisions/0017).
DECIDING: Final[Mapping[str, str]] = {**ENGINE_PLANS, "synchronous_commit": "off"}
# The log's writer joins two sets of the same batch: a hash join, never a nested loop over its unindexed sides.
WRITER_PLANS: Final[Mapping[str, str]] = {
    "plan_cache_mode": "force_generic_plan",
    "enable_nestloop": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}

_MOVED_STATE: Final = "OP001"
# A machine that is gone without a word is noticed within half a minute, on both ends; sockets of this machine ignore all of it.
_ALIVE: Final[Mapping[str, int]] = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
_ALIVE_THERE: Final[Mapping[str, str]] = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
_KNOWS_WHOLE: Final = 170_000
"""PostgreSQL 17 can bound a whole transaction; 16 bounds its pauses."""


class Patience(NamedTuple):
    """How long a unit of work may hold rows, in seconds. A stopped machine loses its locks by it, and everybody else goes on."""

    lock: float = 2.0
    """It waits for a row no longer than this."""
    idle: float = 5.0
    """Standing still between two statements for this long, it is ended."""
    whole: float = 60.0
    """From its first statement to its commit."""

    def settings(self) -> dict[str, str]:
        """Give what every PostgreSQL that we work on understands."""
        return {"lock_timeout": _millis(self.lock), "idle_in_transaction_session_timeout": _millis(self.idle)}


async def connect(url: str, *, name: str, plans: Mapping[str, str] = {}, patience: Patience | None = None) -> Connection:
    """Open a connection in autocommit, every statement prepared. With `patience`, what it locks it may not keep. Raises Unavailable."""
    settings = {**_ALIVE_THERE, **plans, **(patience.settings() if patience else {})}
    options = " ".join(f"-c {setting}={value}" for setting, value in settings.items())
    try:
        alive: dict[str, Any] = {word: value for word, value in _ALIVE.items() if word not in conninfo_to_dict(url)}
        connection = await psycopg.AsyncConnection.connect(
            url, autocommit=True, prepare_threshold=0, application_name=f"oportuno {name}", options=options, connect_timeout=10, **alive
        )
        if patience and connection.info.server_version >= _KNOWS_WHOLE:
            await connection.execute(f"SET transaction_timeout = {_millis(patience.whole)}".encode())
    except psycopg.OperationalError as fault:
        raise Unavailable("database_gone", "the database does not answer") from fault
    register_arrays(connection)
    connection.prepared_max = None
    return connection


def _millis(seconds: float) -> str:
    return str(round(seconds * 1_000))


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn the driver's errors into ours: Moved, LockHeld, Unwritable, Unavailable. A statement of ours that is wrong stays what it is."""
    try:
        yield
    except psycopg.Error as fault:
        ours = _ours(fault)
        if ours is None:
            raise
        raise ours from fault


def _ours(fault: psycopg.Error) -> Fault | None:
    kind = type(fault).__name__
    if fault.sqlstate == _MOVED_STATE:
        return Moved("moved", (fault.diag.message_primary or "moved").removeprefix("moved: "))
    if isinstance(fault, (errors.DeadlockDetected, errors.SerializationFailure, errors.UniqueViolation)):
        return Moved("moved", kind)
    if isinstance(fault, errors.LockNotAvailable):
        return LockHeld("lock_held", "somebody holds what this would change; try again in a moment")
    if isinstance(fault, errors.CheckViolation) and not fault.diag.constraint_name:
        # No check of ours: the row's day has no partition yet. Whoever keeps house makes it.
        return Unavailable("partition_missing", "the database has no place for this day yet")
    if isinstance(fault, (errors.DataError, errors.IntegrityError)) or (fault.sqlstate or "").startswith(_LIMITS):
        # Its text may hold what a customer's row holds.
        return Unwritable("unwritable", "the database refuses what would be written", place=kind)
    if isinstance(fault, (errors.OperationalError, errors.InternalError, errors.InterfaceError)):
        return Unavailable("database_gone", "the database does not answer")
    return None


_LIMITS: Final = "54"
"""SQLSTATE class “program limit exceeded”: a row too large for a page, an index entry too long."""


def hung_up(connection: Connection) -> bool:
    """Say whether an idle connection is of no use any more: closed, or ended by a server that restarted (then its end can be read)."""
    if connection.closed or connection.broken:
        return True
    watch = select.poll()
    watch.register(connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(watch.poll(0))


UNFINISHED: Final = "SELECT to_regclass('oportuno_restore.unfinished') IS NOT NULL"
"""Whether a backup is being restored here, or was not restored to the end: who restores marks the database as long as that lasts."""
RESTORE_UNFINISHED: Final = "a backup is being restored here, or was not restored to the end: “oportuno restore” begins it anew"
_SECRET: Final = f"""
SELECT secret, ({UNFINISHED}) AND current_setting('application_name') NOT LIKE 'oportuno restore%' FROM installation
"""  # noqa: S608 - our own words


async def read_secret(connection: Connection) -> bytes:
    """Give the installation's secret. Raises Unavailable when the database was never migrated, or is being restored by somebody else."""
    try:
        row = await (await connection.execute(_SECRET.encode())).fetchone()
    except errors.UndefinedTable:
        row = None
    if row is not None and row[1]:
        raise Unavailable("restore_unfinished", RESTORE_UNFINISHED)
    if row is None:
        raise Unavailable("not_migrated", "the database has no Oportuno schema yet: run “oportuno migrate”")
    return bytes(row[0])
