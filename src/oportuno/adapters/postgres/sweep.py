"""Looking for units that have something unread, whatever was or was not announced: a bounded piece of the whole at a time.

Announcements are enough while an engine keeps its buckets; what it wins has to be looked through once, to the bottom, and at once. Beyond
that the look is a safeguard, and its cost must not grow with the number of workspaces or the age of the log.
"""

from __future__ import annotations

from typing import Final

from oportuno.adapters.postgres.arrays import Int2s, Int4s
from oportuno.adapters.postgres.database import Connection
from oportuno.kit.ids import Bucket, WorkspaceId
from oportuno.kit.times import DAY, HOUR, SECOND, Millis

_EVERY: Final[Millis] = 2 * SECOND
_TO_THE_BOTTOM: Final[Millis] = HOUR
_PROBES: Final = 4_096
_PROBES_IN_A_HURRY: Final = 65_536
"""Units looked at in one go, about: twenty milliseconds, and a third of a second once buckets were won."""

# Which units have anything unread: one probe a unit, however long the log. LIMIT keeps the planner from turning the probes into a join: as
# EXISTS it read every event of the log that was evaluated already (1.2 million events: 3,300 ms every two seconds; so: 3 ms). A lane holds
# nothing from before its birth, by whichever clock: that spares the partitions of all earlier days.
UNITS: Final = """
SELECT b.bucket, w.workspace, l.lane, l.class
FROM unnest(%b::int2[]) AS b(bucket) CROSS JOIN unnest(%b::int4[]) AS w(workspace) CROSS JOIN lanes l
LEFT JOIN LATERAL (
    SELECT p.seq FROM offsets p WHERE p.bucket = b.bucket AND p.workspace = w.workspace AND p.lane = l.lane LIMIT 1
) o ON true
CROSS JOIN LATERAL (
    SELECT FROM events e
    WHERE e.bucket = b.bucket AND e.workspace = w.workspace AND e.lane = l.lane
      AND e.seq > greatest(coalesce(o.seq, 0), (l.born_at - 86400000) * 1000, %b::int8) AND e.seq < %b::int8 LIMIT 1
) unread
"""
_THERE_ARE: Final = "SELECT (SELECT array_agg(workspace ORDER BY workspace) FROM workspaces), (SELECT count(*) FROM lanes)"

Found = tuple[Bucket, WorkspaceId, int, int]
"""(bucket, workspace, lane, class of the lane)."""


class Sweep:
    """One engine's looks, on the connection that fetches."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._left: list[WorkspaceId] = []
        self._lanes = 1
        self._next: Millis | None = None
        self._deep = False
        self._deep_at: Millis = 0
        self._urgent = True

    def begin(self) -> None:
        """Look through everything from now on, at once and to the bottom: buckets were won."""
        self._left = []
        self._urgent = True

    @property
    def hurries(self) -> bool:
        """Whether won buckets are still being looked through."""
        return self._urgent or (self._deep and bool(self._left))

    async def look(self, owned: frozenset[Bucket], *, now: Millis, elapsed: Millis) -> list[Found] | None:
        """Look at the next piece, if it is time to; None when it is not. `now` is the store's clock, `elapsed` the monotonic one."""
        if not owned or not (self.hurries or self._next is None or elapsed >= self._next):
            return None
        self._next = elapsed + _EVERY
        if not self._left:
            await self._begin_round(elapsed)
        probes = _PROBES_IN_A_HURRY if self._deep else _PROBES
        room = max(1, probes // (len(owned) * max(1, self._lanes)))
        piece, self._left = self._left[:room], self._left[room:]
        since = 0 if self._deep else (now - DAY) * 1_000
        parameters = (Int2s(sorted(owned)), Int4s(piece), since, beyond(now))
        return await (await self._connection.execute(UNITS, parameters, binary=True)).fetchall()

    async def _begin_round(self, elapsed: Millis) -> None:
        row = await (await self._connection.execute(_THERE_ARE, binary=True)).fetchone()
        workspaces, self._lanes = row or (None, 0)
        self._left = list(workspaces or ())
        self._deep = self._urgent or elapsed - self._deep_at >= _TO_THE_BOTTOM
        if self._deep:
            self._deep_at = elapsed
        self._urgent = False


def beyond(now: Millis) -> int:
    """Give a seq beyond every event that may stand in the log now."""
    return (now + DAY) * 1_000
