"""What waits to be evaluated in the buckets a worker owns.

A unit is (bucket, workspace, lane). Writers announce the units of each commit; the worker probes only announced ones, and sweeps all of
them now and then for what an announcement missed. Buckets are owned by lease; two owners are harmless, because offsets move by
compare-and-set.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from oportuno.adapters.doubt import StoreClock
from oportuno.adapters.postgres.arrays import Int2s, Int4s
from oportuno.adapters.postgres.crossing import CROSSING_NEWS
from oportuno.adapters.postgres.database import ENGINE_PLANS, Connection, connect, translated
from oportuno.adapters.postgres.fanout import FanOuts
from oportuno.adapters.postgres.intake import NEWS
from oportuno.adapters.postgres.leases import Leases
from oportuno.adapters.postgres.sweep import Sweep, beyond
from oportuno.adapters.postgres.timers import Timers
from oportuno.adapters.postgres.turns import SHARES, Helping, Turns
from oportuno.events.event import Call, Event, Source, Trust, unpack_call
from oportuno.flows.fan_out import FAN_OUT_NEWS
from oportuno.flows.ports import Fetched
from oportuno.flows.stride import Stride
from oportuno.flows.work import OffsetMove
from oportuno.kit.ids import BUCKETS, Bucket, CustomerKey, WorkspaceId
from oportuno.kit.times import SECOND, Millis

_CALM_AFTER: Final[Millis] = 2 * SECOND
"""Without news for so long, an engine is alone with what is left."""

# The upper bound lets the planner skip partitions of days to come. Ordered by the primary key, so nothing is ever sorted.
_EVENTS = """
SELECT e.bucket, e.lane, e.seq, e.customer, e.h, e.source, e.call, e.name, e.at, e.received, e.body, coalesce(o.seq, 0)
FROM unnest(%b::int2[], %b::int4[]) AS u(bucket, lane)
LEFT JOIN offsets o ON o.bucket = u.bucket AND o.workspace = %b::int4 AND o.lane = u.lane
CROSS JOIN LATERAL (
    SELECT * FROM events v
    WHERE v.bucket = u.bucket AND v.workspace = %b::int4 AND v.lane = u.lane AND v.seq > coalesce(o.seq, 0) AND v.seq < %b::int8
    ORDER BY v.seq LIMIT %b::int8
) e
"""


class PostgresFeed:
    """The port Feed on PostgreSQL: one worker's connection, leases and news."""

    def __init__(
        self,
        connection: Connection,
        news: Connection,
        worker: int,
        *,
        fixed: frozenset[Bucket] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.worker = worker
        self._connection = connection
        self._news = news
        self._monotonic = monotonic
        self._clock = StoreClock()
        self._leases = Leases(connection, worker, fixed=fixed, elapsed=self._elapsed)
        self._turns = Turns()
        self._class_of: dict[int, int] = {}
        """Class of each lane heard of."""
        self._fan_outs = FanOuts(connection)
        self._stride = Stride()
        self._company_at: Millis | None = None
        """When somebody last had news while somebody else was far behind, by the monotonic clock."""
        self._news_alone = False
        """Whether the last batch held nothing but news."""
        self._timers_pile = False
        """Whether as many timers were due as were asked for."""
        self._stirred = True
        """Whether something may wait between customers."""
        self._began = 0.0
        self._happenings = 0
        self._sweep = Sweep(connection)
        self._timers = Timers(connection)
        self._woken = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls, url: str, *, buckets: Iterable[Bucket] | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> PostgresFeed:
        """Connect as a new worker. `buckets` fixes what it owns, without leases: for tests of two owners."""
        connection = await connect(url, name="engine fetch", plans=ENGINE_PLANS)
        news = await connect(url, name="engine news")
        async with translated():
            row = await (await connection.execute("SELECT nextval('worker_numbers')::int4")).fetchone()
            await connection.execute(
                "INSERT INTO leases (bucket, worker, until_at) SELECT b, 0, 0 FROM generate_series(0, %s) b ON CONFLICT DO NOTHING",
                (BUCKETS - 1,),
            )
            await news.execute(f"LISTEN {NEWS}")
            await news.execute(f"LISTEN {FAN_OUT_NEWS}")
            await news.execute(f"LISTEN {CROSSING_NEWS}")
        fixed = None if buckets is None else frozenset(buckets)
        feed = cls(connection, news, int(row[0]) if row else 0, fixed=fixed, monotonic=monotonic)
        feed._listener = asyncio.get_running_loop().create_task(feed._listen())
        return feed

    async def fetch(self, limit: int) -> Fetched:
        """See the port."""
        self._began = self._monotonic()
        async with translated():
            now = await self._read_clock()
            await self._lease()
            now = max(now, self._clock.latest)
            await self._look(now)
            fetched = await self._fill(now, limit)
        self._happenings = len(fetched.events) + len(fetched.due) + len(fetched.telling.events)
        return fetched

    @property
    def owned(self) -> frozenset[Bucket]:
        """The buckets that are this worker's now."""
        return self._leases.owned

    def decided(self, now: Millis) -> None:
        """See the port."""
        self._clock.decided(now)
        self._stride.took(self._happenings, self._monotonic() - self._began)

    def give_up(self, bucket: Bucket, section: str) -> None:
        """See the port."""
        self._leases.give_up(bucket, section)

    def leave(self, workspace: WorkspaceId) -> None:
        """See the port."""
        self._leases.leave(workspace)

    def stirred(self) -> bool:
        """Say whether there was news, since this was last asked, of something that waits between customers."""
        stirred, self._stirred = self._stirred, False
        return stirred

    async def wait(self, most: float) -> None:
        """See the port."""
        resting = self._leases.resting
        if self._fan_outs.waiting(resting) or self._sweep.hurries:
            return
        if self._stirred or self._turns.waiting(resting):
            return
        if self._timers.next is not None:
            most = min(most, max(0.0, (self._timers.next - self._clock.latest) / SECOND))
        self._woken.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), most)
        if self._listener is not None and self._listener.done():
            self._listener.result()

    async def close(self) -> None:
        """Give up the leases and disconnect."""
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._listener
        if not self._connection.closed:
            with contextlib.suppress(Exception):
                await self._leases.end(self._clock.latest)
        await self._connection.close()
        await self._news.close()

    async def _listen(self) -> None:
        async with translated():
            async for notice in self._news.notifies():
                if notice.channel == FAN_OUT_NEWS:
                    self._fan_outs.hear(int(notice.payload))
                    self._woken.set()
                    continue
                if notice.channel == CROSSING_NEWS:
                    self._stirred = True
                    self._woken.set()
                    continue
                lane, lane_class, workspace, mask = notice.payload.split(":")
                self._class_of[int(lane)] = int(lane_class)
                bits, owned = int(mask, 16), self.owned
                units = [(b, int(workspace), int(lane)) for b in range(BUCKETS) if bits >> b & 1 and b in owned]
                self._turns.add(int(lane_class), int(workspace), units)
                self._woken.set()

    async def _fill(self, now: Millis, most: int) -> Fetched:
        """Fill a batch: with news alone every other time while there is company, and then with everything in turn."""
        turns, resting, trusted = self._turns, self._leases.resting, self._clock.trusted
        news = turns.news(resting)
        company = self._company(news and (turns.behind(resting) or self._fan_outs.waiting(resting) or self._timers_pile))
        limit = self._stride.limit(most, company=company)
        self._news_alone = company and news and not self._news_alone
        if self._news_alone:
            fetched = await self._read(now, trusted, turns.plan(limit, self.owned, resting, news_alone=True), limit)
            if fetched.events or fetched.due:
                return fetched
        telling = await self._fan_outs.fetch(now, self.owned, resting, self._room(limit, most, company=company))
        limit = max(1, limit - len(telling.events))
        fetched = await self._read(now, trusted, turns.plan(limit, self.owned, resting), limit)
        fetched.telling = telling
        return fetched

    def _company(self, seen: bool) -> bool:  # noqa: FBT001 - one private caller
        """Say whether somebody with news and somebody far behind have shared this engine lately."""
        elapsed = self._elapsed()
        if seen:
            self._company_at = elapsed
        return self._company_at is not None and elapsed - self._company_at < _CALM_AFTER

    def _room(self, limit: int, most: int, *, company: bool) -> int:
        """Say how many may hear of the catalogue in this batch: beside live events a fifth of a full one, and half of a short one."""
        if not self._turns.live():
            return limit if company else max(1, limit // 2)
        return max(1, min(limit // 2, most * SHARES["told"] // 100))

    def _elapsed(self) -> Millis:
        return int(self._monotonic() * SECOND)

    async def _read_clock(self) -> Millis:
        row = await (await self._connection.execute("SELECT clock_millis()", binary=True)).fetchone()
        return self._clock.read(int(row[0]) if row else 0, self._elapsed())

    async def _lease(self) -> None:
        last_now = await self._leases.renew(latest=self._clock.latest, trusted=self._clock.trusted)
        if last_now is not None:
            # Buckets were won: they are looked through at once, and nothing in them is decided earlier than by who had them before.
            self._clock.decided(last_now)
            self._sweep.begin()
            self._timers.forget()

    async def _look(self, now: Millis) -> None:
        found = await self._sweep.look(self.owned, now=now, elapsed=self._elapsed())
        if found is None:
            return
        await self._fan_outs.sweep(self.owned)
        for bucket, workspace, lane, lane_class in found:
            self._class_of[lane] = lane_class
            self._turns.add(lane_class, workspace, [(bucket, workspace, lane)])

    async def _read(self, now: Millis, trusted: bool, plan: list[Helping], limit: int) -> Fetched:  # noqa: FBT001 - one private caller
        connection = self._connection
        cursors = []
        # Where no event waits, timers may have the whole batch.
        due_limit = max(1, limit * SHARES["timers"] // 100) if plan else limit
        async with connection.pipeline():
            for _, workspace, units, each in plan:
                parameters = (Int2s(u[0] for u in units), Int4s(u[2] for u in units), workspace, workspace, beyond(now), each)
                cursors.append(await connection.execute(_EVENTS, parameters, binary=True))
            await self._timers.ask(self.owned, self._leases.resting, now, due_limit)
        events: list[Event] = []
        offsets: list[OffsetMove] = []
        for helping, cursor in zip(plan, cursors, strict=True):
            workspace = helping.workspace
            read, ends = _read_rows(workspace, await cursor.fetchall())
            events += read
            offsets += [OffsetMove(bucket, workspace, lane, old, new) for (bucket, lane), (old, new, _) in ends.items()]
            more = [(bucket, workspace, lane) for (bucket, lane), (_, _, count) in ends.items() if count >= helping.each]
            self._turns.read(helping, len(read), more)
        due = await self._timers.take()
        self._timers_pile = len(due) >= due_limit
        return Fetched(now=now, clock_trusted=trusted, events=events, due=due, offsets=offsets)

    def again(self, fetched: Fetched) -> None:
        """See the port."""
        self._timers.forget()
        if not fetched.telling.empty:
            self._fan_outs.forget()
        for offset in fetched.offsets:
            self._turns.add(self._class_of[offset.lane], offset.workspace, [(offset.bucket, offset.workspace, offset.lane)])


_SOURCES: Final = tuple(Source)
_CALLS: Final = tuple(unpack_call(trust << 4 | min(call, len(Call) - 1)) for trust in Trust for call in range(16))


def _read_rows(workspace: WorkspaceId, rows: list[tuple[Any, ...]]) -> tuple[list[Event], dict[tuple[Bucket, int], list[int]]]:
    """Make the events, and say of each (bucket, lane) where it stood, where it ends now, and how many there were."""
    events = []
    ends: dict[tuple[Bucket, int], list[int]] = {}
    for bucket, lane, seq, customer, h, source, packed, name, at, received, body, old in rows:
        call, trust = _CALLS[packed]
        events.append(
            Event(
                key=CustomerKey(bucket, workspace, customer), lane=lane, seq=seq, h=h, source=_SOURCES[source], call=call,
                name=name, at=at, received=received, body=body, trust=trust,
            )
        )  # fmt: skip
        end = ends.setdefault((bucket, lane), [old, seq, 0])
        end[1] = seq
        end[2] += 1
    return events, ends
