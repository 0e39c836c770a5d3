"""What was decided on a proposal, always with reasons."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from oportuno.consent.refusals import Reason
from oportuno.kit.times import Millis
from oportuno.moments.proposal import Proposal


class Decided(StrEnum):
    """The three things one can decide."""

    SPEAK = "speak"
    WAIT = "wait"
    SILENCE = "silence"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A decision on one proposal at one moment. A proposal that waits is decided again and gets a further verdict."""

    proposal: Proposal
    decided: Decided
    reasons: tuple[Reason, ...] = ()
    """Why not, or not yet; empty for Speak."""
    at: Millis
    """When it was decided: the engine's one clock."""
    retry_at: Millis | None = None
    """For Wait: when it is decided again."""
