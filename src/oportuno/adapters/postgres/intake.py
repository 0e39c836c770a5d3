"""The writer of the event log: lanes, group commit, and ids seen before.

A lane is born with its writer and never inherited: a number from a sequence, held by a session advisory lock on the one connection that
writes it, one transaction at a time. Requests that wait while a transaction runs go together into the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from oportuno.adapters.postgres.arrays import Byteas, Int2s, Int4s, Int8s, Texts
from oportuno.adapters.postgres.database import WRITER_PLANS, Connection, connect, read_secret, translated
from oportuno.adapters.postgres.directory import Directory
from oportuno.events.event import Source, pack_call
from oportuno.flows.crossing import IDS_OF_ONE, Alias, Asked
from oportuno.flows.ports import Arrival, LaneClass, Reject, Sighting
from oportuno.kit.faults import Unavailable
from oportuno.kit.ids import BUCKETS, CustomerId, WorkspaceId

LANE_LOCK: Final = 0x6C616E65
"""First key of the advisory lock that says a lane's writer lives; the second is the lane."""
NEWS: Final = "oportuno_news"
"""Channel of the notices `lane:workspace:buckets` (buckets as a bit mask in hex)."""
ERASED: Final = "oportuno_erased"
_LOOK_AT_DISK: Final = 5.0
_MOST_TOGETHER: Final = 3_000
"""Events of one transaction; more wait for the next."""

# One statement, so that an id is remembered exactly if its event is stored. Ids are sorted: unsorted, concurrent lanes deadlock.
# Rows of OLD are ids whose client stamped no day of its own: a retry after midnight must find yesterday's.
_STORE = """
WITH incoming AS MATERIALIZED (
    SELECT * FROM unnest(%b::int2[], %b::int4[], %b::int8[], %b::int8[], %b::bytea[], %b::int2[], %b::int2[], %b::text[], %b::int8[],
                         %b::int8[], %b::bytea[], %b::int4[], %b::int2[])
        AS t(bucket, workspace, seq, customer, h, source, call, name, at, received, body, day, seen_as)
), fresh AS (
    INSERT INTO seen (day, workspace, source, h)
    SELECT day, workspace, seen_as, h FROM incoming ORDER BY day, workspace, seen_as, h
    ON CONFLICT DO NOTHING RETURNING workspace, source, h
), stored AS (
    INSERT INTO events (bucket, workspace, lane, seq, customer, h, source, call, name, at, received, body)
    SELECT i.bucket, i.workspace, %b::int4, i.seq, i.customer, i.h, i.source, i.call, i.name, i.at, i.received, i.body
    FROM incoming i JOIN fresh f ON f.h = i.h AND f.workspace = i.workspace AND f.source = i.seen_as
    RETURNING 1
), told AS (
    SELECT pg_notify(%b::text, notice) FROM unnest(%b::text[]) AS notice
)
SELECT (SELECT count(*) FROM stored), (SELECT count(*) FROM told)
"""
# LATERAL, because a plain join would be a hash join here, over every id that is remembered.
_OLD = """
SELECT k.workspace, k.source, k.h FROM unnest(%b::int4[], %b::int4[], %b::int2[], %b::bytea[]) AS k(day, workspace, source, h)
CROSS JOIN LATERAL (
    SELECT 1 FROM seen s WHERE s.day = k.day AND s.workspace = k.workspace AND s.source = k.source AND s.h = k.h LIMIT 1
) found
"""
_REJECT = """
INSERT INTO rejects (workspace, id, received, code, sentence, place, raw, key_id)
SELECT * FROM unnest(%b::int4[], %b::bytea[], %b::int8[], %b::text[], %b::text[], %b::text[], %b::bytea[], %b::text[])
ON CONFLICT DO NOTHING
"""
# Lane by lane from its offset on, so that what was read long ago costs nothing, however much of it there is.
_BACKLOG = """
SELECT coalesce(sum(waiting.n), 0)::int8
FROM lanes l LEFT JOIN offsets o ON o.bucket = %(bucket)s AND o.workspace = %(workspace)s AND o.lane = l.lane
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM (
        SELECT 1 FROM events e
        WHERE e.bucket = %(bucket)s AND e.workspace = %(workspace)s AND e.lane = l.lane AND e.seq > coalesce(o.seq, 0) LIMIT %(most)s
    ) unread
) waiting
"""


_KINDS: Final = (Int2s, Int4s, Int8s, Int8s, Byteas, Int2s, Int2s, Texts, Int8s, Int8s, Byteas, Int4s, Int2s)
"""The types of the columns of `_STORE`."""


class _Request:
    __slots__ = ("arrivals", "done", "rejects")

    def __init__(self, arrivals: Sequence[Arrival], rejects: Sequence[Reject], done: asyncio.Future[int]) -> None:
        self.arrivals = arrivals
        self.rejects = rejects
        self.done = done


class LaneWriter:
    """One lane: one connection, one transaction at a time."""

    def __init__(self, url: str, lane_class: LaneClass) -> None:
        self._url = url
        self._class = lane_class
        self._connection: Connection | None = None
        self._lane = 0
        self._seq = 0
        self._waiting: list[_Request] = []
        self._busy = False
        self._task: asyncio.Task[None] | None = None

    def put(self, request: _Request) -> None:
        """Queue a request; the writer takes all that wait into its next transaction."""
        self._waiting.append(request)
        if not self._busy:
            self._busy = True
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def close(self) -> None:
        """Finish what waits and leave the lane."""
        if self._task is not None:
            await self._task
        if self._connection is not None:
            await self._connection.close()

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._write_together(self._take())
        finally:
            self._busy = False

    def _take(self) -> list[_Request]:
        count = 0
        for place, request in enumerate(self._waiting):
            count += len(request.arrivals)
            if count > _MOST_TOGETHER and place:
                taken, self._waiting = self._waiting[:place], self._waiting[place:]
                return taken
        taken, self._waiting = self._waiting, []
        return taken

    async def _write_together(self, requests: list[_Request]) -> None:
        try:
            stored = await self._write([a for r in requests for a in r.arrivals], [j for r in requests for j in r.rejects])
        except Exception as fault:  # noqa: BLE001 - whatever it was, every waiting request must hear of it, or it would hang for ever
            await self._leave_lane()
            # Whoever lost a race inside the database (Moved) is told to come again, like everybody: a stock library drops what gets a 409.
            known = fault
            if not isinstance(fault, Unavailable):
                known = Unavailable("not_stored", f"the log could not be written: {type(fault).__name__}")
            for request in requests:
                if not request.done.done():
                    request.done.set_exception(known)
            return
        for request in requests:
            if not request.done.done():
                request.done.set_result(stored if len(requests) == 1 else len(request.arrivals))

    async def _write(self, arrivals: list[Arrival], rejects: list[Reject]) -> int:
        connection = await self._in_lane()
        async with translated():
            arrivals = await self._without_old(connection, arrivals)
            parameters = self._parameters(arrivals)
            if not rejects:
                # One statement is a transaction of its own: one message there, one back.
                stored = await connection.execute(_STORE, parameters, binary=True) if arrivals else None
            else:
                async with connection.pipeline():
                    await connection.execute("BEGIN")
                    stored = await connection.execute(_STORE, parameters, binary=True) if arrivals else None
                    await connection.execute(_REJECT, _reject_columns(rejects))
                    await connection.execute("COMMIT")
            row = await stored.fetchone() if stored is not None else None
        return int(row[0]) if row else 0

    async def write_beside(self, arrivals: list[Arrival], statement: str, parameters: Callable[[int], Sequence[Any]]) -> int | None:
        """Commit events together with a change of one row elsewhere; gives how many were new. Not for a writer that also takes requests.

        `parameters`: those of the statement, told how many were new. None: the statement found its row in another state, and nothing
        was written. Raises Unavailable.
        """
        connection = await self._in_lane()
        try:
            async with translated():
                arrivals = await self._without_old(connection, arrivals)
                async with connection.transaction():
                    await connection.execute("SAVEPOINT before")
                    stored = await connection.execute(_STORE, self._parameters(arrivals), binary=True) if arrivals else None
                    row = await stored.fetchone() if stored is not None else (0,)
                    new = int(row[0]) if row else 0
                    changed = await connection.execute(statement.encode(), parameters(new))
                    moved = changed.rowcount == 1
                    if not moved:
                        await connection.execute("ROLLBACK TO SAVEPOINT before")
        except BaseException:
            await self._leave_lane()
            raise
        return new if moved else None

    async def _without_old(self, connection: Connection, arrivals: list[Arrival]) -> list[Arrival]:
        first: dict[tuple[int, int, bytes], Arrival] = {}
        for arrival in arrivals:
            first.setdefault((arrival.key.workspace, seen_as(arrival.source), arrival.h), arrival)
        probes = [place for place, arrival in first.items() if arrival.also_day is not None]
        if probes:
            days = [first[place].also_day for place in probes]
            cursor = await connection.execute(_OLD, (days, [p[0] for p in probes], [p[1] for p in probes], [p[2] for p in probes]))
            for row in await cursor.fetchall():
                first.pop((row[0], row[1], bytes(row[2])), None)
        return list(first.values())

    def _parameters(self, arrivals: list[Arrival]) -> tuple[Any, ...]:
        seq = max(self._seq, time.time_ns() // 1_000)
        buckets: dict[WorkspaceId, int] = {}
        rows = []
        for arrival in arrivals:
            seq += 1
            bucket, workspace, customer = arrival.key
            buckets[workspace] = buckets.get(workspace, 0) | 1 << bucket
            source = int(arrival.source)
            rows.append(
                (bucket, workspace, seq, customer, arrival.h, source, pack_call(arrival.call, arrival.trust), arrival.name, arrival.at,
                 arrival.received, arrival.body, arrival.day, 0 if source == 1 else source)
            )  # fmt: skip
        self._seq = seq
        columns = tuple(kind(column) for kind, column in zip(_KINDS, zip(*rows, strict=True), strict=True)) if rows else ()
        news = [f"{self._lane}:{int(self._class)}:{workspace}:{mask:x}" for workspace, mask in buckets.items()]
        return *columns, self._lane, NEWS, Texts(news)

    async def _in_lane(self) -> Connection:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        connection = await connect(self._url, name=f"lane {self._class.name.lower()}", plans=WRITER_PLANS)
        async with translated():
            row = await (await connection.execute("SELECT nextval('lane_numbers')::int4")).fetchone()
            lane = int(row[0]) if row else 0
            await connection.execute("SELECT pg_advisory_lock(%s, %s)", (LANE_LOCK, lane))
            await connection.execute("INSERT INTO lanes (lane, class, born_at) VALUES (%s, %s, clock_millis())", (lane, int(self._class)))
        self._connection, self._lane = connection, lane
        return connection

    async def _leave_lane(self) -> None:
        # After any fault the outcome of the transaction may be unknown: the next one is written in a lane of its own.
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                await connection.close()


class PostgresIntake:
    """The port Intake on PostgreSQL."""

    def __init__(self, url: str, directory: Directory, connection: Connection, secret: bytes, *, ids_of_one: int = IDS_OF_ONE) -> None:
        self.secret = secret
        self._ids_of_one = ids_of_one
        self._url = url
        self._directory = directory
        self._connection = connection
        self._renewing = asyncio.Lock()
        self._writers = {lane: LaneWriter(url, lane) for lane in LaneClass}
        self._backlogs: dict[WorkspaceId, tuple[float, int]] = {}
        self._place: str | None = None
        self._used = 0.0
        self._looked = -_LOOK_AT_DISK

    @classmethod
    async def open(cls, url: str, *, ids_of_one: int = IDS_OF_ONE) -> PostgresIntake:
        """Connect. Raises Unavailable. Nobody gets more than `ids_of_one` ids."""
        connection = await connect(url, name="directory")
        secret = await read_secret(connection)
        intake = cls(url, Directory(connection, secret, ids_of_one=ids_of_one), connection, secret, ids_of_one=ids_of_one)
        await intake._hear_of_erasures()
        return intake

    async def resolve(self, sightings: Sequence[Sighting], asked: Asked = Asked()) -> list[CustomerId]:  # noqa: B008 - a value
        """See the port."""
        await self._renew()
        return await self._directory.resolve(sightings, asked)

    async def alias(self, alias: Alias, asked: Asked) -> str:
        """See the port."""
        await self._renew()
        return await self._directory.alias(alias, asked)

    async def store(self, arrivals: Sequence[Arrival], rejects: Sequence[Reject], lane: LaneClass) -> int:
        """See the port. When requests were committed together, the count is of this request's events, twins included."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._writers[lane].put(_Request(arrivals, rejects, done))
        return await done

    async def backlog(self, workspace: WorkspaceId) -> int:
        """See the port: measured on one bucket in turn and scaled, at most once a second."""
        now = time.monotonic()
        measured, count = self._backlogs.get(workspace, (-1.0, 0))
        if now - measured < 1.0:
            return count
        # Taken before the await, so that of many requests only one asks.
        self._backlogs[workspace] = (now, count)
        await self._renew()
        async with translated():
            asked = {"workspace": workspace, "bucket": int(now) % BUCKETS, "most": 100_000}
            cursor = await self._connection.execute(_BACKLOG, asked)
            row = await cursor.fetchone()
        self._backlogs[workspace] = (now, (int(row[0]) if row else 0) * BUCKETS)
        return self._backlogs[workspace][1]

    async def _renew(self) -> None:
        """Connect anew when the connection of lookups was lost, as after a restart of the database."""
        if not self._connection.closed:
            return
        async with self._renewing:
            if self._connection.closed:
                self._connection = await connect(self._url, name="directory")
                self._directory = Directory(self._connection, self.secret, ids_of_one=self._ids_of_one)
                await self._hear_of_erasures()

    async def _hear_of_erasures(self) -> None:
        """Look ids up anew when somebody was erased; the news comes with whatever is asked next, which is the backlog once a second."""
        directory = self._directory
        self._connection.add_notify_handler(lambda _: directory.forget())
        async with translated():
            await self._connection.execute(f"LISTEN {ERASED}")

    async def fullness(self) -> float:
        """See the port: looked at every five seconds, where the server runs on this machine."""
        now = time.monotonic()
        if now - self._looked >= _LOOK_AT_DISK:
            self._looked = now
            if self._place is None:
                self._place = await self._find_place()
            if self._place:
                with contextlib.suppress(OSError):
                    usage = shutil.disk_usage(self._place)
                    self._used = 1 - usage.free / usage.total
        return self._used

    async def _find_place(self) -> str:
        # Only a server reached through a socket of this machine has its disk here; of another one we know nothing.
        if not self._connection.info.host.startswith("/"):
            return ""
        async with translated():
            row = await (await self._connection.execute("SHOW data_directory")).fetchone()
        return str(row[0]) if row else ""

    async def close(self) -> None:
        """Commit what waits and disconnect."""
        for writer in self._writers.values():
            await writer.close()
        await self._connection.close()


def seen_as(source: Source) -> int:
    """Under which source an id is remembered: live and late are one, so that a late retry is a twin of its live original."""
    return 0 if source is Source.LATE else int(source)


def _reject_columns(rejects: Sequence[Reject]) -> tuple[list[Any], ...]:
    rows = [(r.workspace, r.id, r.received, r.code, r.sentence, r.place, r.raw, r.key_id) for r in rejects]
    return tuple(list(column) for column in zip(*rows, strict=True))
