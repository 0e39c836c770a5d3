"""The storm: events, duplicates, retries and poison come in while engines and PostgreSQL are killed; all is held against a quiet replay."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field

from crowd import Crowd
from ground import Ground
from journal import TABLE
from judge import FIRST, RESUME_WITHIN, Findings, Judge

from oportuno.adapters.postgres.intake import PostgresIntake

UNGUARDED = "CREATE OR REPLACE FUNCTION must_be(got bigint, wanted bigint, what text) RETURNS void LANGUAGE sql AS 'SELECT'"
PATIENCE = 300
"""Seconds in which whatever is waited for must come about; what is missing then is a fault."""
HELD_UP = 5
"""Timers that a leased engine's death must hold up, at least, and within how many milliseconds they fall due."""
SOON = 2_500
_HOLDING = """
SELECT count(*) FROM (
    SELECT FROM due d JOIN leases l USING (bucket)
    WHERE l.until_at > clock_millis() AND d.due_at BETWEEN clock_millis() AND clock_millis() + %s GROUP BY l.worker HAVING count(*) >= %s
) engines
"""
_OFTEN = "SELECT FROM (SELECT unnest(events) AS h FROM journal) taken GROUP BY h HAVING count(*) > 1 LIMIT 1"
AHEAD = 10_000
"""Milliseconds of timers that are waited for at the end; those of limits lie an hour ahead."""


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
    pause: tuple[float, float] = (0.3, 0.9)
    """Seconds between two kills."""
    leased: bool = False
    """Engines own their buckets by lease, and a killed one comes back only just before the next is killed: the other must take over."""
    resume_within: int = RESUME_WITHIN
    """Milliseconds after which a timer is late. What a busy machine makes of ten seconds proves nothing: there it is a minute."""
    poison: float = 0.0
    """Share of events whose evaluation raises."""
    unguarded: bool = False
    """Plant the fault that the storm must find: offsets and versions move without being compared."""
    forgetful: bool = False
    """Plant another: nobody takes over a dead engine's buckets, because its lease is made to last."""


@dataclass
class Report:
    """One run."""

    sizes: Sizes
    worker_kills: int = 0
    postgres_kills: int = 0
    seconds: float = 0.0
    found: Findings = field(default_factory=Findings)


class Storm:
    """One run."""

    def __init__(self, sizes: Sizes, *, server: str = "") -> None:
        self.sizes = sizes
        self.report = Report(sizes)
        self.ground = Ground(server)
        self.chance = random.Random(sizes.seed)
        self.workers: list = []
        self.killing = True

    def run(self) -> Report:
        """Rage, come to rest, judge."""
        began = time.monotonic()
        with self.ground as ground:
            crowd = Crowd(ground.workspace(), self.sizes.customers, self.sizes.seed)
            ground.execute(TABLE)
            if self.sizes.unguarded:
                ground.execute(UNGUARDED)
            asyncio.run(self._rage(crowd))
            judge = Judge(ground, crowd.acknowledged, poison=crowd.poison, resume_within=self.sizes.resume_within)
            rest = self.report.found.faults
            self.report.found = judge.judge()
            self.report.found.faults += rest
            died = [process.returncode for process in ground.processes if process.poll() is not None]
            if died:
                self.report.found.faults.append(f"engines died by themselves: {died}: {ground.log()[-300:]}")
        self.report.seconds = round(time.monotonic() - began, 1)
        return self.report

    def _worker(self, wait_for: bytes = b""):
        return self.ground.start("worker.py", self.sizes.batch, "leased" if self.sizes.leased else "fixed", wait_for=wait_for)

    async def _rage(self, crowd: Crowd) -> None:
        intake = await PostgresIntake.open(self.ground.url)
        await crowd.arrive(intake, self.ground)
        self.ground.execute(FIRST)
        self.workers = [self._worker(b"ready") for _ in range(self.sizes.workers)]
        if self.sizes.leased:
            await self._until_shared()
        async with asyncio.TaskGroup() as together:
            together.create_task(self._kill())
            together.create_task(self._send(crowd, intake))
        await intake.close()
        await self._drain()

    async def _send(self, crowd: Crowd, intake: PostgresIntake) -> None:
        sizes, made, began = self.sizes, 0, time.monotonic()
        lasting = (sizes.worker_kills + sizes.postgres_kills) * sum(sizes.pause) / 2
        size = 100 if sizes.events >= 20 * lasting * 5 else 20
        while made < sizes.events or (sizes.leased and self.killing):
            # Spread over the storm: events that came before or after it would prove nothing.
            ahead = made / sizes.events * lasting - (time.monotonic() - began)
            if ahead > 0:
                await asyncio.sleep(ahead)
            await crowd.send(intake, crowd.batch(size, poison=sizes.poison))
            made += size
        if sizes.unguarded:
            await self._until_struck(crowd, intake)

    async def _until_struck(self, crowd: Crowd, intake: PostgresIntake) -> None:
        """Go on until two engines have evaluated the same event, however rarely this machine lets them meet."""
        deadline = time.monotonic() + PATIENCE
        while not self.ground.execute(_OFTEN) and time.monotonic() < deadline:
            if self.ground.behind(500) < 500:
                await crowd.send(intake, crowd.batch(100))
            await asyncio.sleep(0.02)

    async def _kill(self) -> None:
        plan = ["worker"] * self.sizes.worker_kills + ["postgres"] * self.sizes.postgres_kills
        self.chance.shuffle(plan)
        down: list[int] = []
        while plan:
            await asyncio.sleep(self.chance.uniform(*self.sizes.pause))
            while down:
                self.workers[down.pop()] = self._worker()
                # Until it owns buckets: its death would otherwise hold up nothing.
                await self._until_shared()
            if self.sizes.leased:
                await self._until_holding()
            if plan.pop() == "worker":
                place = self.chance.randrange(len(self.workers))
                self.ground.kill(self.workers[place])
                self.report.worker_kills += 1
                if self.sizes.forgetful:
                    self.ground.execute("UPDATE leases SET until_at = until_at + 10000")
                if self.sizes.leased:
                    down.append(place)
                else:
                    # The next one dies only when this one works again: killing everybody before they wake would prove nothing.
                    self.workers[place] = await asyncio.to_thread(self._worker, b"ready")
            else:
                # On this thread: the server is bound to the life of the thread that starts it.
                self.ground.kill_postgres()
                self.report.postgres_kills += 1
        self.killing = False

    async def _until_holding(self) -> None:
        """Wait until timers of every engine are about to fall due: whoever dies then holds them up."""
        deadline = time.monotonic() + PATIENCE
        while self.ground.execute(_HOLDING, (SOON, HELD_UP))[0][0] < self.sizes.workers:
            if time.monotonic() > deadline:
                self.report.found.faults.append(f"no engine had timers to hold up within {PATIENCE} s")
                return
            await asyncio.sleep(0.02)

    async def _until_shared(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            shared = self.ground.execute("SELECT count(DISTINCT worker), count(*) FROM leases WHERE until_at > clock_millis()")
            if shared[0][0] >= self.sizes.workers and shared[0][1] == 64:
                return
            await asyncio.sleep(0.1)
        self.report.found.faults.append(f"a new engine got no buckets within {PATIENCE} s")

    async def _drain(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if not self.ground.unread(AHEAD):
                return
            await asyncio.sleep(0.2)
        self.report.found.faults.append(f"the engines did not come to rest within {PATIENCE} s")
