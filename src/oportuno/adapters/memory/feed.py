"""The twin of the engine's feed: what waits in the buckets a worker owns, filled by class, round-robin over workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oportuno.flows.ports import Fetched, LaneClass
from oportuno.flows.work import OffsetMove
from oportuno.kit.times import MINUTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oportuno.adapters.memory.ground import Ground
    from oportuno.adapters.memory.tables import Channel
    from oportuno.events.event import Event
    from oportuno.kit.ids import CustomerKey
    from oportuno.kit.times import Millis

_TIMER_SHARE: Final = 0.15
_BULK_SHARE: Final = 0.05
_FORWARD_JUMP: Final[Millis] = 5 * MINUTE


class MemoryFeed:
    """One worker's view. Two workers may own the same bucket: the offset's compare-and-set makes that harmless."""

    def __init__(self, ground: Ground, buckets: frozenset[int]) -> None:
        self._ground = ground
        self._buckets = buckets
        self._seen_at: tuple[Millis, Millis] | None = None
        self._latest: Millis = 0
        self._unsure_until: Millis = 0
        self._turn = 0

    async def fetch(self, limit: int) -> Fetched:
        """Give up to `limit` happenings, at once, perhaps none. Reads only."""
        ground = self._ground
        await ground.pause("feed.fetch")
        now, trusted = self._clock()
        due = sorted(self._due(now))
        live, bulk = self._channels(LaneClass.LIVE), self._channels(LaneClass.BULK)
        self._turn += 1
        timers = due[: max(1, int(limit * _TIMER_SHARE))]
        events = self._round_robin(live, limit - len(timers) - (max(1, int(limit * _BULK_SHARE)) if bulk else 0))
        events += self._round_robin(bulk, limit - len(timers) - len(events))
        timers = due[: limit - len(events)]
        fetched = Fetched(now=now, clock_trusted=trusted, events=events, due=timers, offsets=self._offsets(events))
        await ground.pause("feed.fetched")
        return fetched

    def again(self, fetched: Fetched) -> None:
        """Nothing to do: the twin looks everything over at each fetch."""

    async def wait(self, most: float) -> None:
        """Return when something may have come, or after `most` seconds."""
        ground = self._ground
        await ground.pause("feed.wait")
        if not (self._due(ground.clock.now) or self._channels(LaneClass.LIVE) or self._channels(LaneClass.BULK)):
            await ground.clock.sleep(most)

    def _due(self, now: Millis) -> list[tuple[CustomerKey, Millis]]:
        return [
            (key, row.due_at)
            for key, row in self._ground.tables.customers.items()
            if row.due_at is not None and row.due_at <= now and key.bucket in self._buckets
        ]

    def _channels(self, lane: LaneClass) -> list[Channel]:
        tables = self._ground.tables
        return sorted(
            channel
            for channel, rows in tables.events.items()
            if channel[0] in self._buckets and tables.lanes[channel[2]] is lane and rows and rows[-1].seq > tables.offsets.get(channel, 0)
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
        """Give the batch's time, never earlier than the last one's, and whether to trust it.

        It is doubted while it stands behind what this worker saw, and for five minutes after it leapt ahead.
        """
        now, elapsed = self._ground.clock.now, self._ground.clock.elapsed
        if self._seen_at is not None and (now - self._seen_at[0]) - (elapsed - self._seen_at[1]) > _FORWARD_JUMP:
            self._unsure_until = elapsed + _FORWARD_JUMP
        self._seen_at = (now, elapsed)
        behind = now < self._latest
        self._latest = max(self._latest, now)
        return self._latest, not behind and elapsed >= self._unsure_until
