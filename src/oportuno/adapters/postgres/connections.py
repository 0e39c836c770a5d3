"""A few connections, lent one at a time: for looking things up and for rare writes, where no lane, lease or claim hangs on one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import psycopg

from oportuno.adapters.postgres.database import Connection, connect, hung_up, translated

# Looking things up never changes anything, and never holds others up for long.
LOOKING: Final[Mapping[str, str]] = {"default_transaction_read_only": "on", "statement_timeout": "15000", "jit": "off"}
CHANGING: Final[Mapping[str, str]] = {"statement_timeout": "60000", "jit": "off"}


class Connections:
    """At most `most` connections, opened when first needed. A broken one is thrown away and replaced."""

    def __init__(self, url: str, *, name: str, most: int = 4, plans: Mapping[str, str] = LOOKING) -> None:
        self._url = url
        self._name = name
        self._plans = plans
        self._idle: list[Connection] = []
        self._room = asyncio.Semaphore(most)

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Connection]:
        """Lend a connection in autocommit. The driver's errors come out as ours: Moved, Unavailable."""
        async with self._room:
            connection = await self._take() or await connect(self._url, name=self._name, plans=self._plans)
            try:
                async with translated():
                    yield connection
            finally:
                await self._give_back(connection)

    async def close(self) -> None:
        """Close what is idle; what is lent out is closed when it comes back broken or with the process."""
        while self._idle:
            await self._idle.pop().close()

    async def _take(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not hung_up(connection):
                return connection
            await connection.close()
        return None

    async def _give_back(self, connection: Connection) -> None:
        if connection.closed or connection.info.transaction_status is not psycopg.pq.TransactionStatus.IDLE:
            await connection.close()
            return
        self._idle.append(connection)
