"""Who watches what, and how far each change of the catalogue was told: what one unit of work changes of it. Nothing is sent when empty."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, LiteralString

from oportuno.adapters.postgres.arrays import Int2s, Int4s, Int8s
from oportuno.adapters.postgres.database import Connection
from oportuno.flows.fan_out import HeadMove, WalkMove, WatchChange

# A row that a telling has yet to reach must not jump back over the place that it has reached, or it would never be told: it stays where it
# is. So a row may stand at a weaker rank than the customer's state says, never at a stronger one, and is looked for from there on. Each
# look-up stands in a LATERAL with a LIMIT: joined freely, the planner begins at the table for as long as it believes it to be empty.
_MOVE_WATCH: Final = """
WITH changes AS (
    SELECT * FROM unnest(%b::int2[], %b::int4[], %b::int8[], %b::int8[], %b::int2[], %b::int2[])
        AS c(bucket, workspace, customer, item, old, new)
), staying AS MATERIALIZED (
    SELECT c.bucket, c.workspace, c.customer, c.item FROM changes c
    WHERE EXISTS (
        SELECT FROM fanout_cursors k
        CROSS JOIN LATERAL (SELECT o.item FROM fanouts o WHERE o.workspace = k.workspace AND o.n = k.n LIMIT 1) f
        CROSS JOIN generate_series(c.old::int, 4) AS r(rank)
        CROSS JOIN LATERAL (
            SELECT FROM watch w
            WHERE w.bucket = c.bucket AND w.workspace = c.workspace AND w.item = c.item AND w.rank = r.rank AND w.customer = c.customer
            LIMIT 1
        ) here
        WHERE k.bucket = c.bucket AND k.workspace = c.workspace AND f.item = c.item
          AND (k.rank, k.customer) >= (c.new, c.customer) AND (k.rank, k.customer) < (r.rank, c.customer)
    )
), moving AS (
    SELECT c.* FROM changes c
    WHERE NOT EXISTS (
        SELECT FROM staying s
        WHERE s.bucket = c.bucket AND s.workspace = c.workspace AND s.customer = c.customer AND s.item = c.item
    )
), gone AS (
    DELETE FROM watch WHERE ctid = ANY (ARRAY(
        SELECT here.ctid FROM moving m CROSS JOIN generate_series(m.old::int, 4) AS r(rank)
        CROSS JOIN LATERAL (
            SELECT w.ctid FROM watch w
            WHERE w.bucket = m.bucket AND w.workspace = m.workspace AND w.item = m.item AND w.rank = r.rank AND w.customer = m.customer
            LIMIT 1
        ) here
        WHERE r.rank <> m.new
    ))
)
INSERT INTO watch (bucket, workspace, item, rank, customer)
SELECT bucket, workspace, item, new, customer FROM moving ORDER BY 1, 2, 3, 4, 5 ON CONFLICT DO NOTHING
"""
# What only comes, or only goes, is by far the most, and no telling need be looked at for it.
_BEGIN_WATCH: Final = """
INSERT INTO watch (bucket, workspace, item, rank, customer)
SELECT bucket, workspace, item, rank, customer FROM unnest(%b::int2[], %b::int4[], %b::int8[], %b::int8[], %b::int2[])
    AS c(bucket, workspace, customer, item, rank)
ORDER BY 1, 2, 3, 4, 5 ON CONFLICT DO NOTHING
"""
_END_WATCH: Final = """
DELETE FROM watch WHERE ctid = ANY (ARRAY(
    SELECT here.ctid FROM unnest(%b::int2[], %b::int4[], %b::int8[], %b::int8[], %b::int2[]) AS c(bucket, workspace, customer, item, old)
    CROSS JOIN generate_series(c.old::int, 4) AS r(rank)
    CROSS JOIN LATERAL (
        SELECT w.ctid FROM watch w
        WHERE w.bucket = c.bucket AND w.workspace = c.workspace AND w.item = c.item AND w.rank = r.rank AND w.customer = c.customer
        LIMIT 1
    ) here
))
"""
_KINDS: Final[tuple[Callable[[Iterable[Any]], Any], ...]] = (Int2s, Int4s, Int8s, Int8s, Int8s, Int8s, Int8s)
"""Bucket, workspace and number, and whatever follows."""

_OPEN_HEADS: Final = """
WITH moved AS (
    INSERT INTO fanout_heads (bucket, workspace, n)
    SELECT * FROM unnest(%b::int2[], %b::int4[], %b::int8[]) AS h(bucket, workspace, n) ORDER BY 1, 2 ON CONFLICT DO NOTHING RETURNING 1
)
SELECT must_be(count(*), %b::int8, 'the head of a fan-out') FROM moved
"""
_MOVE_HEADS: Final = """
WITH moved AS (
    UPDATE fanout_heads h SET n = m.new FROM unnest(%b::int2[], %b::int4[], %b::int8[], %b::int8[]) AS m(bucket, workspace, old, new)
    WHERE h.bucket = m.bucket AND h.workspace = m.workspace AND h.n = m.old RETURNING 1
)
SELECT must_be(count(*), %b::int8, 'the head of a fan-out') FROM moved
"""
_BEGIN_WALKS: Final = """
WITH moved AS (
    INSERT INTO fanout_cursors (bucket, workspace, n, rank, customer)
    SELECT bucket, workspace, n, rank::int2, customer
    FROM unnest(%b::int2[], %b::int4[], %b::int8[], %b::int8[], %b::int8[]) AS w(bucket, workspace, n, rank, customer)
    ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING RETURNING 1
)
SELECT must_be(count(*), %b::int8, 'the walk of a fan-out') FROM moved
"""
_MOVE_WALKS: Final = """
WITH moved AS (
    UPDATE fanout_cursors c SET rank = m.rank::int2, customer = m.customer
    FROM unnest(%b::int2[], %b::int4[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[])
        AS m(bucket, workspace, n, old_rank, old_customer, rank, customer)
    WHERE c.bucket = m.bucket AND c.workspace = m.workspace AND c.n = m.n AND c.rank = m.old_rank AND c.customer = m.old_customer
    RETURNING 1
)
SELECT must_be(count(*), %b::int8, 'the walk of a fan-out') FROM moved
"""
_END_WALKS: Final = """
WITH moved AS (
    DELETE FROM fanout_cursors c USING unnest(%b::int2[], %b::int4[], %b::int8[], %b::int8[], %b::int8[])
        AS m(bucket, workspace, n, rank, customer)
    WHERE c.bucket = m.bucket AND c.workspace = m.workspace AND c.n = m.n AND c.rank = m.rank AND c.customer = m.customer RETURNING 1
)
SELECT must_be(count(*), %b::int8, 'the walk of a fan-out') FROM moved
"""


async def write_walks(connection: Connection, heads: Sequence[HeadMove], walks: Sequence[WalkMove]) -> None:
    """Move heads and walks on, each by compare-and-set. Comes before `write_watches`, which looks at where the walks have got to."""
    first = [(h.bucket, h.workspace, h.new) for h in heads if h.old is None]
    later = [(h.bucket, h.workspace, h.old, h.new) for h in heads if h.old is not None]
    begun = [(*w[:3], *w.new) for w in walks if w.old is None and w.new is not None]
    moved = [(*w[:3], *w.old, *w.new) for w in walks if w.old is not None and w.new is not None]
    ended = [(*w[:3], *w.old) for w in walks if w.old is not None and w.new is None]
    batches: tuple[tuple[LiteralString, Sequence[Sequence[int | None]]], ...] = (
        (_OPEN_HEADS, first), (_MOVE_HEADS, later), (_BEGIN_WALKS, begun), (_MOVE_WALKS, moved), (_END_WALKS, ended),
    )  # fmt: skip
    for statement, rows in batches:
        if rows:
            columns = (kind(column) for kind, column in zip(_KINDS, zip(*rows, strict=True), strict=False))
            await connection.execute(statement, (*columns, len(rows)))


async def write_watches(connection: Connection, changes: Sequence[WatchChange]) -> None:
    """Make the rows of `watch` follow what customers care about."""
    if not changes:
        return
    begun = [(*c.key, c.item, c.new) for c in changes if c.old is None and c.new is not None]
    moved = [(*c.key, c.item, c.old, c.new) for c in changes if c.old is not None and c.new is not None]
    ended = [(*c.key, c.item, c.old) for c in changes if c.old is not None and c.new is None]
    batches: tuple[tuple[LiteralString, Sequence[Sequence[int | None]]], ...] = (
        (_END_WATCH, ended), (_MOVE_WATCH, moved), (_BEGIN_WATCH, begun),
    )  # fmt: skip
    for statement, rows in batches:
        if rows:
            kinds = zip((Int2s, Int4s, Int8s, Int8s, Int2s, Int2s), zip(*rows, strict=True), strict=False)
            await connection.execute(statement, [kind(column) for kind, column in kinds])
