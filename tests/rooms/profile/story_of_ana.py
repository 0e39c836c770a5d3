"""What Ana does at Tienda Norte, told in short."""

from __future__ import annotations

import json
from typing import Any

from oportuno.events.event import Call, Event, Source, Trust
from oportuno.kit.ids import derive, key_of
from oportuno.kit.times import MINUTE, Millis
from oportuno.profile.draft import Draft
from oportuno.profile.fold import Folded, fold
from oportuno.profile.purposes import Purpose

MORNING: Millis = 1_795_250_000_000
_SERVICE = frozenset({Purpose.SERVICE})


class Ana:
    """A customer to whom things happen; keeps the draft and what the last fold noticed."""

    def __init__(self, *purposes: Purpose) -> None:
        self.draft = Draft(key_of(1, 4711))
        self.draft.granted = _SERVICE | set(purposes)
        self.noticed = Folded()
        self._count = 0

    def tells(self, body: Any, *, name: str = "", at: Millis = 0, call: Call = Call.TRACK, arrives: Millis | None = None) -> Folded:
        """Fold a whole call, given as what its JSON says or as bytes; `at` and `arrives` count from the morning."""
        self._count += 1
        event = Event(
            key=self.draft.key,
            lane=1,
            seq=self._count,
            h=derive("told", name, at, str(body)),
            source=Source.LIVE,
            call=call,
            name=name,
            at=MORNING + at,
            received=MORNING + (at + 400 if arrives is None else arrives),
            body=body if isinstance(body, bytes) else json.dumps(body).encode(),
            trust=Trust.SECRET,
        )
        self.noticed = fold(self.draft, event)
        return self.noticed

    def does(self, name: str, /, *, minute: float = 0, **properties: Any) -> Folded:
        """Fold a track call with these properties."""
        return self.tells({"userId": "ana", "event": name, "properties": properties}, name=name, at=round(minute * MINUTE))

    def says(self, *, minute: float = 0, **traits: Any) -> Folded:
        """Fold an identify call with these traits."""
        return self.tells({"userId": "ana", "traits": traits}, at=round(minute * MINUTE), call=Call.IDENTIFY)
