"""One unit of work on PostgreSQL: lock the customers in key order, think, commit everything in one pipeline.

Every compare-and-set raises inside the database (`must_be`), so that statements and COMMIT travel together and still nothing stays when
one fails.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, LiteralString

import msgspec

from oportuno.adapters.postgres.arrays import Byteas, Int2s, Int4s, Int8s, Texts
from oportuno.adapters.postgres.attempts import note_attempts
from oportuno.adapters.postgres.clicks import keep_links
from oportuno.adapters.postgres.crossing import PostgresAcross, write_crossing
from oportuno.adapters.postgres.database import Connection, translated
from oportuno.adapters.postgres.forget import erase
from oportuno.adapters.postgres.hearings import file_hearings, filed_before
from oportuno.adapters.postgres.ledger import append_ledger
from oportuno.adapters.postgres.questions import asked_until_now, note_questions
from oportuno.adapters.postgres.send_keys import asked_before, note_send_keys
from oportuno.adapters.postgres.states import KEY, ask_for_rows, columns_of, read_rows, save_states
from oportuno.adapters.postgres.suppressions import list_addresses, look_up, mark_under
from oportuno.adapters.postgres.watch import write_walks, write_watches
from oportuno.channels.channel import Outcome
from oportuno.consent.reach import Silenced
from oportuno.content.message import Message
from oportuno.flows.work import (
    AskedBefore,
    Cancel,
    Decision,
    MoveMessage,
    NotedHearing,
    OutboxStatus,
    Quarantine,
    Question,
    Stored,
    Writes,
    silence_by,
)
from oportuno.kit.ids import CustomerKey, WorkspaceId, day_of_id
from oportuno.kit.times import Millis, day_of

OUTBOX_NEWS: Final = "oportuno_outbox"
"""Channel of the notices that a message waits; the payload is the channel it waits for."""

_PACK: Final = msgspec.msgpack.Encoder()
_UNPACK: Final = msgspec.msgpack.Decoder(Message)

_OFFSETS = """
WITH moved AS (
    UPDATE offsets o SET seq = m.new FROM unnest(%b::int2[], %b::int4[], %b::int4[], %b::int8[], %b::int8[])
        AS m(bucket, workspace, lane, old, new)
    WHERE o.bucket = m.bucket AND o.workspace = m.workspace AND o.lane = m.lane AND o.seq = m.old RETURNING 1
)
SELECT must_be(count(*), %b::int8, 'an offset') FROM moved
"""
_FIRST_OFFSETS = """
WITH moved AS (
    INSERT INTO offsets (bucket, workspace, lane, seq)
    SELECT bucket, workspace, lane, new FROM unnest(%b::int2[], %b::int4[], %b::int4[], %b::int8[], %b::int8[])
        AS m(bucket, workspace, lane, old, new) ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING RETURNING 1
)
SELECT must_be(count(*), %b::int8, 'an offset') FROM moved
"""
_VERDICTS = """
INSERT INTO verdicts (bucket, workspace, customer, at, day, proposal, decided, refusal, journey, body)
SELECT * FROM unnest(%b::int2[], %b::int4[], %b::int8[], %b::int8[], %b::int4[], %b::bytea[], %b::text[], %b::text[], %b::text[],
    %b::bytea[])
"""
# An id already there is left as it is: proposing twice is saying once.
_MESSAGE = """
INSERT INTO outbox (bucket, workspace, customer, id, day, channel, status, marketing, items, not_before, expires_at, created_at, body)
VALUES (%b, %b, %b, %b, %b, %b, 0, %b, %b, %b, %b, %b, %b) ON CONFLICT DO NOTHING
"""
# What an earlier attempt may have brought to the customer is unknown, not cancelled.
_CANCEL = """
UPDATE outbox SET status = CASE WHEN doubt THEN 4 ELSE 5 END, reason = %b, ended_at = %b
WHERE bucket = %b AND workspace = %b AND customer = %b AND status = 0 AND day >= %b::int4
  AND (%b::text = '' OR channel = %b) AND (cardinality(%b::text[]) = 0 OR items && %b::text[]) AND (marketing OR NOT %b::bool)
  AND (%b::bytea = '' OR id = %b::bytea)
RETURNING body, doubt
"""
_CANCEL_REACH: Final = 40
"""Days back that a message may still wait: what a journey says expires within 30, and older partitions need not be probed."""
_MOVE = """
WITH moved AS (
    UPDATE outbox SET status = CASE WHEN doubt AND %b::int2 IN (3, 5, 6) THEN 4 ELSE %b::int2 END, reason = %b, deliverer = %b,
        not_before = coalesce(%b::int8, not_before), answer = coalesce(%b::bytea, answer), attempts = attempts + %b::int4,
        handed_at = coalesce(%b::int8, handed_at), ended_at = %b::int8, doubt = doubt OR %b,
        mark = coalesce(%b::bytea, mark), provider_ref = coalesce(%b::text, provider_ref)
    WHERE bucket = %b AND workspace = %b AND customer = %b AND id = %b AND day = %b AND status = %b AND (%b::int4 = 0 OR deliverer = %b)
        AND (%b::int8 IS NULL OR not_before <= %b::int8)
    RETURNING 1
)
SELECT must_be(count(*), 1, 'a message') FROM moved
"""
# The day is the id's own and stays: the row keeps its partition.
_HAND_OVER = """
WITH moved AS (
    UPDATE outbox SET bucket = %b, customer = %b, body = %b
    WHERE bucket = %b AND workspace = %b AND customer = %b AND id = %b AND day = %b AND status = 0 RETURNING 1
)
SELECT must_be(count(*), 1, 'a message') FROM moved
"""
_QUARANTINE = """
INSERT INTO quarantine (bucket, workspace, lane, seq, customer, fault, set_aside) VALUES (%s, %s, %s, %s, %s, %s, clock_millis())
ON CONFLICT DO NOTHING
"""
_POISONED = """
INSERT INTO poisoned (bucket, workspace, customer, fault, since, last_at, version) VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (bucket, workspace, customer) DO UPDATE SET fault = excluded.fault, last_at = excluded.last_at, version = excluded.version,
    times = CASE WHEN poisoned.version + 1 < excluded.version THEN 1 ELSE poisoned.times + 1 END,
    since = CASE WHEN poisoned.version + 1 < excluded.version THEN excluded.since ELSE poisoned.since END
"""
_REDACT = "UPDATE events SET body = '\\x7b7d', name = '' WHERE bucket = %s AND workspace = %s AND lane = %s AND seq = %s"
_NOTIFY = "SELECT pg_notify(%s, %s)"


class PostgresWork:
    """The port Work: a transaction on one connection."""

    def __init__(self, connection: Connection, secret: bytes) -> None:
        self._connection = connection
        self._secret = secret
        self._begun = False
        self._places: dict[CustomerKey, bytes] = {}
        """Where the rows stand that this transaction holds."""

    async def lock(self, keys: Sequence[CustomerKey]) -> tuple[Millis, dict[CustomerKey, Stored]]:
        """See the port."""
        connection, ordered = self._connection, sorted(keys)
        async with translated():
            # The rows are fetched after the pipeline's end. Inside it the server would wait for more with the locks in hand, busy to all
            # appearance, and its time-outs, which bound how long a stopped machine keeps them, would not run; and it is one way less.
            async with connection.pipeline():
                if not self._begun:
                    self._begun = True
                    await connection.execute("BEGIN")
                clock = await connection.execute("SELECT clock_millis()", binary=True)
                rows = await ask_for_rows(connection, ordered)
            locked = await read_rows(rows, ordered)
            first = await clock.fetchone()
        self._places |= locked.places
        return locked.at or (first[0] if first else 0), locked.stored

    async def questions(self, workspace: WorkspaceId, address: str) -> tuple[Question, ...]:
        """See the port."""
        async with translated():
            return await asked_until_now(self._connection, self._secret, workspace, address)

    async def asked_before(self, workspace: WorkspaceId, key: str, digest: bytes) -> AskedBefore | None:
        """See the port."""
        async with translated():
            return await asked_before(self._connection, self._secret, workspace, key, digest)

    async def heard_before(self, note: NotedHearing) -> bool:
        """See the port."""
        async with translated():
            return await filed_before(self._connection, note)

    async def listed(self, workspace: WorkspaceId, channel: str, address: str) -> Silenced | None:
        """See the port."""
        async with translated():
            return await look_up(self._connection, self._secret, workspace, channel, address)

    def across(self) -> PostgresAcross:
        """See the port."""
        return PostgresAcross(self._connection)

    async def commit(self, writes: Writes) -> None:
        """See the port."""
        await self._write(writes, "COMMIT")

    async def rehearse(self, writes: Writes) -> None:
        """See the port."""
        await self._write(writes, "ROLLBACK")

    async def _write(self, writes: Writes, ending: LiteralString) -> None:
        connection = self._connection
        silences = await self._cancel(writes.cancels) if writes.cancels else []
        async with translated(), connection.pipeline():
            if not self._begun:
                await connection.execute("BEGIN")
            places, self._places = self._places, {}
            await save_states(connection, writes.saves, places)
            for key in writes.erasures:
                await erase(connection, key)
            if writes.crossing:
                await write_crossing(connection, writes.crossing)
            await self._offsets(writes)
            await write_walks(connection, writes.heads, writes.walks)
            await write_watches(connection, writes.watches)
            await self._outbox(writes)
            decisions = writes.decisions + silences
            if decisions:
                await connection.execute(_VERDICTS, columns_of(_VERDICT, map(_verdict_row, decisions)))
            await append_ledger(connection, writes.ledger)
            await list_addresses(connection, self._secret, writes.listed)
            await file_hearings(connection, writes.heard)
            await note_questions(connection, self._secret, writes.questioned)
            await note_send_keys(connection, self._secret, writes.send_keys)
            await self._set_aside(writes)
            await keep_links(connection, writes.links)
            await connection.execute(ending)
        self._begun = False

    async def leave(self) -> None:
        """Undo what was not committed."""
        if self._begun and not self._connection.closed:
            async with translated():
                await self._connection.execute("ROLLBACK")
        self._begun = False

    async def _offsets(self, writes: Writes) -> None:
        old = [o for o in writes.offsets if o.old]
        new = [o for o in writes.offsets if not o.old]
        for statement, rows in ((_OFFSETS, old), (_FIRST_OFFSETS, new)):
            if rows:
                await self._connection.execute(statement, (*columns_of((Int2s, Int4s, Int4s, Int8s, Int8s), rows), len(rows)))

    async def _outbox(self, writes: Writes) -> None:
        connection = self._connection
        for message in writes.messages:
            await connection.execute(_MESSAGE, _message_row(message))
        for move in writes.moves:
            await connection.execute(_MOVE, _move_row(move, self._secret))
        await note_attempts(connection, writes.moves)
        for message, winner in writes.hand_overs:
            body = _PACK.encode(msgspec.structs.replace(message, key=winner))
            place = (*message.key, message.id, day_of_id(message.id))
            await connection.execute(_HAND_OVER, (winner.bucket, winner.customer, body, *place))
        for channel in {message.said.channel for message in (*writes.messages, *(each.message for each in writes.hand_overs))}:
            await connection.execute(_NOTIFY, (OUTBOX_NEWS, channel))

    async def _cancel(self, cancels: Sequence[Cancel]) -> list[Decision]:
        """Cancel what waits, and give a verdict on each, which says why. One way more: only the database knows what waits."""
        connection = self._connection
        async with translated():
            async with connection.pipeline():
                if not self._begun:
                    self._begun = True
                    await connection.execute("BEGIN")
                cursors = [await connection.execute(_CANCEL, _cancel_row(cancel), binary=True) for cancel in cancels]
            found = [(cancel, await cursor.fetchall()) for cancel, cursor in zip(cancels, cursors, strict=True)]
        return [silence_by(cancel, _UNPACK.decode(body)) for cancel, rows in found for body, doubt in rows if not doubt]

    async def _set_aside(self, writes: Writes) -> None:
        for item in writes.quarantines:
            await self._connection.execute(_QUARANTINE, _quarantine_row(item))
        for key, fault, at, version in writes.poisoned:
            await self._connection.execute(_POISONED, (*key, fault, at, at, version))
        for event in writes.redactions:
            await self._connection.execute(_REDACT, (event.key.bucket, event.key.workspace, event.lane, event.seq))


@asynccontextmanager
async def unit_of_work(connection: Connection, secret: bytes) -> AsyncIterator[PostgresWork]:
    """Give a unit of work on a connection that nobody else uses meanwhile; undo it unless it committed."""
    work = PostgresWork(connection, secret)
    try:
        yield work
    finally:
        await work.leave()


_VERDICT: Final = (*KEY, Int8s, Int4s, Byteas, Texts, Texts, Texts, Byteas)


def _verdict_row(decision: Decision) -> tuple[Any, ...]:
    key, verdict = decision
    refusal = verdict.reasons[0].refusal.value if verdict.reasons else ""
    proposal = verdict.proposal
    return (*key, verdict.at, day_of(verdict.at), proposal.id, verdict.decided.value, refusal, proposal.journey, _PACK.encode(verdict))


def _message_row(message: Message) -> tuple[Any, ...]:
    said = message.said
    not_before = getattr(said, "not_before", 0)
    return (
        *message.key, message.id, day_of_id(message.id), said.channel, message.marketing, list(said.items), not_before, message.expires_at,
        message.permitted_at, _PACK.encode(message),
    )  # fmt: skip


def _cancel_row(cancel: Cancel) -> tuple[Any, ...]:
    items = list(cancel.items)
    oldest = day_of(cancel.at) - _CANCEL_REACH
    return (
        cancel.reason, cancel.at, *cancel.key, oldest, cancel.channel, cancel.channel, items, items, cancel.marketing_only, cancel.only,
        cancel.only,
    )  # fmt: skip


def _move_row(move: MoveMessage, secret: bytes) -> tuple[Any, ...]:
    handing = move.status is OutboxStatus.HANDING
    ended = None if move.status in (OutboxStatus.PENDING, OutboxStatus.HANDING) else move.at
    answer = None if move.answer is None else _PACK.encode(move.answer)
    in_time = move.at if move.in_time else None
    mark = mark_under(secret, move.key.workspace, move.channel, move.address) if move.address else None
    return (
        int(move.status), int(move.status), move.reason, move.deliverer, move.not_before, answer, int(handing),
        move.at if handing else None, ended, move.answer is not None and move.answer.outcome is Outcome.UNKNOWN,
        mark, move.answer.provider_ref.replace("\0", "") or None if move.answer is not None else None,
        *move.key, move.id, day_of_id(move.id), int(move.expect), move.held_by, move.held_by, in_time, in_time,
    )  # fmt: skip


def _quarantine_row(item: Quarantine) -> tuple[Any, ...]:
    event = item.event
    return event.key.bucket, event.key.workspace, event.lane, event.seq, event.key.customer, item.fault
