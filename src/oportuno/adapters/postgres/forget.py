"""Every place that holds a customer's personal data, and how it is emptied. Erasure walks this registry; a canary test proves it.

The row itself stays as a tombstone: an upsert can never bring the person back.
"""

from __future__ import annotations

from typing import Final, LiteralString

from oportuno.adapters.postgres.database import Connection
from oportuno.kit.ids import CustomerKey

# Columns bucket, workspace, customer are the parameters, in this order. Old events and verdicts lie in day partitions that the
# customer is no key of: they are found by bucket and workspace, so an erasure reads one bucket's share of the log.
REGISTRY: Final[dict[str, LiteralString]] = {
    "customers": (
        "INSERT INTO customers (bucket, workspace, customer, status, version, state) VALUES (%s, %s, %s, 3, 1, '')"
        " ON CONFLICT (bucket, workspace, customer) DO UPDATE SET status = 3, version = customers.version + 1, state = '', due_at = NULL"
    ),
    "due": "DELETE FROM due WHERE bucket = %s AND workspace = %s AND customer = %s",
    "events": "UPDATE events SET body = '\\x7b7d', name = '' WHERE bucket = %s AND workspace = %s AND customer = %s",
    "verdicts": "DELETE FROM verdicts WHERE bucket = %s AND workspace = %s AND customer = %s",
    "outbox": (
        "UPDATE outbox SET body = '', items = '{}', status = CASE WHEN status IN (0, 1) THEN 5 ELSE status END, reason = 'customer_gone'"
        " WHERE bucket = %s AND workspace = %s AND customer = %s"
    ),
    "consent_ledger": "UPDATE consent_ledger SET personal = NULL, salt = NULL WHERE bucket = %s AND workspace = %s AND customer = %s",
    "mailbox": (
        "DELETE FROM mailbox m USING outbox o WHERE o.bucket = %s AND o.workspace = %s AND o.customer = %s"
        " AND m.workspace = o.workspace AND m.id = o.id"
    ),
}
_IDENTITIES = "DELETE FROM identities WHERE workspace = %s AND customer = %s"
_ERASED = "SELECT pg_notify('oportuno_erased', %s)"


async def erase(connection: Connection, key: CustomerKey) -> None:
    """Empty every place of the registry for one customer, inside the caller's transaction and under the row's lock."""
    for statement in REGISTRY.values():
        await connection.execute(statement, tuple(key))
    await connection.execute(_IDENTITIES, (key.workspace, key.customer))
    await connection.execute(_ERASED, (str(key.workspace),))
