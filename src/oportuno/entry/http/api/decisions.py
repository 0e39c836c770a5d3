"""What the workspace decides, as it happens, and why each message was said or held back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from oportuno.content.because import because_line, because_points, not_used
from oportuno.entry.http.api.door import Caller, Cursor, FrontHere, Limit, cut, read_cursor, write_cursor
from oportuno.entry.http.api.shapes import (
    CUSTOMER,
    MESSAGE,
    DecisionPage,
    MessageShape,
    WhyShape,
    message_shape,
    tally_shapes,
    verdict_shape,
)
from oportuno.flows.reads import MessageRecord, spot_of
from oportuno.flows.why import why
from oportuno.flows.work import Decision
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import read_id, write_id
from oportuno.kit.times import DAY, HOUR, to_text

router = APIRouter(prefix="/api/v1", tags=["decisions"])

MessageId = Annotated[str, Path(description="A message's or proposal's id: `msg_…`.", max_length=64)]


@router.get("/decisions")
async def decisions(
    front: FrontHere,
    who: Caller,
    limit: Limit = 50,
    cursor: Cursor = None,
    hours: Annotated[int, Query(ge=1, le=24 * 30, description="The tallies count this many hours back.")] = 24,
) -> DecisionPage:
    """Give the latest verdicts of the workspace, and how often each outcome and refusal occurred."""
    now = await front.reads.now()
    since = max(now - hours * HOUR, now - 30 * DAY)
    page, last = cut(await front.reads.decisions(who.workspace, before=read_cursor(cursor), limit=limit + 1), limit)
    return DecisionPage(
        now=to_text(now),
        since=to_text(since),
        items=[verdict_shape(each) for each in page],
        tallies=tally_shapes(await front.reads.tallies(who.workspace, since=since)),
        next=write_cursor(spot_of(last)) if last else None,
    )


@router.get("/messages/{message}")
async def message(front: FrontHere, who: Caller, message: MessageId) -> MessageShape:
    """Give one message and what became of it."""
    record = await front.reads.message(who.workspace, read_id(MESSAGE, message))
    if record is None:
        raise NotFound("message_unknown", "there is no such message in this workspace")
    return message_shape(record)


@router.get("/messages/{message}/why")
async def explain(front: FrontHere, who: Caller, message: MessageId) -> WhyShape:
    """Explain a message, or a silence, from what is stored: the evidence, and every verdict on it."""
    found = await why(who.workspace, read_id(MESSAGE, message), reads=front.reads)
    zone = found.zone or (await front.programmes.programme(who.workspace)).policy.timezone
    return why_shape(found.record, found.verdicts, now=await front.reads.now(), zone=zone)


def why_shape(record: MessageRecord | None, verdicts: list[Decision], *, now: int, zone: str) -> WhyShape:
    """Show an explanation, its days and hours by the clock of `zone`."""
    said = record.message.said if record else verdicts[0].verdict.proposal
    key = record.message.key if record else verdicts[0].key
    languages = ("es", "en")
    return WhyShape(
        message=write_id(MESSAGE, said.id),
        customer=write_id(CUSTOMER, key.customer),
        said=message_shape(record) if record else None,
        sentence={language: because_line(said.because, language, now=now, zone=zone) for language in languages},
        points={language: because_points(said.because, language, now=now, zone=zone) for language in languages},
        not_used={language: not_used(said.because, language) for language in languages},
        verdicts=[verdict_shape(each) for each in verdicts],
    )
