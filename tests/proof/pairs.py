"""Customers turn out to be one under traffic while engines die before and after every commit of a merge: nothing is lost or counts twice.

Judged three ways: each acknowledged event was evaluated once; every state equals a quiet replay of its steps and joinings, byte for byte;
and whoever is left over of those who are one has counted exactly the events that all of them sent.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
from crowd import agreed, until_there
from ground import Ground
from journal import EXPORTS, TABLE
from judge import FIRST
from pairs_judge import Findings, PairsJudge

from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.intake import PostgresIntake
from oportuno.adapters.postgres.merges import PostgresCrossings
from oportuno.entry.bench.traffic import Traffic
from oportuno.events.event import Call, Source, Trust
from oportuno.flows.crossing import Asked, Merge, Reason, merge_id
from oportuno.flows.ports import Arrival, LaneClass, Sighting
from oportuno.kit.ids import CustomerKey, derive, key_of
from oportuno.kit.times import day_of

MOMENTS = 12
"""An engine kills itself around one of its first so many half commits."""
AT_ONCE = 4
"""Merges that are open at once while engines are still to die: each merge then has its own commits, around which they can."""
BEHIND = 2_000
"""Unread events beyond which nothing is sent: a slow machine must not drown in them."""
PATIENCE = 300
"""Seconds in which the next death, or rest, must come about; whatever is missing then is a fault."""
_OPEN_MERGES = "SELECT count(*) FROM merges WHERE stage < 3"
_OPEN = """
SELECT EXISTS (SELECT FROM merges WHERE stage < 3) OR EXISTS (SELECT FROM inbox WHERE kind < 2)
"""
# A loser leaves in the same transaction in which its snapshot is addressed, and the snapshot goes in that in which the winner has joined.
_LOST = "SELECT count(*) FROM merges m WHERE stage = 1 AND NOT EXISTS (SELECT FROM inbox i WHERE i.id = m.id AND i.kind = 0)"


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
class Report:
    """One run."""

    sizes: Sizes
    asked: int = 0
    """Merges."""
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
        self.to_die: list[int] = []
        """Around which half commit each of the engines to come kills itself."""
        self.workers: list[Any] = []
        self.newcomers: dict[int, int] = {}
        """Number of a later device → the user who logs in on it."""
        self._patient_until = 0.0

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
                PairsJudge(ground, self.report.found, first=self.first, group=self.group, sent=self.sent).judge(self.acknowledged)
        self.report.seconds = round(time.monotonic() - began, 1)
        return self.report

    # ── The storm ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _rage(self) -> None:
        intake = await PostgresIntake.open(self.ground.url)
        changing = Connections(self.ground.url, name="proof changes", plans=CHANGING)
        crossings = PostgresCrossings(changing, intake.secret)
        await self._arrive(intake)
        self.ground.execute(FIRST)
        self.to_die = [self.chance.randint(1, MOMENTS) for _ in range(self.sizes.deaths)]
        await self._storm(intake, crossings)
        if await self._rest():
            # Everybody is one by now: whoever goes on with the customers as they were at first must be heard all the same.
            await self._send(intake, self.sizes.each * 20)
            await self._rest()
        await intake.close()
        await changing.close()

    async def _storm(self, intake: PostgresIntake, crossings: PostgresCrossings) -> None:
        """Ask and send until everything was asked and everybody died who is to. Who would have nothing left to die at is given more."""
        askings, outages = self._askings(), self.sizes.postgres_kills
        whole = len(askings)
        self._patient_until = time.monotonic() + PATIENCE
        self._look_after_engines()
        while (askings or self._dying or outages) and self._goes_on("engines or PostgreSQL were still to die"):
            if not self._dying:
                for _ in range(min(20, len(askings))):
                    await self._ask(intake, crossings, askings.pop())
            elif self.ground.execute(_OPEN_MERGES)[0][0] < AT_ONCE:
                await self._ask(intake, crossings, askings.pop() if askings else await self._newcomer(intake))
            if self.ground.behind(BEHIND) < BEHIND:
                await self._send(intake, self.sizes.each)
            self._look_after_engines()
            if outages and len(askings) <= whole * outages // (self.sizes.postgres_kills + 1):
                self.ground.kill_postgres()
                outages -= 1
                self.report.postgres_kills += 1
                self._patient_until = time.monotonic() + PATIENCE
            await asyncio.sleep(0.05 if self._dying else 0.0)

    @property
    def _dying(self) -> bool:
        return self.report.deaths < self.sizes.deaths

    def _goes_on(self, missing: str) -> bool:
        if not self.report.found.faults and time.monotonic() > self._patient_until:
            self.report.found.faults.append(f"{missing} after {PATIENCE} s without any: {self.ground.log()[-300:]}")
        return not self.report.found.faults

    def _look_after_engines(self) -> None:
        """Count the dead and start whoever comes next. As long as somebody is to die, nobody else does the work at which they can."""
        for worker in [worker for worker in self.workers if worker.poll() is not None]:
            self.ground.kill(worker)
            self.workers.remove(worker)
            if worker.returncode != -signal.SIGKILL:
                self.report.found.faults.append(f"an engine ended by itself, with {worker.returncode}: {self.ground.log()[-300:]}")
            self.report.deaths += 1
            self._patient_until = time.monotonic() + PATIENCE
        while len(self.workers) < 2 and (self.to_die or not self._dying):
            moment = self.to_die.pop() if self.to_die else 0
            self.workers.append(self.ground.start("worker.py", self.sizes.batch, "fixed", f"cross={moment}"))

    async def _newcomer(self, intake: PostgresIntake) -> tuple[str, int]:
        """Let a device that nobody knew do something; its asking is that one of the users logs in on it."""
        number, user = len(self.first), self.chance.randrange(self.sizes.users)
        device = Sighting(self.workspace, "", f"d{number}")
        (customer,) = await until_there(lambda: intake.resolve([device]))
        self.first[device] = key_of(self.workspace, customer)
        self.group[device] = self.group[Sighting(self.workspace, f"u{user}", "")]
        self.newcomers[number] = user
        return "login", number

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
        self.report.asked += 1
        if kind == "login":
            user = self.newcomers.get(number, number)
            await until_there(lambda: intake.resolve([Sighting(self.workspace, f"u{user}", f"d{number}")], Asked("proof")))
            return
        loser, winner = (self.first[Sighting(self.workspace, f"u{n}", "")] for n in (number, number + 1))
        now = time.time_ns() // 1_000_000
        merge = Merge(
            id=merge_id(loser, winner),
            loser=loser,
            winner=winner,
            reason=Reason.REQUEST,
            asked_by="proof",
            trust=Trust.SECRET,
            asked_at=now,
        )
        await until_there(lambda: crossings.ask(merge))

    async def _send(self, intake: PostgresIntake, count: int) -> None:
        """Send until acknowledged; a third of it by a writer who goes on with the customers as they were at first."""
        chosen = self.chance.choices(list(self.first), k=count)
        named = await until_there(lambda: intake.resolve(chosen, Asked("proof")))
        arrivals = [
            self._event(who, self.first[who] if self.chance.random() < 1 / 3 else key_of(self.workspace, customer))
            for who, customer in zip(chosen, named, strict=True)
        ]
        await until_there(lambda: intake.store(arrivals, [], LaneClass.LIVE))
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

    async def _rest(self) -> bool:
        """Wait until nothing is on its way any more; says whether that came about."""
        self._patient_until = time.monotonic() + PATIENCE
        while self._goes_on("merges, inboxes or events were left on the way"):
            lost = self.ground.execute(_LOST)[0][0]
            if lost:
                self.report.found.faults.append(f"the snapshots of {lost} losers were lost on their way")
            elif not (self.ground.unread(5_000) or self.ground.execute(_OPEN)[0][0]):
                return True
            self._look_after_engines()
            await asyncio.sleep(0.1)
        return False
