"""Where customers' states live: units of work over a small pool of connections."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from psycopg.pq import TransactionStatus

from oportuno.adapters.postgres.database import ENGINE_PLANS, Connection, Patience, connect, read_secret, translated
from oportuno.adapters.postgres.directory import Directory
from oportuno.adapters.postgres.lifetime import LIFETIME, Lent
from oportuno.adapters.postgres.work import PostgresWork, unit_of_work
from oportuno.flows.work import LockHeld, Moved, Unwritable
from oportuno.kit.ids import CustomerId, WorkspaceId

_NAME: Final = "work"
"""The last word of such a connection's name: by it those that stand still with a lock are known."""
# Waiting for its client, in the middle of a transaction, for longer than it may: its machine is stopped or gone. The server's own
# time-outs see those that wait for the next statement; this sees those, too, that were cut short in the middle of one.
_END_SLEEPERS: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid() AND application_name LIKE 'oportuno %% work'
  AND xact_start IS NOT NULL AND wait_event_type = 'Client' AND state_change < clock_timestamp() - make_interval(secs => %s)
"""


class Pool:
    """At most `size` connections, opened when first needed; one that is broken or has had its time is replaced when next asked for."""

    def __init__(
        self,
        url: str,
        *,
        name: str,
        size: int,
        plans: Mapping[str, str] = ENGINE_PLANS,
        patience: Patience | None = None,
        lifetime: float = LIFETIME,
    ) -> None:
        self._url = url
        self._name = name
        self._plans = plans
        self._patience = patience
        self._lifetime = lifetime
        self._free: list[Lent] = []
        self._room = asyncio.Semaphore(size)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection. Raises Unavailable when the database does not answer."""
        async with self._room:
            lent = await self._take()
            try:
                yield lent.connection
            except (Moved, LockHeld, Unwritable):
                # Rolled back and in order: who lost a race must not lose the next one by having to connect anew.
                await self._keep_or_close(lent)
                raise
            except BaseException:
                # Cancelled or failed in the middle of a conversation: its protocol state is unknown, so it is not lent again.
                await _close(lent.connection)
                raise
            self._free.append(lent)

    async def _take(self) -> Lent:
        while self._free:
            lent = self._free.pop()
            if lent.serves:
                return lent
            await _close(lent.connection)
        connection = await connect(self._url, name=self._name, plans=self._plans, patience=self._patience)
        return Lent.opened(connection, self._lifetime)

    async def _keep_or_close(self, lent: Lent) -> None:
        if not lent.connection.closed and lent.connection.info.transaction_status is TransactionStatus.IDLE:
            self._free.append(lent)
            return
        await _close(lent.connection)

    async def close(self) -> None:
        """Disconnect those that are free."""
        while self._free:
            await self._free.pop().connection.close()


async def _close(connection: Connection) -> None:
    with contextlib.suppress(Exception):
        await connection.close()


class PostgresStore:
    """The port Store on PostgreSQL."""

    def __init__(self, pool: Pool, secret: bytes, patience: Patience) -> None:
        self.secret = secret
        self._pool = pool
        self._patience = patience

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        name: str,
        size: int = 4,
        patience: Patience = Patience(),  # noqa: B008 - a value
        plans: Mapping[str, str] = ENGINE_PLANS,
    ) -> PostgresStore:
        """Connect, with `plans` as settings. Raises Unavailable. By `patience` those lose their locks who stand still with them."""
        pool = Pool(url, name=f"{name} {_NAME}", size=size, plans=plans, patience=patience)
        async with pool.connection() as connection:
            secret = await read_secret(connection)
        return cls(pool, secret, patience)

    @asynccontextmanager
    async def work(self) -> AsyncIterator[PostgresWork]:
        """See the port."""
        try:
            async with self._pool.connection() as connection, unit_of_work(connection, self.secret) as work:
                yield work
        except LockHeld:
            await self._end_sleepers()
            raise

    async def _end_sleepers(self) -> None:
        async with self._pool.connection() as connection, translated():
            await connection.execute(_END_SLEEPERS, (self._patience.idle,))

    async def find(self, workspace: WorkspaceId, kind: str, value: str) -> CustomerId | None:
        """See the port."""
        async with self._pool.connection() as connection:
            return await Directory(connection, self.secret).find(workspace, kind, value)

    async def close(self) -> None:
        """Disconnect."""
        await self._pool.close()
