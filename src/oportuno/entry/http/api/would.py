"""Deciding for whoever asks: what would be said to a customer now, and why, or which silence. It changes nothing."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from oportuno.content.because import because_line
from oportuno.content.seen import zone_of_customer
from oportuno.decision.pending import Held
from oportuno.entry.http.api.door import Caller, FrontHere, find_customer
from oportuno.entry.http.api.shapes import CUSTOMER, LANGUAGES, Shape, VerdictShape, moment, verdict_shape
from oportuno.flows.work import Decision
from oportuno.flows.would_say import Asked, would_say
from oportuno.kit.ids import write_id
from oportuno.kit.times import to_text
from oportuno.profile.draft import Draft

router = APIRouter(prefix="/api/v1", tags=["decisions"])

_MOST_ITEMS = 20
Item = Annotated[str, Field(min_length=1, max_length=200)]


class DecideShape(Shape):
    """Whom it is about, and what is asked."""

    customer: Annotated[str, Field(min_length=1, max_length=200)] = Field(description="Any of the customer's ids.")
    journey: Annotated[str, Field(max_length=100)] | None = Field(
        default=None, description="What this journey would say if its first word were due now. None, and no items: whatever is due now."
    )
    items: list[Item] = Field(default_factory=list, max_length=_MOST_ITEMS, description="Only what is about one of these products.")


class HeldShape(Shape):
    """A proposal that waits in the customer's state."""

    journey: str
    step: str
    items: list[str]
    refusal: str = Field(description="Why it waits; empty: its time has not come.")
    retry_at: str


class WouldShape(Shape):
    """What would be said now, or not, and why. No message was made: the ids in it lead nowhere."""

    customer: str
    at: str
    decided: Literal["speak", "wait", "silence", "nothing"] = Field(description="The best of all; `nothing`: nothing is proposed now.")
    sentence: dict[str, str] = Field(description="Of what would be said: its because, by language; else empty.")
    verdicts: list[VerdictShape] = Field(description="The best first.")
    waiting: list[HeldShape] = Field(description="What would wait afterwards, what waits already included.")
    nothing_left: list[str] = Field(description="Journeys that were asked about and have nothing to speak about.")
    next_look_at: str | None = Field(description="When the engine will look at this customer again without a new event.")


@router.post("/decide")
async def decide_now(front: FrontHere, who: Caller, asked: DecideShape) -> WouldShape:
    """Say what would be said to this customer now and why, or which silence: the engine's own step, and nothing of it is kept.

    It is a POST because it carries a body, and changes nothing. A message that comes later is decided on the facts of then.
    """
    key, row = await find_customer(front, who, asked.customer)
    programme = await front.programmes.programme(who.workspace)
    found = await would_say(row, Asked(asked.journey or "", tuple(asked.items)), programme, front.facts, now=await front.reads.now())
    best = found.verdicts[0] if found.verdicts else None
    zone = (zone_of_customer(Draft(key, row.state, row.version)) if row is not None else None) or programme.policy.timezone
    says = best.proposal.because if best is not None and best.decided.value == "speak" else None
    return WouldShape(
        customer=write_id(CUSTOMER, key.customer),
        at=to_text(found.at),
        decided=best.decided.value if best is not None else "nothing",
        sentence={} if says is None else {language: because_line(says, language, now=found.at, zone=zone) for language in LANGUAGES},
        verdicts=[verdict_shape(Decision(key, verdict)) for verdict in found.verdicts],
        waiting=[_held_shape(held) for held in found.waiting],
        nothing_left=found.nothing_left,
        next_look_at=moment(row.due_at) if row is not None else None,
    )


def _held_shape(held: Held) -> HeldShape:
    proposal = held.proposal
    return HeldShape(
        journey=proposal.journey,
        step=proposal.step,
        items=list(proposal.items),
        refusal=held.refusal,
        retry_at=to_text(held.retry_at),
    )
