"""Who asked to be forgotten, and how far that is."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import Field

from oportuno.entry.http.api.door import Caller, Cursor, FrontHere, Limit, cut, read_cursor, write_cursor
from oportuno.entry.http.api.shapes import CUSTOMER, Shape, moment
from oportuno.flows.forget import Erasure
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import key_of, read_customer, write_id
from oportuno.kit.times import to_text

router = APIRouter(prefix="/api/v1/erasures", tags=["erasures"])


ErasedId = Annotated[str, Path(description="The customer's own id (`cus_…`): the only one that is left of them.", max_length=40)]


class ErasureShape(Shape):
    """Somebody who asked to be forgotten. Nothing here says who it was."""

    customer: str
    status: Literal["pending", "done"] = Field(
        description="pending: nothing is said any more and nothing can be read; the log is still being emptied. done: nothing is stored."
    )
    asked_at: str
    done_at: str | None


class ErasurePage(Shape):
    """A page of a list."""

    items: list[ErasureShape]
    next: str | None = Field(description="Send it as `cursor` for the next page; null: that was all.")


@router.get("")
async def erasures(front: FrontHere, who: Caller, limit: Limit = 50, cursor: Cursor = None) -> ErasurePage:
    """Give the workspace's erasures, the latest asked for first."""
    page, last = cut(await front.erasures.erasures(who.workspace, before=read_cursor(cursor), limit=limit + 1), limit)
    return ErasurePage(items=[_shown(each) for each in page], next=write_cursor(last.spot) if last else None)


@router.get("/{erased}")
async def erasure(front: FrontHere, who: Caller, erased: ErasedId) -> ErasureShape:
    """Say how far one erasure is."""
    found = await front.erasures.erasure(key_of(who.workspace, read_customer(erased)))
    if found is None:
        raise NotFound("erasure_unknown", "nobody with this id asked to be forgotten here")
    return _shown(found)


def _shown(erasure: Erasure) -> ErasureShape:
    return ErasureShape(
        customer=write_id(CUSTOMER, erasure.key.customer),
        status="pending" if erasure.done_at is None else "done",
        asked_at=to_text(erasure.asked_at),
        done_at=moment(erasure.done_at),
    )
