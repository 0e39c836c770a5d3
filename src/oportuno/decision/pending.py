"""Proposals that wait to be decided again, and what was lately said."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from oportuno.kit.times import Millis
from oportuno.moments.proposal import Proposal
from oportuno.profile.draft import Section


class Held(msgspec.Struct, kw_only=True, array_like=True, omit_defaults=True):
    """A proposal that waits."""

    proposal: Proposal
    """Without what is gathered anew when it is decided again."""
    retry_at: Millis
    refusal: str = ""
    """Why it waits: the last verdict on it. A further one is given only when this changes."""


class Pending(Section):
    """What waits to be decided again, and the ids of what was said in the last 30 days. Service data."""

    title: ClassVar[str] = "pending"

    held: list[Held] = []
    said: list[tuple[bytes, Millis]] = []
    """(proposal id, when), oldest first, at most 30: the same is not said twice. The outbox's key is the second fence."""

    def shed(self) -> str:
        """Let go of the oldest id of what was said. What waits is let go of only by a verdict, in `decide`."""
        if not self.said:
            return ""
        del self.said[0]
        return "pending.said"
