"""Where a customer stands in the journeys."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import msgspec

from oportuno.kit.times import Millis
from oportuno.profile.draft import Section

FINISHED: Final = "finished"
"""The walk came to its last step."""
HAPPENED: Final = "happened"
"""What it waited for came."""
GOAL_REACHED: Final = "goal_reached"
EXITED: Final = "exited"
NOTHING_LEFT: Final = "nothing_left"
"""There was nothing to speak about any more. Such a walk does not count for re-entry."""
LATE_EVENT: Final = "late_event"
"""What it waited for came as old news: the walk may not go on to speak, and must not take the other way as if nothing had come."""
MERGED: Final = "merged"
"""The customer was taken for another one, who walks their own journeys."""
STEP_VANISHED: Final = "step_vanished"
"""A newer version no longer has the step, or the journey is gone."""
SWITCHED_OFF: Final = "switched_off"
RESTORED: Final = "restored"
"""Its time was over before a backup was restored: it may have spoken already, in what was lost."""


class Walk(msgspec.Struct, kw_only=True, array_like=True, omit_defaults=True):
    """One walk through one version of a journey."""

    journey: str
    version: int
    step: str
    since: Millis
    """When it reached the step, or began anew to wait in it: a time of events, not of workers."""
    due: Millis
    """When the step's time is over."""
    started_at: Millis
    h: bytes
    """Identity of the event that started it."""
    event: str
    """Its name."""
    facts: dict[str, Any] = {}
    """Those properties of it that the journey's branches ask for."""
    round: int = 0
    """How often it went back to an earlier step."""


class Ended(msgspec.Struct, kw_only=True, array_like=True, omit_defaults=True):
    """The last end of a walk through a journey."""

    started_at: Millis
    at: Millis
    how: str
    closed: str = ""
    """``goal_reached`` or ``exited`` when that happened after the last step: what still waits to be said is dropped then."""


class Walks(Section):
    """The walks a customer is on, and when the last one of each journey ended. Service data."""

    title: ClassVar[str] = "walks"

    going: list[Walk] = []
    ended: dict[str, Ended] = {}
    """journey → its last end."""

    def shed(self) -> str:
        """Let go of the end that is longest ago. Walks that are going are never let go of."""
        if not self.ended:
            return ""
        del self.ended[min(self.ended, key=lambda journey: (self.ended[journey].at, journey))]
        return "walks.ended"
