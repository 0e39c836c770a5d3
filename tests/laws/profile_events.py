"""Events of Tienda Norte for the laws of the profile, and a customer who lives through them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from oportuno.events.event import Call, Event, Source, Trust
from oportuno.kit.ids import derive, key_of
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft
from oportuno.profile.fold import fold
from oportuno.profile.purposes import Purpose

ANA = key_of(1, 4711)
MORNING: Millis = 1_795_250_000_000
"""A morning of November 2026."""
ALL_PURPOSES = frozenset(Purpose)
SERVICE_ONLY = frozenset({Purpose.SERVICE})


def happened(name: str, at: Millis, number: int = 0, *, call: Call = Call.TRACK, **parts: Any) -> Event:
    """Something that Ana did `at` milliseconds after the morning began; `parts` are those of a Segment call."""
    told = {"type": call.name.lower(), "event": name, "userId": "ana", **parts}
    return Event(
        key=ANA,
        lane=1,
        seq=number,
        h=derive("event", name, at, number),
        source=Source.LIVE,
        call=call,
        name=name,
        at=MORNING + at,
        received=MORNING + at + 400,
        body=json.dumps(told).encode(),
        trust=Trust.SECRET,
    )


def live_through(events: Iterable[Event], granted: frozenset[Purpose] = ALL_PURPOSES, state: bytes = b"") -> bytes:
    """Fold events one by one, each on the stored bytes that the one before left; give the last."""
    for event in events:
        draft = Draft(ANA, state)
        draft.granted = granted
        fold(draft, event)
        state = draft.encode()
    return state
