"""The twin of the event log's writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oportuno.events.event import Event, Source
from oportuno.kit.ids import derive, mint_customer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oportuno.adapters.memory.ground import Ground
    from oportuno.flows.ports import Arrival, LaneClass, Reject, Sighting
    from oportuno.kit.ids import CustomerId, WorkspaceId


def source_class(source: Source) -> int:
    """Give the class in which an id is remembered: a live event told again too late is the same event."""
    return Source.LIVE if source is Source.LATE else source


class MemoryIntake:
    """One ingester: the only writer of its two lanes, one for each class."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._lanes: dict[LaneClass, int] = {}
        self._last_seq = 0
        self.disk_used = 0.0
        """Share of the disk in use, set by hand."""

    async def resolve(self, sightings: Sequence[Sighting]) -> list[CustomerId]:
        """Name the customer of each sighting, minting new ones."""
        await self._ground.pause("intake.resolve")
        # Those that tell a device's user first: the same device seen alone beside them is then known.
        named = {s: self._resolve_one(s) for s in sorted(dict.fromkeys(sightings), key=lambda s: not (s.user and s.anonymous))}
        return [named[sighting] for sighting in sightings]

    async def store(self, arrivals: Sequence[Arrival], rejects: Sequence[Reject], lane: LaneClass) -> int:
        """Commit events and rejects together, dropping ids seen before; gives how many events were new."""
        ground = self._ground
        await ground.pause("intake.store")
        number = self._lane(lane)
        new = 0
        for arrival in arrivals:
            if self._seen(arrival):
                continue
            self._last_seq = max(self._last_seq + 1, ground.clock.now * 1000)
            key = arrival.key
            ground.tables.events.setdefault((key.bucket, key.workspace, number), []).append(
                Event(
                    key=key,
                    lane=number,
                    seq=self._last_seq,
                    h=arrival.h,
                    source=arrival.source,
                    call=arrival.call,
                    name=arrival.name,
                    at=arrival.at,
                    received=arrival.received,
                    body=arrival.body,
                    trust=arrival.trust,
                )
            )
            new += 1
        ground.tables.rejects.extend(rejects)
        await ground.pause("intake.stored")
        return new

    async def backlog(self, workspace: WorkspaceId) -> int:
        """Say how many stored events of the workspace wait."""
        await self._ground.pause("intake.backlog")
        tables = self._ground.tables
        return sum(1 for channel in tables.events if channel[1] == workspace for _ in tables.unread(channel))

    async def fullness(self) -> float:
        """Say what the test laid down."""
        await self._ground.pause("intake.fullness")
        return self.disk_used

    def _lane(self, lane: LaneClass) -> int:
        number = self._lanes.get(lane)
        if number is None:
            number = self._lanes[lane] = len(self._ground.tables.lanes) + 1
            self._ground.tables.lanes[number] = lane
        return number

    def _seen(self, arrival: Arrival) -> bool:
        seen, kind, workspace = self._ground.tables.seen, source_class(arrival.source), arrival.key.workspace
        mark = (arrival.day, workspace, kind, arrival.h)
        if mark in seen or (arrival.also_day is not None and (arrival.also_day, workspace, kind, arrival.h) in seen):
            return True
        seen.add(mark)
        return False

    def _resolve_one(self, sighting: Sighting) -> CustomerId:
        identities, workspace = self._ground.tables.identities, sighting.workspace
        user = (workspace, "user", sighting.user)
        anonymous = (workspace, "anonymous", sighting.anonymous)
        known_user = identities.get(user) if sighting.user else None
        known_anonymous = identities.get(anonymous) if sighting.anonymous else None
        if known_user is not None:
            customer = known_user
        elif known_anonymous is not None and not (sighting.user and self._claimed(workspace, known_anonymous)):
            customer = known_anonymous
        else:
            self._ground.minted += 1
            customer = mint_customer(derive("customer", self._ground.minted))
        if sighting.user:
            identities.setdefault(user, customer)
        if sighting.anonymous:
            identities.setdefault(anonymous, customer)
        return customer

    def _claimed(self, workspace: WorkspaceId, customer: CustomerId) -> bool:
        return any(
            owner == customer and space == workspace and kind == "user"
            for (space, kind, _), owner in self._ground.tables.identities.items()
        )
