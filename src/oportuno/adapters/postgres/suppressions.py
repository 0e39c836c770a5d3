"""The list of addresses that are not written to, under keyed hashes: it knows nobody, and outlasts everybody."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.postgres.database import Connection
from oportuno.consent.reach import GRAVITY, Silenced, plain_address
from oportuno.flows.reads import Spot
from oportuno.flows.suppressions import Suppression
from oportuno.flows.work import Listed
from oportuno.kit.ids import CustomerKey, WorkspaceId

_REASONS: Final = sorted(GRAVITY, key=lambda reason: GRAVITY[reason])

_LISTED: Final = "SELECT reason, since FROM suppressions WHERE workspace = %s AND channel = %s AND mark = %s"
# Of two reasons the graver stands, of equals the older: whatever the order in which they are told. Who told: flows.work.told_by.
_LIST: Final = """
INSERT INTO suppressions AS s (workspace, channel, mark, reason, since, source, note) VALUES
    (%(workspace)s, %(channel)s, %(mark)s, %(reason)s, %(since)s, %(source)s, %(note)s)
ON CONFLICT (workspace, channel, mark) DO UPDATE SET (reason, since, source, note) = (
    SELECT CASE WHEN w.graver THEN excluded.reason ELSE s.reason END, CASE WHEN w.graver THEN excluded.since ELSE s.since END,
        w.teller, CASE WHEN w.teller = excluded.source AND (w.graver OR w.teller <> s.source) THEN excluded.note ELSE s.note END
    FROM (
        SELECT g.graver, CASE
            WHEN excluded.source = s.source THEN s.source
            WHEN starts_with(excluded.source, 'list ') THEN CASE WHEN starts_with(s.source, 'list ') THEN 'lists' ELSE s.source END
            WHEN g.graver OR s.source = 'lists' OR starts_with(s.source, 'list ') THEN excluded.source
            ELSE s.source END AS teller
        FROM (SELECT (coalesce(array_position(%(reasons)s::text[], excluded.reason), 0), -excluded.since)
                   > (coalesce(array_position(%(reasons)s::text[], s.reason), 0), -s.since) AS graver) g
    ) w
)
WHERE s.source <> excluded.source OR s.reason <> excluded.reason OR excluded.since < s.since
"""
_SILENT_BECAUSE: Final = """
INSERT INTO suppressed_customers (bucket, workspace, customer, channel, mark) VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_END: Final = Spot(2**62, b"\xff" * 16)
_ONE: Final = "SELECT workspace, channel, mark, reason, since, source, note FROM suppressions WHERE workspace = %s AND mark = %s"
_SOME: Final = """
SELECT workspace, channel, mark, reason, since, source, note FROM suppressions
WHERE workspace = %(workspace)s AND (since, mark) < (%(at)s, %(tie)s) AND (%(source)s = '' OR source = %(source)s)
ORDER BY since DESC, mark DESC LIMIT %(limit)s
"""
_STANDING: Final = """
SELECT workspace, channel, mark, reason, since, source, note FROM suppressions WHERE workspace = %s AND channel = %s AND mark = ANY(%s)
"""
_WHO: Final = """
SELECT bucket, workspace, customer FROM suppressed_customers WHERE workspace = %s AND channel = %s AND mark = %s ORDER BY bucket, customer
"""
_TAKE_OFF: Final = """
WITH gone AS (DELETE FROM suppressed_customers WHERE workspace = %(workspace)s AND channel = %(channel)s AND mark = %(mark)s)
DELETE FROM suppressions WHERE workspace = %(workspace)s AND channel = %(channel)s AND mark = %(mark)s
"""
_TAKE_BACK: Final = """
DELETE FROM suppressions s USING unnest(%s::int4[], %s::text[], %s::bytea[], %s::text[]) AS k(workspace, channel, mark, source)
WHERE s.workspace = k.workspace AND s.channel = k.channel AND s.mark = k.mark AND s.source = k.source AND NOT EXISTS (
    SELECT FROM suppressed_customers c WHERE c.workspace = s.workspace AND c.channel = s.channel AND c.mark = s.mark
)
"""


def mark_under(secret: bytes, workspace: WorkspaceId, channel: str, address: str) -> bytes:
    """Give the hash under which an address is remembered."""
    key = blake2b(b"suppressions", key=secret[:32], digest_size=32).digest()
    told = f"{channel}\0{plain_address(address)}".encode("utf-8", "surrogatepass")
    return blake2b(told, key=key, digest_size=16, person=workspace.to_bytes(8, "big")).digest()


async def look_up(connection: Connection, secret: bytes, workspace: WorkspaceId, channel: str, address: str) -> Silenced | None:
    """Say whether an address is listed, and why."""
    mark = mark_under(secret, workspace, channel, address)
    row = await (await connection.execute(_LISTED, (workspace, channel, mark))).fetchone()
    return Silenced(*row) if row is not None else None


async def list_addresses(connection: Connection, secret: bytes, listed: Sequence[Listed]) -> None:
    """List addresses, beside what else a unit of work writes."""
    for each in listed:
        mark = each.mark or mark_under(secret, each.workspace, each.channel, each.address)
        named = {"workspace": each.workspace, "channel": each.channel, "mark": mark, "source": each.source, "note": each.note}
        await connection.execute(_LIST, {**named, "reason": each.silenced.reason, "since": each.silenced.since, "reasons": _REASONS})
        if each.customer is not None:
            await connection.execute(_SILENT_BECAUSE, (*each.customer, each.channel, mark))


class PostgresSuppressions:
    """The port Suppressions. `looking` connections only read, `changing` ones not."""

    def __init__(self, looking: Connections, changing: Connections, secret: bytes) -> None:
        self._looking = looking
        self._changing = changing
        self._secret = secret

    def mark(self, workspace: WorkspaceId, channel: str, address: str) -> bytes:
        """See the port."""
        return mark_under(self._secret, workspace, channel, address)

    async def suppression(self, workspace: WorkspaceId, mark: bytes) -> Suppression | None:
        """See the port."""
        for row in await self._rows(_ONE, workspace, mark):
            return _shown(row)
        return None

    async def suppressions(self, workspace: WorkspaceId, *, before: Spot | None, limit: int, source: str = "") -> list[Suppression]:
        """See the port."""
        spot = before or _END
        named = {"workspace": workspace, "at": spot.at, "tie": spot.tie, "source": source, "limit": limit}
        async with self._looking.lend() as connection:
            rows = await (await connection.execute(_SOME, named)).fetchall()
        return [_shown(row) for row in rows]

    async def standing(self, workspace: WorkspaceId, channel: str, marks: Sequence[bytes]) -> dict[bytes, Suppression]:
        """See the port."""
        found = [_shown(row) for row in await self._rows(_STANDING, workspace, channel, list(marks))]
        return {each.mark: each for each in found}

    async def silent_because(self, suppression: Suppression) -> list[CustomerKey]:
        """See the port."""
        rows = await self._rows(_WHO, suppression.workspace, suppression.channel, suppression.mark)
        return [CustomerKey(*row) for row in rows]

    async def take_off(self, suppression: Suppression) -> None:
        """See the port."""
        place = {"workspace": suppression.workspace, "channel": suppression.channel, "mark": suppression.mark}
        async with self._changing.lend() as connection:
            await connection.execute(_TAKE_OFF, place)

    async def take_back(self, entries: Sequence[Suppression]) -> int:
        """See the port."""
        columns = [[getattr(each, name) for each in entries] for name in ("workspace", "channel", "mark", "source")]
        async with self._changing.lend() as connection:
            return (await connection.execute(_TAKE_BACK, columns)).rowcount

    async def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self._looking.lend() as connection:
            return await (await connection.execute(statement.encode(), values)).fetchall()


def _shown(row: tuple[Any, ...]) -> Suppression:
    workspace, channel, mark, reason, since, source, note = row
    return Suppression(workspace=workspace, channel=channel, mark=bytes(mark), reason=reason, since=since, source=source, note=note)
