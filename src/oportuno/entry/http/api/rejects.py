"""What was acknowledged and could not become an event: visible, kept, replayable."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path
from pydantic import Field

from oportuno.entry.http.api.door import Caller, Cursor, FrontHere, Limit, cut, read_cursor, write_cursor
from oportuno.entry.http.api.hooks import ear_of
from oportuno.entry.http.api.shapes import REJECT, RejectPage, Shape, reject_shape
from oportuno.flows.hooks import PLACE, hear_again
from oportuno.flows.take_in import take_in_again
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import read_id

router = APIRouter(prefix="/api/v1", tags=["rejects"])


class MendedShape(Shape):
    """The item as it should have been sent."""

    item: dict[str, Any] = Field(description="A whole call. Without a messageId of its own it is known by the reject's id.")


class ReplayShape(Shape):
    """What became of a reject that was read again."""

    stored: int
    """1: it is an event now. 0: it was one already, or still cannot be read."""
    code: str
    sentence: str


@router.get("/rejects")
async def rejects(front: FrontHere, who: Caller, limit: Limit = 50, cursor: Cursor = None) -> RejectPage:
    """Give the items that could not become events, newest first. They are kept for 30 days."""
    page, last = cut(await front.reads.rejects(who.workspace, before=read_cursor(cursor), limit=limit + 1), limit)
    return RejectPage(items=[reject_shape(each) for each in page], next=write_cursor(last.spot) if last else None)


@router.post("/rejects/{reject}/replay")
async def replay(
    front: FrontHere,
    who: Caller,
    reject: Annotated[str, Path(description="A reject's id: `rej_…`.", max_length=64)],
    mended: Annotated[MendedShape | None, Body(description="Without it the item is read as it was sent.")] = None,
) -> ReplayShape:
    """Read a reject again, mended or as it was, as old news: it folds the profile and starts nothing. Twice stores one event."""
    found = await front.reads.reject(who.workspace, read_id(REJECT, reject))
    if found is None:
        raise NotFound("reject_unknown", "there is no such reject in this workspace")
    if mended is not None and found.replayed:
        return ReplayShape(stored=0, code="", sentence="")
    now = await front.reads.now()
    if mended is None and found.reject.place.startswith(f"{PLACE} "):
        taken = await hear_again(found.reject, ear_of(front), now)
    else:
        taken = await take_in_again(
            found.reject,
            intake=front.intake,
            digest_key=front.digest_key,
            now=now,
            plans=front.plans,
            mended=json.dumps(mended.item).encode() if mended is not None else b"",
        )
    if taken.rejects:
        return ReplayShape(stored=0, code=taken.rejects[0].code, sentence=taken.rejects[0].sentence)
    await front.rejects.mark_replayed(who.workspace, [found.reject.id])
    return ReplayShape(stored=taken.stored, code="", sentence="")
