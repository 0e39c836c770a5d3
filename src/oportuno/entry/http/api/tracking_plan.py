"""What did not fit the tracking plan, for whoever mends the plan or the sender."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from oportuno.entry.http.api.door import Caller, FrontHere, Limit
from oportuno.entry.http.api.shapes import Shape
from oportuno.events.plan import Violation, sentence_of
from oportuno.flows.tracking_plan import Times
from oportuno.kit.times import to_text

router = APIRouter(prefix="/api/v1/tracking-plan", tags=["tracking plan"])


class ViolationShape(Shape):
    """One way in which events did not fit, and how often."""

    event: str
    path: str = Field(description="Where: `products[].price`; empty for the event as a whole.")
    rule: str = Field(description="The keyword of the schema, or `unknown_event`.")
    expected: str = Field(description="What was expected, in the schema's words.")
    sentences: dict[str, str] = Field(description="In English (`en`) and Spanish (`es`).")
    times: int
    blocked: int = Field(description="How many of these events became rejects.")
    first_at: str
    last_at: str
    example: str = Field(
        description="One that shows it: a reject (`rej_…`), else the sender's message id; empty when that may name somebody."
    )


class ViolationList(Shape):
    """What did not fit in the last 30 days, the latest first."""

    items: list[ViolationShape]


@router.get("/violations")
async def violations(front: FrontHere, who: Caller, limit: Limit = 100) -> ViolationList:
    """Give what did not fit the tracking plan in the last 30 days. Values that were sent are never shown."""
    listed = await front.plans.violations(who.workspace, limit=limit)
    return ViolationList(items=[_shape(violation, times) for violation, times in listed])


def _shape(violation: Violation, times: Times) -> ViolationShape:
    return ViolationShape(
        event=violation.event,
        path=violation.path,
        rule=violation.rule,
        expected=violation.expected,
        sentences={language: sentence_of(violation, language) for language in ("en", "es")},
        times=times.times,
        blocked=times.blocked,
        first_at=to_text(times.first_at),
        last_at=to_text(times.last_at),
        example=times.example,
    )
