"""What was heard of messages: bounces, complaints, answers, clicks; and what could not be matched or believed."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from oportuno.entry.http.api.door import Caller, Cursor, FrontHere, Limit, cut, read_cursor, write_cursor
from oportuno.entry.http.api.shapes import MESSAGE, Shape
from oportuno.flows.hear_back import HearingRecord
from oportuno.kit.ids import write_id
from oportuno.kit.times import to_text

HEARING = "hear"

router = APIRouter(prefix="/api/v1", tags=["hearings"])


class HearingShape(Shape):
    """A report of a message, as it is kept."""

    hearing: str
    what: str = Field(
        description="delivered, delayed, soft_bounce, hard_bounce, complaint, unsubscribed, reply, auto_reply, clicked or not_understood."
    )
    heard_as: str = Field(description="taken, unmatched (it belongs to no message that we know) or not_believed.")
    channel: str
    source: str = Field(description="Who told: dsn, arf, mail, click, or a provider's name.")
    proof: str = Field(description="signed, named or bare: how far it can be believed.")
    at: str = Field(description="When it happened, as far as is told.")
    heard_at: str
    message: str | None = Field(description="The message that it is about; null where it names none.")
    provider_ref: str = Field(description="The provider's own id of the message; empty where it names none.")
    status: str = Field(description="The enhanced status (RFC 3463); empty: none is told.")
    detail: str
    ours: bool = Field(description="False: nobody knows to which workspace it belongs, so it is shown to all, without what is personal.")
    address: str = Field(description="Only of an unmatched one of this workspace: the address that it names.")
    raw: str = Field(description="Only of an unmatched one of this workspace: what came, shortened.")


class HearingPage(Shape):
    """Reports, the latest heard first."""

    items: list[HearingShape]
    next: str | None = None


@router.get("/hearings")
async def hearings(
    front: FrontHere,
    who: Caller,
    unmatched: Annotated[
        Literal["ours", "nobodys"] | None,
        Query(description="What belongs to no message that we know, or was not believed: of this workspace, or of nobody knows which."),
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> HearingPage:
    """Give what was heard of the workspace's messages; with `unmatched` what changed nothing, which is kept for 30 days."""
    before = read_cursor(cursor)
    if unmatched is not None:
        found = await front.hearings.unmatched(0 if unmatched == "nobodys" else who.workspace, before=before, limit=limit + 1)
    else:
        found = await front.hearings.hearings(who.workspace, before=before, limit=limit + 1)
    page, last = cut(found, limit)
    return HearingPage(items=[hearing_shape(each) for each in page], next=write_cursor(last.spot) if last else None)


def hearing_shape(record: HearingRecord) -> HearingShape:
    """Show a report. Of one that may be another workspace's nothing personal is shown."""
    heard, ours = record.hearing, record.hearing.workspace != 0
    return HearingShape(
        hearing=write_id(HEARING, heard.id),
        what=heard.what.value,
        heard_as=record.heard_as.value,
        channel=heard.channel,
        source=heard.source,
        proof=heard.proof.value,
        at=to_text(heard.at),
        heard_at=to_text(record.heard_at),
        message=write_id(MESSAGE, heard.message) if ours and heard.message else None,
        provider_ref=heard.provider_ref if ours else "",
        status=heard.status,
        detail=heard.detail if ours else "",
        ours=ours,
        address=heard.address if ours else "",
        raw=heard.raw.decode(errors="replace") if ours else "",
    )
