"""What comes for a customer who is one with another is sent on to whoever stands for them; what comes under an id that was parted, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from oportuno.events.event import Event
from oportuno.flows.crossing import post_event, winner_of
from oportuno.flows.work import Status, Stored, Writes
from oportuno.kit.ids import key_of
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft
from oportuno.profile.parting import PARTED, Parted

GONE: Final = frozenset({Status.MERGING, Status.FORWARDED})
"""Statuses of a row that only says who stands for its customer now."""


def forward(writes: Writes, stored: Stored, events: Sequence[Event], now: Millis) -> bool:
    """Send on what came for a customer who is one with another; says whether they are. News of the catalogue is not for them.

    With what is sent on, the identity of each event and its place in the log stay the same.
    """
    if stored.status not in GONE:
        return False
    winner = winner_of(stored.key, stored.state)
    writes.crossing.posts += [post_event(event, winner, now) for event in events if not event.of_catalogue]
    return True


def send_back(writes: Writes, stored: Stored, events: list[Event], now: Millis) -> list[Event]:
    """Send on what came under an id that was parted from this customer; gives what is their own."""
    if PARTED not in stored.state:
        return events
    parted = Draft(stored.key, stored.state).read(Parted)
    own = []
    for event in events:
        owner = None if event.of_catalogue else parted.owner(*ids_in(event))
        if owner is None:
            own.append(event)
        else:
            writes.crossing.posts.append(post_event(event, key_of(stored.key.workspace, owner), now))
    return own


class _Named(msgspec.Struct):
    userId: str | int | None = None  # noqa: N815 - Segment's spelling
    anonymousId: str | int | None = None  # noqa: N815 - Segment's spelling


_NAMED: Final = msgspec.json.Decoder(_Named)


def ids_in(event: Event) -> tuple[str, str]:
    """Give the user id and the anonymous id that an event names, empty where it names none."""
    try:
        named = _NAMED.decode(event.body)
    except (msgspec.DecodeError, RecursionError):
        return "", ""
    return ("" if named.userId is None else str(named.userId)), ("" if named.anonymousId is None else str(named.anonymousId))
