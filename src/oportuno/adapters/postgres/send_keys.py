"""What idempotency keys stand for, under keyed hashes: neither a key nor what was asked for under it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from oportuno.adapters.postgres.database import Connection
from oportuno.flows.work import AskedBefore, SendKey
from oportuno.kit.ids import WorkspaceId

_LOCK: Final = 0x73656E64
# There may be no row to lock yet; two keys that share the lock's number wait for each other, and that is all.
_TAKE = "SELECT pg_advisory_xact_lock(%s, %s)"
_FOUND = "SELECT message, digest FROM send_keys WHERE workspace = %s AND mark = %s"
_NOTE = "INSERT INTO send_keys (workspace, mark, digest, message, at) VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"


async def asked_before(connection: Connection, secret: bytes, workspace: WorkspaceId, key: str, digest: bytes) -> AskedBefore | None:
    """Say what a key stands for, and keep everybody else from it until the end of the transaction."""
    mark = _hashed(secret, workspace, key.encode())
    await connection.execute(_TAKE, (_LOCK, int.from_bytes(mark[:4], "big", signed=True)))
    row = await (await connection.execute(_FOUND, (workspace, mark), binary=True)).fetchone()
    return None if row is None else AskedBefore(bytes(row[0]), bytes(row[1]) == _hashed(secret, workspace, digest))


async def note_send_keys(connection: Connection, secret: bytes, send_keys: Sequence[SendKey]) -> None:
    """Remember what keys stand for, beside the messages."""
    for workspace, key, digest, message, at in send_keys:
        mark, kept = _hashed(secret, workspace, key.encode()), _hashed(secret, workspace, digest)
        await connection.execute(_NOTE, (workspace, mark, kept, message, at))


def _hashed(secret: bytes, workspace: WorkspaceId, what: bytes) -> bytes:
    key = blake2b(b"send keys", key=secret[:32], digest_size=32).digest()
    return blake2b(what, key=key, digest_size=16, person=workspace.to_bytes(8, "big")).digest()
