"""Which changes of the catalogue a customer was told of lately: who watches what changed in two ways is told once."""

from __future__ import annotations

from typing import ClassVar, Final

from oportuno.events.event import Event
from oportuno.profile.draft import Draft, Section

_MOST: Final = 16
"""The two ways of one change come close together; what was heard longer ago the outbox's keys still keep from being said twice."""


class Heard(Section):
    """The last changes that reached a customer. Service data."""

    title: ClassVar[str] = "heard"

    changes: list[int] = []
    """48 bits of each event's identity, the latest last."""

    def shed(self) -> str:
        """Let go of the oldest."""
        if not self.changes:
            return ""
        del self.changes[0]
        return "heard.changes"


def hear(draft: Draft, event: Event) -> bool:
    """Note a change of the catalogue. Says whether it is news to this customer."""
    mark = int.from_bytes(event.h[:6], "big")
    if draft.has(Heard) and mark in draft.read(Heard).changes:
        return False
    heard = draft.open(Heard)
    heard.changes.append(mark)
    del heard.changes[:-_MOST]
    return True
