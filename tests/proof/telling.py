"""Changes of the catalogue go to their watchers while engines and PostgreSQL are killed: each watcher is told once, and nobody else."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field

import msgspec
import psycopg
from crowd import Crowd, agreed
from ground import Ground
from journal import TABLE

from oportuno.adapters.postgres.intake import PostgresIntake
from oportuno.flows.fan_out import FAN_OUT_NEWS
from oportuno.kit.ids import CustomerKey, derive, key_of

ITEMS = (101, 102, 103)
"""The numbers of what is watched: the first by everybody, the second by every other customer, the third by every tenth."""
_EVERY = (1, 2, 10)
_CHANGE = """
WITH numbered AS (
    INSERT INTO catalogues (workspace, fanout) VALUES (%(workspace)s, 1)
    ON CONFLICT (workspace) DO UPDATE SET fanout = catalogues.fanout + 1 RETURNING fanout
), news AS (
    INSERT INTO fanouts (workspace, n, item, id, name, body, at, expires_at)
    SELECT %(workspace)s, fanout, %(item)s, %(id)s, 'Product Price Dropped', %(body)s, clock_millis(), clock_millis() + 3600000
    FROM numbered WHERE NOT EXISTS (SELECT FROM fanouts WHERE workspace = %(workspace)s AND id = %(id)s)
)
SELECT pg_notify(%(channel)s, %(workspace)s::text)
"""
_LEFT = """
SELECT EXISTS (SELECT FROM fanout_cursors) OR EXISTS (
    SELECT FROM catalogues c CROSS JOIN generate_series(0, 63) b LEFT JOIN fanout_heads h ON h.workspace = c.workspace AND h.bucket = b
    WHERE coalesce(h.n, 0) < c.fanout
)
"""
_CUSTOMER = "INSERT INTO customers (bucket, workspace, customer, version, state) VALUES (%s, %s, %s, 1, %s)"
_SPOKEN_TWICE = "SELECT proposal FROM verdicts WHERE decided = 'speak' GROUP BY customer, proposal HAVING count(*) > 1"
_JUMPING = """
CREATE FUNCTION jump() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.customer := greatest(NEW.customer, 1::int8 << 60); RETURN NEW; END';
CREATE TRIGGER jumping BEFORE INSERT OR UPDATE ON fanout_cursors FOR EACH ROW EXECUTE FUNCTION jump()
"""
_PATIENCE = 300


@dataclass
class Sizes:
    """How much is told, and who dies."""

    customers: int
    changes: int
    worker_kills: int
    postgres_kills: int
    seed: int
    batch: int = 40
    pause: tuple[float, float] = (0.8, 1.6)
    """Seconds between two kills."""
    jumping: bool = False
    """Plant the fault that the judge must find: a walk that jumps over watchers."""


@dataclass
class Findings:
    """What was found; the proof holds when `faults` is empty."""

    changes: int = 0
    expected: int = 0
    told: int = 0
    verdicts: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass
class Report:
    """One run."""

    sizes: Sizes
    worker_kills: int = 0
    postgres_kills: int = 0
    seconds: float = 0.0
    found: Findings = field(default_factory=Findings)


class Telling:
    """One run."""

    def __init__(self, sizes: Sizes, *, server: str = "") -> None:
        self.sizes = sizes
        self.report = Report(sizes)
        self.ground = Ground(server)
        self.chance = random.Random(sizes.seed)
        self.workspace = 0
        self.keys: list[CustomerKey] = []
        self.changed: list[tuple[int, bytes]] = []
        """(place of the item, id of the change)."""

    def run(self) -> Report:
        """Tell, kill, come to rest, judge."""
        began = time.monotonic()
        with self.ground as ground:
            self.workspace = ground.workspace()
            ground.execute(TABLE)
            if self.sizes.jumping:
                ground.execute(_JUMPING)
            self._people()
            asyncio.run(self._rage())
            self._judge()
        self.report.seconds = round(time.monotonic() - began, 1)
        return self.report

    def _people(self) -> None:
        self.keys = [key_of(self.workspace, derive("watcher", number)[0] << 32 | number + 1) for number in range(self.sizes.customers)]
        watches = [
            (key.bucket, key.workspace, item, number % 5, key.customer)
            for number, key in enumerate(self.keys)
            for item, every in zip(ITEMS, _EVERY, strict=True)
            if number % every == 0
        ]
        with psycopg.connect(self.ground.url) as connection, connection.cursor() as cursor:
            cursor.executemany(_CUSTOMER, [(*key, agreed(key).encode()) for key in self.keys])
            cursor.executemany("INSERT INTO watch VALUES (%s, %s, %s, %s, %s)", watches)

    async def _rage(self) -> None:
        intake = await PostgresIntake.open(self.ground.url)
        crowd = Crowd(self.workspace, 20, self.sizes.seed)
        await crowd.arrive(intake, self.ground)
        workers = [self.ground.start("worker.py", self.sizes.batch, "fixed", wait_for=b"ready") for _ in range(2)]
        plan = ["worker"] * self.sizes.worker_kills + ["postgres"] * self.sizes.postgres_kills
        self.chance.shuffle(plan)
        each = max(1, self.sizes.changes // (len(plan) + 1))
        while len(self.changed) < self.sizes.changes:
            for _ in range(each):
                self._change(self.chance.choices(range(len(ITEMS)), (3, 2, 5))[0])
                await crowd.send(intake, crowd.batch(10))
            if not plan:
                continue
            await asyncio.sleep(self.chance.uniform(*self.sizes.pause))
            if plan.pop() == "worker":
                place = self.chance.randrange(2)
                self.ground.kill(workers[place])
                self.report.worker_kills += 1
                workers[place] = self.ground.start("worker.py", self.sizes.batch, "fixed")
            else:
                self.ground.kill_postgres()
                self.report.postgres_kills += 1
        await intake.close()
        deadline = time.monotonic() + _PATIENCE
        while self.ground.execute(_LEFT)[0][0]:
            if time.monotonic() > deadline:
                self.report.found.faults.append(f"the changes were not told through within {_PATIENCE} s")
                return
            await asyncio.sleep(0.2)

    def _change(self, place: int) -> None:
        name = derive("change", self.sizes.seed, len(self.changed))
        self.changed.append((place, name))
        properties = {"product_id": f"p{place}", "version": len(self.changed), "price": 8, "old_price": 10, "currency": "EUR"}
        body = msgspec.json.encode({"type": "track", "event": "Product Price Dropped", "properties": properties})
        self.ground.execute(_CHANGE, {"workspace": self.workspace, "item": ITEMS[place], "id": name, "body": body, "channel": FAN_OUT_NEWS})

    def _judge(self) -> None:
        found = self.report.found
        watchers = {place: [key for number, key in enumerate(self.keys) if number % every == 0] for place, every in enumerate(_EVERY)}
        expected = {derive(name, key.workspace, key.customer): key for place, name in self.changed for key in watchers[place]}
        stepped: Counter[bytes] = Counter()
        strangers = 0
        mine = set(self.keys)
        for bucket, workspace, customer, hashes in self.ground.execute("SELECT bucket, workspace, customer, events FROM journal"):
            key = CustomerKey(bucket, workspace, customer)
            for h in map(bytes, hashes):
                if expected.get(h) == key:
                    stepped[h] += 1
                elif key in mine:
                    strangers += 1
        found.changes, found.expected, found.told = len(self.changed), len(expected), len(stepped)
        missed, twice = expected.keys() - stepped.keys(), [h for h, count in stepped.items() if count > 1]
        if missed:
            found.faults.append(f"{len(missed)} of {len(expected)} were never told")
        if twice:
            found.faults.append(f"{len(twice)} were told twice")
        if strangers:
            found.faults.append(f"{strangers} were told what they do not watch")
        spoken = self.ground.execute(
            "SELECT customer, proposal, count(*) FROM verdicts WHERE decided = 'speak' GROUP BY 1, 2 HAVING count(*) > 1"
        )
        if spoken:
            found.faults.append(f"{len(spoken)} proposals were spoken twice")
        found.verdicts = int(self.ground.execute("SELECT count(*) FROM verdicts WHERE journey = 'news'")[0][0])
        died = [process.returncode for process in self.ground.processes if process.poll() is not None]
        if died:
            found.faults.append(f"engines died by themselves: {died}: {self.ground.log()[-300:]}")
