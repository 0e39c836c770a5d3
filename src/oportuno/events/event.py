"""One event as it is stored and as the engine reads it."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import msgspec

from oportuno.kit.ids import CustomerKey
from oportuno.kit.times import MINUTE, Millis


class Source(IntEnum):
    """How an event came in. Only live events may start a journey, a moment or a timer."""

    LIVE = 0
    LATE = 1
    IMPORT = 2
    REPLAY = 3
    TEST = 4


class Call(IntEnum):
    """Which Segment call brought the event."""

    TRACK = 0
    IDENTIFY = 1
    PAGE = 2
    SCREEN = 3
    GROUP = 4
    ALIAS = 5


class Trust(IntEnum):
    """Who vouches for what an event says of a person. More is more."""

    PUBLIC = 0
    """A write key, public by nature: whoever reads the page's source can say this."""
    SIGNED = 1
    """The write key, with a token in which the shop's server signed who this is."""
    SECRET = 2
    """A secret key of a server."""


FRESHNESS: Final[Millis] = 15 * MINUTE
"""An event older than this when it arrives is late: it folds the profile and starts nothing."""
LATENESS: Final[Millis] = 10 * MINUTE
"""Up to this much out of order, the profile comes out the same."""

_TRUSTS: Final = tuple(Trust)
_CALLS: Final = tuple(Call)


def pack_call(call: Call, trust: Trust) -> int:
    """Write the call and who vouches for it as one small number: the call in the lower four bits."""
    return call | trust << 4


def unpack_call(packed: int) -> tuple[Call, Trust]:
    """Read back what `pack_call` wrote. What was stored before there was trust reads as public."""
    return _CALLS[packed & 15], _TRUSTS[packed >> 4]


CATALOGUE_LANE: Final = 2**31 - 1
"""The lane of events that no client sent: the catalogue changed, and this customer watches what changed. No writer ever gets it."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to one customer."""

    key: CustomerKey
    """Whom it concerns."""
    lane: int
    """The writer that stored it."""
    seq: int
    """Its place in that writer's order; only grows."""
    h: bytes
    """Sixteen bytes of keyed BLAKE2b of the client's message id: the event's identity."""
    source: Source
    call: Call
    name: str
    """Event name for track, page or screen name, empty for identify."""
    at: Millis
    """When it happened, corrected for the client's clock."""
    received: Millis
    """When it arrived, by the server's clock."""
    body: bytes
    """The call as the client sent it: one JSON object, already checked to decode."""
    trust: Trust = Trust.PUBLIC

    @property
    def speaks(self) -> bool:
        """Whether this event may start something: only fresh live ones may. Old news never speaks."""
        return self.source is Source.LIVE or self.source is Source.TEST

    @property
    def of_catalogue(self) -> bool:
        """Whether it is a change of the catalogue that the customer watches, and nothing the customer did."""
        return self.lane == CATALOGUE_LANE
