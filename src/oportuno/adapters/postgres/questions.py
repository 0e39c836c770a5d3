"""How often addresses were asked to confirm, under keyed hashes: a row's lock makes the count exact, and no address is kept."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from oportuno.adapters.postgres.database import Connection
from oportuno.flows.work import Question, Questioned
from oportuno.kit.ids import WorkspaceId

_PACK: Final = msgspec.msgpack.Encoder()
_UNPACK: Final = msgspec.msgpack.Decoder(tuple[Question, ...])

# The update changes nothing: it locks the row that stands, and waits for whoever is just making it.
_ASKED = """
INSERT INTO questions AS q (workspace, mark, asked, kept_until) VALUES (%s, %s, %s, 0)
ON CONFLICT (workspace, mark) DO UPDATE SET kept_until = q.kept_until RETURNING asked
"""
_NOTE = "UPDATE questions SET asked = %s, kept_until = %s WHERE workspace = %s AND mark = %s"


async def asked_until_now(connection: Connection, secret: bytes, workspace: WorkspaceId, address: str) -> tuple[Question, ...]:
    """Give the questions to an address, and keep everybody else from it until the end of the transaction."""
    cursor = await connection.execute(_ASKED, (workspace, _mark(secret, workspace, address), _PACK.encode(())), binary=True)
    row = await cursor.fetchone()
    return _UNPACK.decode(row[0]) if row is not None else ()


async def note_questions(connection: Connection, secret: bytes, questioned: Sequence[Questioned]) -> None:
    """Remember questions, beside the claims that ask them."""
    for workspace, address, asked, until in questioned:
        await connection.execute(_NOTE, (_PACK.encode(asked), until, workspace, _mark(secret, workspace, address)))


def _mark(secret: bytes, workspace: WorkspaceId, address: str) -> bytes:
    key = blake2b(b"questions", key=secret[:32], digest_size=32).digest()
    return blake2b(address.encode(), key=key, digest_size=16, person=workspace.to_bytes(8, "big")).digest()
