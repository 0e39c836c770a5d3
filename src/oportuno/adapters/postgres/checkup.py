"""What a check-up asks of the database: its version and schema, what waits, and whether statements still find their indexes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import psycopg

from oportuno.adapters.postgres.backup import schema_of
from oportuno.adapters.postgres.database import ENGINE_PLANS, UNFINISHED
from oportuno.adapters.postgres.migrate import reach, schemas
from oportuno.kit.times import DAY, Millis

_LOOK: Final = """
SELECT clock_millis(),
  (SELECT min(first.received) FROM generate_series(0, 63) b CROSS JOIN workspaces w CROSS JOIN lanes l
     LEFT JOIN offsets o ON o.bucket = b AND o.workspace = w.workspace AND o.lane = l.lane
     CROSS JOIN LATERAL (SELECT e.received FROM events e WHERE e.bucket = b AND e.workspace = w.workspace AND e.lane = l.lane
                         AND e.seq > coalesce(o.seq, 0) ORDER BY e.seq LIMIT 1) first),
  (SELECT min(greatest(not_before, created_at)) FROM outbox WHERE status = 0 AND not_before <= clock_millis()),
  (SELECT min(due_at) FROM due WHERE due_at <= clock_millis()),
  (SELECT count(DISTINCT worker) FROM leases WHERE until_at > clock_millis()),
  (SELECT count(*) FROM quarantine WHERE NOT replayed),
  to_regclass('events_' || to_char(date '1970-01-01' + (clock_millis() / 86400000)::int + 1, 'YYYYMMDD')) IS NOT NULL,
  (SELECT count(*) FROM erasures WHERE done_at IS NULL AND asked_at < clock_millis() - %s),
  (SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
     WHERE c.relnamespace = 'public'::regnamespace AND NOT i.indisvalid)
"""
_LEADS: Final = """
SELECT c.relname, array(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(n, place)
                        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n ORDER BY k.place)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND i.indisvalid
"""
_HOT: Final = {
    "reading the log": ("events", "bucket workspace lane seq", "bucket = 1 AND workspace = 1 AND lane = 1 AND seq > 1 ORDER BY seq"),
    "finding a customer": ("customers", "bucket workspace customer", "bucket = 1 AND workspace = 1 AND customer = 1"),
    "finding due timers": ("due", "bucket due_at", "bucket = 1 AND due_at <= 1 ORDER BY due_at"),
    "finding due messages": (
        "outbox",
        "channel workspace not_before",
        "channel = 'x' AND workspace = 1 AND status = 0 AND not_before < 1 ORDER BY not_before",
    ),
    "looking up an id": ("identities", "idbucket workspace kind value_hash", "idbucket = 1 AND workspace = 1 AND kind = 0"),
    "looking up who watches": ("watch", "bucket workspace item", "bucket = 1 AND workspace = 1 AND item = 1"),
}
"""What everything hangs on: the table, the columns with which an index must begin, and the shape of the statement, with made-up values."""


class Checkup(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. Ages in seconds; 0 where nothing waits."""

    version: int
    """As PostgreSQL counts: 180001 is 18.1."""
    schema: str
    newest: str
    """Of the schemas that this release knows."""
    unfinished: bool
    """A backup is being restored, or was not restored to the end."""
    clock_off: float = 0.0
    """This machine's clock minus the database's."""
    unread_age: float = 0.0
    message_age: float = 0.0
    timer_age: float = 0.0
    engines: int = 0
    set_aside: int = 0
    tomorrow: bool = True
    """There is a place for tomorrow's events."""
    forgetting_late: int = 0
    """Erasures whose second pass is not done after a day."""
    invalid_indexes: int = 0
    unindexed: tuple[str, ...] = ()
    """Statements that no index leads to their rows."""


def look(url: str) -> Checkup:
    """Look at the database. Raises Unavailable, BadInput."""
    with reach(url, name="doctor") as connection:
        connection.execute("SET statement_timeout = 30000; SET default_transaction_read_only = on")
        schema, newest = schema_of(connection), schemas()[0]
        unfinished = connection.execute(UNFINISHED).fetchone()
        found = Checkup(version=connection.info.server_version, schema=schema, newest=newest, unfinished=bool(unfinished and unfinished[0]))
        if schema != newest or found.unfinished:
            return found
        return _whole(connection, found)


def _whole(connection: psycopg.Connection[Any], found: Checkup) -> Checkup:
    before = time.time()
    row = connection.execute(_LOOK, (DAY,)).fetchone()
    if row is None:
        return found
    after = time.time()
    now: Millis = row[0]

    def age(since: Millis | None) -> float:
        return 0.0 if since is None else max(0, now - since) / 1000

    for name, value in ENGINE_PLANS.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    return msgspec.structs.replace(
        found,
        # The question takes a while, and the clock is read at some moment of it: within that no difference can be told.
        clock_off=round(max(0.0, before - now / 1000) + min(0.0, after - now / 1000), 3),
        unread_age=age(row[1]),
        message_age=age(row[2]),
        timer_age=age(row[3]),
        engines=row[4],
        set_aside=row[5],
        tomorrow=row[6],
        forgetting_late=row[7],
        invalid_indexes=row[8],
        unindexed=_unindexed(connection),
    )


def _unindexed(connection: psycopg.Connection[Any]) -> tuple[str, ...]:
    """Name the statements without an index that begins with what they ask by, and those whose plan reads a table through."""
    indexes = [(table, " ".join(columns)) for table, columns in connection.execute(_LEADS).fetchall()]

    def led(table: str, columns: str) -> bool:
        return any(of == table and f"{begins} ".startswith(f"{columns} ") for of, begins in indexes)

    return tuple(
        name
        for name, (table, columns, asked) in _HOT.items()
        if not led(table, columns) or _reads_through(connection, f"SELECT 1 FROM {table} WHERE {asked} LIMIT 9")  # noqa: S608 - from above
    )


def _reads_through(connection: psycopg.Connection[Any], statement: str) -> bool:
    row = connection.execute(b"EXPLAIN (FORMAT JSON) " + statement.encode()).fetchone()
    return row is not None and any(node["Node Type"] == "Seq Scan" for node in _nodes(row[0][0]["Plan"]))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
