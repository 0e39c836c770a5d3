"""A few connections, lent one at a time: for looking things up and for rare writes, where no lane, lease or claim hangs on one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import psycopg

from oportuno.adapters.postgres.database import Connection, connect, translated
from oportuno.adapters.postgres.lifetime import LIFETIME, Lent

# Looking things up never changes anything, and never holds others up for long.
LOOKING: Final[Mapping[str, str]] = {"default_transaction_read_only": "on", "statement_timeout": "15000", "jit": "off"}
CHANGING: Final[Mapping[str, str]] = {"statement_timeout": "60000", "jit": "off"}


class Connections:
    """At most `most` connections, opened when first needed. One that is broken, or older than `lifetime` seconds, is replaced."""

    def __init__(self, url: str, *, name: str, most: int = 4, plans: Mapping[str, str] = LOOKING, lifetime: float = LIFETIME) -> None:
        self._url = url
        self._name = name
        self._plans = plans
        self._lifetime = lifetime
        self._idle: list[Lent] = []
        self._room = asyncio.Semaphore(most)

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Connection]:
        """Lend a connection in autocommit. The driver's errors come out as ours: Moved, Unavailable."""
        async with self._room:
            lent = await self._take() or Lent.opened(await connect(self._url, name=self._name, plans=self._plans), self._lifetime)
            try:
                async with translated():
                    yield lent.connection
            finally:
                await self._give_back(lent)

    async def close(self) -> None:
        """Close what is idle; what is lent out is closed when it comes back broken or with the process."""
        while self._idle:
            await self._idle.pop().connection.close()

    async def _take(self) -> Lent | None:
        while self._idle:
            lent = self._idle.pop()
            if lent.serves:
                return lent
            await lent.connection.close()
        return None

    async def _give_back(self, lent: Lent) -> None:
        connection = lent.connection
        if connection.closed or connection.info.transaction_status is not psycopg.pq.TransactionStatus.IDLE:
            await connection.close()
            return
        self._idle.append(lent)
