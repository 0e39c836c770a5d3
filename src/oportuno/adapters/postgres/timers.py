"""Which timers are due in the buckets a worker owns.

Oldest first of all while a batch takes whatever is due. When more is due than it takes, the workspaces are looked through one by one, and
each gets its turn.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from oportuno.adapters.postgres.arrays import Int2s, Int4s
from oportuno.adapters.postgres.database import Connection
from oportuno.adapters.timers import Due, in_turn
from oportuno.kit.ids import Bucket, CustomerKey, WorkspaceId
from oportuno.kit.times import SECOND, Millis

# The clock comes in as a value: compared with a volatile function, the index would be walked to its end.
_DUE: Final = """
SELECT d.bucket, d.workspace, d.customer, d.due_at
FROM unnest(%b::int2[]) AS b(bucket)
CROSS JOIN LATERAL (
    SELECT * FROM due t WHERE t.bucket = b.bucket AND t.due_at <= %b::int8 AND t.workspace <> ALL(%b::int4[])
    ORDER BY t.due_at LIMIT %b::int8
) d
"""
# One descent of the index for each workspace that has timers in a bucket: as many as there are brands, not as there are timers.
_DUE_OF_EACH: Final = """
WITH RECURSIVE timed AS (
    SELECT b.bucket, (SELECT t.workspace FROM due t WHERE t.bucket = b.bucket ORDER BY t.workspace LIMIT 1) AS workspace
    FROM unnest(%b::int2[]) AS b(bucket)
    UNION ALL
    SELECT h.bucket, (
        SELECT t.workspace FROM due t WHERE t.bucket = h.bucket AND t.workspace > h.workspace ORDER BY t.workspace LIMIT 1
    )
    FROM timed h WHERE h.workspace IS NOT NULL
)
SELECT d.bucket, d.workspace, d.customer, d.due_at FROM timed h
CROSS JOIN LATERAL (
    SELECT * FROM due t WHERE t.bucket = h.bucket AND t.workspace = h.workspace AND t.due_at <= %b::int8
    ORDER BY t.due_at LIMIT %b::int8
) d
WHERE h.workspace <> ALL(%b::int4[])
"""
_NEXT_DUE: Final = """
SELECT min(d.due_at) FROM unnest(%b::int2[]) AS b(bucket)
CROSS JOIN LATERAL (
    SELECT due_at FROM due t WHERE t.bucket = b.bucket AND t.workspace <> ALL(%b::int4[]) ORDER BY t.due_at LIMIT 1
) d
"""


class Timers:
    """What one worker knows of the timers in its buckets."""

    def __init__(self, connection: Connection) -> None:
        self.next: Millis | None = None
        """When the earliest is due, as last read; None: there is none, or it is not known."""
        self._connection = connection
        self._asked: Millis = 0
        self._crowded = False
        """Whether more was due when last read than was taken."""
        self._limit = 0
        self._each = 0
        self._cursors: tuple[Any, Any] | None = None

    def forget(self) -> None:
        """Ask again at the next batch: what was read was not committed, or other buckets are owned."""
        self._asked = 0

    async def ask(self, owned: Collection[Bucket], resting: Collection[WorkspaceId], now: Millis, limit: int) -> None:
        """Ask for up to `limit`, if it is time to; what comes is given by `take`. To be awaited inside a pipeline."""
        self._cursors = None
        if not owned or not (self.next is None or self.next <= now or now - self._asked >= SECOND):
            return
        buckets, left_alone = Int2s(sorted(owned)), Int4s(resting)
        self._limit, self._each = limit, -(-limit // len(buckets))
        if self._crowded:
            due = await self._connection.execute(_DUE_OF_EACH, (buckets, now, self._each, left_alone), binary=True)
        else:
            due = await self._connection.execute(_DUE, (buckets, now, left_alone, self._each), binary=True)
        self._cursors = due, await self._connection.execute(_NEXT_DUE, (buckets, left_alone), binary=True)
        self._asked = now

    async def take(self) -> list[Due]:
        """Give what was asked for: (customer, due at), each workspace's oldest first."""
        if self._cursors is None:
            return []
        due, earliest = self._cursors
        found = [(CustomerKey(row[0], row[1], row[2]), row[3]) for row in await due.fetchall()]
        row = await earliest.fetchone()
        self.next = row[0] if row else None
        full: dict[Bucket, int] = {}
        for key, _ in found:
            full[key.bucket] = full.get(key.bucket, 0) + 1
        self._crowded = any(count >= self._each for count in full.values())
        return in_turn(found, self._limit)
