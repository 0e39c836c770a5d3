"""The planner's trap: without statistics a fetch may sort a bucket's whole backlog, and a hiccup runs away. The drain must not slow."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field

import psutil
import psycopg
from crowd import Crowd
from ground import Ground
from worker import OneProgramme

from oportuno.adapters.postgres import feed as feeds
from oportuno.adapters.postgres.feed import PostgresFeed
from oportuno.adapters.postgres.intake import PostgresIntake
from oportuno.adapters.postgres.store import PostgresStore
from oportuno.adapters.postgres.sweep import UNITS
from oportuno.flows.react import react_once
from oportuno.kit.ids import BUCKETS
from oportuno.kit.times import DAY

LEAST = 0.6
"""Of the rate at a tenth of the backlog, per second of CPU and per page read. What the trap costs is a multiple of this, not a share."""
SWEEP_PAGES = 20
"""Of each bucket, for one lane: a probe of the offset and one of each day's partition. Once it read the whole log, every two seconds."""
IN_ORDER = "ORDER BY v.seq LIMIT"
SORTED = "ORDER BY v.seq + 0 * length(md5(v.body::text)) LIMIT"
"""What the planner does to itself where it is free and knows nothing: look at all that waits, and sort it, for every batch."""


@dataclass
class Sizes:
    """How hard it is."""

    events: int
    seed: int
    customers: int = 1_000
    limit: int = 500
    """Events of a batch, at most."""
    timed: bool = True
    """Judge seconds of CPU too. Where others use the machine they say more about those others; the pages that are read are the same."""
    trapped: bool = False
    """Plant the fault that the judge must find: the fetch sorts all that waits."""


@dataclass
class Found:
    """Events per second of CPU (engine and its PostgreSQL backends), and what is wrong."""

    small_rate: float = 0.0
    large_rate: float = 0.0
    ratio: float = 0.0
    small_pages: float = 0.0
    """Pages read for an event, with a tenth of the backlog."""
    large_pages: float = 0.0
    sweep_pages: int = 0
    """Pages that one look over all units reads when the whole log is drained."""
    statistics: int = 0
    """Rows of statistics that PostgreSQL had about the log: none."""
    faults: list[str] = field(default_factory=list)


@dataclass
class Report:
    """One run."""

    sizes: Sizes
    seconds: float = 0.0
    found: Found = field(default_factory=Found)


class Backlog:
    """One run."""

    def __init__(self, sizes: Sizes, *, server: str = "") -> None:
        self.sizes = sizes
        self.report = Report(sizes)
        self.ground = Ground(server)

    def run(self) -> Report:
        """Drain a tenth twice (the first time only to warm up), then the whole, and compare."""
        began = time.monotonic()
        with self.ground as ground, self._planted():
            workspace = ground.workspace()
            for (table,) in ground.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"):
                ground.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
            asyncio.run(self._drain_all(Crowd(workspace, self.sizes.customers, self.sizes.seed)))
            found = self.report.found
            found.ratio = round(found.large_rate / found.small_rate, 3)
            found.statistics = ground.execute("SELECT count(*) FROM pg_stats WHERE tablename LIKE 'events%%'", ())[0][0]
            if found.small_pages < LEAST * found.large_pages:
                found.faults.append(
                    f"of a backlog of {self.sizes.events} {found.large_pages} pages an event are read, of a tenth {found.small_pages}"
                )
            if self.sizes.timed and found.ratio < LEAST:
                found.faults.append(f"a backlog of {self.sizes.events} drains at {found.ratio} of the rate of a tenth of it")
            if found.sweep_pages > SWEEP_PAGES * BUCKETS:
                found.faults.append(f"a look over all units reads {found.sweep_pages} pages: it reads what was read long ago")
            if found.statistics:
                found.faults.append("PostgreSQL had statistics: nothing was proved")
        self.report.seconds = round(time.monotonic() - began, 1)
        return self.report

    @contextmanager
    def _planted(self):
        pinned = feeds._EVENTS
        if self.sizes.trapped:
            feeds._EVENTS = pinned.replace(IN_ORDER, SORTED)
        try:
            yield
        finally:
            feeds._EVENTS = pinned

    async def _drain_all(self, crowd: Crowd) -> None:
        async with AsyncExitStack() as stack:
            intake = await PostgresIntake.open(self.ground.url)
            stack.push_async_callback(intake.close)
            await crowd.arrive(intake, self.ground)
            tenth = self.sizes.events // 10
            rates: list[tuple[float, float]] = []
            for size in (tenth, tenth, self.sizes.events):
                for _ in range(0, size, 1_000):
                    await crowd.send(intake, [crowd.event() for _ in range(1_000)])
                rates.append(await self._drain())
            found = self.report.found
            (found.small_rate, found.small_pages), (found.large_rate, found.large_pages) = rates[1:]
        self.report.found.sweep_pages = self._sweep()

    def _sweep(self) -> int:
        far = (time.time_ns() // 1_000_000 + DAY) * 1_000
        options = " ".join(f"-c {setting}={value}" for setting, value in feeds.ENGINE_PLANS.items())
        with psycopg.connect(self.ground.url, options=options) as connection:
            connection.execute(
                "PREPARE sweep (int2[], int4[], int8, int8) AS "
                + UNITS.replace("%b::int2[]", "$1").replace("%b::int4[]", "$2").replace("%b::int8", "$3", 1).replace("%b::int8", "$4")
            )
            buckets = "{" + ",".join(map(str, range(BUCKETS))) + "}"
            (workspaces,) = connection.execute("SELECT array_agg(workspace)::text FROM workspaces").fetchone() or ("{}",)
            row = connection.execute(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE sweep('{buckets}', '{workspaces}', 0, {far})"
            ).fetchone()
        plan = row[0][0]["Plan"] if row else {}
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])

    async def _drain(self) -> tuple[float, float]:
        """Drain what waits, on connections of its own; give events per second of CPU, and pages read per event."""
        feed = await PostgresFeed.open(self.ground.url, buckets=range(BUCKETS))
        store = await PostgresStore.open(self.ground.url, name="engine store", size=1)
        backends = [psutil.Process(c.info.backend_pid) for c in (feed._connection, *(lent.connection for lent in store._pool._free))]
        before, pages, events, idle = _cpu(backends), self._pages(), 0, 0
        while idle < 3:
            done = await react_once(feed, store, OneProgramme(), limit=self.sizes.limit)
            events += done.events
            idle = 0 if done.events else idle + 1
        spent = _cpu(backends) - before
        await feed.close()
        await store.close()
        return round(events / spent, 1), round((await self._pages_after(backends) - pages) / events, 2)

    async def _pages_after(self, backends: list[psutil.Process]) -> int:
        """Give the pages read when these have gone: a backend that ends has told of all it read."""
        deadline = time.monotonic() + 300
        gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = ANY(%s)"
        while not self.ground.execute(gone, ([backend.pid for backend in backends],))[0][0]:
            if time.monotonic() > deadline:
                raise TimeoutError("the engine's connections did not end")
            await asyncio.sleep(0.02)
        return self._pages()

    def _pages(self) -> int:
        return int(self.ground.execute("SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()")[0][0])


def _cpu(backends: list[psutil.Process]) -> float:
    return time.process_time() + sum(times.user + times.system for times in (process.cpu_times() for process in backends))
