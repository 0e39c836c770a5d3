"""Judges what engines did: everything acknowledged was evaluated once, and states, verdicts, outbox and timers equal a quiet replay."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
import psycopg
from ground import Ground
from plays import programme

from oportuno.consent.answers import granted_purposes
from oportuno.consent.refusals import Refusal
from oportuno.content.message import Message
from oportuno.events.event import Call, Event, Source
from oportuno.flows.step import step
from oportuno.flows.work import Cancel, silence_by
from oportuno.kit.ids import CustomerKey
from oportuno.profile.draft import Draft
from oportuno.profile.interest import Interest

RESUME_WITHIN = 10_000
"""Milliseconds after which a timer must have been looked at, whoever was killed; PostgreSQL's own absence is not counted."""
FIRST = "CREATE TABLE first_states AS SELECT bucket, workspace, customer, state FROM customers"
"""Run before the first step: what the replay begins with."""


@dataclass
class Findings:
    """What was found; a proof holds when `faults` is empty."""

    acknowledged: int = 0
    evaluated: int = 0
    quarantined: int = 0
    customers: int = 0
    verdicts: int = 0
    messages: int = 0
    timers: int = 0
    """Timers that fell due and were looked at."""
    latest_timer_ms: int = 0
    """How late the latest of them was, without the time in which PostgreSQL was away."""
    latest_timer_gross_ms: int = 0
    """The same, with that time."""
    late_timers: int = 0
    """Timers more than a second late: those that a death really held up."""
    faults: list[str] = field(default_factory=list)


class Judge:
    """Looks at one database after a run in which every step was noted in the journal."""

    def __init__(
        self, ground: Ground, acknowledged: set[bytes], *, poison: set[bytes] | None = None, resume_within: int = RESUME_WITHIN
    ) -> None:
        self.resume_within = resume_within
        self.ground = ground
        self.acknowledged = acknowledged
        self.poison = poison or set()
        self.found = Findings(acknowledged=len(acknowledged))

    def judge(self) -> Findings:
        """Compare everything; what differs stands in `faults`."""
        with psycopg.connect(self.ground.url) as connection:
            events = self._events(connection)
            starts = {CustomerKey(*row[:3]): bytes(row[3]) for row in connection.execute("SELECT * FROM first_states").fetchall()}
            self._nothing_lost(connection, events)
            if not self.found.faults:
                self._compare(connection, events, starts)
                self._profiles_alone(connection, events, starts)
        return self.found

    def _fault(self, sentence: str) -> None:
        self.found.faults.append(sentence)

    def _events(self, connection: psycopg.Connection[Any]) -> dict[bytes, Event]:
        rows = connection.execute(
            "SELECT bucket, workspace, customer, lane, seq, h, source, call, name, at, received, body FROM events ORDER BY seq"
        ).fetchall()
        found: dict[bytes, Event] = {}
        for bucket, workspace, customer, lane, seq, h, source, call, name, at, received, body in rows:
            event = Event(
                key=CustomerKey(bucket, workspace, customer), lane=lane, seq=seq, h=h, source=Source(source), call=Call(call), name=name,
                at=at, received=received, body=body,
            )  # fmt: skip
            if h in found:
                self._fault(f"event {h.hex()} is stored twice")
            found[h] = event
        return found

    def _nothing_lost(self, connection: psycopg.Connection[Any], events: dict[bytes, Event]) -> None:
        lost = self.acknowledged - events.keys()
        if lost:
            self._fault(f"{len(lost)} acknowledged events are not stored")
        taken: dict[bytes, int] = {}
        for (hashes,) in connection.execute("SELECT events FROM journal"):
            for h in hashes:
                taken[bytes(h)] = taken.get(bytes(h), 0) + 1
        set_aside = {
            bytes(row[0]) for row in connection.execute("SELECT e.h FROM quarantine q JOIN events e USING (bucket, workspace, lane, seq)")
        }
        self.found.evaluated, self.found.quarantined = len(taken), len(set_aside)
        never = events.keys() - taken.keys() - set_aside
        often = [h for h, count in taken.items() if count != 1] + list(taken.keys() & set_aside)
        if never:
            self._fault(f"{len(never)} stored events were never evaluated")
        if often:
            self._fault(f"{len(often)} events were evaluated more than once")
        if set_aside != self.poison:
            self._fault(
                f"{len(set_aside - self.poison)} good events were set aside, {len(self.poison - set_aside)} poisonous ones were not"
            )

    def _replay(self, connection: psycopg.Connection[Any], events: dict[bytes, Event], starts: dict[CustomerKey, bytes]) -> dict[str, Any]:
        states: dict[CustomerKey, bytes] = {}
        verdicts: list[bytes] = []
        messages: dict[bytes, bytes] = {}
        outbox: dict[CustomerKey, dict[bytes, Message]] = {}
        dues: dict[CustomerKey, tuple[int | None, int]] = {}
        pack = msgspec.msgpack.Encoder()
        rows = connection.execute("SELECT * FROM journal ORDER BY bucket, workspace, customer, version").fetchall()
        for bucket, workspace, customer, version, now, trusted, hashes in rows:
            key = CustomerKey(bucket, workspace, customer)
            before = states.get(key, starts.get(key, b""))
            self._timed(*dues.get(key, (None, 0)), now)
            draft = Draft(key, before, version)
            outcome = step(draft, [events[bytes(h)] for h in hashes], programme=programme(workspace), now=now, clock_trusted=trusted)
            states[key] = draft.encode()
            dues[key] = outcome.due_at, now
            verdicts += [pack.encode(verdict) for verdict in outcome.verdicts]
            waiting = outbox.setdefault(key, {})
            for items, reason in outcome.cancelled:
                gone = [one for one in waiting.values() if one.marketing and not set(items).isdisjoint(one.said.items)]
                cancel = Cancel(key, items, "", reason, now)
                verdicts += [pack.encode(silence_by(cancel, waiting.pop(one.id)).verdict) for one in gone]
            for one in outcome.overtaken:
                facts = {"journey": one.journey, "step": one.step}
                cancel = Cancel(key, (), "", Refusal.OVERTAKEN.value, now, only=one.id, facts=facts)
                verdicts.append(pack.encode(silence_by(cancel, waiting.pop(one.id)).verdict))
            for message in outcome.messages:
                if message.id not in messages:
                    messages[message.id] = pack.encode(message)
                    waiting[message.id] = msgspec.msgpack.decode(messages[message.id], type=Message)
        return {"states": states, "verdicts": sorted(verdicts), "messages": messages, "dues": dues}

    def _timed(self, due: int | None, before: int, now: int) -> None:
        if due is None or due > now:
            return
        since = max(due, before)
        late = self.ground.present(since, now)
        found = self.found
        found.timers += 1
        found.late_timers += late > 1_000
        found.latest_timer_ms = max(found.latest_timer_ms, late)
        found.latest_timer_gross_ms = max(found.latest_timer_gross_ms, now - since)

    def _compare(self, connection: psycopg.Connection[Any], events: dict[bytes, Event], starts: dict[CustomerKey, bytes]) -> None:
        replayed = self._replay(connection, events, starts)
        found = self.found
        rows = connection.execute("SELECT bucket, workspace, customer, state FROM customers").fetchall()
        stored = {CustomerKey(*row[:3]): bytes(row[3]) for row in rows}
        found.customers = len(stored)
        wrong = [key for key, state in replayed["states"].items() if stored.get(key) != state]
        if wrong:
            self._fault(f"{len(wrong)} states differ from the replay")
        verdicts = sorted(bytes(row[0]) for row in connection.execute("SELECT body FROM verdicts"))
        found.verdicts = len(verdicts)
        if verdicts != replayed["verdicts"]:
            self._fault(f"verdicts differ: {len(verdicts)} stored, {len(replayed['verdicts'])} replayed")
        outbox = {bytes(row[0]): bytes(row[1]) for row in connection.execute("SELECT id, body FROM outbox")}
        found.messages = len(outbox)
        if outbox != replayed["messages"]:
            self._fault(f"the outbox differs: {len(outbox)} stored, {len(replayed['messages'])} replayed")
        due = {CustomerKey(*row[:3]): row[3] for row in connection.execute("SELECT bucket, workspace, customer, due_at FROM due")}
        if due != {key: at for key, (at, _) in replayed["dues"].items() if at is not None}:
            self._fault("the timers differ from the replay")
        if found.latest_timer_ms > self.resume_within:
            self._fault(f"a timer was {found.latest_timer_ms} ms late with PostgreSQL there")

    def _profiles_alone(self, connection: psycopg.Connection[Any], events: dict[bytes, Event], starts: dict[CustomerKey, bytes]) -> None:
        """Without the journal: fold each customer's events once more, all in one step in order of time, and compare what is order-free."""
        mine: dict[CustomerKey, list[Event]] = {}
        for event in events.values():
            if event.h not in self.poison:
                mine.setdefault(event.key, []).append(event)
        wrong: Counter[str] = Counter()
        for bucket, workspace, customer, state in connection.execute("SELECT bucket, workspace, customer, state FROM customers").fetchall():
            key = CustomerKey(bucket, workspace, customer)
            if key not in mine:
                continue
            draft = Draft(key, starts.get(key, b""), 1)
            step(draft, mine[key], programme=programme(workspace), now=max(event.received for event in mine[key]))
            alone, stored = Draft(key, draft.encode()), Draft(key, bytes(state))
            stored.granted = granted_purposes(stored, 1)
            titles = ("core", "cart", "orders", "wishlist", "views") if stored.may(Interest) else ("core", "cart", "orders", "wishlist")
            wrong.update(title for title in titles if alone._sections.get(title) != stored._sections.get(title))
        if wrong:
            self._fault(f"profiles differ from a plain fold of all events in order of time: {dict(wrong)}")
