"""Tracking plans in PostgreSQL (port TrackingPlans): read again at most once a second, and only what has a new version."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import msgspec

from oportuno.adapters.postgres.connections import Connections
from oportuno.events.plan import Checker, TrackingPlan, Violation
from oportuno.flows.tracking_plan import KEPT, LISTED_AT_MOST, Times
from oportuno.kit.faults import Unavailable
from oportuno.kit.ids import WorkspaceId, derive

_SECONDS: Final = 1.0

_VERSIONS: Final = "SELECT workspace, max(version) FROM definitions WHERE kind = 'tracking_plan' GROUP BY workspace"
_PLAN: Final = "SELECT compiled FROM definitions WHERE workspace = %s AND kind = 'tracking_plan' AND version = %s"
# Sorted, because two processes may add to the same rows. What is there already is added to, however long the list is.
_NOTE: Final = """
INSERT INTO plan_violations AS known (workspace, id, event, path, rule, expected, blocks, times, blocked, first_at, last_at, example)
SELECT %(workspace)s, new.* FROM unnest(
    %(id)s::bytea[], %(event)s::text[], %(path)s::text[], %(rule)s::text[], %(expected)s::text[], %(blocks)s::bool[],
    %(times)s::int8[], %(blocked)s::int8[], %(first_at)s::int8[], %(last_at)s::int8[], %(example)s::text[]
) AS new(id, event, path, rule, expected, blocks, times, blocked, first_at, last_at, example)
WHERE (SELECT count(*) FROM plan_violations WHERE workspace = %(workspace)s) < %(most)s
   OR EXISTS (SELECT 1 FROM plan_violations there WHERE there.workspace = %(workspace)s AND there.id = new.id)
ORDER BY new.id
ON CONFLICT (workspace, id) DO UPDATE SET
    times = known.times + excluded.times, blocked = known.blocked + excluded.blocked, first_at = least(known.first_at, excluded.first_at),
    last_at = greatest(known.last_at, excluded.last_at), example = coalesce(nullif(excluded.example, ''), known.example)
"""
_LISTED: Final = """
SELECT event, path, rule, expected, blocks, times, blocked, first_at, last_at, example FROM plan_violations
WHERE workspace = %s AND last_at > clock_millis() - %s ORDER BY last_at DESC, id LIMIT %s
"""


class PostgresTrackingPlans:
    """The port TrackingPlans."""

    def __init__(self, looking: Connections, changing: Connections) -> None:
        self._looking = looking
        self._changing = changing
        self._known: dict[WorkspaceId, tuple[int, Checker | None]] = {}
        """Workspace → version, and what events are held against; None: this release cannot read it."""
        self._checked = float("-inf")
        self._checking = asyncio.Lock()

    async def checker(self, workspace: WorkspaceId) -> Checker | None:
        """See the port. While the database is gone, what was known last holds."""
        if self._checked == float("-inf"):
            async with self._checking:
                if self._checked == float("-inf"):
                    await self._refresh()
                    self._checked = time.monotonic()
        elif time.monotonic() - self._checked >= _SECONDS:
            # Taken before the await, so that of many requests only one looks, and the others need not wait for it.
            self._checked = time.monotonic()
            with suppress(Unavailable):
                await self._refresh()
        known = self._known.get(workspace)
        return known[1] if known is not None else None

    async def note(self, workspace: WorkspaceId, seen: Mapping[Violation, Times]) -> None:
        """See the port."""
        rows = sorted((_id(violation), violation, times) for violation, times in seen.items())
        columns = {
            "workspace": workspace,
            "most": LISTED_AT_MOST,
            "id": [name for name, _, _ in rows],
            **{word: [getattr(each, word) for _, each, _ in rows] for word in Violation.__struct_fields__},
            **{word: [getattr(each, word) for _, _, each in rows] for word in Times.__struct_fields__},
        }
        async with self._changing.lend() as connection:
            await connection.execute(_NOTE, columns)

    async def violations(self, workspace: WorkspaceId, *, limit: int) -> list[tuple[Violation, Times]]:
        """See the port."""
        async with self._looking.lend() as connection:
            rows = await (await connection.execute(_LISTED, (workspace, KEPT, limit))).fetchall()
        words, counts = Violation.__struct_fields__, Times.__struct_fields__
        return [
            (Violation(**dict(zip(words, row[:5], strict=True))), Times(**dict(zip(counts, row[5:], strict=True)))) for row in rows
        ]  # fmt: skip

    async def _refresh(self) -> None:
        async with self._looking.lend() as connection:
            versions = dict(await (await connection.execute(_VERSIONS)).fetchall())
            for workspace, version in versions.items():
                if self._known.get(workspace, (0, None))[0] != version:
                    row = await (await connection.execute(_PLAN, (workspace, version))).fetchone()
                    self._known[workspace] = version, _read(bytes(row[0])) if row else None


def _read(compiled: bytes) -> Checker | None:
    try:
        return Checker(msgspec.msgpack.decode(compiled, type=TrackingPlan))
    except msgspec.DecodeError:
        return None


def _id(violation: Violation) -> bytes:
    return derive("plan violation", msgspec.msgpack.encode(violation))
