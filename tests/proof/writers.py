"""Outside writers: wishes, withdrawals, suppressions and erasures race with engines and a deliverer, all on the same few people."""

from __future__ import annotations

import asyncio
import random
import time
from bisect import bisect_right
from collections.abc import Coroutine
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from crowd import Crowd, until_there
from endpoint import Sink
from ground import Ground
from laid_down import Play, lay_down
from psycopg import sql

from oportuno.adapters.postgres import states
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.forget import REGISTRY
from oportuno.adapters.postgres.intake import PostgresIntake
from oportuno.adapters.postgres.reads import PostgresReads
from oportuno.adapters.postgres.store import PostgresStore
from oportuno.adapters.postgres.workspaces import PostgresProgrammes, PostgresWorkspaces
from oportuno.consent.answers import Answered, Consents, slot
from oportuno.consent.change import skip_topic
from oportuno.content.links import Action, LinkFacts
from oportuno.flows.answer import Desk, Scope
from oportuno.flows.change import Act, Heard
from oportuno.flows.ports import LaneClass, Reject
from oportuno.flows.record import Given, Registry
from oportuno.flows.work import Moved, Writes
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import CustomerKey, derive, write_id
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

PLAYS = [Play("Product Added", host="good", because="cart_left")]
CANARY = "canario-que-nadie-debe-volver-a-ver"
"""What those say who are to be forgotten."""
STAYS = "canario-que-se-queda"
"""What all others say: the search must find it wherever things said are kept, or it would prove nothing."""
ENOUGH = 25
"""Withdrawals and hand-offs that there must be, at least, before writing ends."""
PATIENCE = 300
"""Seconds in which whatever is waited for must come about; what is missing then is a fault."""
PLACES = {"events", "customers", "verdicts", "outbox", "consent_ledger", "rejects"}
SLACK = 1_000
"""Milliseconds after a withdrawal within which a hand-off that was already claimed may still begin."""
WATCH = """
CREATE TABLE breaches (what text);
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN INSERT INTO breaches VALUES ('a row went'); RETURN NULL; END IF;
    IF NEW.version <> OLD.version + 1 THEN INSERT INTO breaches VALUES ('a version did not follow the one before'); END IF;
    IF OLD.status = 3 AND (NEW.status <> 3 OR NEW.state <> '') THEN INSERT INTO breaches VALUES ('an erased row came back'); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER watch AFTER UPDATE OR DELETE ON customers FOR EACH ROW EXECUTE FUNCTION watch();
"""
UNGUARDED = "CREATE OR REPLACE FUNCTION must_be(got bigint, wanted bigint, what text) RETURNS void LANGUAGE sql AS 'SELECT'"


@dataclass
class Sizes:
    """How hard it is."""

    writes: int
    customers: int
    seed: int
    erasures: int = 10
    writers: int = 8
    engines: int = 2
    slack: int = SLACK
    """Milliseconds after a withdrawal within which a hand-off may begin. What a busy machine makes of a second proves nothing."""
    unlocked: bool = False
    """Plant the fault that the judge must find: outside writers read states without the lock, and nothing compares versions."""


@dataclass
class Found:
    """What was found; it holds when `faults` is empty."""

    writes: int = 0
    wishes: int = 0
    withdrawals: int = 0
    grants: int = 0
    suppressions: int = 0
    erased: int = 0
    kept_in: list[str] = field(default_factory=list)
    """Tables that hold what customers said who were not forgotten."""
    events: int = 0
    messages: int = 0
    handed_off: int = 0
    closest_claim_ms: int | None = None
    """The least time that lay between a claim and the withdrawal after it: small numbers say that they really raced."""
    latest_hand_off_ms: int = 0
    """How long after a withdrawal the latest hand-off began."""
    faults: list[str] = field(default_factory=list)


@dataclass
class Report:
    """One run."""

    sizes: Sizes
    seconds: float = 0.0
    found: Found = field(default_factory=Found)


class Told:
    """What one customer said, in order, as they were told that it was heard."""

    def __init__(self, key: CustomerKey) -> None:
        self.key = key
        self.topics: set[str] = set()
        self.channels: set[str] = set()
        """Channels suppressed for good."""
        self.spoken: list[tuple[int, float, bool]] = [(0, 0.0, True)]
        """(since when by the store's clock, from when on the endpoint must know, whether marketing by webhook is welcome).

        A no counts for the endpoint from when it was answered, a yes from when it was written: we may hear of that much later.
        """
        self.erased_at = 0


class Writers:
    """One run."""

    def __init__(self, sizes: Sizes, *, server: str = "") -> None:
        self.sizes = sizes
        self.report = Report(sizes)
        self.chance = random.Random(sizes.seed)
        self.ground = Ground(server)
        self.sink = Sink({"good": ({}, 0.0)}, seed=sizes.seed)
        self.told: list[Told] = []
        self.left = sizes.writes
        self.writing = True
        self.forgotten: set[CustomerKey] = set()
        self._patient_until = time.monotonic() + PATIENCE

    def run(self) -> Report:
        """Write and send at once, come to rest, judge."""
        began = time.monotonic()
        with self.ground as ground, self.sink as sink, self._planted():
            workspace = ground.workspace()
            asyncio.run(lay_down(ground.url, workspace, PLAYS, sink.urls, at_most=1_000, expires="1h"))
            ground.execute(WATCH)
            if self.sizes.unlocked:
                ground.execute(UNGUARDED)
            asyncio.run(self._race(Crowd(workspace, self.sizes.customers, self.sizes.seed)))
            self._judge()
        self.report.seconds = round(time.monotonic() - began, 1)
        return self.report

    @contextmanager
    def _planted(self):
        locked = states._LOCK
        if self.sizes.unlocked:
            states._LOCK = locked.replace("FOR UPDATE", "")
        try:
            yield
        finally:
            states._LOCK = locked

    async def _race(self, crowd: Crowd) -> None:
        url = self.ground.url
        async with AsyncExitStack() as stack:
            intake = await PostgresIntake.open(url)
            stack.push_async_callback(intake.close)
            await crowd.arrive(intake, self.ground, agreeing=1)
            self.told = [Told(key) for key in crowd.keys]
            self.forgotten = set(self.chance.sample(crowd.keys, self.sizes.erasures))
            await self._bring_rejects(crowd, intake)
            store = await PostgresStore.open(url, name="outside", size=self.sizes.writers)
            stack.push_async_callback(store.close)
            connections = Connections(url, name="outside looking", most=self.sizes.writers, plans=CHANGING)
            stack.push_async_callback(connections.close)
            reads = PostgresReads(connections, connections)
            programmes = PostgresProgrammes(PostgresWorkspaces(connections))
            registry = Registry(store=store, reads=reads, programmes=programmes)
            desk = Desk(store=store, reads=reads, programmes=programmes)
            for _ in range(self.sizes.engines):
                self.ground.oportuno("engine")
            self.ground.oportuno("deliver", OPORTUNO_ALLOW_LOOPBACK_WEBHOOKS="true")
            sending = asyncio.create_task(self._send(crowd, intake))
            self._patient_until = time.monotonic() + PATIENCE
            while not self.sink.arrived and self._patient("nothing was handed off"):
                await asyncio.sleep(0.05)
            self._patient_until = time.monotonic() + PATIENCE
            shares = [self.told[place :: self.sizes.writers] for place in range(self.sizes.writers)]
            await asyncio.gather(*(self._write(share, registry, desk, reads) for share in shares if share))
            self.left = 0
            self.writing = False
            await sending
        if not self.sizes.unlocked:
            await self._drain()

    def _patient(self, missing: str) -> bool:
        if time.monotonic() > self._patient_until:
            self.report.found.faults.append(f"{missing} within {PATIENCE} s: {self.ground.log()[-300:]}")
            return False
        return True

    def _goes_on(self) -> bool:
        """Whether there is more to write: as much as was said, and until there was enough of what the run is about."""
        if self.left > 0:
            return True
        if self.sizes.unlocked:
            return not self._lost() and self._patient("no planted fault struck")
        found = self.report.found
        return min(found.withdrawals, len(self.sink.arrived)) < ENOUGH and self._patient("too little was withdrawn or handed off")

    def _lost(self) -> bool:
        """Whether a wish that was heard is gone already."""
        rows = self.ground.execute("SELECT bucket, workspace, customer, state FROM customers")
        states = {CustomerKey(*row[:3]): bytes(row[3]) for row in rows}
        return any(told.topics - set(Draft(told.key, states[told.key]).read(Consents).skipped_topics) for told in self.told)

    async def _send(self, crowd: Crowd, intake: PostgresIntake) -> None:
        while self.writing:
            arrivals = []
            for _ in range(100):
                who = self.chance.randrange(len(crowd.keys))
                name = "Product Added" if self.chance.random() < 0.1 else None
                arrivals.append(crowd.event(name=name, who=who, said=self._words(crowd.keys[who])))
            await crowd.send(intake, arrivals)
            self.report.found.events += len(arrivals)
            while self.writing and self.ground.behind(2_000) >= 2_000:
                await asyncio.sleep(0.05)

    async def _bring_rejects(self, crowd: Crowd, intake: PostgresIntake) -> None:
        """Everybody sent something that could not be read, before anybody asked to be forgotten."""
        now = time.time_ns() // 1_000_000
        for who, key in enumerate(crowd.keys):
            raw = b'{"type":"track","userId":"u%d","properties":{"name":"%b"}}' % (who, self._words(key).encode())
            reject = Reject(
                workspace=key.workspace, id=derive(raw), received=now, code="event_missing", sentence="", place="", raw=raw, key_id="k"
            )
            await intake.store([], [reject], LaneClass.LIVE)

    def _words(self, key: CustomerKey) -> str:
        return CANARY if key in self.forgotten else STAYS

    async def _write(self, mine: list[Told], registry: Registry, desk: Desk, reads: PostgresReads) -> None:
        while self._goes_on():
            self.left -= 1
            # Those who are to be forgotten are so in the middle of it all, and events about them keep coming.
            due = [told for told in mine if told.key in self.forgotten and not told.erased_at]
            if due and self.left < self.sizes.writes * (0.2 + 0.1 * len(due)):
                await self._write_once(due[0], self._erase(due[0], registry))
                continue
            told = self.chance.choice(mine)
            await self._write_once(told, self._say(told, registry, desk, reads))
        for told in mine:
            if told.key in self.forgotten and not told.erased_at:
                await self._write_once(told, self._erase(told, registry))

    async def _write_once(self, told: Told, what: Coroutine[Any, Any, None]) -> None:
        try:
            await what
        except NotFound:
            if not told.erased_at:
                self.report.found.faults.append("a customer who was never erased is gone")
        except Moved:
            self.report.found.faults.append("an outside write was overtaken although it holds the lock")
        self.report.found.writes += 1

    async def _say(self, told: Told, registry: Registry, desk: Desk, reads: PostgresReads) -> None:
        drawn, found = self.chance.random(), self.report.found
        if drawn < 0.4:
            topic = f"t{self.left}"
            await until_there(lambda: registry.change(told.key, lambda draft, now: _wish(draft, topic, now)))
            told.topics.add(topic)
            found.wishes += 1
        elif drawn < 0.65:
            given = _given(Answered.WITHDRAWN, self._words(told.key))
            self._spoke(told, await until_there(lambda: registry.record_consent(told.key, given)), welcome=False)
        elif drawn < 0.9:
            given = _given(Answered.GRANTED, self._words(told.key))
            self._spoke(told, await until_there(lambda: registry.record_consent(told.key, given)), welcome=True)
        elif drawn < 0.95:
            records = await reads.messages(told.key, before=None, limit=1)
            if records:
                facts = LinkFacts(
                    workspace=told.key.workspace, customer=told.key.customer, message=records[0].message.id, action=Action.UNSUBSCRIBE,
                    expires=0,
                )  # fmt: skip
                self._spoke(told, await until_there(lambda: desk.unsubscribe(facts, Scope.CHANNEL)), welcome=False)
        else:
            await until_there(lambda: registry.suppress_channel(told.key, "email", "manual", actor="staff", proof={}))
            told.channels.add("email")
            found.suppressions += 1

    def _spoke(self, told: Told, heard: Heard, *, welcome: bool) -> None:
        # Said again, or in the same millisecond as the opposite (then the stricter stands): nothing new.
        if heard.changed and heard.at > told.spoken[-1][0]:
            told.spoken.append((heard.at, heard.at if welcome else time.time() * 1000, welcome))
            self.report.found.grants += welcome
            self.report.found.withdrawals += not welcome

    async def _erase(self, told: Told, registry: Registry) -> None:
        heard = await until_there(lambda: registry.erase(told.key))
        told.erased_at = heard.at
        told.spoken.append((heard.at, time.time() * 1000, False))
        self.report.found.erased += 1

    async def _drain(self) -> None:
        self._patient_until = time.monotonic() + PATIENCE
        while self.ground.unread() or any(self.ground.execute(query) for query in _UNDER_WAY):
            if not self._patient("not everything came to an end"):
                return
            await asyncio.sleep(0.2)

    # ── Judging ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _judge(self) -> None:
        found = self.report.found
        found.faults += [f"{times} × {what}" for what, times in self.ground.execute("SELECT what, count(*) FROM breaches GROUP BY 1")]
        states = {
            CustomerKey(*row[:3]): (row[3], bytes(row[4]))
            for row in self.ground.execute("SELECT bucket, workspace, customer, status, state FROM customers")
        }
        for told in self.told:
            status, state = states[told.key]
            if told.erased_at:
                if (status, state) != (3, b""):
                    found.faults.append("an erased customer's row holds something")
                continue
            self._kept(told, Draft(told.key, state).read(Consents))
        self._silence()
        self._gone()

    def _kept(self, told: Told, consents: Consents) -> None:
        faults = self.report.found.faults
        missing = told.topics - set(consents.skipped_topics)
        if missing:
            faults.append(f"{len(missing)} wishes of a customer are not in the final state")
        if told.channels - consents.suppressed.keys():
            faults.append("a suppression is not in the final state")
        answer = consents.answers[slot(Purpose.MARKETING, "webhook")]
        welcome = answer.state is Answered.GRANTED and "webhook" not in consents.suppressed
        if welcome is not told.spoken[-1][2]:
            faults.append("the last answer about consent is not in the final state")

    def _silence(self) -> None:
        found = self.report.found
        by_customer = {told.key.customer: told for told in self.told}
        rows = self.ground.execute("SELECT id, customer, handed_at FROM outbox")
        found.messages = len(rows)
        whose = {write_id("msg", bytes(row[0])): by_customer[row[1]] for row in rows}
        for _, customer, handed_at in rows:
            if handed_at is None:
                continue
            told = by_customer[customer]
            place = bisect_right(told.spoken, handed_at, key=lambda spoken: spoken[0]) - 1
            since, _, welcome = told.spoken[place]
            if not welcome and handed_at > since:
                found.faults.append(f"a claim was made {handed_at - since} ms after a withdrawal")
            elif welcome and place + 1 < len(told.spoken):
                gap = told.spoken[place + 1][0] - handed_at
                found.closest_claim_ms = gap if found.closest_claim_ms is None else min(gap, found.closest_claim_ms)
        found.handed_off = len(self.sink.arrived)
        for arrived in self.sink.arrived:
            told = whose[arrived.message]
            place = bisect_right(told.spoken, arrived.at, key=lambda spoken: spoken[1]) - 1
            _, heard, welcome = told.spoken[place]
            if not welcome:
                found.latest_hand_off_ms = max(found.latest_hand_off_ms, round(arrived.at - heard))
        if found.latest_hand_off_ms > self.sizes.slack:
            found.faults.append(f"a hand-off began {found.latest_hand_off_ms} ms after a withdrawal")

    def _gone(self) -> None:
        """Search every table for what customers said, in plain and as bytes are written, and the directory for the forgotten."""
        found = self.report.found
        gone = [told.key.customer for told in self.told if told.erased_at]
        if len(gone) != len(self.forgotten):
            found.faults.append(f"only {len(gone)} of {len(self.forgotten)} erasures were made: the run was too short to prove anything")
            return
        with psycopg.connect(self.ground.url) as connection:
            tables = connection.execute(
                "SELECT c.relname, coalesce(p.relname, c.relname) FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid"
                " LEFT JOIN pg_class p ON p.oid = i.inhparent WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
            ).fetchall()
            missing = set(REGISTRY) - {place for _, place in tables}
            if missing:
                found.faults.append(f"the registry names places that are not there: {sorted(missing)}")
            for table, place in tables:
                if _holding(connection, table, CANARY):
                    found.faults.append(f"{table} still holds what a forgotten customer said")
                if place not in found.kept_in and _holding(connection, table, STAYS):
                    found.kept_in.append(place)
            if PLACES - set(found.kept_in):
                found.faults.append(f"the search finds nothing where it must: {sorted(PLACES - set(found.kept_in))}")
            known = connection.execute("SELECT count(*) FROM identities WHERE customer = ANY(%s)", (gone,)).fetchone()
            if known and known[0]:
                found.faults.append(f"the directory still knows {known[0]} ids of forgotten customers")


def _holding(connection: psycopg.Connection, table: str, words: str) -> bool:
    query = sql.SQL("SELECT EXISTS (SELECT 1 FROM {} t WHERE t::text LIKE %s OR t::text LIKE %s)").format(sql.Identifier(table))
    row = connection.execute(query, (f"%{words}%", f"%{words.encode().hex()}%")).fetchone()
    return bool(row and row[0])


_UNDER_WAY = ("SELECT 1 FROM outbox WHERE status IN (0, 1) LIMIT 1", "SELECT 1 FROM erasures WHERE done_at IS NULL LIMIT 1")


def _wish(draft: Draft, topic: str, now: int) -> Act:
    return Act(heard=Heard(at=now, changed=skip_topic(draft, topic)), writes=Writes())


def _given(state: Answered, words: str) -> Given:
    return Given(
        purpose=Purpose.MARKETING, channel="webhook", state=state, source="proof", notice="v1", language="es", actor="customer",
        proof={"words": words},
    )  # fmt: skip
