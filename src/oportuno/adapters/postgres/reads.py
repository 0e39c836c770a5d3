"""Looking things up in PostgreSQL (ports Reads and Rejects). Lists are keyed by bucket and read newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from oportuno.adapters.postgres.connections import Connections
from oportuno.channels.channel import Answer
from oportuno.content.message import Message
from oportuno.decision.verdict import Decided, Verdict
from oportuno.events.event import Event, Source, unpack_call
from oportuno.flows.ports import Reject
from oportuno.flows.reads import Attempt, LedgerRecord, MessageRecord, PoisonedCustomer, RejectRecord, SetAside, Spot, Tally, Vitals
from oportuno.flows.work import Decision, OutboxStatus, Status, Stored
from oportuno.kit.faults import Unavailable
from oportuno.kit.ids import BUCKETS, CustomerKey, WorkspaceId, day_of_id
from oportuno.kit.times import DAY, Millis

_END: Final = Spot(2**62, b"\xff" * 32)
"""Before everything: where a list read newest first begins."""

_LONGEST_WAIT: Final = 45
"""Days after its own in which a proposal may still get a verdict."""

# What the second pass of an erasure has not reached yet is nobody's to read. Few are ever open, and those are indexed.
MASKED = (
    "NOT EXISTS (SELECT 1 FROM erasures x WHERE x.done_at IS NULL"
    " AND x.bucket = {0}.bucket AND x.workspace = {0}.workspace AND x.customer = {0}.customer)"
)
_KEPT_VERDICT = MASKED.format("verdicts")
_KEPT_MESSAGE = MASKED.format("outbox")
_CUSTOMER = "SELECT status, version, state, due_at FROM customers WHERE bucket = %s AND workspace = %s AND customer = %s"
_VERDICT_COLUMNS = "SELECT bucket, workspace, customer, body FROM verdicts"
_VERDICTS = f"""{_VERDICT_COLUMNS}
WHERE bucket = %s AND workspace = %s AND customer = %s AND at <= %s AND (at, proposal || decided::bytea) < (%s, %s)
ORDER BY at DESC, proposal || decided::bytea DESC LIMIT %s
"""
_VERDICTS_ON = f"""{_VERDICT_COLUMNS} WHERE bucket = %s AND workspace = %s AND customer = %s AND proposal = %s ORDER BY at"""
_WHOSE = f"{_VERDICT_COLUMNS} WHERE workspace = %s AND proposal = %s AND day BETWEEN %s AND %s AND {_KEPT_VERDICT} LIMIT 1"
_DECISIONS = f"""{_VERDICT_COLUMNS}
WHERE workspace = %s AND at <= %s AND (at, proposal || decided::bytea) < (%s, %s) AND {_KEPT_VERDICT}
ORDER BY at DESC, proposal || decided::bytea DESC LIMIT %s
"""
_TALLIES = """
SELECT decided, refusal, journey, count(*) FROM verdicts WHERE workspace = %s AND at >= %s AND day >= %s
GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3
"""
_MESSAGE_COLUMNS = "SELECT body, status, created_at, not_before, attempts, handed_at, ended_at, reason, answer FROM outbox"
# Of a forgotten customer's message only the empty row is left: it is nobody's to read.
_MESSAGE = f"{_MESSAGE_COLUMNS} WHERE workspace = %s AND id = %s AND day = %s AND body <> '' AND {_KEPT_MESSAGE}"
_MESSAGES = f"""{_MESSAGE_COLUMNS}
WHERE bucket = %s AND workspace = %s AND customer = %s AND body <> '' AND (created_at, id) < (%s, %s) AND {_KEPT_MESSAGE}
ORDER BY created_at DESC, id DESC LIMIT %s
"""
_ATTEMPT_COLUMNS = "SELECT n, claimed_at, ended_at, way, outcome, detail FROM attempts"
_ATTEMPTS = f"""{_ATTEMPT_COLUMNS}
WHERE workspace = %s AND message = %s AND day = %s AND {MASKED.format("attempts")} ORDER BY ended_at, n, part
"""
_EVENTS = """
SELECT lane, seq, h, source, call, name, at, received, body FROM events
WHERE bucket = %s AND workspace = %s AND customer = %s AND seq <= %s AND (seq, lane) < (%s, %s) ORDER BY seq DESC, lane DESC LIMIT %s
"""
_LEDGER = """
SELECT n, at, slot, state, source, commitment, personal FROM consent_ledger
WHERE bucket = %s AND workspace = %s AND customer = %s ORDER BY n
"""
_REJECT_COLUMNS = "SELECT workspace, id, received, code, sentence, place, raw, key_id, replayed FROM rejects"
_REJECTS = f"{_REJECT_COLUMNS} WHERE workspace = %s AND (received, id) < (%s, %s) ORDER BY received DESC, id DESC LIMIT %s"
_REJECT = f"{_REJECT_COLUMNS} WHERE workspace = %s AND id = %s"
_SET_ASIDE = """
SELECT bucket, customer, lane, seq, set_aside, fault, replayed FROM quarantine WHERE workspace = %s ORDER BY set_aside DESC LIMIT %s
"""
_SET_ASIDE_EVENT = """
SELECT q.bucket, q.customer, q.set_aside, q.fault, q.replayed, e.h, e.source, e.call, e.name, e.at, e.received, e.body
FROM quarantine q JOIN events e USING (bucket, workspace, lane, seq) WHERE q.workspace = %s AND q.lane = %s AND q.seq = %s
"""
_POISONED = """
SELECT p.bucket, p.workspace, p.customer, p.fault, p.since, p.last_at, p.times, c.version IS DISTINCT FROM p.version
FROM poisoned p LEFT JOIN customers c USING (bucket, workspace, customer) WHERE p.workspace = %s ORDER BY p.last_at DESC LIMIT %s
"""
_VITALS = """
SELECT clock_millis(), (SELECT count(DISTINCT worker) FROM leases WHERE until_at > clock_millis()),
       (SELECT count(*) FROM outbox WHERE status = 1), (SELECT count(*) FROM quarantine WHERE NOT replayed),
       (SELECT count(*) FROM poisoned p JOIN customers c USING (bucket, workspace, customer) WHERE c.version = p.version),
       %s - (SELECT count(*) FROM leases WHERE until_at > clock_millis())
"""
# What the living engines tell of themselves.
_SAYS = "SELECT says FROM workers WHERE until_at > clock_millis() AND says <> '{}'"
_NAMES = "SELECT public_id FROM workspaces WHERE workspace = ANY(%s) ORDER BY public_id"
_WAITING = "SELECT channel, count(*) FROM outbox WHERE status = 0 AND not_before <= clock_millis() GROUP BY channel"
_MARK = "UPDATE rejects SET replayed = true WHERE workspace = %s AND id = ANY(%s) AND NOT replayed"
_MARK_SET_ASIDE = "UPDATE quarantine SET replayed = true WHERE workspace = %s AND lane = %s AND seq = %s AND NOT replayed"

_VERDICT: Final = msgspec.msgpack.Decoder(Verdict)
_SAID: Final = msgspec.msgpack.Decoder(Message)
_ANSWER: Final = msgspec.msgpack.Decoder(Answer)


class PostgresReads:
    """The ports Reads and Rejects. `looking` connections only read, `changing` ones not; `probing` is one nobody else waits for."""

    def __init__(self, looking: Connections, changing: Connections, probing: Connections | None = None) -> None:
        self._probing = probing
        self._looking = looking
        self._changing = changing

    async def now(self) -> Millis:
        """See the port."""
        return int((await self._rows("SELECT clock_millis()"))[0][0])

    async def probe(self) -> None:
        """See the port."""
        async with (self._probing or self._looking).lend() as connection:
            row = await (await connection.execute("SELECT pg_is_in_recovery()")).fetchone()
        if row is None or row[0]:
            raise Unavailable("database_read_only", "the database answers, and takes nothing in: it follows another")

    async def vitals(self) -> Vitals:
        """See the port."""
        rows = await self._rows(_VITALS, BUCKETS)
        waiting = {channel: int(times) for channel, times in await self._rows(_WAITING)}
        says = [row[0] for row in await self._rows(_SAYS)]
        left = sorted({workspace for each in says for workspace in each.get("left", ())})
        now, engines, handing, set_aside, poisoned, unowned = rows[0]
        return Vitals(
            now=now,
            engines=engines,
            handing=handing,
            set_aside=set_aside,
            waiting=waiting,
            poisoned=poisoned,
            buckets_unowned=unowned,
            given_up={int(bucket): str(section) for each in says for bucket, section in each.get("given_up", {}).items()},
            left=[row[0] for row in await self._rows(_NAMES, left)] if left else [],
            clock_doubted=any(each.get("clock_doubted", False) for each in says),
        )

    async def customer(self, key: CustomerKey) -> Stored | None:
        """See the port."""
        for status, version, state, due_at in await self._rows(_CUSTOMER, *key):
            return Stored(key, Status(status), version, bytes(state), due_at)
        return None

    async def message(self, workspace: WorkspaceId, id: bytes) -> MessageRecord | None:  # noqa: A002 - the port's word
        """See the port."""
        for row in await self._rows(_MESSAGE, workspace, id, day_of_id(id)):
            return message_of(row)
        return None

    async def attempts(self, workspace: WorkspaceId, id: bytes) -> list[Attempt]:  # noqa: A002 - the port's word
        """See the port."""
        rows = await self._rows(_ATTEMPTS, workspace, id, day_of_id(id))
        return [
            Attempt(n=n, claimed_at=claimed_at, ended_at=ended_at, way=way, outcome=outcome, detail=detail)
            for n, claimed_at, ended_at, way, outcome, detail in rows
        ]

    async def whose(self, workspace: WorkspaceId, proposal: bytes) -> CustomerKey | None:
        """See the port."""
        day = day_of_id(proposal)
        for row in await self._rows(_WHOSE, workspace, proposal, day - 1, day + _LONGEST_WAIT):
            return CustomerKey(*row[:3])
        return None

    async def verdicts_on(self, key: CustomerKey, proposal: bytes) -> list[Decision]:
        """See the port."""
        return [decision_of(row) for row in await self._rows(_VERDICTS_ON, *key, proposal)]

    async def verdicts(self, key: CustomerKey, *, before: Spot | None, limit: int) -> list[Decision]:
        """See the port."""
        spot = before or _END
        return [decision_of(row) for row in await self._rows(_VERDICTS, *key, spot.at, spot.at, spot.tie, limit)]

    async def messages(self, key: CustomerKey, *, before: Spot | None, limit: int) -> list[MessageRecord]:
        """See the port."""
        spot = before or _END
        return [message_of(row) for row in await self._rows(_MESSAGES, *key, spot.at, spot.tie, limit)]

    async def events(self, key: CustomerKey, *, before: Spot | None, limit: int) -> list[Event]:
        """See the port."""
        spot = before or Spot(_END.at, (2**31 - 1).to_bytes(4, "big"))
        lane_before = min(int.from_bytes(spot.tie[:4], "big"), 2**31 - 1)
        rows = await self._rows(_EVENTS, *key, spot.at, spot.at, lane_before, limit)
        return [event_of(key, row) for row in rows]

    async def ledger(self, key: CustomerKey) -> list[LedgerRecord]:
        """See the port."""
        return [_ledger(row) for row in await self._rows(_LEDGER, *key)]

    async def decisions(self, workspace: WorkspaceId, *, before: Spot | None, limit: int) -> list[Decision]:
        """See the port."""
        spot = before or _END
        return [decision_of(row) for row in await self._rows(_DECISIONS, workspace, spot.at, spot.at, spot.tie, limit)]

    async def tallies(self, workspace: WorkspaceId, *, since: Millis) -> list[Tally]:
        """See the port."""
        rows = await self._rows(_TALLIES, workspace, since, since // DAY)
        return [Tally(Decided(decided), refusal, journey, times) for decided, refusal, journey, times in rows]

    async def rejects(self, workspace: WorkspaceId, *, before: Spot | None, limit: int) -> list[RejectRecord]:
        """See the port."""
        spot = before or _END
        return [_reject(row) for row in await self._rows(_REJECTS, workspace, spot.at, spot.tie, limit)]

    async def reject(self, workspace: WorkspaceId, id: bytes) -> RejectRecord | None:  # noqa: A002 - the port's word
        """See the port."""
        for row in await self._rows(_REJECT, workspace, id):
            return _reject(row)
        return None

    async def set_aside(self, workspace: WorkspaceId, *, limit: int) -> list[SetAside]:
        """See the port."""
        rows = await self._rows(_SET_ASIDE, workspace, limit)
        return [
            SetAside(CustomerKey(bucket, workspace, customer), lane, seq, at, fault, replayed)
            for bucket, customer, lane, seq, at, fault, replayed in rows
        ]

    async def set_aside_event(self, workspace: WorkspaceId, id: bytes) -> tuple[SetAside, Event] | None:  # noqa: A002 - the port's word
        """See the port."""
        lane, seq = int.from_bytes(id[:4], "big"), int.from_bytes(id[4:], "big")
        if lane >= 2**31 or seq >= 2**63:
            return None
        rows = await self._rows(_SET_ASIDE_EVENT, workspace, lane, seq)
        for bucket, customer, set_at, fault, replayed, *rest in rows:
            key = CustomerKey(bucket, workspace, customer)
            return SetAside(key, lane, seq, set_at, fault, replayed), event_of(key, (lane, seq, *rest))
        return None

    async def poisoned(self, workspace: WorkspaceId, *, limit: int) -> list[PoisonedCustomer]:
        """See the port."""
        return [PoisonedCustomer(CustomerKey(*row[:3]), *row[3:]) for row in await self._rows(_POISONED, workspace, limit)]

    async def mark_set_aside_replayed(self, workspace: WorkspaceId, id: bytes) -> None:  # noqa: A002 - the port's word
        """See the port."""
        async with self._changing.lend() as connection:
            await connection.execute(_MARK_SET_ASIDE, (workspace, int.from_bytes(id[:4], "big"), int.from_bytes(id[4:], "big")))

    async def mark_replayed(self, workspace: WorkspaceId, ids: Sequence[bytes]) -> None:
        """See the port."""
        async with self._changing.lend() as connection:
            await connection.execute(_MARK, (workspace, list(ids)))

    async def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self._looking.lend() as connection:
            cursor = await connection.execute(statement.encode(), values)
            return await cursor.fetchall()


def decision_of(row: tuple[Any, ...]) -> Decision:
    """Read a row of bucket, workspace, customer, body."""
    bucket, workspace, customer, body = row
    return Decision(CustomerKey(bucket, workspace, customer), _VERDICT.decode(body))


def event_of(key: CustomerKey, row: tuple[Any, ...]) -> Event:
    """Read a row of lane, seq, h, source, call, name, at, received, body."""
    lane, seq, h, source, packed, name, at, received, body = row
    call, trust = unpack_call(packed)
    return Event(
        key=key,
        lane=lane,
        seq=seq,
        h=bytes(h),
        source=Source(source),
        call=call,
        trust=trust,
        name=name,
        at=at,
        received=received,
        body=bytes(body),
    )


def message_of(row: tuple[Any, ...]) -> MessageRecord:
    """Read a row of body, status, created_at, not_before, attempts, handed_at, ended_at, reason, answer."""
    body, status, created_at, not_before, attempts, handed_at, ended_at, reason, answer = row
    return MessageRecord(
        message=_SAID.decode(body),
        status=OutboxStatus(status),
        created_at=created_at,
        not_before=not_before,
        attempts=attempts,
        handed_at=handed_at,
        ended_at=ended_at,
        reason=reason,
        answer=_ANSWER.decode(answer) if answer else None,
    )


def _ledger(row: tuple[Any, ...]) -> LedgerRecord:
    n, at, slot, state, source, commitment, personal = row
    # The personal part is gone after an erasure; the commitment stays, so that the chain still verifies.
    notice, language, actor, proof = msgspec.msgpack.decode(personal) if personal else ("", "", "", {})
    return LedgerRecord(
        n=n,
        at=at,
        slot=slot,
        state=state,
        source=source,
        notice=notice,
        language=language,
        actor=actor,
        proof=proof,
        commitment=bytes(commitment),
    )


def _reject(row: tuple[Any, ...]) -> RejectRecord:
    workspace, id_, received, code, sentence, place, raw, key_id, replayed = row
    reject = Reject(
        workspace=workspace, id=bytes(id_), received=received, code=code, sentence=sentence, place=place, raw=bytes(raw), key_id=key_id
    )
    return RejectRecord(reject=reject, replayed=replayed)
