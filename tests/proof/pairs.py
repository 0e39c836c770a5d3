"""Customers turn out to be one under traffic while engines die before and after every commit of a merge: nothing is lost or counts twice.

Judged three ways: each acknowledged event was evaluated once; every state equals a quiet replay of its steps and joinings, byte for byte;
and whoever is left over of those who are one has counted exactly the events that all of them sent.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
from crowd import agreed
from ground import Ground
from journal import EXPORTS, TABLE
from judge import FIRST
from plays import programme

from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.intake import PostgresIntake
from oportuno.adapters.postgres.merges import PostgresCrossings
from oportuno.consent.answers import granted_purposes
from oportuno.consent.refusals import Refusal
from oportuno.decision.decide import drop_pending
from oportuno.entry.bench.traffic import Traffic
from oportuno.events.event import Call, Event, Source, Trust, unpack_call
from oportuno.flows.crossing import Asked, Merge, Reason, merge_id
from oportuno.flows.joining import join, leave
from oportuno.flows.ports import Arrival, LaneClass, Sighting
from oportuno.flows.step import step
from oportuno.flows.work import Status
from oportuno.kit.faults import Unavailable
from oportuno.kit.ids import CustomerKey, derive, key_of
from oportuno.kit.times import day_of
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Core
from oportuno.profile.watching import rewatch, unwatch

MOMENTS = 12
"""An engine kills itself around one of its first so many half commits."""
_OPEN = """
SELECT EXISTS (SELECT FROM merges WHERE stage < 3) OR EXISTS (SELECT FROM inbox WHERE kind < 2)
"""
_EVENTS = "SELECT bucket, workspace, customer, lane, seq, h, source, call, name, at, received, body FROM events"


LOSING = """
CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER losing BEFORE INSERT ON inbox FOR EACH ROW WHEN (NEW.kind = 0) EXECUTE FUNCTION lose()
"""


@dataclass
class Sizes:
    """How many turn out to be one, and who dies."""

    users: int
    """Each with a device of their own that logs in; every fourth user is joined with the next, and that one with the next again."""
    deaths: int
    """Of engines, around a commit of a merge's step."""
    postgres_kills: int
    seed: int
    batch: int = 100
    each: int = 12
    """Events sent between two askings."""
    losing: bool = False
    """Plant the fault that the judge must find: the snapshots of losers are lost on their way."""


@dataclass
class Findings:
    """What was found; the proof holds when `faults` is empty."""

    acknowledged: int = 0
    evaluated: int = 0
    merges: int = 0
    forwarded: int = 0
    """Events that came for somebody who was one with another by then."""
    faults: list[str] = field(default_factory=list)


@dataclass
class Report:
    """One run."""

    sizes: Sizes
    deaths: int = 0
    postgres_kills: int = 0
    seconds: float = 0.0
    found: Findings = field(default_factory=Findings)


class Pairs:
    """One run."""

    def __init__(self, sizes: Sizes, *, server: str = "") -> None:
        self.sizes = sizes
        self.report = Report(sizes)
        self.ground = Ground(server)
        self.chance = random.Random(sizes.seed)
        self.traffic = Traffic(customers=sizes.users, seed=sizes.seed)
        self.workspace = 0
        self.first: dict[Sighting, CustomerKey] = {}
        """Who each id was at first: what a writer who has not heard goes on using."""
        self.group: dict[Sighting, int] = {}
        self.sent: Counter[int] = Counter()
        """Acknowledged events of each group of those who turn out to be one."""
        self.acknowledged: set[bytes] = set()

    def run(self) -> Report:
        """Send, join, die, come to rest, judge."""
        began = time.monotonic()
        with self.ground as ground:
            self.workspace = ground.workspace()
            ground.execute(TABLE)
            ground.execute(EXPORTS)
            if self.sizes.losing:
                ground.execute(LOSING)
            asyncio.run(self._rage())
            if not self.report.found.faults:
                self._judge()
        self.report.seconds = round(time.monotonic() - began, 1)
        return self.report

    # ── The storm ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _rage(self) -> None:
        intake = await PostgresIntake.open(self.ground.url)
        changing = Connections(self.ground.url, name="proof changes", plans=CHANGING)
        crossings = PostgresCrossings(changing, intake.secret)
        await self._arrive(intake)
        self.ground.execute(FIRST)
        askings = self._askings()
        deaths = [self.chance.randint(1, MOMENTS) for _ in range(self.sizes.deaths)]
        outages = self.sizes.postgres_kills
        workers = [self._worker(deaths) for _ in range(2)]
        while askings or deaths or outages:
            at_once = 1 if deaths else 20
            for _ in range(min(at_once, len(askings))):
                await self._ask(intake, crossings, askings.pop())
            await self._send(intake, self.sizes.each)
            for place, worker in enumerate(workers):
                if worker.poll() is not None:
                    self.ground.kill(worker)
                    self.report.deaths += 1
                    workers[place] = self._worker(deaths)
            if outages and len(askings) < outages * len(self.group) // (2 * self.sizes.postgres_kills + 2):
                self.ground.kill_postgres()
                outages -= 1
                self.report.postgres_kills += 1
            if not askings:
                break
            await asyncio.sleep(0.05 if deaths else 0.0)
        await self._send(intake, self.sizes.each * 5)
        await intake.close()
        await changing.close()
        await self._drain(workers, deaths)

    def _worker(self, deaths: list[int]) -> Any:
        return self.ground.start("worker.py", self.sizes.batch, "fixed", f"cross={deaths.pop() if deaths else 0}")

    async def _arrive(self, intake: PostgresIntake) -> None:
        """Have the ids minted, every other user say yes, and everybody do something."""
        ids = [Sighting(self.workspace, f"u{n}", "") for n in range(self.sizes.users)]
        ids += [Sighting(self.workspace, "", f"d{n}") for n in range(self.sizes.users)]
        for sighting, customer in zip(ids, await intake.resolve(ids), strict=True):
            self.first[sighting] = key_of(self.workspace, customer)
        for number, sighting in enumerate(ids):
            who = number % self.sizes.users
            # Users 4k, 4k + 1 and 4k + 2 turn out to be one; 4k + 3 stays alone with their device.
            self.group[sighting] = who if who % 4 == 3 else who // 4 * 4
            if number % 2 == 0:
                key = self.first[sighting]
                self.ground.execute(
                    "INSERT INTO customers (bucket, workspace, customer, version, state) VALUES (%s, %s, %s, 1, %s)",
                    (*key, agreed(key).encode()),
                )
        await self._send(intake, self.sizes.users * 3)

    def _askings(self) -> list[tuple[str, int]]:
        askings = [("login", n) for n in range(self.sizes.users)]
        askings += [("join", n) for n in range(self.sizes.users - 2) if n % 4 < 2]
        self.chance.shuffle(askings)
        return askings

    async def _ask(self, intake: PostgresIntake, crossings: PostgresCrossings, asking: tuple[str, int]) -> None:
        kind, number = asking
        while True:
            try:
                if kind == "login":
                    await intake.resolve([Sighting(self.workspace, f"u{number}", f"d{number}")], Asked("proof"))
                else:
                    loser, winner = (self.first[Sighting(self.workspace, f"u{n}", "")] for n in (number, number + 1))
                    now = time.time_ns() // 1_000_000
                    merge = Merge(
                        id=merge_id(loser, winner), loser=loser, winner=winner, reason=Reason.REQUEST, asked_by="proof",
                        trust=Trust.SECRET, asked_at=now,
                    )  # fmt: skip
                    await crossings.ask(merge)
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return

    async def _send(self, intake: PostgresIntake, count: int) -> None:
        """Send until acknowledged; a third of it by a writer who goes on with the customers as they were at first."""
        chosen = self.chance.choices(list(self.first), k=count)
        while True:
            try:
                named = await intake.resolve(chosen, Asked("proof"))
            except Unavailable:
                await asyncio.sleep(0.05)
                continue
            break
        arrivals = [
            self._event(who, self.first[who] if self.chance.random() < 1 / 3 else key_of(self.workspace, customer))
            for who, customer in zip(chosen, named, strict=True)
        ]
        while True:
            try:
                await intake.store(arrivals, [], LaneClass.LIVE)
            except Unavailable:
                await asyncio.sleep(0.05)
                continue
            break
        self.acknowledged |= {arrival.h for arrival in arrivals}
        self.sent.update(self.group[who] for who in chosen)

    def _event(self, who: Sighting, key: CustomerKey) -> Arrival:
        now = time.time_ns() // 1_000_000
        read = msgspec.json.decode(self.traffic.event(now, customer=0))
        del read["userId"]
        read |= {"userId": who.user} if who.user else {"anonymousId": who.anonymous}
        if who.anonymous and self.chance.random() < 0.1:
            read["context"]["consent"] = {"categoryPreferences": {"personalisation": self.chance.random() < 0.7}}
        return Arrival(
            key=key, h=derive(read["messageId"]), source=Source.LIVE, call=Call.TRACK if read["type"] == "track" else Call.PAGE,
            name=read.get("event") or read.get("name") or "", at=now - self.chance.randrange(500), received=now,
            body=msgspec.json.encode(read), day=day_of(now),
        )  # fmt: skip

    async def _drain(self, workers: list[Any], deaths: list[int]) -> None:
        deadline = time.monotonic() + (3 if self.sizes.losing else 300)
        while self.ground.unread(5_000) or self.ground.execute(_OPEN)[0][0]:
            for place, worker in enumerate(workers):
                if worker.poll() is not None:
                    self.ground.kill(worker)
                    self.report.deaths += 1
                    workers[place] = self._worker(deaths)
            if time.monotonic() > deadline:
                self.report.found.faults.append("merges, inboxes or events were left on the way")
                return
            await asyncio.sleep(0.1)

    # ── The judge ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _fault(self, sentence: str) -> None:
        self.report.found.faults.append(sentence)

    def _judge(self) -> None:
        found, execute = self.report.found, self.ground.execute
        events = {bytes(row[5]): self._read(row) for row in execute(_EVENTS)}
        taken = Counter(bytes(h) for (hashes,) in execute("SELECT events FROM journal") for h in hashes)
        found.acknowledged, found.evaluated = len(self.acknowledged), len(taken)
        found.merges = int(execute("SELECT count(*) FROM merges WHERE stage = 3")[0][0])
        found.forwarded = int(execute("SELECT count(*) FROM inbox WHERE kind = 2")[0][0])
        if self.acknowledged - taken.keys():
            self._fault(f"{len(self.acknowledged - taken.keys())} acknowledged events were never evaluated")
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
