"""The twin of the event log's writer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oportuno.adapters.memory.crossed import MergeRow
from oportuno.events.event import Event, Source, Trust
from oportuno.flows.crossing import IDS_OF_ONE, Alias, Asked, Merge, Reason, merge_id
from oportuno.flows.ports import Sighting
from oportuno.kit.ids import derive, key_of, mint_customer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oportuno.adapters.memory.ground import Ground
    from oportuno.flows.ports import Arrival, LaneClass, Reject
    from oportuno.kit.ids import CustomerId, WorkspaceId


def source_class(source: Source) -> int:
    """Give the class in which an id is remembered: a live event told again too late is the same event."""
    return Source.LIVE if source is Source.LATE else source


_SHARED: Final = "\0shared"
"""Claims a device that several users share: no user id is this."""


class MemoryIntake:
    """One ingester: the only writer of its two lanes, one for each class."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._lanes: dict[LaneClass, int] = {}
        self._last_seq = 0
        self.ids_of_one = IDS_OF_ONE
        self.disk_used = 0.0
        """Share of the disk in use, set by hand."""

    async def resolve(self, sightings: Sequence[Sighting], asked: Asked = Asked()) -> list[CustomerId]:  # noqa: B008 - a value
        """Name the customer of each sighting, minting new ones."""
        await self._ground.pause("intake.resolve")
        # Those that tell a device's user first: the same device seen alone beside them is then known.
        named = {s: self._resolve_one(s, asked) for s in sorted(dict.fromkeys(sightings), key=lambda s: not (s.user and s.anonymous))}
        return [named[sighting] for sighting in sightings]

    async def store(self, arrivals: Sequence[Arrival], rejects: Sequence[Reject], lane: LaneClass) -> int:
        """Commit events and rejects together, dropping ids seen before; gives how many events were new."""
        await self._ground.pause("intake.store")
        new = self.write(arrivals, rejects, lane)
        await self._ground.pause("intake.stored")
        return new

    def write(self, arrivals: Sequence[Arrival], rejects: Sequence[Reject], lane: LaneClass) -> int:
        """Write at once, without a pause between."""
        ground = self._ground
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

    async def alias(self, alias: Alias, asked: Asked) -> str:
        """Say that a former id is a customer's; gives why not, or an empty text."""
        await self._ground.pause("intake.alias")
        identities, workspace = self._ground.tables.identities, alias.workspace
        winner = self._resolve_one(Sighting(workspace, alias.user, "" if alias.user else alias.anonymous), asked)
        as_device, as_user = (workspace, "anonymous", alias.previous), (workspace, "user", alias.previous)
        if as_device not in identities and as_user not in identities:
            return "" if self._attach(as_device, winner, alias.user) else "ids_too_many"
        if asked.trust is not Trust.SECRET and as_user in identities:
            return "alias_of_known"
        loser = identities[as_device] if as_device in identities else identities[as_user]
        if loser == winner:
            return ""
        if asked.trust is Trust.SECRET:
            self._ask(workspace, loser, winner, Reason.ALIAS, asked, alias.h)
            return ""
        claimant = alias.user or alias.anonymous
        self._claim_and_ask(as_device, loser, winner, claimant, (Reason.ALIAS, asked))
        return "" if self._claims.get((workspace, alias.previous), claimant) == claimant else "alias_of_known"

    @property
    def _claims(self) -> dict[tuple[WorkspaceId, str], str]:
        return self._ground.tables.crossed.claims

    def _resolve_one(self, sighting: Sighting, asked: Asked) -> CustomerId:
        identities, workspace = self._ground.tables.identities, sighting.workspace
        user = (workspace, "user", sighting.user)
        device = (workspace, "anonymous", sighting.anonymous)
        if not (sighting.user and sighting.anonymous):
            name = user if sighting.user else device
            if name not in identities:
                identities[name] = self._mint()
            return identities[name]
        if user in identities:
            customer = identities[user]
            if device not in identities:
                return self._attach(device, customer, sighting.user)
            if identities[device] != customer:
                self._claim_and_ask(device, identities[device], customer, sighting.user, (Reason.IDENTIFY, asked))
                self._share(device, sighting.user)
            return customer
        if device not in identities:
            identities[device] = self._mint()
            self._claims[workspace, sighting.anonymous] = sighting.user
        if self._claims.setdefault((workspace, sighting.anonymous), sighting.user) == sighting.user:
            identities[user] = identities[device]
        else:
            self._share(device, sighting.user)
            identities[user] = self._mint()
        return identities[user]

    def _share(self, device: tuple[WorkspaceId, str, str], user: str) -> None:
        """Note that a second user named a device: what comes from it without a user id is no longer taken for the first one's."""
        place = (device[0], device[2])
        if self._claims.get(place, user) not in {user, _SHARED}:
            self._claims[place] = _SHARED
            self._ground.tables.identities[device] = self._mint()

    def _mint(self) -> CustomerId:
        self._ground.minted += 1
        return mint_customer(derive("customer", self._ground.minted))

    def _attach(self, name: tuple[WorkspaceId, str, str], customer: CustomerId, claimed_by: str) -> CustomerId:
        """Give a customer one more id; 0 when they have as many as one may have."""
        identities = self._ground.tables.identities
        if sum((each[0], owner) == (name[0], customer) for each, owner in identities.items()) >= self.ids_of_one:
            return 0
        identities[name] = customer
        if claimed_by:
            self._claims[name[0], name[2]] = claimed_by
        return customer

    def _claim_and_ask(
        self, device: tuple[WorkspaceId, str, str], loser: CustomerId, winner: CustomerId, claimant: str, why: tuple[Reason, Asked]
    ) -> None:
        workspace, _, value = device
        name = merge_id(key_of(workspace, loser), key_of(workspace, winner))
        if (workspace, name) in self._ground.tables.crossed.merges or self._claims.get((workspace, value), claimant) != claimant:
            return
        self._claims[workspace, value] = claimant
        self._ask(workspace, loser, winner, *why)

    def _ask(self, workspace: WorkspaceId, loser: CustomerId, winner: CustomerId, reason: Reason, asked: Asked, *besides: bytes) -> None:
        keys = key_of(workspace, loser), key_of(workspace, winner)
        name = merge_id(*keys, *besides)
        merge = Merge(
            id=name, loser=keys[0], winner=keys[1], reason=reason, asked_by=asked.key_id, trust=asked.trust, asked_at=self._ground.clock.now
        )
        self._ground.tables.crossed.merges.setdefault((workspace, name), MergeRow(merge))
