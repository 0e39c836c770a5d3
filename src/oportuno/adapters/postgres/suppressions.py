"""The list of addresses that are not written to, under keyed hashes: it knows nobody, and outlasts everybody."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from oportuno.adapters.postgres.database import Connection
from oportuno.consent.reach import GRAVITY, Silenced, plain_address
from oportuno.flows.work import Listed
from oportuno.kit.ids import WorkspaceId

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
