"""The twin of what passes between customers: statuses, inboxes, the merge ledger, and ids that go over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from oportuno.adapters.memory.crossed import MergeRow
from oportuno.adapters.memory.tables import CustomerRow
from oportuno.flows.crossing import Joined, Kind, Merge, Offsets, Posted, Stage, unpack_event
from oportuno.flows.work import Moved, Status
from oportuno.kit.ids import key_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oportuno.adapters.memory.ground import Ground
    from oportuno.adapters.memory.tables import Tables
    from oportuno.events.event import Event
    from oportuno.flows.crossing import Crossing, MergeMove
    from oportuno.kit.ids import Bucket, CustomerKey, WorkspaceId
    from oportuno.kit.times import Millis

_DIGITS: Final = {"user": b"0", "anonymous": b"1"}
_OPEN: Final = frozenset({Stage.ASKED, Stage.EXPORTED, Stage.JOINED})
_GONE: Final = frozenset({Stage.EXPORTED, Stage.JOINED, Stage.DONE})


def mark(kind: str, value: str) -> bytes:
    """Give the mark of an id; the twin has nothing to hide."""
    return _DIGITS[kind] + value.encode()


def check_crossing(tables: Tables, crossing: Crossing) -> None:
    """Raise Moved unless everything stands as expected."""
    crossed = tables.crossed
    for turn in crossing.turns:
        row = tables.customers.get(turn.key)
        if (row.version if row else 0) != turn.base_version or (row is not None and row.status != turn.expect):
            raise Moved("status_moved", "the customer no longer stands where they were expected")
    for place in crossing.takes:
        if place not in crossed.inbox or crossed.inbox[place].kind is Kind.KEPT:
            raise Moved("inbox_moved", "somebody else took it")
    for keep in crossing.keeps:
        found = crossed.inbox.get((keep.key, keep.id))
        if found is None or found.kind is not Kind.EVENT:
            raise Moved("inbox_moved", "somebody else folded it")
    for move in crossing.merges:
        if crossed.merges[move.merge.loser.workspace, move.merge.id].merge.stage is not move.expect:
            raise Moved("merge_moved", "the merge stands elsewhere")


def apply_crossing(tables: Tables, crossing: Crossing) -> None:
    """Write everything; it was checked."""
    crossed = tables.crossed
    for turn in crossing.turns:
        row = tables.customers.setdefault(turn.key, CustomerRow())
        row.status, row.state, row.due_at = Status(turn.status), turn.state, None
        row.version += 1
    for place in crossing.takes:
        del crossed.inbox[place]
    for keep in crossing.keeps:
        crossed.inbox[keep.key, keep.id] = crossed.inbox[keep.key, keep.id]._replace(kind=Kind.KEPT)
        crossed.folded[keep.key, keep.id] = keep.version
    for posted in crossing.posts:
        crossed.inbox.setdefault((posted.key, posted.id), posted)
        if posted.kind is Kind.KEPT:
            crossed.folded[posted.key, posted.id] = posted.version
    for merge in crossing.id_returns:
        _bring_back(tables, merge)
    for move in crossing.merges:
        _move(crossed.merges[move.merge.loser.workspace, move.merge.id], move)
    for merge in crossing.id_moves:
        mine = [name for name, owner in tables.identities.items() if (name[0], owner) == (merge.loser.workspace, merge.loser.customer)]
        for name in mine:
            tables.identities[name] = merge.winner.customer
        crossed.merges[merge.loser.workspace, merge.id].moved = frozenset(mark(kind, value) for _, kind, value in mine)


def _move(row: MergeRow, move: MergeMove) -> None:
    changes: dict[str, object] = {"stage": move.stage, "refusal": move.refusal}
    if move.winner:
        changes["winner"] = key_of(row.merge.loser.workspace, move.winner)
    if move.stage is Stage.EXPORTED:
        row.loser_state = move.loser_state or b""
    if move.stage is Stage.JOINED:
        changes["joined_at"] = move.at
        row.winner_state, row.winner_version, row.winner_offsets = move.winner_state or b"", move.winner_version, move.winner_offsets
    if move.stage is Stage.UNDONE:
        changes["undone_at"] = move.at
        row.moved = None
    row.merge = msgspec.structs.replace(row.merge, **changes)


def _bring_back(tables: Tables, merge: Merge) -> None:
    crossed, workspace = tables.crossed, merge.loser.workspace
    marks = crossed.merges[workspace, merge.id].moved or frozenset()
    users = {name[2] for name in tables.identities if name[0] == workspace and name[1] == "user" and mark("user", name[2]) in marks}
    for name, owner in list(tables.identities.items()):
        if name[0] == workspace and owner == merge.winner.customer and mark(name[1], name[2]) in marks:
            tables.identities[name] = merge.loser.customer
            if name[1] == "anonymous" and crossed.claims.get((workspace, name[2])) not in users:
                crossed.claims.pop((workspace, name[2]), None)


class MemoryAcross:
    """The port Across over the shared rows."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def offsets(self, units: Sequence[tuple[Bucket, WorkspaceId]]) -> dict[tuple[Bucket, WorkspaceId], Offsets]:
        """Say how far these buckets are read."""
        await self._ground.pause("store.offsets")
        offsets = self._ground.tables.offsets
        return {
            unit: tuple(sorted((lane, seq) for (bucket, workspace, lane), seq in offsets.items() if (bucket, workspace) == unit))
            for unit in units
        }

    async def entries(self, snapshots: Sequence[Posted]) -> dict[bytes, Merge]:
        """Give the ledger's entries of these snapshots, by id."""
        await self._ground.pause("store.entries")
        merges = self._ground.tables.crossed.merges
        return {each.id: merges[each.key.workspace, each.id].merge for each in snapshots}

    async def receiving(self, losers: Sequence[CustomerKey]) -> frozenset[CustomerKey]:
        """Say who of them still receives ids."""
        await self._ground.pause("store.receiving")
        merges = (row.merge for row in self._ground.tables.crossed.merges.values())
        return frozenset(merge.winner for merge in merges if merge.stage is Stage.JOINED and merge.winner in losers)

    async def joined(self, workspace: WorkspaceId, id: bytes) -> Joined | None:  # noqa: A002 - the field's own word
        """Give a merge with what undoing it needs."""
        await self._ground.pause("store.joined")
        row = self._ground.tables.crossed.merges.get((workspace, id))
        if row is None or row.moved is None:
            return None
        return Joined(
            merge=row.merge,
            loser_state=row.loser_state,
            winner_state=row.winner_state,
            winner_version=row.winner_version,
            winner_offsets=row.winner_offsets,
            moved=row.moved,
        )

    async def folded_since(self, key: CustomerKey, after: Offsets, version: int, limit: int) -> list[Event]:
        """Give the events that a customer folded since."""
        await self._ground.pause("store.folded_since")
        tables, since = self._ground.tables, dict(after)
        log = [
            event
            for (bucket, workspace, lane), rows in sorted(tables.events.items())
            if (bucket, workspace) == key[:2]
            for event in rows
            if event.key == key and since.get(lane, 0) < event.seq <= tables.offsets.get((bucket, workspace, lane), 0)
        ]
        crossed = tables.crossed
        kept = [
            unpack_event(posted)
            for place, posted in sorted(crossed.inbox.items())
            if posted.key == key and posted.kind is Kind.KEPT and crossed.folded[place] > version
        ]
        return (log + kept)[: limit * 2]

    async def unfolded(self, key: CustomerKey) -> list[Posted]:
        """Give the events that still lie in a customer's inbox."""
        await self._ground.pause("store.unfolded")
        inbox = self._ground.tables.crossed.inbox
        return [posted for _, posted in sorted(inbox.items()) if posted.key == key and posted.kind is Kind.EVENT]


class MemoryCrossings:
    """The port Crossings over the shared rows."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def mark(self, workspace: WorkspaceId, kind: str, value: str) -> bytes:  # noqa: ARG002 - the port's signature
        """Give the mark of an id."""
        return mark(kind, value)

    async def open(self, buckets: frozenset[Bucket], limit: int) -> tuple[list[Merge], list[Posted]]:
        """Give what waits for its next step."""
        await self._ground.pause("crossings.open")
        crossed = self._ground.tables.crossed
        merges = [row.merge for _, row in sorted(crossed.merges.items()) if row.merge.stage in _OPEN and row.merge.loser.bucket in buckets]
        inbox = [posted for _, posted in sorted(crossed.inbox.items()) if posted.kind is not Kind.KEPT and posted.key.bucket in buckets]
        by_stage = [merge for stage in sorted(_OPEN) for merge in [each for each in merges if each.stage is stage][:limit]]
        return by_stage, sorted(inbox, key=lambda posted: posted.kind)[:limit]

    async def ask(self, merge: Merge) -> Merge:
        """Write a merge into the ledger."""
        await self._ground.pause("crossings.ask")
        return self._ground.tables.crossed.merges.setdefault((merge.loser.workspace, merge.id), MergeRow(merge)).merge

    async def merge(self, workspace: WorkspaceId, id: bytes) -> Merge | None:  # noqa: A002 - the field's own word
        """Give one entry of the ledger."""
        await self._ground.pause("crossings.merge")
        row = self._ground.tables.crossed.merges.get((workspace, id))
        return row.merge if row is not None else None

    async def merges(self, workspace: WorkspaceId, *, before: tuple[Millis, bytes] | None, limit: int) -> list[Merge]:
        """Give the workspace's merges, newest first."""
        await self._ground.pause("crossings.merges")
        found = [merge for merge in self._all(workspace) if before is None or (merge.asked_at, merge.id) < before]
        return found[:limit]

    async def family(self, key: CustomerKey) -> list[Merge]:
        """Give every merge of a customer and those they became, or were."""
        await self._ground.pause("crossings.family")
        kin, grown = {key}, True
        while grown:
            more = {
                other
                for merge in self._all(key.workspace)
                if merge.stage in _GONE and (merge.loser in kin or merge.winner in kin)
                for other in (merge.loser, merge.winner)
            }
            grown = not more <= kin
            kin |= more
        return [merge for merge in self._all(key.workspace) if merge.loser in kin or merge.winner in kin]

    async def ids(self, key: CustomerKey) -> int:
        """Count a customer's ids."""
        await self._ground.pause("crossings.ids")
        return sum((name[0], owner) == (key.workspace, key.customer) for name, owner in self._ground.tables.identities.items())

    def _all(self, workspace: WorkspaceId) -> list[Merge]:
        found = [row.merge for (space, _), row in self._ground.tables.crossed.merges.items() if space == workspace]
        return sorted(found, key=lambda merge: (merge.asked_at, merge.id), reverse=True)
