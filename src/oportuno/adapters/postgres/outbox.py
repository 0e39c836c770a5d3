"""Messages that wait, and those in a dead deliverer's hands. A deliverer lives as long as the session that holds its advisory lock."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any, Final

import msgspec

from oportuno.adapters.postgres.database import ENGINE_PLANS, Connection, connect, translated
from oportuno.adapters.postgres.work import OUTBOX_NEWS
from oportuno.content.message import Message
from oportuno.flows.ports import Due
from oportuno.flows.work import OutboxStatus, Waiting
from oportuno.kit.times import DAY, day_of

DELIVERER_LOCK: Final = 0x64656C69
_REACH: Final = 40
"""Days back that a message may still wait: what a journey says expires within 30, and older partitions need not be probed."""

_UNPACK: Final = msgspec.msgpack.Decoder(Message)

_NOW: Final = "SELECT (extract(epoch FROM statement_timestamp()) * 1000)::bigint"
# The statement's start, not `clock_millis()`: that is volatile, and the index would be walked to its end to compare every row with it.
# One probe a workspace and day; the partial index holds only what waits, so the cost does not grow with what was sent. The oldest of each
# workspace come first: one that has much to say keeps nobody else waiting.
_DUE = """
SELECT o.body, o.status, o.not_before, o.attempts, o.deliverer, o.doubt
FROM workspaces w CROSS JOIN LATERAL (
    SELECT v.*, row_number() OVER (ORDER BY v.not_before) AS place FROM outbox v
    WHERE v.channel = %b AND v.workspace = w.workspace AND v.status = 0
        AND v.not_before <= (extract(epoch FROM statement_timestamp()) * 1000)::bigint
        AND v.day > %b::int4 AND v.day < %b::int4
    ORDER BY v.not_before LIMIT %b::int8
) o
ORDER BY o.place, o.not_before LIMIT %b::int8
"""
_ABANDONED = """
SELECT o.body, o.status, o.not_before, o.attempts, o.deliverer, o.doubt FROM outbox o
WHERE o.status = 1 AND o.day > %b::int4 AND NOT EXISTS (
    SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = %b::int8::oid AND l.objid = o.deliverer::int8::oid
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
) LIMIT %b::int8
"""


class PostgresOutbox:
    """The port Outbox on PostgreSQL, as one deliverer."""

    def __init__(self, connection: Connection, news: Connection, deliverer: int) -> None:
        self.deliverer = deliverer
        self._connection = connection
        self._news = news
        self._turn = asyncio.Lock()
        self._woken = asyncio.Condition()
        self._count = 0
        # How many notices each channel's loop had heard when it last looked: one that comes between its look and its wait is not missed.
        self._heard: dict[asyncio.Task[Any] | None, int] = {}
        self._listener: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, url: str) -> PostgresOutbox:
        """Connect as a new deliverer. Raises Unavailable."""
        connection = await connect(url, name="deliver outbox", plans=ENGINE_PLANS)
        news = await connect(url, name="deliver news")
        async with translated():
            row = await (await news.execute("SELECT nextval('deliverer_numbers')::int4")).fetchone()
            deliverer = int(row[0]) if row else 0
            await news.execute("SELECT pg_advisory_lock(%s, %s)", (DELIVERER_LOCK, deliverer))
            await news.execute(f"LISTEN {OUTBOX_NEWS}")
        outbox = cls(connection, news, deliverer)
        outbox._listener = asyncio.get_running_loop().create_task(outbox._listen())
        return outbox

    async def due(self, channel: str, limit: int) -> Due:
        """See the port."""
        self._heard[asyncio.current_task()] = self._count
        async with self._turn, translated():
            # The day's bounds only spare partitions: a clock of ours that is hours wrong still covers every day that matters.
            today = day_of(time.time_ns() // 1_000_000)
            async with self._connection.pipeline():
                clock = await self._connection.execute(_NOW, binary=True)
                cursor = await self._connection.execute(_DUE, (channel, today - _REACH, today + 3, limit, limit), binary=True)
                rows = await cursor.fetchall()
                first = await clock.fetchone()
            return Due(int(first[0]) if first else 0, [_waiting(row) for row in rows])

    async def abandoned(self, limit: int) -> Due:
        """See the port."""
        async with self._turn, translated():
            now = await self._now()
            cursor = await self._connection.execute(_ABANDONED, (now // DAY - _REACH, DELIVERER_LOCK, limit), binary=True)
            return Due(now, [_waiting(row) for row in await cursor.fetchall()])

    async def wait(self, most: float) -> None:
        """See the port."""
        seen = self._heard.pop(asyncio.current_task(), self._count)
        async with self._woken:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait_for(lambda: self._count != seen), most)
        if self._listener is not None and self._listener.done():
            self._listener.result()

    async def close(self) -> None:
        """Disconnect; what is in hand is then abandoned."""
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._listener
        await self._connection.close()
        await self._news.close()

    async def _now(self) -> int:
        row = await (await self._connection.execute(_NOW, binary=True)).fetchone()
        return int(row[0]) if row else 0

    async def _listen(self) -> None:
        async with translated():
            async for _ in self._news.notifies():
                async with self._woken:
                    self._count += 1
                    self._woken.notify_all()


def _waiting(row: tuple[Any, ...]) -> Waiting:
    body, status, not_before, attempts, deliverer, doubt = row
    message = _UNPACK.decode(body)
    return Waiting(message=message, status=OutboxStatus(status), not_before=not_before, attempts=attempts, deliverer=deliverer, doubt=doubt)
