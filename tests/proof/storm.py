"""The storm: events, duplicates and retries come in while workers and PostgreSQL are killed; afterwards everything is held against a replay."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from journal import TABLE
from plays import programme

from oportuno.adapters.postgres.embedded import EmbeddedPostgres
from oportuno.adapters.postgres.intake import PostgresIntake
from oportuno.adapters.postgres.migrate import migrate
from oportuno.consent.answers import ANY_CHANNEL, Answered
from oportuno.consent.change import answer
from oportuno.content.message import Message
from oportuno.decision.verdict import Verdict
from oportuno.entry.bench.traffic import Traffic
from oportuno.events.event import Call, Event, Source
from oportuno.flows.ports import Arrival, LaneClass, Sighting
from oportuno.flows.step import step
from oportuno.kit.faults import Unavailable
from oportuno.kit.ids import CustomerKey, derive, key_of
from oportuno.kit.times import day_of
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

UNGUARDED = "CREATE OR REPLACE FUNCTION must_be(got bigint, wanted bigint, what text) RETURNS void LANGUAGE sql AS 'SELECT'"
PAUSE = (0.3, 0.9)
"""Seconds between two kills."""
HERE = Path(__file__).parent


@dataclass
class Sizes:
    """How hard the storm is."""

    events: int
    customers: int
    worker_kills: int
    postgres_kills: int
    seed: int
    workers: int = 2
    batch: int = 200
    unguarded: bool = False
    """Plant the fault that the storm must find: offsets and versions move without being compared."""


@dataclass
class Report:
    """What the storm found; every list of faults must be empty."""

    sizes: Sizes
    acknowledged: int = 0
    stepped: int = 0
    customers: int = 0
    verdicts: int = 0
    messages: int = 0
    worker_kills: int = 0
    postgres_kills: int = 0
    latest_timer_ms: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


class Storm:
    """One run."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.report = Report(sizes)
        self.folder = Path(tempfile.mkdtemp(prefix="oportuno-storm-"))
        self.folder.chmod(0o755)
        self.server = EmbeddedPostgres(self.folder / "postgres")
        self.url = ""
        self.chance = random.Random(sizes.seed)
        self.acknowledged: dict[bytes, CustomerKey] = {}
        self.workers: list[subprocess.Popen[bytes]] = []
        self.sending = True
        self.away: list[tuple[float, float]] = []

    def run(self) -> Report:
        began = time.monotonic()
        try:
            self.url = self.server.start()
            migrate(self.url, secret=b"s" * 32)
            self._prepare()
            asyncio.run(self._rage())
            self._judge()
        finally:
            for worker in self.workers:
                worker.kill()
                worker.wait()
            self.server.stop()
            shutil.rmtree(self.folder, ignore_errors=True)
        self.report.seconds = time.monotonic() - began
        return self.report

    def _prepare(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("INSERT INTO workspaces (public_id, name, timezone, locale) VALUES ('ws_proof', 'Tienda Norte', 'UTC', 'es')")
            connection.execute(TABLE)
            if self.sizes.unguarded:
                connection.execute(UNGUARDED)
        self.workers = [self._worker() for _ in range(self.sizes.workers)]

    def _worker(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(HERE / "worker.py"), self.url, str(self.sizes.batch)]
        with (self.folder / "worker.log").open("ab") as log:
            return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)

    async def _rage(self) -> None:
        killer = asyncio.create_task(self._kill())
        await self._send()
        self.sending = False
        await killer
        await self._drain()

    async def _send(self) -> None:
        intake = await PostgresIntake.open(self.url)
        traffic = Traffic(customers=self.sizes.customers, seed=self.sizes.seed)
        people = [Sighting(1, f"u{number}", "") for number in range(self.sizes.customers)]
        keys = [key_of(1, customer) for customer in await intake.resolve(people)]
        await self._consent(keys)
        sent: list[Arrival] = []
        made = 0
        began = time.monotonic()
        lasting = (self.sizes.worker_kills + self.sizes.postgres_kills) * sum(PAUSE) / 2
        while made < self.sizes.events:
            # Spread over the storm: events that came before or after it would prove nothing.
            ahead = made / self.sizes.events * lasting - (time.monotonic() - began)
            if ahead > 0:
                await asyncio.sleep(ahead)
            fresh = [self._arrival(traffic, keys) for _ in range(100)]
            made += len(fresh)
            sent = (sent + fresh)[-2_000:]
            twins = self.chance.sample(sent, min(len(sent), 15))
            await self._until_acknowledged(intake, [*fresh, *twins])
        await intake.close()

    async def _until_acknowledged(self, intake: PostgresIntake, arrivals: list[Arrival]) -> None:
        while True:
            try:
                await intake.store(arrivals, [], LaneClass.LIVE)
            except Unavailable:
                await asyncio.sleep(0.05)
                continue
            self.acknowledged |= {arrival.h: arrival.key for arrival in arrivals}
            return

    def _arrival(self, traffic: Traffic, keys: list[CustomerKey]) -> Arrival:
        now = time.time_ns() // 1_000_000
        who = self.chance.randrange(len(keys))
        body = traffic.event(now, customer=who)
        said = msgspec.json.decode(body)
        return Arrival(
            key=keys[who],
            h=derive(said["messageId"]),
            source=Source.LIVE if self.chance.random() < 0.95 else Source.LATE,
            call=Call.TRACK if said["type"] == "track" else Call.PAGE,
            name=said.get("event") or said.get("name") or "",
            at=now - self.chance.randrange(500),
            received=now,
            body=body,
            day=day_of(now),
        )

    async def _consent(self, keys: list[CustomerKey]) -> None:
        with psycopg.connect(self.url) as connection:
            for key in keys[::2]:
                draft = Draft(key)
                answer(draft, purpose=Purpose.MARKETING, channel="webhook", state=Answered.GRANTED, at=1, source="proof", notice="v1")
                answer(draft, purpose=Purpose.PERSONALISATION, channel=ANY_CHANNEL, state=Answered.GRANTED, at=1, source="proof", notice="v1")
                connection.execute(
                    "INSERT INTO customers (bucket, workspace, customer, version, state) VALUES (%s, %s, %s, 1, %s)", (*key, draft.encode())
                )

    async def _kill(self) -> None:
        plan = ["worker"] * self.sizes.worker_kills + ["postgres"] * self.sizes.postgres_kills
        self.chance.shuffle(plan)
        while plan and (self.sending or plan):
            await asyncio.sleep(self.chance.uniform(*PAUSE))
            if plan.pop() == "worker":
                place = self.chance.randrange(len(self.workers))
                self.workers[place].kill()
                self.workers[place].wait()
                self.workers[place] = self._worker()
                self.report.worker_kills += 1
            else:
                # On this thread: the server is bound to the life of the thread that starts it.
                self._kill_postgres()
                self.report.postgres_kills += 1

    def _kill_postgres(self) -> None:
        gone = time.time()
        pid = self.server.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        if self.server._process is not None:
            self.server._process.wait()
        self.server.start()
        self.away.append((gone, time.time()))

    async def _drain(self) -> None:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            with psycopg.connect(self.url) as connection:
                unread = connection.execute(
                    "SELECT EXISTS (SELECT 1 FROM events e LEFT JOIN offsets o USING (bucket, workspace, lane) WHERE e.seq > coalesce(o.seq, 0)),"
                    " EXISTS (SELECT 1 FROM due WHERE due_at < clock_millis() + 10000)"
                ).fetchone()
            if unread == (False, False):
                return
            await asyncio.sleep(0.2)
        self.report.faults.append("the engine did not come to rest within 180 s")

    # ── Judging ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _judge(self) -> None:
        with psycopg.connect(self.url) as connection:
            events = self._events(connection)
            self._nothing_lost(connection, events)
            replayed = self._replay(connection, events)
            self._compare(connection, replayed)
            self._profiles_alone(connection, events)

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
                self.report.faults.append(f"event {h.hex()} is stored twice")
            found[h] = event
        return found

    def _nothing_lost(self, connection: psycopg.Connection[Any], events: dict[bytes, Event]) -> None:
        self.report.acknowledged = len(self.acknowledged)
        lost = self.acknowledged.keys() - events.keys()
        if lost:
            self.report.faults.append(f"{len(lost)} acknowledged events are not stored")
        taken: dict[bytes, int] = {}
        for (hashes,) in connection.execute("SELECT events FROM journal"):
            for h in hashes:
                taken[bytes(h)] = taken.get(bytes(h), 0) + 1
        self.report.stepped = len(taken)
        never = events.keys() - taken.keys()
        often = [h for h, count in taken.items() if count != 1]
        if never:
            self.report.faults.append(f"{len(never)} stored events were never evaluated")
        if often:
            self.report.faults.append(f"{len(often)} events were evaluated more than once")
        quarantined = connection.execute("SELECT count(*) FROM quarantine").fetchone()
        if quarantined and quarantined[0]:
            self.report.faults.append(f"{quarantined[0]} events were quarantined")

    def _replay(self, connection: psycopg.Connection[Any], events: dict[bytes, Event]) -> dict[str, Any]:
        states: dict[CustomerKey, bytes] = {}
        verdicts: list[bytes] = []
        messages: dict[bytes, bytes] = {}
        dues: dict[CustomerKey, int | None] = {}
        starts = {CustomerKey(*row[:3]): bytes(row[3]) for row in self._first_states()}
        pack = msgspec.msgpack.Encoder()
        rows = connection.execute("SELECT * FROM journal ORDER BY bucket, workspace, customer, version").fetchall()
        for bucket, workspace, customer, version, now, trusted, hashes in rows:
            key = CustomerKey(bucket, workspace, customer)
            before = states.get(key, starts.get(key, b""))
            due = dues.get(key)
            if not hashes and due is not None and not any(a - 1 <= due / 1000 <= b + 15 for a, b in self.away):
                self.report.latest_timer_ms = max(self.report.latest_timer_ms, now - due)
            draft = Draft(key, before, version)
            outcome = step(draft, [events[bytes(h)] for h in hashes], programme=programme(workspace), now=now, clock_trusted=trusted)
            states[key] = draft.encode()
            dues[key] = outcome.due_at
            verdicts += [pack.encode(verdict) for verdict in outcome.verdicts]
            for message in outcome.messages:
                messages.setdefault(message.id, pack.encode(message))
        return {"states": states, "verdicts": sorted(verdicts), "messages": messages, "starts": starts}

    def _first_states(self) -> list[tuple[Any, ...]]:
        rows = []
        people = {key for key in self.acknowledged.values()}
        with psycopg.connect(self.url) as connection:
            for bucket, workspace, customer in connection.execute("SELECT bucket, workspace, customer FROM customers"):
                key = CustomerKey(bucket, workspace, customer)
                first = connection.execute(
                    "SELECT min(version) FROM journal WHERE bucket = %s AND workspace = %s AND customer = %s", key
                ).fetchone()
                # A customer whose first step found version 1 began with the consents that were put there; one that found 0 with nothing.
                if first and first[0] == 1 and key in people:
                    draft = Draft(key)
                    answer(draft, purpose=Purpose.MARKETING, channel="webhook", state=Answered.GRANTED, at=1, source="proof", notice="v1")
                    answer(draft, purpose=Purpose.PERSONALISATION, channel=ANY_CHANNEL, state=Answered.GRANTED, at=1, source="proof", notice="v1")
                    rows.append((*key, draft.encode()))
        return rows

    def _compare(self, connection: psycopg.Connection[Any], replayed: dict[str, Any]) -> None:
        report = self.report
        rows = connection.execute("SELECT bucket, workspace, customer, state FROM customers").fetchall()
        stored = {CustomerKey(*row[:3]): bytes(row[3]) for row in rows}
        report.customers = len(stored)
        wrong = [key for key, state in replayed["states"].items() if stored.get(key) != state]
        if wrong:
            report.faults.append(f"{len(wrong)} states differ from the replay")
        verdicts = sorted(bytes(row[0]) for row in connection.execute("SELECT body FROM verdicts"))
        report.verdicts = len(verdicts)
        if verdicts != replayed["verdicts"]:
            report.faults.append(f"verdicts differ: {len(verdicts)} stored, {len(replayed['verdicts'])} replayed")
        outbox = {bytes(row[0]): bytes(row[1]) for row in connection.execute("SELECT id, body FROM outbox")}
        report.messages = len(outbox)
        if outbox != replayed["messages"]:
            report.faults.append(f"the outbox differs: {len(outbox)} stored, {len(replayed['messages'])} replayed")
        msgspec.msgpack.decode(verdicts[0], type=Verdict) if verdicts else None
        [msgspec.msgpack.decode(body, type=Message) for body in list(outbox.values())[:3]]

    def _profiles_alone(self, connection: psycopg.Connection[Any], events: dict[bytes, Event]) -> None:
        """Without the journal: fold each customer's events once more, all in one step in order of time, and compare what is order-free."""
        mine: dict[CustomerKey, list[Event]] = {}
        for event in events.values():
            mine.setdefault(event.key, []).append(event)
        starts = {CustomerKey(*row[:3]): bytes(row[3]) for row in self._first_states()}
        wrong = 0
        for bucket, workspace, customer, state in connection.execute("SELECT bucket, workspace, customer, state FROM customers").fetchall():
            key = CustomerKey(bucket, workspace, customer)
            if key not in mine:
                continue
            draft = Draft(key, starts.get(key, b""), 1)
            step(draft, mine[key], programme=programme(workspace), now=max(event.received for event in mine[key]))
            alone, stored = Draft(key, draft.encode()), Draft(key, bytes(state))
            wrong += any(alone._sections.get(title) != stored._sections.get(title) for title in ("core", "cart", "orders", "views"))
        if wrong:
            self.report.faults.append(f"{wrong} profiles differ from a plain fold of all events in order of time")


if __name__ == "__main__":
    import dataclasses
    import json

    given = Sizes(*(int(argument) for argument in sys.argv[1:6]))
    print(json.dumps(dataclasses.asdict(Storm(given).run()), indent=1))
