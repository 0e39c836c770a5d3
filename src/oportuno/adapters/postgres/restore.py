"""Restoring: into an empty database, marked as unfinished until all of it stands and everything that must be settled is settled.

The mark is a schema of its own. While it is there no part of Oportuno works on the database (`read_secret`, `migrate`), and restoring
begins anew: what an unfinished attempt left is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
import psycopg
from psycopg import sql

from oportuno.adapters.postgres.backup import OURS
from oportuno.adapters.postgres.backup_file import BackupIn
from oportuno.adapters.postgres.database import UNFINISHED, Connection
from oportuno.adapters.postgres.housekeeping import AHEAD, MAKE_PARTITIONS
from oportuno.adapters.postgres.migrate import make_schema, migrate, reach, schemas
from oportuno.content.message import Message
from oportuno.events.event import Source
from oportuno.flows.work import OutboxStatus, Waiting
from oportuno.kit.faults import BadInput, Conflict
from oportuno.kit.ids import BUCKETS, CustomerKey
from oportuno.kit.times import DAY, Millis

_MARK: Final = """
CREATE SCHEMA IF NOT EXISTS oportuno_restore;
CREATE TABLE IF NOT EXISTS oportuno_restore.unfinished (since timestamptz NOT NULL DEFAULT now());
"""
_UNMARK: Final = "DROP SCHEMA oportuno_restore CASCADE"
_ANYTHING: Final = """
SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast'))
"""
_CLEAR: Final = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
_ALL: Final = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> %s ORDER BY 1
"""
# What was not evaluated yet may have been evaluated and answered in what was lost: it is folded as old news, which starts nothing.
_OLD_NEWS: Final = f"""
UPDATE events e SET source = {Source.REPLAY.value} WHERE e.source IN ({Source.LIVE.value}, {Source.TEST.value}) AND NOT EXISTS (
    SELECT FROM offsets o WHERE o.bucket = e.bucket AND o.workspace = e.workspace AND o.lane = e.lane AND o.seq >= e.seq)
"""  # noqa: S608 - our own words
# Changes of the catalogue on their way to those who watch: they may have arrived.
_TOLD: Final = f"""
INSERT INTO fanout_heads (bucket, workspace, n) SELECT b, c.workspace, c.fanout FROM catalogues c, generate_series(0, {BUCKETS - 1}) b
ON CONFLICT (bucket, workspace) DO UPDATE SET n = excluded.n
"""  # noqa: S608 - the same
# Those who worked then do so no more.
_GONE: Final = ("DELETE FROM fanout_cursors", "DELETE FROM leases", "DELETE FROM workers", "DELETE FROM parts")
_OVERDUE: Final = """
SELECT bucket, workspace, customer FROM due WHERE due_at <= %s AND (bucket, workspace, customer) > (%s, %s, %s)
ORDER BY bucket, workspace, customer LIMIT %s
"""
_WAITING: Final = """
SELECT body, status, not_before, attempts, deliverer, doubt FROM outbox WHERE marketing AND status IN (0, 1) AND body <> '' LIMIT %s
"""

_UNPACK: Final = msgspec.msgpack.Decoder(Message)


class Restoring:
    """One restore on its way. `begin`, `load`, `settle`; then whatever flows do; then `end`."""

    def __init__(self, url: str, backup: BackupIn) -> None:
        self._url = url
        self._backup = backup

    def begin(self) -> bool:
        """Mark the database as unfinished; says whether an unfinished attempt was cleared away.

        Raises Conflict ``database_not_empty`` with nothing changed, BadInput ``backup_newer``.
        """
        manifest = self._backup.manifest
        if manifest.schema not in schemas():
            sentence = f"release {manifest.oportuno} made this backup, with schema {manifest.schema}, which this release does not know"
            raise BadInput("backup_newer", sentence)
        with self._connect() as connection:
            again = _yes(connection, UNFINISHED)
            if again:
                connection.execute(_CLEAR)
            elif _yes(connection, _ANYTHING):
                raise Conflict("database_not_empty", "there is something in this database: a backup is restored into an empty one only")
            connection.execute(_MARK)
        return again

    def load(self, *, tell: Callable[[str, int], None] = lambda *_: None) -> None:
        """Make the tables as they were, fill them, and bring them up to this release's schema."""
        manifest = self._backup.manifest
        make_schema(self._url, manifest.schema)
        with self._connect() as connection, connection.transaction():
            ours = [str(row[0]) for row in connection.execute(_ALL, (OURS,)).fetchall()]
            connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(sql.SQL(", ").join(map(sql.Identifier, ours))))
            row = connection.execute("SELECT clock_millis()").fetchone()
            today = (int(row[0]) if row else 0) // DAY
            for table, oldest in manifest.oldest_days.items():
                if table in ours:
                    connection.execute(MAKE_PARTITIONS, (table, max(1, today - oldest), AHEAD))
            for name, kept in manifest.tables.items():
                if name not in ours:
                    raise BadInput("backup_unreadable", "this backup cannot be used: it names a table that its schema has not", place=name)
                listed = sql.SQL(", ").join(map(sql.Identifier, kept.columns))
                with (
                    connection.cursor() as cursor,
                    cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(name), listed)) as copy,
                ):
                    for chunk in self._backup.chunks(name):
                        copy.write(chunk)
                tell(name, kept.rows)
            for name, last in manifest.sequences.items():
                connection.execute("SELECT setval(%s::regclass, %s)", (name, last))
        migrate(self._url, secret=b"", restoring=True)
        with self._connect() as connection:
            connection.execute("ANALYZE")

    def settle(self) -> Millis:
        """Turn what had not been evaluated into old news, let changes of the catalogue go, end who worked; gives the database's clock."""
        with self._connect() as connection, connection.transaction():
            connection.execute(_OLD_NEWS)
            connection.execute(_TOLD)
            for statement in _GONE:
                connection.execute(statement)
            row = connection.execute("SELECT clock_millis()").fetchone()
            return int(row[0]) if row else 0

    def end(self) -> None:
        """Take the mark away: from now on Oportuno may work on it."""
        with self._connect() as connection:
            connection.execute(_UNMARK)

    def _connect(self) -> psycopg.Connection[Any]:
        connection = reach(self._url, name="restore")
        connection.execute("SET statement_timeout = 0")
        return connection


def _yes(connection: psycopg.Connection[Any], question: Any) -> bool:
    row = connection.execute(question).fetchone()
    return bool(row and row[0])


async def overdue(connection: Connection, until: Millis, after: CustomerKey | None, limit: int) -> list[CustomerKey]:
    """Give customers with a timer that was due by `until`, in the order of their keys, those behind `after`."""
    cursor = await connection.execute(_OVERDUE, (until, *(after or (-1, -1, -1)), limit))
    return [CustomerKey(*row) for row in await cursor.fetchall()]


async def waiting(connection: Connection, limit: int) -> list[Waiting]:
    """Give promoting messages that wait or are in hand."""
    cursor = await connection.execute(_WAITING, (limit,))
    return [
        Waiting(
            message=_UNPACK.decode(bytes(body)),
            status=OutboxStatus(status),
            not_before=not_before,
            attempts=attempts,
            deliverer=deliverer,
            doubt=doubt,
        )
        for body, status, not_before, attempts, deliverer, doubt in await cursor.fetchall()
    ]
