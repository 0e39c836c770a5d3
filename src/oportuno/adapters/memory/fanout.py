"""The twin of watches and fan-outs: who watches what, and how far each change of the catalogue was told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oportuno.flows.fan_out import BEFORE_ALL, RANKS, HeadMove, Telling, WalkMove, told
from oportuno.flows.work import Moved
from oportuno.kit.ids import CustomerKey

if TYPE_CHECKING:
    from collections.abc import Collection

    from oportuno.adapters.memory.tables import Tables
    from oportuno.flows.fan_out import FanOut, Place, WatchChange
    from oportuno.flows.work import Writes
    from oportuno.kit.ids import Bucket, WorkspaceId
    from oportuno.kit.times import Millis

_PARTS = 4
"""One walk takes no more than this part of the room, so that others have their turn beside it."""


def tell(tables: Tables, buckets: Collection[Bucket], resting: Collection[WorkspaceId], *, now: Millis, room: int, turn: int) -> Telling:
    """Give up to `room` events of changes on their way in these buckets, and the moves to commit beside them."""
    telling = Telling()
    walks = [walk for walk in sorted(tables.walks.items()) if walk[0][0] in buckets and walk[0][1] not in resting]
    by_number = {(fan_out.workspace, fan_out.n): fan_out for fan_out in tables.fan_outs}
    for bucket in sorted(buckets):
        for workspace in sorted({fan_out.workspace for fan_out in tables.fan_outs} - set(resting)):
            head = tables.heads.get((bucket, workspace))
            reached = head or 0
            for fan_out in sorted(tables.fan_outs, key=_number):
                if fan_out.workspace != workspace or fan_out.n <= reached:
                    continue
                if fan_out.expires_at > now and not _go_on(tables, telling, fan_out, bucket, place=None, room=room):
                    break
                reached = fan_out.n
            if reached > (head or 0):
                telling.heads.append(HeadMove(bucket, workspace, head, reached))
    start = turn % len(walks) if walks else 0
    for (bucket, workspace, n), place in walks[start:] + walks[:start]:
        fan_out_or_none = by_number.get((workspace, n))
        if fan_out_or_none is None or fan_out_or_none.expires_at <= now:
            telling.walks.append(WalkMove(bucket, workspace, n, place, None))
        else:
            _go_on(tables, telling, fan_out_or_none, bucket, place=place, room=room)
    return telling


def anything_to_tell(tables: Tables, buckets: Collection[Bucket], resting: Collection[WorkspaceId]) -> bool:
    """Say whether a change is on its way in these buckets."""
    return any(bucket in buckets and workspace not in resting for bucket, workspace, _ in tables.walks) or any(
        fan_out.workspace not in resting and fan_out.n > tables.heads.get((bucket, fan_out.workspace), 0)
        for fan_out in tables.fan_outs
        for bucket in buckets
    )


def check_walks(tables: Tables, writes: Writes) -> None:
    """Raise Moved unless every head and walk stands where it was read."""
    for head in writes.heads:
        if tables.heads.get((head.bucket, head.workspace)) != head.old:
            raise Moved("head_moved", "another worker has opened these fan-outs")
    for walk in writes.walks:
        if tables.walks.get(walk[:3]) != walk.old:
            raise Moved("walk_moved", "another worker has walked on")


def write_walks(tables: Tables, writes: Writes) -> None:
    """Move heads and walks on."""
    for head in writes.heads:
        tables.heads[head.bucket, head.workspace] = head.new
    for walk in writes.walks:
        if walk.new is None:
            tables.walks.pop(walk[:3], None)
        else:
            tables.walks[walk[:3]] = walk.new


def write_watches(tables: Tables, changes: Collection[WatchChange]) -> None:
    """Make the rows follow what customers care about; a row that a telling has yet to reach does not jump back over its place."""
    items = {(fan_out.workspace, fan_out.n): fan_out.item for fan_out in tables.fan_outs}
    for (bucket, workspace, customer), item, old, new in changes:
        if old is not None and new is not None:
            places = [place for (b, w, n), place in tables.walks.items() if (b, w) == (bucket, workspace) and items.get((w, n)) == item]
            stands = [(rank, customer) for rank in range(RANKS) if (bucket, workspace, item, rank, customer) in tables.watch]
            if any((new, customer) <= place < here for place in places for here in stands):
                continue
        if old is not None:
            tables.watch.difference_update((bucket, workspace, item, rank, customer) for rank in range(RANKS))
        if new is not None:
            tables.watch.add((bucket, workspace, item, new, customer))


def _go_on(tables: Tables, telling: Telling, fan_out: FanOut, bucket: Bucket, *, place: Place | None, room: int) -> bool:
    """Walk on with one fan-out; False when there are watchers and no room for any."""
    left = room - len(telling.events)
    after = place or BEFORE_ALL
    watchers = sorted(
        (rank, customer)
        for b, workspace, item, rank, customer in tables.watch
        if (b, workspace, item) == (bucket, fan_out.workspace, fan_out.item) and (rank, customer) > after
    )
    taken = watchers[: min(left, max(1, room // _PARTS))]
    if watchers and not taken:
        return False
    telling.events += [told(fan_out, CustomerKey(bucket, fan_out.workspace, customer)) for _, customer in taken]
    if taken:
        telling.versions[fan_out.workspace] = max(telling.versions.get(fan_out.workspace, 0), fan_out.version)
    end = None if len(taken) == len(watchers) else taken[-1]
    if place is not None or end is not None:
        telling.walks.append(WalkMove(bucket, fan_out.workspace, fan_out.n, place, end))
    return True


def _number(fan_out: FanOut) -> int:
    return fan_out.n
