"""The twin of the engine's feed: what waits in the buckets a worker owns, filled by class, round-robin over workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oportuno.adapters.doubt import StoreClock
from oportuno.adapters.memory.fanout import anything_to_tell, tell
from oportuno.adapters.timers import in_turn
from oportuno.flows.ports import Fetched, LaneClass
from oportuno.flows.work import OffsetMove
from oportuno.kit.times import MINUTE, SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oportuno.adapters.memory.ground import Ground
    from oportuno.adapters.memory.tables import Channel
    from oportuno.events.event import Event
    from oportuno.kit.ids import Bucket, CustomerKey, WorkspaceId
    from oportuno.kit.times import Millis

_TIMER_SHARE: Final = 0.15
_BULK_SHARE: Final = 0.05
_TOLD_SHARE: Final = 0.2
_GIVEN_UP: Final[Millis] = 5 * MINUTE
_LEFT: Final[Millis] = 5 * SECOND


class MemoryFeed:
    """One worker's view. Two workers may own the same bucket: the offset's compare-and-set makes that harmless."""

    def __init__(self, ground: Ground, buckets: frozenset[int]) -> None:
        self._ground = ground
        self._buckets = buckets
        self._time = StoreClock()
        self._turn = 0
        self._given_up: dict[Bucket, Millis] = {}
        self._left: dict[WorkspaceId, Millis] = {}
        """Until when, by the monotonic clock."""

    async def fetch(self, limit: int) -> Fetched:
        """Give up to `limit` happenings, at once, perhaps none. Reads only."""
        ground = self._ground
        await ground.pause("feed.fetch")
        now, trusted = self._clock()
        due = in_turn(self._due(now), limit)
        live, bulk = self._channels(LaneClass.LIVE), self._channels(LaneClass.BULK)
        self._turn += 1
        room = max(1, int(limit * _TOLD_SHARE)) if live or bulk or due else limit
        telling = tell(ground.tables, self._mine(), self._resting(), now=now, room=room, turn=self._turn)
        limit -= len(telling.events)
        timers = due[: max(1, int(limit * _TIMER_SHARE))]
        events = self._round_robin(live, limit - len(timers) - (max(1, int(limit * _BULK_SHARE)) if bulk else 0))
        events += self._round_robin(bulk, limit - len(timers) - len(events))
        timers = due[: limit - len(events)]
        fetched = Fetched(now=now, clock_trusted=trusted, events=events, due=timers, offsets=self._offsets(events), telling=telling)
        await ground.pause("feed.fetched")
        return fetched

    def again(self, fetched: Fetched) -> None:
        """Nothing to do: the twin looks everything over at each fetch."""

    def decided(self, now: Millis) -> None:
        """Say by which time a batch was decided."""
        self._time.decided(now)
        self._ground.tables.decided.update(dict.fromkeys(self._mine(), self._time.latest))

    def give_up(self, bucket: Bucket, section: str) -> None:  # noqa: ARG002 - the port's word; the twin has no health page
        """Leave a bucket to others for some minutes."""
        self._given_up[bucket] = self._ground.clock.elapsed + _GIVEN_UP

    def leave(self, workspace: WorkspaceId) -> None:
        """Leave a workspace's events and timers where they are for some seconds."""
        self._left[workspace] = self._ground.clock.elapsed + _LEFT

    def _mine(self) -> frozenset[Bucket]:
        elapsed = self._ground.clock.elapsed
        return self._buckets.difference(bucket for bucket, until in self._given_up.items() if until > elapsed)

    def _resting(self) -> frozenset[WorkspaceId]:
        elapsed = self._ground.clock.elapsed
        return frozenset(workspace for workspace, until in self._left.items() if until > elapsed)

    async def wait(self, most: float) -> None:
        """Return when something may have come, or after `most` seconds."""
        ground = self._ground
        await ground.pause("feed.wait")
        told = anything_to_tell(ground.tables, self._mine(), self._resting())
        if not (self._due(ground.clock.now) or self._channels(LaneClass.LIVE) or self._channels(LaneClass.BULK) or told):
            await ground.clock.sleep(most)

    def _due(self, now: Millis) -> list[tuple[CustomerKey, Millis]]:
        mine, resting = self._mine(), self._resting()
        return [
            (key, row.due_at)
            for key, row in self._ground.tables.customers.items()
            if row.due_at is not None and row.due_at <= now and key.bucket in mine and key.workspace not in resting
        ]

    def _channels(self, lane: LaneClass) -> list[Channel]:
        tables, mine, resting = self._ground.tables, self._mine(), self._resting()
        return sorted(
            channel
            for channel, rows in tables.events.items()
            if channel[0] in mine
            and channel[1] not in resting
            and tables.lanes[channel[2]] is lane
            and rows
            and rows[-1].seq > tables.offsets.get(channel, 0)
        )

    def _round_robin(self, channels: Sequence[Channel], limit: int) -> list[Event]:
        """Take one event of each workspace in turn; within a channel the order of seq is kept."""
        tables = self._ground.tables
        turns = {workspace: [tables.unread(c) for c in channels if c[1] == workspace] for workspace in sorted({c[1] for c in channels})}
        order = list(turns)
        order = order[self._turn % len(order) :] + order[: self._turn % len(order)] if order else []
        taken: list[Event] = []
        while order and len(taken) < limit:
            workspace = order.pop(0)
            runs = turns[workspace]
            event = next(runs[0], None)
            if event is not None:
                taken.append(event)
            else:
                runs.pop(0)
            if runs:
                order.append(workspace)
        return taken

    def _offsets(self, events: Sequence[Event]) -> list[OffsetMove]:
        last: dict[Channel, int] = {}
        for event in events:
            last[event.key.bucket, event.key.workspace, event.lane] = event.seq
        offsets = self._ground.tables.offsets
        return [OffsetMove(*channel, offsets.get(channel, 0), seq) for channel, seq in sorted(last.items())]

    def _clock(self) -> tuple[Millis, bool]:
        """Give the batch's time, never earlier than the last one's, and whether to trust it."""
        for bucket in self._buckets:
            self._time.decided(self._ground.tables.decided.get(bucket, 0))
        return self._time.read(self._ground.clock.now, self._ground.clock.elapsed), self._time.trusted
