"""The twin of the unit of work: row locks in key order held to its end, one atomic commit, Moved when somebody was there first."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from oportuno.adapters.memory.crossing import MemoryAcross, apply_crossing, check_crossing
from oportuno.adapters.memory.fanout import check_walks, write_walks, write_watches
from oportuno.adapters.memory.forget import erase_at_once
from oportuno.adapters.memory.ground import Transaction
from oportuno.adapters.memory.hearings import check_hearings, file_hearings, list_addresses, mark_of_address
from oportuno.adapters.memory.tables import CustomerRow, MessageRow
from oportuno.channels.channel import Outcome
from oportuno.content.message import Message
from oportuno.flows.reads import Attempt, endings
from oportuno.flows.work import AskedBefore, Moved, OutboxStatus, Status, Stored, silence_by
from oportuno.kit.faults import Fault, Unavailable
from oportuno.kit.ids import derive

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from oportuno.adapters.memory.ground import Ground, Lockable
    from oportuno.consent.reach import Silenced
    from oportuno.events.event import Event
    from oportuno.flows.work import Cancel, MoveMessage, NotedHearing, Question, SaveCustomer, Writes
    from oportuno.kit.ids import CustomerId, CustomerKey, WorkspaceId
    from oportuno.kit.times import Millis


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(Message).decode
_NOTHING_SAID: Final = frozenset({OutboxStatus.REFUSED, OutboxStatus.CANCELLED, OutboxStatus.EXPIRED})


def as_stored(message: Message) -> Message:
    """Give a message as it comes back from a database: what its type does not name is gone."""
    return _DECODE(_ENCODE(message))


class TimerAstray(Fault):
    """A fault of ours: PostgreSQL would believe the save, and the row and the timer table would part. The twin tells at once."""


class MemoryWork(Transaction):
    """One transaction of the twin."""

    async def lock(self, keys: Sequence[CustomerKey]) -> tuple[Millis, dict[CustomerKey, Stored]]:
        """Lock the customers' rows in key order and give the store's clock and the rows; absent ones have version 0.

        As in PostgreSQL, a row that is not there cannot be locked: two may find version 0, and the second to commit is told Moved.
        """
        ground = self.ground
        await ground.pause("store.lock")
        ordered = sorted(set(keys))
        for key in ordered:
            await self._take(key)
        now, rows = ground.clock.now, {key: self._read(key) for key in ordered}
        await ground.pause("store.locked")
        return now, rows

    async def commit(self, writes: Writes) -> None:
        """Write everything and commit. Raises Moved with nothing written."""
        ground = self.ground
        await ground.pause("store.commit")
        for key in sorted({save.key for save in writes.saves} | set(writes.erasures)):
            await self._take(key)
        if self.ended:
            raise Unavailable("work_ended", "this unit of work has ended already")
        self.check(writes)
        self._apply(writes)
        self.end()
        ground.committed(self.actor, writes)
        await ground.pause("store.committed")

    async def rehearse(self, writes: Writes) -> None:
        """Learn whether it can be written; nothing is."""
        await self.ground.pause("store.rehearse")
        for key in sorted({save.key for save in writes.saves} | set(writes.erasures)):
            await self._take(key)
        self.check(writes)
        self.end()

    async def questions(self, workspace: WorkspaceId, address: str) -> tuple[Question, ...]:
        """Give the questions that an address got, and keep everybody else from it until the end of this."""
        await self.ground.pause("store.questions")
        place = _place_of(workspace, address)
        await self._wait_for(place)
        return self.ground.tables.questions.get(place, ())

    async def asked_before(self, workspace: WorkspaceId, key: str, digest: bytes) -> AskedBefore | None:
        """Say what an idempotency key stands for, and keep everybody else from it until the end of this."""
        await self.ground.pause("store.asked_before")
        place = _send_place(workspace, key)
        await self._wait_for(place)
        found = self.ground.tables.send_keys.get(place)
        return None if found is None else AskedBefore(found.message, found.digest == digest)

    async def heard_before(self, note: NotedHearing) -> bool:
        """Say whether a report is filed already."""
        await self.ground.pause("store.heard_before")
        return (note.key, note.message, note.hearing.id) in self.ground.tables.hearings

    async def listed(self, workspace: WorkspaceId, channel: str, address: str) -> Silenced | None:
        """Say whether an address is listed, and why."""
        await self.ground.pause("store.listed")
        found = self.ground.tables.suppressions.get((workspace, channel, mark_of_address(workspace, channel, address)))
        return found.silenced if found is not None else None

    def across(self) -> MemoryAcross:
        """Give what can be read beyond the locked rows."""
        return MemoryAcross(self.ground)

    def check(self, writes: Writes) -> None:
        """Raise Moved unless everything still stands as the writes expect, and TimerAstray when the caller mixes up the timer."""
        tables = self.ground.tables
        for move in writes.offsets:
            if tables.offsets.get((move.bucket, move.workspace, move.lane), 0) != move.old:
                raise Moved("offset_moved", "another worker has evaluated these events")
        check_walks(tables, writes)
        for save in writes.saves:
            row = tables.customers.get(save.key)
            if row is not None and row.status is Status.ERASED:
                raise Moved("customer_erased", "the customer was erased; a tombstone is never written again")
            if row is not None and row.status is not Status.ACTIVE:
                raise Moved("customer_merged", "the customer is one with another; a forwarder is never written as a customer")
            if (row.version if row is not None else 0) != save.base_version:
                raise Moved("customer_moved", "somebody else has changed the customer")
            if not save.due_changed and save.due_at != (row.due_at if row is not None else None):
                raise TimerAstray("timer_astray", "a save that says “timer unchanged” names another time than the one stored")
        check_hearings(tables, writes.heard)
        check_crossing(tables, writes.crossing)
        for step in writes.moves:
            message = tables.messages.get(step.id)
            early = message is not None and step.in_time and message.not_before > step.at
            elsewhere = message is None or message.message.key != step.key or message.status is not step.expect
            if message is None or elsewhere or early or (step.held_by and message.deliverer != step.held_by):
                raise Moved("message_moved", "the message no longer stands where it was expected")
        for hand_over in writes.hand_overs:
            message = tables.messages.get(hand_over.message.id)
            if message is None or message.message.key != hand_over.message.key or message.status is not OutboxStatus.PENDING:
                raise Moved("message_moved", "the message no longer stands where it was expected")

    async def _take(self, key: CustomerKey) -> None:
        if key in self.ground.tables.customers:
            await self._wait_for(key)

    async def _wait_for(self, place: Lockable) -> None:
        ground = self.ground
        while ground.locks.get(place) not in (None, self):
            self._refuse_knot(place)
            self.awaits = place
            await ground.pause("store.blocked")
            self.awaits = None
        ground.locks[place] = self

    def _refuse_knot(self, place: Lockable) -> None:
        asked: Lockable | None = place
        while asked is not None:
            holder = self.ground.locks.get(asked)
            if holder is self:
                raise Moved("deadlock", "two units of work wait for each other; this one was given up")
            asked = holder.awaits if holder is not None else None

    def _read(self, key: CustomerKey) -> Stored:
        row = self.ground.tables.customers.get(key)
        if row is None:
            return Stored(key, Status.ACTIVE, 0, b"", None)
        return Stored(key, row.status, row.version, row.state, row.due_at)

    def _apply(self, writes: Writes) -> None:
        tables = self.ground.tables
        for save in writes.saves:
            self._save(save)
        apply_crossing(tables, writes.crossing)
        for cancel in writes.cancels:
            self._cancel(cancel)
        for message in writes.messages:
            if message.id not in tables.messages:
                self.ground.born += 1
                not_before = getattr(message.said, "not_before", 0)
                tables.messages[message.id] = MessageRow(as_stored(message), OutboxStatus.PENDING, not_before, self.ground.born)
        for move in writes.moves:
            self._move(move)
        for handed in writes.hand_overs:
            row = tables.messages[handed.message.id]
            row.message = msgspec.structs.replace(row.message, key=handed.winner)
        tables.decisions.extend(writes.decisions)
        list_addresses(tables, writes.listed)
        file_hearings(tables, writes.heard, self.ground.clock.now)
        for noted in writes.questioned:
            tables.questions[_place_of(noted.workspace, noted.address)] = noted.asked
        for kept in writes.send_keys:
            tables.send_keys.setdefault(_send_place(kept.workspace, kept.key), kept)
        tables.links.update(((link.workspace, link.id), link) for link in writes.links)
        for entry in writes.ledger:
            tables.ledger.setdefault(entry.id, entry)
        tables.quarantines.extend(writes.quarantines)
        tables.poisoned.update((each.key, each) for each in writes.poisoned)
        for offset in writes.offsets:
            tables.offsets[offset.bucket, offset.workspace, offset.lane] = offset.new
        write_walks(tables, writes)
        write_watches(tables, writes.watches)
        for key in writes.erasures:
            self._erase(key)
        self._blank(writes.redactions)

    def _save(self, save: SaveCustomer) -> None:
        row = self.ground.tables.customers.setdefault(save.key, CustomerRow())
        row.version += 1
        row.state = save.state
        if save.due_changed:
            row.due_at = save.due_at

    def _cancel(self, cancel: Cancel) -> None:
        for row in self.ground.tables.messages_of(cancel.key):
            said = row.message.said
            if (
                row.status is OutboxStatus.PENDING
                and (row.message.marketing or not cancel.marketing_only)
                and (not cancel.items or not set(cancel.items).isdisjoint(said.items))
                and (not cancel.channel or cancel.channel == said.channel)
                and (not cancel.only or cancel.only == said.id)
            ):
                row.status, row.reason, row.moved_at = OutboxStatus.CANCELLED, cancel.reason, cancel.at
                if row.doubt:
                    row.status = OutboxStatus.UNKNOWN
                else:
                    self.ground.tables.decisions.append(silence_by(cancel, row.message))

    def _move(self, move: MoveMessage) -> None:
        row = self.ground.tables.messages[move.id]
        status = OutboxStatus.UNKNOWN if row.doubt and move.status in _NOTHING_SAID else move.status
        row.status, row.moved_at, row.reason, row.deliverer = status, move.at, move.reason, move.deliverer
        row.doubt = row.doubt or (move.answer is not None and move.answer.outcome is Outcome.UNKNOWN)
        row.answer = move.answer or row.answer
        row.mark = mark_of_address(move.key.workspace, move.channel, move.address) if move.address else row.mark
        if move.not_before is not None:
            row.not_before = move.not_before
        if move.expect is OutboxStatus.HANDING:
            self.ground.tables.attempts.setdefault(move.id, []).extend(_attempts_of(row, move))
        if move.status is OutboxStatus.HANDING:
            row.handed_at, row.attempts = move.at, row.attempts + 1

    def _erase(self, key: CustomerKey) -> None:
        erase_at_once(self.ground.tables, key, self.ground.clock.now)
        self.ground.tables.poisoned.pop(key, None)

    def _blank(self, events: Iterable[Event]) -> None:
        gone = {(event.lane, event.seq) for event in events}
        if not gone:
            return
        for rows in self.ground.tables.events.values():
            for place, event in enumerate(rows):
                if (event.lane, event.seq) in gone:
                    rows[place] = msgspec.structs.replace(event, body=b"{}", name="")


def _place_of(workspace: WorkspaceId, address: str) -> tuple[WorkspaceId, bytes]:
    return workspace, derive("question", workspace, address)


def _send_place(workspace: WorkspaceId, key: str) -> tuple[WorkspaceId, bytes]:
    return workspace, derive("send key", workspace, key)


def _attempts_of(row: MessageRow, move: MoveMessage) -> list[Attempt]:
    return [
        Attempt(n=row.attempts, claimed_at=row.handed_at, ended_at=move.at, way=way, outcome=outcome, detail=detail)
        for way, outcome, detail in endings(move)
    ]


class MemoryStore:
    """Where customers' states live, in memory."""

    def __init__(self, ground: Ground, kind: type[MemoryWork] = MemoryWork) -> None:
        self._ground = ground
        self._kind = kind

    @asynccontextmanager
    async def work(self) -> AsyncIterator[MemoryWork]:
        """Begin a unit of work; left without commit, it changes nothing."""
        work = self._kind(self._ground)
        try:
            yield work
        finally:
            work.end()

    async def find(self, workspace: WorkspaceId, kind: str, value: str) -> CustomerId | None:
        """Look an id up in the directory."""
        await self._ground.pause("store.find")
        return self._ground.tables.identities.get((workspace, kind, value))
