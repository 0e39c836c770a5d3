"""Measuring a workspace's customers, and what was measured last.

The states are read in pages by their key, a page a statement, so that nothing is held up; what is worked out of them is worked out
beside the event loop. One process at a time measures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.postgres.database import Connection, translated
from oportuno.adapters.postgres.housekeeping import HOUSE_LOCK
from oportuno.catalog.together import Companion
from oportuno.flows.standings import EVERY, Census, How, Standing
from oportuno.kit.ids import BUCKETS, CustomerKey, WorkspaceId
from oportuno.kit.times import Millis
from oportuno.profile.worth import BreakPoints

_PAGE: Final = 200
_TRY: Final = "SELECT pg_try_advisory_lock(%s, 1)"
_LEAVE: Final = "SELECT pg_advisory_unlock(%s, 1)"
_DUE: Final = """
SELECT w.workspace, clock_millis() FROM workspaces w LEFT JOIN standings s USING (workspace)
WHERE s.at IS NULL OR s.at <= clock_millis() - %s ORDER BY w.workspace
"""
_STATES: Final = """
SELECT customer, state FROM customers
WHERE bucket = %s AND workspace = %s AND customer > %s AND status = 0 ORDER BY customer LIMIT %s
"""
_KEEP: Final = """
INSERT INTO standings (workspace, at, points) VALUES (%s, %s, %s)
ON CONFLICT (workspace) DO UPDATE SET at = excluded.at, points = excluded.points
"""
_FORGET: Final = "DELETE FROM together WHERE workspace = %s"
_TOGETHER: Final = """
INSERT INTO together (workspace, how, product, companions)
SELECT %s, u.how, u.product, u.companions FROM unnest(%s::int2[], %s::text[], %s::bytea[]) AS u(how, product, companions)
"""
_POINTS: Final = "SELECT points FROM standings WHERE workspace = %s"
_COMPANIONS: Final = "SELECT companions FROM together WHERE workspace = %s AND how = %s AND product = %s"
_HOW: Final[dict[How, int]] = {"viewed": 0, "bought": 1}
_ENCODER: Final = msgspec.msgpack.Encoder()
_BREAK_POINTS: Final = msgspec.msgpack.Decoder(BreakPoints)
_LISTED: Final = msgspec.msgpack.Decoder(list[Companion])


async def take_standings(connection: Connection) -> int:
    """Measure every workspace that was not measured lately; give how many were. Raises Unavailable when the database is gone."""
    async with translated():
        row = await (await connection.execute(_TRY, (HOUSE_LOCK,))).fetchone()
        if not row or not row[0]:
            return 0
        due = await (await connection.execute(_DUE, (EVERY,))).fetchall()
        for workspace, now in due:
            await _keep(connection, workspace, await _measured(connection, workspace, now))
        await connection.execute(_LEAVE, (HOUSE_LOCK,))
    return len(due)


async def _measured(connection: Connection, workspace: WorkspaceId, now: Millis) -> Standing:
    census = Census(now)
    for bucket in range(BUCKETS):
        last = -1
        while not census.full:
            page = await (await connection.execute(_STATES, (bucket, workspace, last, _PAGE), binary=True)).fetchall()
            await asyncio.to_thread(_count, census, bucket, workspace, page)
            if len(page) < _PAGE:
                break
            last = page[-1][0]
    return await asyncio.to_thread(census.result)


def _count(census: Census, bucket: int, workspace: WorkspaceId, page: Sequence[tuple[int, bytes]]) -> None:
    for customer, state in page:
        census.count(CustomerKey(bucket, workspace, customer), bytes(state))


async def _keep(connection: Connection, workspace: WorkspaceId, standing: Standing) -> None:
    found: tuple[tuple[How, dict[str, list[Companion]]], ...] = (("viewed", standing.viewed), ("bought", standing.bought))
    rows = [(_HOW[how], product, _ENCODER.encode(companions)) for how, told in found for product, companions in told.items()]
    points = None if standing.points is None else _ENCODER.encode(standing.points)
    async with connection.transaction():
        await connection.execute(_KEEP, (workspace, standing.at, points))
        await connection.execute(_FORGET, (workspace,))
        if rows:
            await connection.execute(_TOGETHER, (workspace, *(list(column) for column in zip(*rows, strict=True))))


class PostgresStandings:
    """The port Standings on PostgreSQL."""

    def __init__(self, looking: Connections) -> None:
        self._looking = looking

    async def break_points(self, workspace: WorkspaceId) -> BreakPoints | None:
        """See the port."""
        async with self._looking.lend() as connection:
            row = await (await connection.execute(_POINTS, (workspace,))).fetchone()
        return None if row is None or row[0] is None else _BREAK_POINTS.decode(row[0])

    async def companions(self, workspace: WorkspaceId, product: str, how: How) -> Sequence[Companion]:
        """See the port."""
        async with self._looking.lend() as connection:
            row = await (await connection.execute(_COMPANIONS, (workspace, _HOW[how], product))).fetchone()
        return () if row is None else _LISTED.decode(row[0])
