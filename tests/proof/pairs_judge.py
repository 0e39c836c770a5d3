"""Judges customers who turned out to be one: every event counted once, every state equal to a quiet replay of its steps and joinings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from ground import Ground
from plays import programme

from oportuno.consent.answers import granted_purposes
from oportuno.consent.refusals import Refusal
from oportuno.decision.decide import drop_pending
from oportuno.events.event import Event, Source, Trust, unpack_call
from oportuno.flows.joining import join, leave
from oportuno.flows.ports import Sighting
from oportuno.flows.step import step
from oportuno.flows.work import Status
from oportuno.kit.ids import CustomerKey, key_of
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Core
from oportuno.profile.watching import rewatch, unwatch

_EVENTS = "SELECT bucket, workspace, customer, lane, seq, h, source, call, name, at, received, body FROM events"


@dataclass
class Findings:
    """What was found; the proof holds when `faults` is empty."""

    acknowledged: int = 0
    evaluated: int = 0
    merges: int = 0
    forwarded: int = 0
    """Events that came for somebody who was one with another by then."""
    faults: list[str] = field(default_factory=list)


class PairsJudge:
    """Looks at one database after a run in which every step was noted in the journal."""

    def __init__(
        self,
        ground: Ground,
        found: Findings,
        *,
        first: Mapping[Sighting, CustomerKey],
        group: Mapping[Sighting, int],
        sent: Mapping[int, int],
    ) -> None:
        self.ground = ground
        self.found = found
        self.first = first
        self.group = group
        self.sent = sent

    def _fault(self, sentence: str) -> None:
        self.found.faults.append(sentence)

    def judge(self, acknowledged: set[bytes]) -> None:
        """Compare everything; what differs stands in `found.faults`."""
        found, execute = self.found, self.ground.execute
        events = {bytes(row[5]): self._read(row) for row in execute(_EVENTS)}
        taken = Counter(bytes(h) for (hashes,) in execute("SELECT events FROM journal") for h in hashes)
        found.acknowledged, found.evaluated = len(acknowledged), len(taken)
        found.merges = int(execute("SELECT count(*) FROM merges WHERE stage = 3")[0][0])
        found.forwarded = int(execute("SELECT count(*) FROM inbox WHERE kind = 2")[0][0])
        if acknowledged - taken.keys():
            self._fault(f"{len(acknowledged - taken.keys())} acknowledged events were never evaluated")
        twice = [h for h, count in taken.items() if count > 1]
        if twice:
            self._fault(f"{len(twice)} events were evaluated more than once")
        on_the_way = execute("SELECT count(*) FROM customers WHERE status = 1")[0][0]
        if on_the_way:
            self._fault(f"{on_the_way} customers are left on the way")
        undone = execute("SELECT count(*), min(refusal) FROM merges WHERE stage <> 3")[0]
        if undone[0]:
            self._fault(f"{undone[0]} merges were not made: {undone[1]}")
        if execute("SELECT FROM quarantine UNION ALL SELECT FROM poisoned"):
            self._fault("something was set aside")
        spoken = execute("SELECT FROM verdicts WHERE decided = 'speak' GROUP BY proposal HAVING count(*) > 1")
        if spoken:
            self._fault(f"{len(spoken)} proposals were spoken twice")
        promoting = execute(
            "SELECT FROM outbox o JOIN customers c USING (bucket, workspace, customer) WHERE c.status <> 0 AND o.status = 0 AND marketing"
        )
        if promoting:
            self._fault(f"{len(promoting)} promoting messages of forwarders wait")
        rows = execute("SELECT bucket, workspace, customer, status, state FROM customers")
        stored = {CustomerKey(*row[:3]): (Status(row[3]), bytes(row[4])) for row in rows}
        self._one_of_each(stored)
        self._replay(events, stored)

    def _read(self, row: tuple[Any, ...]) -> Event:
        bucket, workspace, customer, lane, seq, h, source, packed, name, at, received, body = row
        call, trust = unpack_call(packed)
        return Event(
            key=CustomerKey(bucket, workspace, customer), lane=lane, seq=seq, h=bytes(h), source=Source(source), call=call, name=name,
            at=at, received=received, body=bytes(body), trust=trust,
        )  # fmt: skip

    def _one_of_each(self, stored: dict[CustomerKey, tuple[Status, bytes]]) -> None:
        """Of each group one is left, who has counted what all of them sent; the others forward."""
        left: dict[int, set[CustomerKey]] = {}
        for who, key in self.first.items():
            status = stored[key][0] if key in stored else Status.ACTIVE
            if status is Status.ACTIVE:
                left.setdefault(self.group[who], set()).add(key)
            elif status is not Status.FORWARDED:
                self._fault(f"a row stands at {status.name}")
        wrong = [keys for keys in left.values() if len(keys) != 1]
        if wrong or len(left) != len(set(self.group.values())):
            self._fault(f"{len(wrong)} groups are not one")
            return
        counted = {group: Draft(key, stored[key][1]).read(Core).events for group, (key,) in left.items() if key in stored}
        off = [group for group, count in counted.items() if count != self.sent[group]]
        if off:
            self._fault(f"{len(off)} of {len(counted)} groups count other than what they sent")
        owners = {row[0] for row in self.ground.execute("SELECT DISTINCT customer FROM identities")}
        if owners != {key.customer for keys in left.values() for key in keys}:
            self._fault("ids lead to somebody who is not left")

    def _replay(self, events: dict[bytes, Event], stored: dict[CustomerKey, tuple[Status, bytes]]) -> None:
        """Do everything again, one customer at a time, and compare states and what each loser left with."""
        execute = self.ground.execute
        states = {CustomerKey(*row[:3]): bytes(row[3]) for row in execute("SELECT * FROM first_states")}
        todo: dict[CustomerKey, list[tuple[int, Any]]] = {}
        for bucket, workspace, customer, version, now, trusted, hashes in execute("SELECT * FROM journal"):
            key = CustomerKey(bucket, workspace, customer)
            # An event that came for somebody else is folded under the key of who stands for them.
            batch = [msgspec.structs.replace(events[bytes(h)], key=key) for h in hashes]
            todo.setdefault(key, []).append((version, (now, trusted, batch)))
        left: dict[CustomerKey, tuple[bytes, int]] = {}
        rows = execute(
            "SELECT workspace, loser, winner, winner_version, joined_at, trust, loser_state, e.at FROM merges JOIN exports e USING (id)"
        )
        for workspace, loser, winner, version, joined_at, trust, state, at in rows:
            left[key_of(workspace, loser)] = bytes(state), at
            joining = (key_of(workspace, loser), bytes(state), trust > Trust.PUBLIC, joined_at)
            todo.setdefault(key_of(workspace, winner), []).append((version - 1, joining))
        differ: Counter[str] = Counter()
        for key, (status, state) in stored.items():
            mine = states.get(key, b"")
            for version, what in sorted(todo.get(key, ()), key=lambda each: each[0]):
                mine = _joined(key, mine, version, *what) if len(what) == 4 else _stepped(key, mine, version, *what)
            if status is Status.ACTIVE:
                differ.update(_unlike(mine, state))
            else:
                differ.update(f"leaving {title}" for title in _unlike(_left(key, mine, left[key][1]), left[key][0]))
        if differ:
            self._fault(f"states differ from the replay: {dict(differ)}")


def _unlike(one: bytes, other: bytes) -> list[str]:
    """Name the sections in which two states differ."""
    if one == other:
        return []
    mine, theirs = (Draft(key_of(1, 1), state)._sections for state in (one, other))
    return [title for title in mine.keys() | theirs.keys() if mine.get(title) != theirs.get(title)] or ["order"]


def _stepped(key: CustomerKey, state: bytes, version: int, now: int, trusted: bool, events: list[Event]) -> bytes:  # noqa: PLR0917 - a journal row
    draft = Draft(key, state, version)
    step(draft, events, programme=programme(key.workspace), now=now, clock_trusted=trusted)
    return draft.encode()


def _joined(key: CustomerKey, state: bytes, version: int, loser: CustomerKey, left: bytes, vouched: bool, now: int) -> bytes:  # noqa: PLR0917 - a ledger row
    draft = Draft(key, state, version)
    draft.granted = granted_purposes(draft, now)
    join(draft, Draft(loser, left), vouched=vouched, now=now)
    rewatch(draft, now, anyway=True)
    return draft.encode()


def _left(key: CustomerKey, state: bytes, now: int) -> bytes:
    draft = Draft(key, state, 1)
    draft.granted = granted_purposes(draft, now)
    drop_pending(draft, items=(), refusal=Refusal.MERGING, now=now)
    unwatch(draft)
    leave(draft, now)
    return draft.encode()
