"""What failed in evaluation: events that were set aside, customers who raise whatever comes, and trying again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from oportuno.entry.http.api.door import Caller, FrontHere, Limit
from oportuno.entry.http.api.shapes import CUSTOMER, Shape
from oportuno.flows.reads import PoisonedCustomer, SetAside
from oportuno.flows.replay import replay_set_aside
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import read_id, write_id
from oportuno.kit.times import to_text

_EVENT = "aside"

router = APIRouter(prefix="/api/v1", tags=["set aside"])


class SetAsideShape(Shape):
    """An event whose evaluation failed: kept and shown, not applied until it is replayed."""

    id: str
    customer: str
    lane: int
    seq: int
    at: str
    fault: str
    replayed: bool


class SetAsidePage(Shape):
    """Events that were set aside, newest first."""

    items: list[SetAsideShape]


class PoisonedShape(Shape):
    """A customer whose state or timer raises whatever comes: their events are set aside until a release mends it."""

    customer: str
    fault: str
    since: str
    last_at: str
    times: int
    mended: bool = Field(description="The customer has gone on since; what was set aside can be replayed.")


class PoisonedPage(Shape):
    """Customers whose state or timer raised, the latest first."""

    items: list[PoisonedShape]


class ReplayedShape(Shape):
    """What became of an event that was replayed."""

    stored: int = Field(description="1: it waits to be evaluated. 0: it was replayed before.")


@router.get("/set-aside")
async def set_aside(front: FrontHere, who: Caller, limit: Limit = 50) -> SetAsidePage:
    """Give events whose evaluation failed. Each was set aside alone; the customer's other events went on."""
    return SetAsidePage(items=[_event(each) for each in await front.reads.set_aside(who.workspace, limit=limit)])


@router.get("/set-aside/customers")
async def customers(front: FrontHere, who: Caller, limit: Limit = 50) -> PoisonedPage:
    """Give customers whose state or timer raised, so that whatever came for them was set aside. They are tried again every hour."""
    return PoisonedPage(items=[_customer(each) for each in await front.reads.poisoned(who.workspace, limit=limit)])


@router.post("/set-aside/{event}/replay")
async def replay(
    front: FrontHere, who: Caller, event: Annotated[str, Path(description="Of an event that was set aside: `aside_…`.", max_length=64)]
) -> ReplayedShape:
    """Evaluate an event after all, as old news: it folds the profile and starts nothing. Doing it twice stores one event."""
    found = await front.reads.set_aside_event(who.workspace, read_id(_EVENT, event, size=12))
    if found is None:
        raise NotFound("set_aside_unknown", "no such event was set aside in this workspace")
    stored = await replay_set_aside(*found, intake=front.intake, rejects=front.rejects, now=await front.reads.now())
    return ReplayedShape(stored=stored)


def _event(each: SetAside) -> SetAsideShape:
    return SetAsideShape(
        id=write_id(_EVENT, each.id),
        customer=write_id(CUSTOMER, each.key.customer),
        lane=each.lane,
        seq=each.seq,
        at=to_text(each.at),
        fault=each.fault,
        replayed=each.replayed,
    )


def _customer(each: PoisonedCustomer) -> PoisonedShape:
    return PoisonedShape(
        customer=write_id(CUSTOMER, each.key.customer),
        fault=each.fault,
        since=to_text(each.since),
        last_at=to_text(each.last_at),
        times=each.times,
        mended=each.mended,
    )
