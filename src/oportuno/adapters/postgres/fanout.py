"""The class of a batch that comes from the catalogue: changes on their way to those who watch the item, in the buckets a worker owns.

Read only when a notice, a sweep or an open walk asks for it: without changes of a catalogue it costs nothing. What is kept here is a hint:
heads and walks move by compare-and-set in the commit, and whoever lost a race forgets and reads again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, NamedTuple

from oportuno.adapters.postgres.arrays import Int2s, Int4s, Int8s
from oportuno.adapters.postgres.database import Connection
from oportuno.flows.fan_out import BEFORE_ALL, FanOut, HeadMove, Place, Telling, WalkMove, told, version_of
from oportuno.kit.ids import Bucket, CustomerKey, WorkspaceId
from oportuno.kit.times import Millis

_OPENED_AT_ONCE: Final = 128
"""Pairs of bucket and fan-out looked at in one fetch, and more where there is room. Most have no watcher; a look costs microseconds."""
_WALKED_AT_ONCE: Final = 16
_MOST_WALKS: Final = 20_000
"""Open walks of one workspace (buckets times fan-outs) beyond which no more are opened, so that memory stays bounded."""
_LOADED_AT_ONCE: Final = 500

_SWEEP: Final = """
SELECT c.workspace FROM catalogues c
WHERE c.fanout > 0 AND EXISTS (
    SELECT FROM unnest(%b::int2[]) AS b(bucket) LEFT JOIN fanout_heads h ON h.bucket = b.bucket AND h.workspace = c.workspace
    WHERE coalesce(h.n, 0) < c.fanout
)
UNION SELECT k.workspace FROM fanout_cursors k WHERE k.bucket = ANY(%b::int2[])
"""
_LAST: Final = "SELECT fanout FROM catalogues WHERE workspace = %b::int4"
_HEADS: Final = "SELECT bucket, n FROM fanout_heads WHERE bucket = ANY(%b::int2[]) AND workspace = %b::int4"
_CURSORS: Final = "SELECT bucket, n, rank, customer FROM fanout_cursors WHERE bucket = ANY(%b::int2[]) AND workspace = %b::int4"
_NEXT: Final = """
SELECT n, item, id, name, body, at, expires_at FROM fanouts
WHERE workspace = %b::int4 AND n > %b::int8 ORDER BY n LIMIT %b::int8
"""
_THESE: Final = "SELECT n, item, id, name, body, at, expires_at FROM fanouts WHERE workspace = %b::int4 AND n = ANY(%b::int8[])"
# Ordered by the primary key, so nothing is ever sorted, however many watch an item.
_WATCHERS: Final = """
SELECT u.probe, w.rank, w.customer
FROM unnest(%b::int4[], %b::int2[], %b::int4[], %b::int8[], %b::int2[], %b::int8[]) AS u(probe, bucket, workspace, item, rank, customer)
CROSS JOIN LATERAL (
    SELECT rank, customer FROM watch w
    WHERE w.bucket = u.bucket AND w.workspace = u.workspace AND w.item = u.item AND (w.rank, w.customer) > (u.rank, u.customer)
    ORDER BY w.rank, w.customer LIMIT %b::int8
) w
"""


class _Probe(NamedTuple):
    """One look for the next watchers of a fan-out in a bucket."""

    bucket: Bucket
    fan_out: FanOut
    place: Place | None
    """None: it is being opened."""


@dataclass(slots=True)
class _Desk:
    """One workspace's changes as far as they concern the owned buckets."""

    heads: dict[Bucket, int | None]
    """bucket → number of the last fan-out opened there, as it was stored; None: no row."""
    walks: dict[tuple[Bucket, int], Place]
    """Open walks; the one that was longest without its turn comes first."""
    known: dict[int, FanOut] = field(default_factory=dict)
    """By number, in order."""
    last: int = 0
    """Every fan-out up to this one is known, or was let go of."""
    more: bool = True
    """Whether there may be others after `last`."""

    def unopened(self, bucket: Bucket) -> Iterator[FanOut]:
        """Give what a bucket has not opened yet, in order."""
        head = self.heads.get(bucket) or 0
        for n, fan_out in self.known.items():
            if n > head:
                yield fan_out

    def behind(self) -> bool:
        """Say whether a bucket has something to open, or its head to move."""
        return any((head or 0) < self.last for head in self.heads.values())

    def let_go(self) -> None:
        """Forget the fan-outs that every bucket is past."""
        lowest = min((head or 0 for head in self.heads.values()), default=self.last)
        walked = {n for _, n in self.walks}
        for n in [n for n in self.known if n <= lowest and n not in walked]:
            del self.known[n]


class FanOuts:
    """What one worker knows of the changes on their way in its buckets."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._desks: dict[WorkspaceId, _Desk] = {}
        self._heard: set[WorkspaceId] = set()
        """Workspaces whose catalogue has changed, or may have."""
        self._owned: frozenset[Bucket] = frozenset()
        self._turn = 0

    def hear(self, workspace: WorkspaceId) -> None:
        """Take note that a workspace's catalogue has changed."""
        self._heard.add(workspace)

    def forget(self) -> None:
        """Read everything again: somebody else moved a head or a walk, or what was given out was not committed."""
        self._heard |= self._desks.keys()
        self._desks.clear()

    def waiting(self, resting: Collection[WorkspaceId]) -> bool:
        """Say whether there is something to fetch at once."""
        return any(workspace not in resting for workspace in (*self._heard, *self._desks))

    async def sweep(self, owned: frozenset[Bucket]) -> None:
        """Look for what a notice missed: after a start, a taken-over bucket, a lost connection."""
        buckets = Int2s(sorted(owned))
        cursor = await self._connection.execute(_SWEEP, (buckets, buckets), binary=True)
        self._heard |= {row[0] for row in await cursor.fetchall()} - self._desks.keys()

    async def fetch(self, now: Millis, owned: frozenset[Bucket], resting: Collection[WorkspaceId], room: int) -> Telling:
        """Give up to `room` events, with the moves of heads and walks to commit beside what is decided about them."""
        if owned != self._owned:
            self.forget()
            self._owned = owned
        telling = Telling()
        if not owned or not self.waiting(resting):
            return telling
        for workspace in [workspace for workspace in self._heard if workspace not in resting]:
            await self._load(workspace)
        self._turn += 1
        desks = [(workspace, desk) for workspace, desk in self._desks.items() if workspace not in resting]
        turn = self._turn % max(1, len(desks))
        round_ = _Round(now, room, telling)
        for workspace, desk in desks[turn:] + desks[:turn]:
            if desk.more and not desk.behind():
                await self._load_next(workspace, desk)
            await self._read(workspace, desk, round_)
            desk.let_go()
            if not (desk.more or desk.walks or desk.behind()):
                del self._desks[workspace]
        return telling

    async def _load(self, workspace: WorkspaceId) -> None:
        self._heard.discard(workspace)
        desk = self._desks.get(workspace)
        if desk is not None:
            desk.more = True
            await self._load_next(workspace, desk)
            return
        connection, buckets = self._connection, Int2s(sorted(self._owned))
        async with connection.pipeline():
            heads = await connection.execute(_HEADS, (buckets, workspace), binary=True)
            cursors = await connection.execute(_CURSORS, (buckets, workspace), binary=True)
            stored: dict[Bucket, int] = dict(await heads.fetchall())
            walks = {(bucket, n): (rank, customer) for bucket, n, rank, customer in await cursors.fetchall()}
        desk = _Desk(heads={bucket: stored.get(bucket) for bucket in sorted(self._owned)}, walks=walks)
        desk.last = min(head or 0 for head in desk.heads.values())
        if walks:
            cursor = await connection.execute(_THESE, (workspace, Int8s({n for _, n in walks})), binary=True)
            desk.known = {row[0]: _fan_out(workspace, row) for row in sorted(await cursor.fetchall())}
        self._desks[workspace] = desk
        await self._load_next(workspace, desk)

    async def _load_next(self, workspace: WorkspaceId, desk: _Desk) -> None:
        """Learn of the next fan-outs; what a workspace has beyond them waits until these are opened everywhere."""
        if desk.behind() and len(desk.known) >= _LOADED_AT_ONCE:
            return
        connection = self._connection
        async with connection.pipeline():
            # The number first: whatever was given up to it is committed, so what is not found among the rows was let go of.
            last = await connection.execute(_LAST, (workspace,), binary=True)
            rows = await connection.execute(_NEXT, (workspace, desk.last, _LOADED_AT_ONCE), binary=True)
            newest = await last.fetchone()
            found = await rows.fetchall()
        # In order: some of them may be known by their walks already, and a head never moves past one that was not looked at.
        desk.known = dict(sorted((desk.known | {row[0]: _fan_out(workspace, row) for row in found}).items()))
        desk.more = len(found) == _LOADED_AT_ONCE
        beyond = found[-1][0] if found else desk.last
        desk.last = beyond if desk.more else max(beyond, newest[0] if newest else 0)

    async def _read(self, workspace: WorkspaceId, desk: _Desk, round_: _Round) -> None:
        """Open what is new and walk on with what is open, as far as there is room."""
        opening = _to_open(desk, round_, self._turn)
        walking = _to_walk(workspace, desk, round_)
        probes = opening + walking
        if probes and round_.room:
            # Fresh changes may take two thirds, so that neither a small one waits behind a big one nor many small ones stop a big one.
            each = max(1, round_.room // max(1, min(len(probes), _WALKED_AT_ONCE)))
            rows = await self._watchers(probes, each)
            walk_rows = {place: rows.get(place, []) for place in range(len(opening), len(probes))}
            kept_back = round_.room // 3 if any(walk_rows.values()) else 0
            round_.room -= kept_back
            blocked = _open(desk, round_, opening, rows, each)
            round_.room += kept_back
            _walk(desk, round_, walking, list(walk_rows.values()), each)
        else:
            blocked = {probe.bucket: probe.fan_out.n for probe in reversed(opening)}
        _move_heads(workspace, desk, round_, opening, blocked)

    async def _watchers(self, probes: list[_Probe], each: int) -> dict[int, list[Place]]:
        places = [probe.place or BEFORE_ALL for probe in probes]
        parameters = (
            Int4s(range(len(probes))), Int2s(p.bucket for p in probes), Int4s(p.fan_out.workspace for p in probes),
            Int8s(p.fan_out.item for p in probes), Int2s(rank for rank, _ in places), Int8s(customer for _, customer in places), each,
        )  # fmt: skip
        found: dict[int, list[Place]] = {}
        for place, rank, customer in await (await self._connection.execute(_WATCHERS, parameters, binary=True)).fetchall():
            found.setdefault(place, []).append((rank, customer))
        return found


@dataclass(slots=True)
class _Round:
    """One fetch: what is still to be had of it, and what it gives."""

    now: Millis
    room: int
    telling: Telling

    def tell(self, probe: _Probe, rows: list[Place], each: int) -> Place | None:
        """Take as many of the next watchers as there is room for. Gives where the walk stands then; None: it is at its end."""
        taken = rows[: self.room]
        self.room -= len(taken)
        fan_out = probe.fan_out
        if taken:
            versions = self.telling.versions
            versions[fan_out.workspace] = max(versions.get(fan_out.workspace, 0), fan_out.version)
            self.telling.events += [told(fan_out, CustomerKey(probe.bucket, fan_out.workspace, customer)) for _, customer in taken]
        return None if len(taken) == len(rows) < each else taken[-1]


def _to_open(desk: _Desk, round_: _Round, turn: int) -> list[_Probe]:
    """Choose what to open: of each bucket its next ones in order, the buckets in turn; what has expired is passed over."""
    if len(desk.walks) > _MOST_WALKS:
        return []
    buckets = sorted(desk.heads)
    start = turn * 7 % max(1, len(buckets))
    each = max(1, max(_OPENED_AT_ONCE, 4 * round_.room) // max(1, len(buckets)))
    probes: list[_Probe] = []
    for bucket in buckets[start:] + buckets[:start]:
        alive = (fan_out for fan_out in desk.unopened(bucket) if fan_out.expires_at > round_.now)
        probes += [_Probe(bucket, fan_out, None) for fan_out in islice(alive, each)]
    return probes


def _to_walk(workspace: WorkspaceId, desk: _Desk, round_: _Round) -> list[_Probe]:
    """Choose whose turn it is to walk on; what has expired, or is gone, ends here."""
    probes: list[_Probe] = []
    for (bucket, n), place in list(desk.walks.items()):
        fan_out = desk.known.get(n)
        if fan_out is None or fan_out.expires_at <= round_.now:
            del desk.walks[bucket, n]
            round_.telling.walks.append(WalkMove(bucket, workspace, n, place, None))
        elif len(probes) < _WALKED_AT_ONCE:
            probes.append(_Probe(bucket, fan_out, place))
    return probes


def _open(desk: _Desk, round_: _Round, opening: list[_Probe], rows: dict[int, list[Place]], each: int) -> dict[Bucket, int]:
    """Open what there was room for; gives for each bucket the first that there was none for."""
    blocked: dict[Bucket, int] = {}
    for number, probe in enumerate(opening):
        found = rows.get(number, [])
        n = probe.fan_out.n
        if probe.bucket in blocked or (found and not round_.room):
            blocked.setdefault(probe.bucket, n)
            continue
        place = round_.tell(probe, found, each)
        if place is not None:
            desk.walks[probe.bucket, n] = place
            round_.telling.walks.append(WalkMove(probe.bucket, probe.fan_out.workspace, n, None, place))
    return blocked


def _walk(desk: _Desk, round_: _Round, walking: list[_Probe], rows: list[list[Place]], each: int) -> None:
    for probe, found in zip(walking, rows, strict=True):
        if found and not round_.room:
            continue
        fan_out = probe.fan_out
        place = round_.tell(probe, found, each)
        round_.telling.walks.append(WalkMove(probe.bucket, fan_out.workspace, fan_out.n, probe.place, place))
        del desk.walks[probe.bucket, fan_out.n]
        if place is not None:
            # To the end: the others have their turn first.
            desk.walks[probe.bucket, fan_out.n] = place


def _move_heads(workspace: WorkspaceId, desk: _Desk, round_: _Round, opening: list[_Probe], blocked: dict[Bucket, int]) -> None:
    """Move each bucket's head to the last one before the first that is still to be opened there."""
    opened = {(probe.bucket, probe.fan_out.n) for probe in opening}
    for bucket, head in desk.heads.items():
        reached = desk.last
        for fan_out in desk.unopened(bucket):
            if fan_out.expires_at > round_.now and (fan_out.n == blocked.get(bucket) or (bucket, fan_out.n) not in opened):
                reached = fan_out.n - 1
                break
        if reached > (head or 0):
            round_.telling.heads.append(HeadMove(bucket, workspace, head, reached))
            desk.heads[bucket] = reached


def _fan_out(workspace: WorkspaceId, row: tuple[Any, ...]) -> FanOut:
    n, item, id_, name, body, at, expires_at = row
    return FanOut(workspace=workspace, n=n, item=item, id=id_, name=name, body=body, at=at, expires_at=expires_at, version=version_of(body))
