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
# Of two reasons the graver stands, of equals the older: whatever the order in which they are told.
_LIST: Final = """
INSERT INTO suppressions AS s (workspace, channel, mark, reason, since, source, note) VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (workspace, channel, mark) DO UPDATE
SET reason = excluded.reason, since = excluded.since, source = excluded.source, note = excluded.note
WHERE (coalesce(array_position(%s::text[], excluded.reason), 0), -excluded.since)
    > (coalesce(array_position(%s::text[], s.reason), 0), -s.since)
"""
_SILENT_BECAUSE: Final = """
INSERT INTO suppressed_customers (bucket, workspace, customer, channel, mark) VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_END: Final = Spot(2**62, b"\xff" * 16)
_ONE: Final = "SELECT workspace, channel, mark, reason, since, source, note FROM suppressions WHERE workspace = %s AND mark = %s"
_SOME: Final = """
SELECT workspace, channel, mark, reason, since, source, note FROM suppressions
WHERE workspace = %s AND (since, mark) < (%s, %s) ORDER BY since DESC, mark DESC LIMIT %s
"""
_WHO: Final = """
SELECT bucket, workspace, customer FROM suppressed_customers WHERE workspace = %s AND channel = %s AND mark = %s ORDER BY bucket, customer
"""
_TAKE_OFF: Final = """
WITH gone AS (DELETE FROM suppressed_customers WHERE workspace = %(workspace)s AND channel = %(channel)s AND mark = %(mark)s)
DELETE FROM suppressions WHERE workspace = %(workspace)s AND channel = %(channel)s AND mark = %(mark)s
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
        place = (each.workspace, each.channel, mark)
        await connection.execute(_LIST, (*place, *each.silenced, each.source, each.note, _REASONS, _REASONS))
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

    async def suppressions(self, workspace: WorkspaceId, *, before: Spot | None, limit: int) -> list[Suppression]:
        """See the port."""
        spot = before or _END
        return [_shown(row) for row in await self._rows(_SOME, workspace, spot.at, spot.tie, limit)]

    async def silent_because(self, suppression: Suppression) -> list[CustomerKey]:
        """See the port."""
        rows = await self._rows(_WHO, suppression.workspace, suppression.channel, suppression.mark)
        return [CustomerKey(*row) for row in rows]

    async def take_off(self, suppression: Suppression) -> None:
        """See the port."""
        place = {"workspace": suppression.workspace, "channel": suppression.channel, "mark": suppression.mark}
        async with self._changing.lend() as connection:
            await connection.execute(_TAKE_OFF, place)

    async def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self._looking.lend() as connection:
            return await (await connection.execute(statement.encode(), values)).fetchall()


def _shown(row: tuple[Any, ...]) -> Suppression:
    workspace, channel, mark, reason, since, source, note = row
    return Suppression(workspace=workspace, channel=channel, mark=bytes(mark), reason=reason, since=since, source=source, note=note)
