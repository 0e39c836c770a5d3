"""What a unit of work writes and reads beyond one customer: statuses, inboxes, the merge ledger, and ids that go over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from oportuno.adapters.postgres.arrays import Byteas, Int2s, Int4s, Int8s, Texts
from oportuno.adapters.postgres.database import Connection, translated
from oportuno.events.event import Event, Source, Trust, unpack_call
from oportuno.flows.crossing import Crossing, Joined, Kind, Merge, MergeMove, Offsets, Posted, Reason, Stage, unpack_event
from oportuno.kit.ids import Bucket, CustomerKey, WorkspaceId, key_of

MARK: Final = 17
"""Bytes of an id's mark: its kind, and the hash under which the directory knows it."""

_TURN = """
WITH turned AS (
    UPDATE customers c SET status = t.status, state = t.state, due_at = NULL, version = c.version + 1
    FROM unnest(%b::int2[], %b::int4[], %b::int8[], %b::int8[], %b::int2[], %b::int2[], %b::bytea[])
        AS t(bucket, workspace, customer, version, expect, status, state)
    WHERE c.bucket = t.bucket AND c.workspace = t.workspace AND c.customer = t.customer AND c.version = t.version AND c.status = t.expect
    RETURNING 1
)
SELECT must_be(count(*), %b::int8, 'a status') FROM turned
"""
_BORN = """
WITH born AS (
    INSERT INTO customers (bucket, workspace, customer, version, status, state)
    SELECT bucket, workspace, customer, 1, status, state
    FROM unnest(%b::int2[], %b::int4[], %b::int8[], %b::int8[], %b::int2[], %b::int2[], %b::bytea[])
        AS t(bucket, workspace, customer, version, expect, status, state)
    ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING RETURNING 1
)
SELECT must_be(count(*), %b::int8, 'a customer appeared') FROM born
"""
_NO_TIMER = """
DELETE FROM due d USING unnest(%b::int2[], %b::int4[], %b::int8[]) AS k(bucket, workspace, customer)
WHERE d.bucket = k.bucket AND d.workspace = k.workspace AND d.customer = k.customer
"""
CROSSING_NEWS: Final = "oportuno_crossing"
"""Channel of the notices that something waits between customers: a merge was asked for or moved on, or something lies in an inbox."""
_STIR = "SELECT pg_notify(%b, '')"
_POST = """
INSERT INTO inbox (bucket, workspace, customer, id, kind, sender, at, body, version)
SELECT * FROM unnest(%b::int2[], %b::int4[], %b::int8[], %b::bytea[], %b::int2[], %b::int8[], %b::int8[], %b::bytea[], %b::int8[])
ORDER BY 1, 2, 3, 4
ON CONFLICT DO NOTHING
"""
_TAKE = """
WITH taken AS (
    DELETE FROM inbox i USING unnest(%b::int2[], %b::int4[], %b::int8[], %b::bytea[]) AS k(bucket, workspace, customer, id)
    WHERE i.bucket = k.bucket AND i.workspace = k.workspace AND i.customer = k.customer AND i.id = k.id AND i.kind < 2 RETURNING 1
)
SELECT must_be(count(*), %b::int8, 'an inbox') FROM taken
"""
_KEEP = """
WITH kept AS (
    UPDATE inbox i SET kind = 2, version = k.version
    FROM unnest(%b::int2[], %b::int4[], %b::int8[], %b::bytea[], %b::int8[]) AS k(bucket, workspace, customer, id, version)
    WHERE i.bucket = k.bucket AND i.workspace = k.workspace AND i.customer = k.customer AND i.id = k.id AND i.kind = 1 RETURNING 1
)
SELECT must_be(count(*), %b::int8, 'an inbox') FROM kept
"""
# NULL has no place in an array here: an empty value or zero leaves the column as it is.
_MOVE = """
WITH moved AS (
    UPDATE merges m SET stage = t.stage, winner = CASE WHEN t.winner = 0 THEN m.winner ELSE t.winner END,
        refusal = t.refusal,
        joined_at = CASE WHEN t.stage = 2 THEN t.at ELSE m.joined_at END, undone_at = CASE WHEN t.stage = 5 THEN t.at ELSE m.undone_at END,
        loser_state = CASE WHEN t.stage = 5 THEN NULL WHEN t.stage = 1 THEN t.loser_state ELSE m.loser_state END,
        winner_state = CASE WHEN t.stage = 5 THEN NULL WHEN t.stage = 2 THEN t.winner_state ELSE m.winner_state END,
        winner_version = CASE WHEN t.stage = 2 THEN t.winner_version ELSE m.winner_version END,
        winner_offsets = CASE WHEN t.stage = 2 THEN t.winner_offsets ELSE m.winner_offsets END
    FROM unnest(%b::int2[], %b::int4[], %b::bytea[], %b::int2[], %b::int2[], %b::int8[], %b::int8[], %b::text[], %b::bytea[], %b::bytea[],
                %b::int8[], %b::bytea[])
        AS t(bucket, workspace, id, expect, stage, at, winner, refusal, loser_state, winner_state, winner_version, winner_offsets)
    WHERE m.bucket = t.bucket AND m.workspace = t.workspace AND m.id = t.id AND m.stage = t.expect RETURNING 1
)
SELECT must_be(count(*), %b::int8, 'a merge') FROM moved
"""
# `claimed_by` stays: a device that the merge claimed says so by the winner's user, and is let go of when it comes back.
_IDS_GO = """
WITH gone AS (
    UPDATE identities i SET customer = t.winner FROM unnest(%b::int4[], %b::int8[], %b::int8[]) AS t(workspace, loser, winner)
    WHERE i.workspace = t.workspace AND i.customer = t.loser
    RETURNING i.workspace, t.loser, chr(48 + i.kind)::bytea || i.value_hash AS mark
), by_loser AS (SELECT workspace, loser, string_agg(mark, ''::bytea ORDER BY mark) AS marks FROM gone GROUP BY 1, 2)
UPDATE merges m SET moved = coalesce(b.marks, ''::bytea)
FROM unnest(%b::int2[], %b::int4[], %b::bytea[], %b::int8[]) AS t(bucket, workspace, id, loser)
LEFT JOIN by_loser b ON b.workspace = t.workspace AND b.loser = t.loser
WHERE m.bucket = t.bucket AND m.workspace = t.workspace AND m.id = t.id
"""
_IDS_COME_BACK = """
WITH marks AS (
    SELECT get_byte(m.moved, n * 17) - 48 AS kind, substring(m.moved FROM n * 17 + 2 FOR 16) AS value_hash
    FROM merges m, generate_series(0, length(m.moved) / 17 - 1) AS n WHERE m.bucket = %s AND m.workspace = %s AND m.id = %s
)
UPDATE identities i SET customer = %s,
    claimed_by = CASE WHEN i.claimed_by IN (SELECT value_hash FROM marks WHERE kind = 0) THEN i.claimed_by END
FROM marks k WHERE i.workspace = %s AND i.idbucket = get_byte(k.value_hash, 0) %% %s AND i.kind = k.kind AND i.value_hash = k.value_hash
  AND i.customer = %s
"""
_NEWS = "SELECT pg_notify('oportuno_erased', %s)"
_OFFSETS = """
SELECT o.bucket, o.workspace, o.lane, o.seq FROM unnest(%b::int2[], %b::int4[]) AS u(bucket, workspace)
JOIN offsets o ON o.bucket = u.bucket AND o.workspace = u.workspace
"""
LEDGER = "SELECT workspace, id, loser, winner, stage, reason, asked_by, trust, asked_at, joined_at, undone_at, refusal FROM merges"
_ENTRIES = f"{LEDGER} JOIN unnest(%b::int2[], %b::int4[], %b::bytea[]) AS k(bucket, workspace, id) USING (bucket, workspace, id)"
_RECEIVING = """
SELECT m.workspace, m.winner FROM unnest(%b::int4[], %b::int8[]) AS k(workspace, winner)
JOIN merges m ON m.workspace = k.workspace AND m.winner = k.winner AND m.stage = 2
"""
_JOINED = """
SELECT loser_state, winner_state, winner_version, winner_offsets, moved FROM merges WHERE workspace = %s AND id = %s AND bucket = %s
"""
# Lane by lane between where the bucket was read then and where it is read now.
_LOG = """
SELECT e.lane, e.seq, e.h, e.source, e.call, e.name, e.at, e.received, e.body
FROM offsets o LEFT JOIN unnest(%s::int4[], %s::int8[]) AS t(lane, seq) ON t.lane = o.lane
CROSS JOIN LATERAL (
    SELECT * FROM events v WHERE v.bucket = o.bucket AND v.workspace = o.workspace AND v.lane = o.lane
      AND v.seq > coalesce(t.seq, %s) AND v.seq <= o.seq AND v.customer = %s ORDER BY v.seq LIMIT %s
) e
WHERE o.bucket = %s AND o.workspace = %s LIMIT %s
"""
_KEPT = """
SELECT bucket, workspace, customer, id, kind, sender, at, body FROM inbox
WHERE bucket = %s AND workspace = %s AND customer = %s AND kind = 2 AND version > %s ORDER BY version, id LIMIT %s
"""
_UNFOLDED = """
SELECT bucket, workspace, customer, id, kind, sender, at, body FROM inbox
WHERE bucket = %s AND workspace = %s AND customer = %s AND kind = 1 ORDER BY id FOR UPDATE
"""

_KEY: Final = (Int2s, Int4s, Int8s)


async def write_crossing(connection: Connection, crossing: Crossing) -> None:
    """Write everything, inside the caller's transaction and pipeline."""
    run = connection.execute
    for statement, known in ((_TURN, True), (_BORN, False)):
        rows = sorted((*t.key, t.base_version, t.expect, t.status, t.state) for t in crossing.turns if bool(t.base_version) is known)
        if rows:
            await run(statement, (*_columns((*_KEY, Int8s, Int2s, Int2s, Byteas), rows), len(rows)))
    if crossing.turns:
        await run(_NO_TIMER, _columns(_KEY, sorted(t.key for t in crossing.turns)))
    if crossing.takes:
        await run(_TAKE, (*_columns((*_KEY, Byteas), sorted((*key, id_) for key, id_ in crossing.takes)), len(crossing.takes)))
    if crossing.keeps:
        kept = sorted((*keep.key, keep.id, keep.version) for keep in crossing.keeps)
        await run(_KEEP, (*_columns((*_KEY, Byteas, Int8s), kept), len(kept)))
    if crossing.posts:
        posts = [(*p.key, p.id, int(p.kind), p.sender, p.at, p.body, p.version) for p in crossing.posts]
        await run(_POST, _columns((*_KEY, Byteas, Int2s, Int8s, Int8s, Byteas, Int8s), posts))
    if crossing.merges:
        kinds = (Int2s, Int4s, Byteas, Int2s, Int2s, Int8s, Int8s, Texts, Byteas, Byteas, Int8s, Byteas)
        await run(_MOVE, (*_columns(kinds, map(_move_row, crossing.merges)), len(crossing.merges)))
    if crossing.id_moves:
        moves = [(m.loser.workspace, m.loser.customer, m.winner.customer) for m in crossing.id_moves]
        ledger = [(m.loser.bucket, m.loser.workspace, m.id, m.loser.customer) for m in crossing.id_moves]
        await run(_IDS_GO, (*_columns((Int4s, Int8s, Int8s), moves), *_columns((Int2s, Int4s, Byteas, Int8s), ledger)))
    if crossing.posts or crossing.merges:
        await run(_STIR, (CROSSING_NEWS,))
    for merge in crossing.id_returns:
        loser, winner = merge.loser, merge.winner
        await run(_IDS_COME_BACK, (loser.bucket, loser.workspace, merge.id, loser.customer, loser.workspace, 64, winner.customer))
    for workspace in {merge.loser.workspace for merge in (*crossing.id_moves, *crossing.id_returns)}:
        await run(_NEWS, (str(workspace),))


class PostgresAcross:
    """The port Across, on the connection of a unit of work."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def offsets(self, units: Sequence[tuple[Bucket, WorkspaceId]]) -> dict[tuple[Bucket, WorkspaceId], Offsets]:
        """See the port."""
        found: dict[tuple[Bucket, WorkspaceId], list[tuple[int, int]]] = {unit: [] for unit in units}
        async with translated():
            cursor = await self._connection.execute(_OFFSETS, _columns((Int2s, Int4s), sorted(found)), binary=True)
            for bucket, workspace, lane, seq in await cursor.fetchall():
                found[bucket, workspace].append((lane, seq))
        return {unit: tuple(sorted(pairs)) for unit, pairs in found.items()}

    async def entries(self, snapshots: Sequence[Posted]) -> dict[bytes, Merge]:
        """See the port."""
        if not snapshots:
            return {}
        places = sorted((key_of(each.key.workspace, each.sender).bucket, each.key.workspace, each.id) for each in snapshots)
        async with translated():
            cursor = await self._connection.execute(_ENTRIES, _columns((Int2s, Int4s, Byteas), places))
            return {merge.id: merge for merge in map(read_merge, await cursor.fetchall())}

    async def receiving(self, losers: Sequence[CustomerKey]) -> frozenset[CustomerKey]:
        """See the port."""
        async with translated():
            cursor = await self._connection.execute(_RECEIVING, _columns((Int4s, Int8s), sorted(key[1:] for key in losers)), binary=True)
            return frozenset(key_of(*row) for row in await cursor.fetchall())

    async def joined(self, workspace: WorkspaceId, id: bytes) -> Joined | None:  # noqa: A002 - the field's own word
        """See the port."""
        async with translated():
            row = await (await self._connection.execute(f"{LEDGER} WHERE workspace = %s AND id = %s".encode(), (workspace, id))).fetchone()
            if row is None:
                return None
            merge = read_merge(row)
            row = await (await self._connection.execute(_JOINED, (workspace, id, merge.loser.bucket))).fetchone()
        if row is None or row[0] is None or row[1] is None or row[4] is None:
            return None
        marks = bytes(row[4])
        return Joined(
            merge=merge,
            loser_state=bytes(row[0]),
            winner_state=bytes(row[1]),
            winner_version=row[2],
            winner_offsets=_read_offsets(bytes(row[3] or b"")),
            moved=frozenset(marks[place : place + MARK] for place in range(0, len(marks), MARK)),
        )

    async def folded_since(self, key: CustomerKey, after: Offsets, version: int, limit: int) -> list[Event]:
        """See the port."""
        lanes, seqs = [lane for lane, _ in after], [seq for _, seq in after]
        async with translated():
            log = await self._connection.execute(_LOG, (lanes, seqs, 0, key.customer, limit, key.bucket, key.workspace, limit))
            rows = await log.fetchall()
            kept = await (await self._connection.execute(_KEPT, (*key, version, limit))).fetchall()
        events = [_event(key, row) for row in rows]
        return events + [unpack_event(_posted(row)) for row in kept]

    async def unfolded(self, key: CustomerKey) -> list[Posted]:
        """See the port."""
        async with translated():
            rows = await (await self._connection.execute(_UNFOLDED, tuple(key))).fetchall()
        return [_posted(row) for row in rows]


def read_merge(row: Sequence[Any]) -> Merge:
    """Make a ledger entry of a row of `LEDGER`."""
    workspace, id_, loser, winner, stage, reason, asked_by, trust, asked_at, joined_at, undone_at, refusal = row
    return Merge(
        id=bytes(id_),
        loser=key_of(workspace, loser),
        winner=key_of(workspace, winner),
        stage=Stage(stage),
        reason=Reason(reason),
        asked_by=asked_by,
        trust=Trust(trust),
        asked_at=asked_at,
        joined_at=joined_at,
        undone_at=undone_at,
        refusal=refusal,
    )


def read_posted(row: Sequence[Any]) -> Posted:
    """Make a posted row of the columns bucket, workspace, customer, id, kind, sender, at, body."""
    bucket, workspace, customer, id_, kind, sender, at, body = row
    return Posted(CustomerKey(bucket, workspace, customer), bytes(id_), Kind(kind), sender, at, bytes(body))


_posted = read_posted


def _event(key: CustomerKey, row: Sequence[Any]) -> Event:
    lane, seq, h, source, packed, name, at, received, body = row
    call, trust = unpack_call(packed)
    return Event(
        key=key, lane=lane, seq=seq, h=bytes(h), source=Source(source), call=call, name=name, at=at, received=received, body=bytes(body),
        trust=trust,
    )  # fmt: skip


def _move_row(move: MergeMove) -> tuple[Any, ...]:
    merge = move.merge
    offsets = b"".join(lane.to_bytes(4, "big") + seq.to_bytes(8, "big") for lane, seq in move.winner_offsets)
    return (
        merge.loser.bucket, merge.loser.workspace, merge.id, int(move.expect), int(move.stage), move.at, move.winner, move.refusal,
        move.loser_state or b"", move.winner_state or b"", move.winner_version, offsets,
    )  # fmt: skip


def _read_offsets(packed: bytes) -> Offsets:
    return tuple(
        (int.from_bytes(packed[place : place + 4], "big"), int.from_bytes(packed[place + 4 : place + 12], "big"))
        for place in range(0, len(packed), 12)
    )


def _columns(kinds: Sequence[Callable[[Iterable[Any]], Any]], rows: Iterable[Sequence[Any]]) -> tuple[Any, ...]:
    return tuple(kind(column) for kind, column in zip(kinds, zip(*rows, strict=True), strict=True))
