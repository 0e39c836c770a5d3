"""What was decided on a proposal, always with reasons."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from oportuno.consent.refusals import Reason
from oportuno.content.message import Message
from oportuno.kit.times import Millis
from oportuno.moments.proposal import Proposal
from oportuno.moments.sending import NOTICE


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


def without_words(proposal: Proposal) -> Proposal:
    """Leave out what a program gave to be said: the message keeps it, and what was decided on it is explained without it."""
    return msgspec.structs.replace(proposal, context={}) if proposal.because.kind == NOTICE else proposal


def verdict_on(message: Message, reason: Reason, *, at: Millis, retry_at: Millis | None = None) -> Verdict:
    """Give the verdict that a message which had been spoken waits (until `retry_at`) or falls silent after all."""
    said = message.said
    words = {name: getattr(said, name) for name in said.__struct_fields__}
    return Verdict(
        proposal=without_words(Proposal(**words, made_at=message.permitted_at)),
        decided=Decided.SILENCE if retry_at is None else Decided.WAIT,
        reasons=(reason,),
        at=at,
        retry_at=retry_at,
    )
