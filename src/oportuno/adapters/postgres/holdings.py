"""Taking out in PostgreSQL (port Holdings): each page begins behind the last row of the one before, along the keys of the tables."""

from __future__ import annotations

from typing import Any, Final

from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.postgres.reads import MASKED, decision_of, event_of, message_of
from oportuno.events.event import Event
from oportuno.flows.reads import MessageRecord
from oportuno.flows.work import Decision, Status, Stored
from oportuno.kit.ids import Bucket, CustomerKey, WorkspaceId, day_of_id

_CUSTOMERS: Final = f"""
SELECT customer, status, version, state, due_at FROM customers
WHERE bucket = %s AND workspace = %s AND customer > %s AND status <> {Status.ERASED.value} AND {MASKED.format("customers")}
ORDER BY customer LIMIT %s
"""  # noqa: S608 - our own words
_EVENTS: Final = f"""
SELECT customer, lane, seq, h, source, call, name, at, received, body FROM events
WHERE bucket = %s AND workspace = %s AND (lane, seq) > (%s, %s) AND body <> '' AND {MASKED.format("events")}
ORDER BY lane, seq LIMIT %s
"""  # noqa: S608 - the same
_MESSAGES: Final = f"""
SELECT body, status, created_at, not_before, attempts, handed_at, ended_at, reason, answer FROM outbox
WHERE bucket = %s AND workspace = %s AND (customer, id, day) > (%s, %s, %s) AND body <> '' AND {MASKED.format("outbox")}
ORDER BY customer, id, day LIMIT %s
"""  # noqa: S608 - the same
_VERDICTS: Final = f"""
SELECT bucket, workspace, customer, body FROM verdicts
WHERE bucket = %s AND workspace = %s AND (customer, at) >= (%s, %s) AND (customer, at, proposal || decided::bytea) > (%s, %s, %s)
  AND {MASKED.format("verdicts")}
ORDER BY customer, at, proposal || decided::bytea LIMIT %s
"""  # noqa: S608 - the same


class PostgresHoldings:
    """The port Holdings."""

    def __init__(self, looking: Connections) -> None:
        self._looking = looking

    async def customers(self, workspace: WorkspaceId, bucket: Bucket, *, after: Stored | None, limit: int) -> list[Stored]:
        """See the port."""
        rows = await self._rows(_CUSTOMERS, bucket, workspace, after.key.customer if after else -1, limit)
        return [
            Stored(CustomerKey(bucket, workspace, customer), Status(status), version, bytes(state), due_at)
            for customer, status, version, state, due_at in rows
        ]

    async def events(self, workspace: WorkspaceId, bucket: Bucket, *, after: Event | None, limit: int) -> list[Event]:
        """See the port."""
        lane, seq = (after.lane, after.seq) if after else (-1, -1)
        rows = await self._rows(_EVENTS, bucket, workspace, lane, seq, limit)
        return [event_of(CustomerKey(bucket, workspace, row[0]), row[1:]) for row in rows]

    async def messages(self, workspace: WorkspaceId, bucket: Bucket, *, after: MessageRecord | None, limit: int) -> list[MessageRecord]:
        """See the port."""
        message = after.message if after else None
        behind = (message.key.customer, message.id, day_of_id(message.id)) if message else (-1, b"", -1)
        return [message_of(row) for row in await self._rows(_MESSAGES, bucket, workspace, *behind, limit)]

    async def verdicts(self, workspace: WorkspaceId, bucket: Bucket, *, after: Decision | None, limit: int) -> list[Decision]:
        """See the port."""
        customer, at, tie = -1, -1, b""
        if after is not None:
            customer, at = after.key.customer, after.verdict.at
            tie = after.verdict.proposal.id + after.verdict.decided.encode()
        rows = await self._rows(_VERDICTS, bucket, workspace, customer, at, customer, at, tie, limit)
        return [decision_of(row) for row in rows]

    async def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self._looking.lend() as connection:
            cursor = await connection.execute(statement.encode(), values)
            return await cursor.fetchall()
