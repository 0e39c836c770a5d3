"""Customers' rows: locked in the order of their keys, read, and written back.

Whoever was locked is written back by the place at which the row stands: as long as the lock is held nobody moves it, so no index need be
asked a second time. A state is only ever written over the version that it was made from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import psycopg

from oportuno.adapters.postgres.arrays import Byteas, Int2s, Int4s, Int8s, Tids
from oportuno.adapters.postgres.database import Connection
from oportuno.flows.work import SaveCustomer, Status, Stored
from oportuno.kit.ids import CustomerKey
from oportuno.kit.times import Millis

# The keys are sorted and looked up one by one, so rows are locked in key order: every writer takes the same order and nobody deadlocks. The
# keys, not the rows found: those would carry each state through the sort. LIMIT keeps the planner from beginning at the table, which it
# does for as long as it believes that there is hardly a row in it.
_LOCK = """
SELECT clock_millis(), k.n, c.place, c.status, c.version, c.due_at, c.state
FROM (
    SELECT * FROM unnest(%b::int2[], %b::int4[], %b::int8[]) WITH ORDINALITY AS u(bucket, workspace, customer, n) ORDER BY n
) k
CROSS JOIN LATERAL (
    SELECT r.ctid AS place, r.* FROM customers r
    WHERE r.bucket = k.bucket AND r.workspace = k.workspace AND r.customer = k.customer LIMIT 1 FOR UPDATE
) c
"""
_STATUSES: Final = {int(status): status for status in Status}
# No join: there is no other side for the planner to begin at. Nothing is ever inserted here: whoever has a version has a row, rows are
# never deleted (who was forgotten leaves a tombstone), and one that changed since fails the comparison, and the whole unit of work with it.
_UPDATE = """
WITH saved AS (
    INSERT INTO customers AS c (bucket, workspace, customer, version, state, due_at)
    SELECT bucket, workspace, customer, version + 1, state, nullif(due_at, -1)
    FROM unnest(%b::int2[], %b::int4[], %b::int8[], %b::int8[], %b::bytea[], %b::int8[])
        AS s(bucket, workspace, customer, version, state, due_at)
    ON CONFLICT (bucket, workspace, customer) DO UPDATE SET state = excluded.state, due_at = excluded.due_at, version = excluded.version
        WHERE c.version = excluded.version - 1 AND c.status = 0
    RETURNING 1
)
SELECT must_be(count(*), %b::int8, 'a customer changed') FROM saved
"""
# No other way than the place is left to the planner, whatever it believes of the table: a sum is in no index.
_UPDATE_IN_PLACE = """
WITH saved AS (
    UPDATE customers c SET state = s.state, due_at = nullif(s.due_at, -1), version = s.version + 1
    FROM unnest(%b::tid[], %b::int8[], %b::int8[], %b::bytea[], %b::int8[]) AS s(place, customer, version, state, due_at)
    WHERE c.ctid = s.place AND c.customer + 0 = s.customer AND c.version = s.version AND c.status = 0
    RETURNING 1
)
SELECT must_be(count(*), %b::int8, 'a customer changed') FROM saved
"""
_INSERT = """
WITH saved AS (
    INSERT INTO customers (bucket, workspace, customer, version, state, due_at)
    SELECT bucket, workspace, customer, version + 1, state, nullif(due_at, -1)
    FROM unnest(%b::int2[], %b::int4[], %b::int8[], %b::int8[], %b::bytea[], %b::int8[])
        AS s(bucket, workspace, customer, version, state, due_at)
    ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING RETURNING 1
)
SELECT must_be(count(*), %b::int8, 'a customer appeared') FROM saved
"""
_SET_DUE = """
INSERT INTO due (bucket, workspace, customer, due_at)
SELECT * FROM unnest(%b::int2[], %b::int4[], %b::int8[], %b::int8[]) ORDER BY 1, 2, 3
ON CONFLICT (bucket, workspace, customer) DO UPDATE SET due_at = excluded.due_at
"""
_CLEAR_DUE = """
DELETE FROM due d USING unnest(%b::int2[], %b::int4[], %b::int8[]) AS k(bucket, workspace, customer)
WHERE d.bucket = k.bucket AND d.workspace = k.workspace AND d.customer = k.customer
"""

KEY: Final = (Int2s, Int4s, Int8s)
"""The types of the columns of a customer's key."""
_NO_TIMER: Final = -1
"""Stands for NULL in the column of timers."""


class Locked(NamedTuple):
    """Rows that this transaction holds from now on."""

    at: Millis
    """The store's clock when the last lock was won; 0 when there was none to win."""
    stored: dict[CustomerKey, Stored]
    """Of everybody who was asked for; who has no row stands in it with version 0."""
    places: dict[CustomerKey, bytes]
    """Where the rows stand."""


async def ask_for_rows(connection: Connection, ordered: Sequence[CustomerKey]) -> psycopg.AsyncCursor[tuple[Any, ...]]:
    """Ask for the lock on these customers, who stand in the order of their keys. May be awaited inside a pipeline."""
    return await connection.execute(_LOCK, columns_of(KEY, ordered) if ordered else (Int2s(), Int4s(), Int8s()), binary=True)


async def read_rows(rows: psycopg.AsyncCursor[tuple[Any, ...]], ordered: Sequence[CustomerKey]) -> Locked:
    """Read what was asked for, waiting for the locks."""
    at = 0
    stored: dict[CustomerKey, Stored] = {}
    places: dict[CustomerKey, bytes] = {}
    # The clock is read again with each row, after its lock was won: a batch that had to wait decides by the time it has, not had.
    for clock, number, place, status, version, due_at, state in await rows.fetchall():
        key = ordered[number - 1]
        places[key] = place
        stored[key] = Stored(key, _STATUSES[status], version, state, due_at)
        at = max(at, clock)
    if len(stored) < len(ordered):
        for key in ordered:
            if key not in stored:
                stored[key] = Stored(key, Status.ACTIVE, 0, b"", None)
    return Locked(at, stored, places)


async def save_states(connection: Connection, saves: Sequence[SaveCustomer], places: Mapping[CustomerKey, bytes]) -> None:
    """Write states and timers back. `places`: where rows stand that this very transaction holds; others are looked for by their keys."""
    here = [s for s in saves if s.base_version and s.key in places]
    if here:
        held = ((places[s.key], s.key.customer, s.base_version, s.state, _NO_TIMER if s.due_at is None else s.due_at) for s in here)
        await connection.execute(_UPDATE_IN_PLACE, (*columns_of((Tids, Int8s, Int8s, Byteas, Int8s), held), len(here)))
    old = [s for s in saves if s.base_version and s.key not in places]
    new = [s for s in saves if not s.base_version]
    for statement, some in ((_UPDATE, old), (_INSERT, new)):
        if some:
            rows = ((*s.key, s.base_version, s.state, _NO_TIMER if s.due_at is None else s.due_at) for s in some)
            await connection.execute(statement, (*columns_of((*KEY, Int8s, Byteas, Int8s), rows), len(some)))
    changed = [s for s in saves if s.due_changed]
    timed = [(*s.key, s.due_at) for s in changed if s.due_at is not None]
    if timed:
        await connection.execute(_SET_DUE, columns_of((*KEY, Int8s), timed))
    cleared = sorted(s.key for s in changed if s.due_at is None)
    if cleared:
        await connection.execute(_CLEAR_DUE, columns_of(KEY, cleared))


def columns_of(kinds: Sequence[Callable[[Iterable[Any]], Any]], rows: Iterable[Sequence[Any]]) -> tuple[Any, ...]:
    """Turn rows, one at least, into arrays of these kinds."""
    return tuple(kind(column) for kind, column in zip(kinds, zip(*rows, strict=True), strict=True))
