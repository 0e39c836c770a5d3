"""The consent ledger: append-only, one hash chain per customer.

What is chained is a salted commitment to the personal part, which stands beside it: erasure deletes that part and the salt, and the chain
still verifies.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from oportuno.adapters.postgres.database import Connection
from oportuno.flows.work import LedgerEntry

_PACK: Final = msgspec.msgpack.Encoder()

# The previous commitment is read in the same statement under the customer's lock, so a chain has no forks. The new commitment binds
# the previous one: sha256 is PostgreSQL's own.
_APPEND = """
INSERT INTO consent_ledger (bucket, workspace, customer, n, id, at, slot, state, source, commitment, personal, salt)
SELECT k.bucket, k.workspace, k.customer, coalesce(last.n, 0) + 1, %b, %b, %b, %b, %b,
       sha256(coalesce(last.commitment, ''::bytea) || %b::bytea), %b, %b
FROM (SELECT %b::int2 AS bucket, %b::int4 AS workspace, %b::int8 AS customer) k
LEFT JOIN LATERAL (
    SELECT n, commitment FROM consent_ledger c
    WHERE c.bucket = k.bucket AND c.workspace = k.workspace AND c.customer = k.customer ORDER BY n DESC LIMIT 1
) last ON true
ON CONFLICT (bucket, workspace, customer, id) DO NOTHING
"""


async def append_ledger(connection: Connection, entries: Sequence[LedgerEntry]) -> None:
    """Append answers. An entry whose id stands already is left as it is."""
    for entry in entries:
        personal = _PACK.encode((entry.notice, entry.language, entry.actor, entry.proof))
        salt = secrets.token_bytes(16)
        commitment = commit_to(entry, personal, salt)
        await connection.execute(
            _APPEND, (entry.id, entry.at, entry.slot, entry.state, entry.source, commitment, personal, salt, *entry.key)
        )


def commit_to(entry: LedgerEntry, personal: bytes, salt: bytes) -> bytes:
    """Give the commitment of one entry without its place in the chain."""
    public = _PACK.encode((entry.id, entry.at, entry.slot, entry.state, entry.source))
    return blake2b(public + personal, key=salt, digest_size=32).digest()
