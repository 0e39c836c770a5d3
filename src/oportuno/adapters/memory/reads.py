"""The twin of looking things up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from oportuno.adapters.memory.tables import MessageRow
from oportuno.flows.reads import (
    Attempt,
    LedgerRecord,
    MessageRecord,
    PoisonedCustomer,
    RejectRecord,
    SetAside,
    Spot,
    Tally,
    Vitals,
    spot_of,
    spot_of_event,
)
from oportuno.flows.work import Decision, OutboxStatus, Quarantine, Stored

if TYPE_CHECKING:
    from oportuno.adapters.memory.ground import Ground
    from oportuno.events.event import Event
    from oportuno.kit.ids import CustomerKey, WorkspaceId
    from oportuno.kit.times import Millis

T = TypeVar("T")
_OPEN = frozenset({OutboxStatus.PENDING, OutboxStatus.HANDING})


class MemoryReads:
    """The ports Reads and Rejects over the shared rows."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def now(self) -> Millis:
        """Give the store's clock."""
        await self._ground.pause("reads.now")
        return self._ground.clock.now

    async def probe(self) -> None:
        """Return when the store answers."""
        await self._ground.pause("reads.probe")

    async def vitals(self) -> Vitals:
        """Give the counts of the health page; the twin does not know how many engines there are."""
        await self._ground.pause("reads.vitals")
        tables = self._ground.tables
        now, rows = self._ground.clock.now, tables.messages.values()
        return Vitals(
            now=now,
            waiting=dict(Counter(r.message.said.channel for r in rows if r.status is OutboxStatus.PENDING and r.not_before <= now)),
            handing=sum(row.status is OutboxStatus.HANDING for row in rows),
            set_aside=sum((each.event.lane, each.event.seq) not in self._ground.tables.set_aside_replayed for each in tables.quarantines),
            poisoned=sum(tables.customers[key].version == each.version for key, each in tables.poisoned.items()),
        )

    async def customer(self, key: CustomerKey) -> Stored | None:
        """Give a customer's row without locking it."""
        await self._ground.pause("reads.customer")
        row = self._ground.tables.customers.get(key)
        return None if row is None else Stored(key, row.status, row.version, row.state, row.due_at)

    async def message(self, workspace: WorkspaceId, id: bytes) -> MessageRecord | None:  # noqa: A002 - the port's word
        """Give one message of the workspace."""
        await self._ground.pause("reads.message")
        row = self._ground.tables.messages.get(id)
        return record_of(row) if row is not None and row.message.key.workspace == workspace and self._kept(row.message.key) else None

    async def attempts(self, workspace: WorkspaceId, id: bytes) -> list[Attempt]:  # noqa: A002 - the port's word
        """Give how each hand-off of a message ended."""
        await self._ground.pause("reads.attempts")
        row = self._ground.tables.messages.get(id)
        mine = row is not None and row.message.key.workspace == workspace and self._kept(row.message.key)
        return list(self._ground.tables.attempts.get(id, ())) if mine else []

    async def whose(self, workspace: WorkspaceId, proposal: bytes) -> CustomerKey | None:
        """Say whom a proposal concerned."""
        await self._ground.pause("reads.whose")
        found = (d.key for d in self._ground.tables.decisions if d.key.workspace == workspace and d.verdict.proposal.id == proposal)
        return next((key for key in found if self._kept(key)), None)

    async def verdicts_on(self, key: CustomerKey, proposal: bytes) -> list[Decision]:
        """Give every verdict on one proposal, oldest first."""
        await self._ground.pause("reads.verdicts_on")
        mine = [each for each in self._ground.tables.decisions if each.key == key and each.verdict.proposal.id == proposal]
        return sorted(mine, key=lambda decision: decision.verdict.at)

    async def verdicts(self, key: CustomerKey, *, before: Spot | None, limit: int) -> list[Decision]:
        """Give a customer's verdicts, newest first."""
        await self._ground.pause("reads.verdicts")
        return _page((each for each in self._ground.tables.decisions if each.key == key), spot_of, before, limit)

    async def messages(self, key: CustomerKey, *, before: Spot | None, limit: int) -> list[MessageRecord]:
        """Give a customer's messages, newest first."""
        await self._ground.pause("reads.messages")
        records = [record_of(row) for row in self._ground.tables.messages_of(key) if self._kept(key)]
        return _page(records, lambda record: record.spot, before, limit)

    async def events(self, key: CustomerKey, *, before: Spot | None, limit: int) -> list[Event]:
        """Give a customer's events in order of arrival, newest first."""
        await self._ground.pause("reads.events")
        return _page((event for event in self._ground.tables.all_events() if event.key == key), spot_of_event, before, limit)

    async def ledger(self, key: CustomerKey) -> list[LedgerRecord]:
        """Give a customer's answers about consent, oldest first; the twin makes no commitments."""
        await self._ground.pause("reads.ledger")
        return [
            LedgerRecord(
                n=place,
                at=entry.at,
                slot=entry.slot,
                state=entry.state,
                source=entry.source,
                notice=entry.notice,
                language=entry.language,
                actor=entry.actor,
                proof=entry.proof,
            )
            for place, entry in enumerate((entry for entry in self._ground.tables.ledger.values() if entry.key == key), start=1)
        ]

    async def decisions(self, workspace: WorkspaceId, *, before: Spot | None, limit: int) -> list[Decision]:
        """Give the workspace's latest verdicts, newest first."""
        await self._ground.pause("reads.decisions")
        mine = (each for each in self._ground.tables.decisions if each.key.workspace == workspace and self._kept(each.key))
        return _page(mine, spot_of, before, limit)

    async def tallies(self, workspace: WorkspaceId, *, since: Millis) -> list[Tally]:
        """Count the workspace's verdicts since a moment, most frequent first."""
        await self._ground.pause("reads.tallies")
        counted = Counter(
            (verdict.decided, verdict.reasons[0].refusal.value if verdict.reasons else "", verdict.proposal.journey)
            for key, verdict in self._ground.tables.decisions
            if key.workspace == workspace and verdict.at >= since
        )
        return [Tally(*what, times) for what, times in sorted(counted.items(), key=lambda each: (-each[1], each[0]))]

    async def rejects(self, workspace: WorkspaceId, *, before: Spot | None, limit: int) -> list[RejectRecord]:
        """Give the workspace's rejects, newest first."""
        await self._ground.pause("reads.rejects")
        return _page(self._rejects(workspace), lambda record: record.spot, before, limit)

    async def reject(self, workspace: WorkspaceId, id: bytes) -> RejectRecord | None:  # noqa: A002 - the port's word
        """Give one reject."""
        await self._ground.pause("reads.reject")
        return next((record for record in self._rejects(workspace) if record.reject.id == id), None)

    async def set_aside(self, workspace: WorkspaceId, *, limit: int) -> list[SetAside]:
        """Give events that were set aside, newest first; the twin keeps no time of it but the event's arrival."""
        await self._ground.pause("reads.set_aside")
        mine = [each for each in self._ground.tables.quarantines if each.event.key.workspace == workspace]
        return [self._set_aside(each) for each in mine[::-1][:limit]]

    async def set_aside_event(self, workspace: WorkspaceId, id: bytes) -> tuple[SetAside, Event] | None:  # noqa: A002 - the port's word
        """Give one event that was set aside."""
        await self._ground.pause("reads.set_aside_event")
        for each in self._ground.tables.quarantines:
            found = self._set_aside(each)
            if found.key.workspace == workspace and found.id == id:
                return found, each.event
        return None

    async def poisoned(self, workspace: WorkspaceId, *, limit: int) -> list[PoisonedCustomer]:
        """Give the customers whose state or timer raised, the latest first; the twin remembers only the last time."""
        await self._ground.pause("reads.poisoned")
        tables = self._ground.tables
        mine = sorted((each for each in tables.poisoned.values() if each.key.workspace == workspace), key=lambda each: -each.at)
        return [
            PoisonedCustomer(each.key, each.fault, each.at, each.at, 1, tables.customers[each.key].version != each.version)
            for each in mine[:limit]
        ]

    async def mark_set_aside_replayed(self, workspace: WorkspaceId, id: bytes) -> None:  # noqa: A002 - the port's word
        """Note that an event that was set aside was replayed."""
        await self._ground.pause("reads.mark_set_aside_replayed")
        if await self.set_aside_event(workspace, id) is not None:
            self._ground.tables.set_aside_replayed.add((int.from_bytes(id[:4], "big"), int.from_bytes(id[4:], "big")))

    def _set_aside(self, kept: Quarantine) -> SetAside:
        event, fault = kept
        replayed = (event.lane, event.seq) in self._ground.tables.set_aside_replayed
        return SetAside(event.key, event.lane, event.seq, event.received, fault, replayed)

    async def mark_replayed(self, workspace: WorkspaceId, ids: Sequence[bytes]) -> None:
        """Note that these were replayed."""
        await self._ground.pause("reads.mark_replayed")
        self._ground.tables.replayed |= {(workspace, each) for each in ids}

    def _kept(self, key: CustomerKey) -> bool:
        """Say whether the customer was not forgotten: what the second pass has not reached yet is nobody's to read."""
        return key not in self._ground.tables.erasures

    def _rejects(self, workspace: WorkspaceId) -> list[RejectRecord]:
        tables = self._ground.tables
        mine = [reject for reject in tables.rejects if reject.workspace == workspace]
        return [RejectRecord(reject=reject, replayed=(workspace, reject.id) in tables.replayed) for reject in mine]


def _page(rows: Iterable[T], spot: Callable[[T], Spot], before: Spot | None, limit: int) -> list[T]:
    newest_first = sorted(rows, key=spot, reverse=True)
    return [row for row in newest_first if before is None or spot(row) < before][:limit]


def record_of(row: MessageRow) -> MessageRecord:
    """Give a message and what became of it."""
    return MessageRecord(
        message=row.message,
        status=row.status,
        created_at=row.message.permitted_at,
        not_before=row.not_before,
        attempts=row.attempts,
        handed_at=row.handed_at,
        ended_at=None if row.status in _OPEN else row.moved_at,
        reason=row.reason,
        answer=row.answer,
    )
