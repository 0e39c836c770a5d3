"""Backing up: every table as COPY gives it, in one snapshot, while everybody goes on working. No client programs are needed."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from oportuno import __version__
from oportuno.adapters.postgres.backup_file import FORMAT, BackupOut, Manifest, TableKept, write_whole
from oportuno.adapters.postgres.database import RESTORE_UNFINISHED, UNFINISHED
from oportuno.adapters.postgres.migrate import reach
from oportuno.kit.faults import Unavailable
from oportuno.kit.times import to_text

OURS: Final = "oportuno_schema"
"""The table in which Alembic keeps the schema's number: it is made by migrating, never copied."""
# What others refer to comes first.
_TABLES: Final = """
SELECT c.relname,
       array(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             AND a.attgenerated = '' ORDER BY a.attnum)
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> %s
ORDER BY EXISTS (SELECT FROM pg_constraint f WHERE f.conrelid = c.oid AND f.contype = 'f'), c.relname
"""
_SEQUENCES: Final = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL ORDER BY 1"
_OLDEST: Final = """
SELECT p.relname, min(to_date(right(c.relname, 8), 'YYYYMMDD') - date '1970-01-01')
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
WHERE p.relnamespace = 'public'::regnamespace AND c.relname ~ '_[0-9]{8}$' GROUP BY 1 ORDER BY 1
"""


def back_up(
    url: str, file: Path, *, overwrite: bool = False, snapshot: str = "", tell: Callable[[str, int], None] = lambda *_: None
) -> Manifest:
    """Write a backup of the whole installation and give what it holds. `tell` hears of each table and how many rows it had.

    With a `snapshot` that another transaction has exported, what that one sees is backed up.

    Raises BadInput (``file_differs``, ``file_unwritable``), Unavailable (``backup_disk_full``, ``not_migrated``, ``restore_unfinished``,
    ``database_gone``).
    """
    try:
        with reach(url, name="backup") as connection:
            connection.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                if snapshot:
                    connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))
                head = _head(connection)
                with write_whole(file, overwrite=overwrite) as out:
                    tables = {name: _copy(connection, name, columns, out, tell) for name, columns in _named(connection)}
                    manifest = Manifest(**head, tables=tables)
                    out.end(manifest)
                return manifest
    except psycopg.OperationalError as fault:
        raise Unavailable("database_gone", "the database does not answer") from fault


def installation_of(secret: bytes) -> str:
    """Name an installation by a digest of its secret that tells nothing of it."""
    return blake2b(b"which installation", key=secret[:64], digest_size=8).hexdigest()


def schema_of(connection: psycopg.Connection[Any]) -> str:
    """Give the number of the schema that a database has; empty where there is none."""
    row = connection.execute("SELECT to_regclass('public.oportuno_schema') IS NOT NULL").fetchone()
    if row is None or not row[0]:
        return ""
    numbered = connection.execute("SELECT version_num FROM oportuno_schema").fetchone()
    return str(numbered[0]) if numbered else ""


def _head(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    unfinished = connection.execute(UNFINISHED).fetchone()
    if unfinished and unfinished[0]:
        raise Unavailable("restore_unfinished", RESTORE_UNFINISHED)
    schema = schema_of(connection)
    row = connection.execute("SELECT secret, clock_millis() FROM installation").fetchone() if schema else None
    if row is None:
        raise Unavailable("not_migrated", "the database has no Oportuno schema yet: run “oportuno migrate”")
    return {
        "format": FORMAT,
        "oportuno": __version__,
        "schema": schema,
        "postgres": str(connection.info.parameter_status("server_version") or ""),
        "created_at": to_text(row[1]),
        "at": row[1],
        "installation": installation_of(bytes(row[0])),
        "oldest_days": dict(connection.execute(_OLDEST).fetchall()),
        "sequences": dict(connection.execute(_SEQUENCES).fetchall()),
    }


def _named(connection: psycopg.Connection[Any]) -> list[tuple[str, list[str]]]:
    return [(str(name), list(columns)) for name, columns in connection.execute(_TABLES, (OURS,)).fetchall()]


def _copy(
    connection: psycopg.Connection[Any], name: str, columns: list[str], out: BackupOut, tell: Callable[[str, int], None]
) -> TableKept:
    # A partitioned table cannot be copied itself, what is selected from it can.
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(listed, sql.Identifier(name))
    with out.table(name) as member, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for data in copy:
            member.write(data)
    tell(name, member.rows)
    return member.kept(columns)
