"""Who is told when the catalogue changes: a change walks through those who watch the item, strongest first, bucket by bucket.

A fan-out is one change on its way to the watchers of one item. In each bucket it is opened once (the bucket's head moves past its number)
and walked from place to place; heads and places move by compare-and-set in the commit that decides about the watchers they passed, so each
watcher is reached once, whoever dies. What a watcher gets is an event like any other, except that it is none of their doing.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import msgspec

from oportuno.events.event import CATALOGUE_LANE, Call, Event, Source
from oportuno.kit.ids import Bucket, CustomerKey, WorkspaceId, derive
from oportuno.kit.times import Millis

Place: TypeAlias = tuple[int, int]
"""(rank, customer): the last watcher told. Rank 0 is the strongest."""

BEFORE_ALL: Final[Place] = (-1, 0)
"""The place before the first watcher."""
RANKS: Final = 5
"""Ranks run from 0 up to this, exclusive."""

FAN_OUT_NEWS: Final = "oportuno_fanout"
"""Channel of the notices that a fan-out was stored; the payload is its workspace."""


class WatchChange(NamedTuple):
    """A customer begins (`old` None), ends (`new` None) or changes the strength of watching an item."""

    key: CustomerKey
    item: int
    old: int | None
    new: int | None


class FanOut(msgspec.Struct, frozen=True, kw_only=True):
    """One change of the catalogue on its way to those who watch one item. Numbers grow in the order of commits."""

    workspace: WorkspaceId
    n: int
    item: int
    id: bytes
    """Of the change: the fan-outs of one change to several items have the same, so that who watches two of them is told once."""
    name: str
    """Of the event that the watchers get."""
    body: bytes
    """That event's JSON, as a track call."""
    at: Millis
    expires_at: Millis
    """Who is not reached by then is not told any more."""
    version: int = 0
    """Of the catalogue that this change made: nobody is told on older facts."""


class HeadMove(NamedTuple):
    """In a bucket every fan-out up to `new` is opened. `old` None: none was before, and there is no row yet."""

    bucket: Bucket
    workspace: WorkspaceId
    old: int | None
    new: int


class WalkMove(NamedTuple):
    """A fan-out's walk through a bucket goes on: `old` None begins it (no row yet), `new` None ends it (no row stays)."""

    bucket: Bucket
    workspace: WorkspaceId
    n: int
    old: Place | None
    new: Place | None


class Telling(msgspec.Struct, kw_only=True):
    """The part of a batch that comes from the catalogue."""

    events: list[Event] = []
    walks: list[WalkMove] = []
    heads: list[HeadMove] = []
    versions: dict[WorkspaceId, int] = {}
    """The newest version of each workspace's catalogue that these events come from."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not (self.events or self.walks or self.heads)


class _Properties(msgspec.Struct, frozen=True):
    product_id: str = ""
    version: int = 0


class _Body(msgspec.Struct):
    properties: _Properties = _Properties()


_BODY: Final = msgspec.json.Decoder(_Body)


def version_of(body: bytes) -> int:
    """Say which version of the catalogue a change made."""
    return _BODY.decode(body).properties.version


def product_of(body: bytes) -> str:
    """Say which product changed."""
    return _BODY.decode(body).properties.product_id


def told(fan_out: FanOut, key: CustomerKey) -> Event:
    """Make the event that one watcher gets. It speaks however late it is reached: what is too old the fan-out's expiry leaves out."""
    h = derive(fan_out.id, key.workspace, key.customer)
    return Event(
        key=key,
        lane=CATALOGUE_LANE,
        seq=int.from_bytes(h[:8], "big") >> 1,
        h=h,
        source=Source.LIVE,
        call=Call.TRACK,
        name=fan_out.name,
        at=fan_out.at,
        received=fan_out.at,
        body=fan_out.body,
    )
