"""What a journey's send becomes when there is something to say."""

from __future__ import annotations

from oportuno.journeys.journey import Send
from oportuno.kit.ids import dated
from oportuno.kit.times import Millis, day_of
from oportuno.moments.proposal import Proposal
from oportuno.moments.seen import Evidence


def proposed(send: Send, evidence: Evidence, *, of: bytes, journey: str, version: int, at: Millis, made_at: Millis) -> Proposal:
    """Make the proposal of a send that is due at a moment, from its evidence; `of` tells it from every other."""
    return Proposal(
        id=dated(day_of(at), of),
        journey=journey,
        version=version,
        step=send.id,
        template=send.message,
        channel=send.channel,
        purpose=send.purpose,
        topic=send.topic,
        items=evidence.items,
        because=evidence.because,
        expires_at=at + send.expires,
        cost=send.cost,
        context=evidence.context,
        made_at=made_at,
        worth=send.worth * evidence.weight,
    )
