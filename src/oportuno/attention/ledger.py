"""One rolling limit over all channels: reserve, confirm, release.

Speak reserves; the claim confirms at hand-off time; refused for good, expiry and cancel release. The ledger sits in the customer's
state, under the customer's lock, so no interleaving can exceed a limit: there is nothing to count and then insert.
"""

from __future__ import annotations

from typing import ClassVar, Final

import msgspec

from oportuno.kit.times import Millis
from oportuno.profile.draft import Section

RESERVED_AT_MOST: Final = 40
"""Reservations that may stand at one time, whatever the limits allow: each has to be kept as it is until it lapses or is made."""
UNANSWERED_AT_MOST: Final = 12
_ID_BYTES: Final = 8


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """At most so many touches in a rolling window, over every channel."""

    at_most: int
    per: Millis


class Touch(msgspec.Struct, array_like=True):
    """A contact that counts: made (`made`), or reserved and not yet made."""

    id: bytes
    at: Millis
    """When it was handed off; for a reservation, when it was reserved."""
    channel: str
    cost: int = 1
    made: bool = False
    until: Millis = 0
    """A reservation's own expiry; 0 once made."""
    items: tuple[str, ...] = ()
    """What the reserved message is about, so that a purchase gives its place back; empty once made."""
    service: bool = False
    """It promotes nothing: it takes room in the limits, and none in the customer's cadence."""
    worth: int = 0
    """Of a reservation: what the message is expected to be worth, in thousandths, so that a better one may take its place; 0 once made."""


class Attention(Section):
    """Touches and reservations of the longest window. Service data."""

    title: ClassVar[str] = "attention"

    touches: list[Touch] = []
    complained: Millis = 0
    """When they last called a message of ours spam; 0: never."""
    unanswered: list[tuple[Millis, bytes]] = []
    """When we last spoke to sell, with the first bytes of the message's id, as long as that was neither answered nor ignored."""
    worn: int = 0
    """How many messages they let pass, less their answers (`easing`)."""
    spoken_at: Millis = 0
    """When we last spoke to sell; 0: never."""

    def shed(self) -> str:
        """Forget what a reservation is about (its place then comes back at its expiry only); else count the two oldest touches as one.

        The one is made when the later was: both count at least as long as they would have.
        """
        for touch in self.touches:
            if touch.items:
                touch.items = ()
                return "attention.items"
        made = sorted((touch for touch in self.touches if touch.made), key=lambda touch: (touch.at, touch.id), reverse=True)
        if len(made) <= 1:
            return ""
        older, newer = made[-1], made[-2]
        newer.cost += older.cost
        newer.service = newer.service and older.service
        self.touches.remove(older)
        return "attention.touches"


def room_from(attention: Attention, limits: tuple[Limit, ...], now: Millis, *, cost: int = 1, besides: bytes = b"") -> Millis | None:
    """Say from when on a touch of this cost may fit every limit: `now` when it fits already, None when it never will.

    A live reservation counts in every window, however long ago it was made, because its touch may be made at any moment until it lapses.
    A later moment than `now` is the earliest at which asking again makes sense, not a promise. `besides` names a reservation that does not
    count, because it is the asker's own.
    """
    earliest = now
    reserved = [t.until for t in attention.touches if not t.made and t.until > now and t.id != besides]
    if len(reserved) >= RESERVED_AT_MOST:
        earliest = max(earliest, min(reserved))
    for limit in limits:
        if cost > limit.at_most:
            return None
        since = now - limit.per
        counted = [t for t in attention.touches if (t.at > since if t.made else t.until > now) and t.id != besides]
        over = sum([touch.cost for touch in counted]) + cost - limit.at_most
        if over > 0:
            for free_at, freed in sorted((t.at + limit.per if t.made else t.until, t.cost) for t in counted):
                over -= freed
                if over <= 0:
                    earliest = max(earliest, free_at)
                    break
    return earliest


def next_at_cadence(attention: Attention, cadence: Limit, now: Millis, *, besides: bytes = b"") -> Millis:
    """Say from when on one more marketing message keeps to the customer's cadence: `now` when it does already.

    Every marketing touch counts, over all channels, and so does a place that is reserved. `besides` is as in `room_from`.
    """
    since = now - cadence.per
    counted = [t for t in attention.touches if not t.service and t.id != besides and (t.at > since if t.made else t.until > now)]
    over = sum(touch.cost if touch.made else 1 for touch in counted) + 1 - cadence.at_most
    for free_at, freed in sorted((t.at + cadence.per, t.cost) if t.made else (t.until, 1) for t in counted):
        if over <= 0:
            break
        over -= freed
        now = max(now, free_at)
    return now


def reserve(
    attention: Attention,
    *,
    id: bytes,  # noqa: A002 - the field's own word
    channel: str,
    now: Millis,
    until: Millis,
    cost: int = 1,
    items: tuple[str, ...] = (),
    service: bool = False,
    worth: float = 0.0,
) -> None:
    """Hold a place for one touch, after `room_from` said that it fits. Reserving the same id again only moves its expiry."""
    for touch in attention.touches:
        if touch.id == id:
            if not touch.made:
                touch.until = max(touch.until, until)
            return
    worth_now = _thousandths(worth)
    attention.touches.append(Touch(id=id, at=now, channel=channel, cost=cost, until=until, items=items, service=service, worth=worth_now))


def weaker(attention: Attention, *, worth: float, now: Millis) -> list[Touch]:
    """Give the reservations that something of this worth may take over, the weakest first.

    Only what promotes, nobody has claimed yet (the claim makes it, under the same lock), and is worth less.
    """
    found = [t for t in attention.touches if not t.made and not t.service and t.until > now and t.worth < _thousandths(worth)]
    return sorted(found, key=lambda touch: (touch.worth, -touch.at, touch.id))


def _thousandths(worth: float) -> int:
    return round(worth * 1000)


def confirm(
    attention: Attention,
    *,
    id: bytes,  # noqa: A002 - the field's own word
    channel: str,
    now: Millis,
    cost: int = 1,
    service: bool = False,
) -> None:
    """Turn a reservation into a touch made now. A reservation that had lapsed counts all the same: we spoke."""
    if not service:
        attention.unanswered = [*attention.unanswered, (now, id[:_ID_BYTES])][-UNANSWERED_AT_MOST:]
        attention.spoken_at = max(attention.spoken_at, now)
    for touch in attention.touches:
        if touch.id == id:
            touch.made, touch.at, touch.until, touch.items, touch.worth = True, now, 0, (), 0
            return
    attention.touches.append(Touch(id=id, at=now, channel=channel, cost=cost, made=True, service=service))


def release(attention: Attention, *, id: bytes) -> None:  # noqa: A002 - the field's own word
    """Give back a reservation, or take back a touch that certainly did not happen."""
    if attention.unanswered:
        attention.unanswered = [each for each in attention.unanswered if each[1] != id[:_ID_BYTES]]
    attention.touches = [touch for touch in attention.touches if touch.id != id]


def release_about(attention: Attention, items: tuple[str, ...]) -> bool:
    """Give back the reservations of messages about any of these items, which are being cancelled; says whether there were any.

    A reservation not yet made is a message that nobody claimed: the claim makes it, under the same lock.
    """
    kept = [touch for touch in attention.touches if touch.made or set(items).isdisjoint(touch.items)]
    found = len(kept) < len(attention.touches)
    if found:
        attention.touches = kept
    return found


def forget_old(attention: Attention, *, now: Millis, longest: Millis) -> None:
    """Drop what no window can count any more."""
    attention.touches = [
        touch for touch in attention.touches if (touch.made and touch.at > now - longest) or (not touch.made and touch.until > now)
    ]
