"""The merge ledger and the inboxes in PostgreSQL (port Crossings)."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.postgres.crossing import LEDGER, read_merge, read_posted
from oportuno.flows.crossing import Merge, Posted, Stage
from oportuno.kit.ids import Bucket, CustomerKey, WorkspaceId
from oportuno.kit.times import Millis

_KINDS: Final = {"user": 0, "anonymous": 1}
# One stage at a time: those that wait for others to be finished must not stand before them.
_AT_STAGE = f"{LEDGER} WHERE bucket = ANY(%s::int2[]) AND stage = %s LIMIT %s"
_INBOX = """
SELECT bucket, workspace, customer, id, kind, sender, at, body FROM inbox
WHERE bucket = ANY(%s::int2[]) AND kind < 2 ORDER BY kind, bucket, workspace, customer, id LIMIT %s
"""
_ASK = """
INSERT INTO merges (bucket, workspace, id, loser, winner, reason, asked_by, trust, asked_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING pg_notify('oportuno_crossing', '')
"""
_ONE = f"{LEDGER} WHERE workspace = %s AND id = %s"
_ALL = f"{LEDGER} WHERE workspace = %s AND (asked_at, id) < (%s, %s) ORDER BY asked_at DESC, id DESC LIMIT %s"
_FAMILY = f"""
WITH RECURSIVE kin(customer) AS (
    SELECT %s::int8
    UNION
    SELECT CASE WHEN m.winner = k.customer THEN m.loser ELSE m.winner END FROM kin k JOIN merges m
      ON m.workspace = %s AND (m.winner = k.customer OR m.loser = k.customer) AND m.stage IN (1, 2, 3)
)
{LEDGER} WHERE workspace = %s AND (loser IN (SELECT customer FROM kin) OR winner IN (SELECT customer FROM kin))
ORDER BY asked_at DESC, id DESC LIMIT 1000
"""  # noqa: S608 - of two constants
_IDS = "SELECT count(*) FROM identities WHERE workspace = %s AND customer = %s"
_LAST: Final = (2**62, b"\xff" * 17)


class PostgresCrossings:
    """The port Crossings. `secret` is the installation's: the directory's hashes are keyed by it."""

    def __init__(self, connections: Connections, secret: bytes) -> None:
        self._connections = connections
        self._marks = Marks(secret)

    def mark(self, workspace: WorkspaceId, kind: str, value: str) -> bytes:
        """See the port."""
        return self._marks.mark(workspace, _KINDS[kind], value)

    async def open(self, buckets: frozenset[Bucket], limit: int) -> tuple[list[Merge], list[Posted]]:
        """See the port."""
        owned = sorted(buckets)
        async with self._connections.lend() as connection, connection.pipeline():
            asked = await connection.execute(_AT_STAGE.encode(), (owned, int(Stage.ASKED), limit))
            joined = await connection.execute(_AT_STAGE.encode(), (owned, int(Stage.JOINED), limit))
            inbox = await connection.execute(_INBOX, (owned, limit))
            found = [read_merge(row) for row in await asked.fetchall() + await joined.fetchall()]
            posted = [read_posted(row) for row in await inbox.fetchall()]
            if not posted:
                # A snapshot that lies nowhere was forgotten with its addressee; while others lie there it may be behind them.
                on_their_way = await connection.execute(_AT_STAGE.encode(), (owned, int(Stage.EXPORTED), limit))
                found += [read_merge(row) for row in await on_their_way.fetchall()]
        return found, posted

    async def ask(self, merge: Merge) -> Merge:
        """See the port."""
        loser = merge.loser
        row = (*loser[:2], merge.id, loser.customer, merge.winner.customer, merge.reason.value, merge.asked_by, int(merge.trust))
        async with self._connections.lend() as connection:
            await connection.execute(_ASK, (*row, merge.asked_at))
        return await self.merge(loser.workspace, merge.id) or merge

    async def merge(self, workspace: WorkspaceId, id: bytes) -> Merge | None:  # noqa: A002 - the field's own word
        """See the port."""
        rows = await self._rows(_ONE, workspace, id)
        return read_merge(rows[0]) if rows else None

    async def merges(self, workspace: WorkspaceId, *, before: tuple[Millis, bytes] | None, limit: int) -> list[Merge]:
        """See the port."""
        return [read_merge(row) for row in await self._rows(_ALL, workspace, *(before or _LAST), limit)]

    async def family(self, key: CustomerKey) -> list[Merge]:
        """See the port."""
        rows = await self._rows(_FAMILY, key.customer, key.workspace, key.workspace)
        return [read_merge(row) for row in rows]

    async def ids(self, key: CustomerKey) -> int:
        """See the port."""
        return int((await self._rows(_IDS, key.workspace, key.customer))[0][0])

    async def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self._connections.lend() as connection:
            return await (await connection.execute(statement.encode(), values)).fetchall()


class Marks:
    """Makes the keyed hashes under which the directory knows ids; it never keeps the ids themselves."""

    def __init__(self, secret: bytes) -> None:
        self._key = blake2b(b"directory", key=secret[:32], digest_size=32).digest()

    def hash(self, workspace: WorkspaceId, kind: int, value: str) -> bytes:
        """Give the 16 bytes of an id: kind 0 user, 1 anonymous."""
        return blake2b(value.encode(), key=self._key, digest_size=16, salt=bytes([kind]), person=workspace.to_bytes(8, "big")).digest()

    def mark(self, workspace: WorkspaceId, kind: int, value: str) -> bytes:
        """Give the kind as a digit, and the hash."""
        return b"%d" % kind + self.hash(workspace, kind, value)
