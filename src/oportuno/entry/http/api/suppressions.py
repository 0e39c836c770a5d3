"""Addresses that are not written to, whoever their customer is: put on the list, looked for, and taken off with a reason."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.responses import StreamingResponse

from oportuno.adapters.files.form import FileForm
from oportuno.entry.http.api.door import Caller, Cursor, FrontHere, Limit, cut, read_cursor, write_cursor
from oportuno.entry.http.api.imports import RefusedShape, spooled
from oportuno.entry.http.api.shapes import Shape
from oportuno.entry.suppression_files import SUPPRESSION, ListAsked, bring_list, list_as_text
from oportuno.events.bring.rows import Line
from oportuno.flows.suppression_lists import take_back
from oportuno.flows.suppressions import ADDRESSES_AT_ONCE, Keeper, Suppression
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import read_id, write_id
from oportuno.kit.times import to_text
from oportuno.wiring import Front

router = APIRouter(prefix="/api/v1/suppressions", tags=["suppressions"])

_NAMED: Final = 1_000
_FILE: Final = {"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}}}

Word = Annotated[str, Field(max_length=200)]
Address = Annotated[str, Field(min_length=1, max_length=320, pattern=r"^[^\x00]*$")]
Note = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
Cause = Literal["hard_bounce", "soft_bounces", "complaint", "unsubscribed", "manual", "invalid"]


class ToSuppress(Shape):
    """An address, and why it is not to be written to."""

    address: Address
    reason: Cause = "manual"


class SuppressionsGiven(Shape):
    """Addresses to put on the list."""

    channel: Literal["email"] = "email"
    items: Annotated[list[ToSuppress], Field(min_length=1, max_length=ADDRESSES_AT_ONCE)]
    note: Note = Field(default="", description="Why, in your words; no personal data, because it outlasts the customers.")


class SuppressionsTaken(Shape):
    """What became of them."""

    listed: int = Field(description="How many stand on the list now.")
    refused: list[int] = Field(description="Places of those that are no e-mail address, counted from 0.")


class AddressAsked(Shape):
    """An address to look for. It goes in the body because addresses of requests are written into logs."""

    channel: Literal["email"] = "email"
    address: Address


class SuppressionShape(Shape):
    """An entry of the list. The address itself is not kept."""

    suppression: str
    channel: str
    reason: str
    since: str
    source: str = Field(description="Who told: api, import, or the source of a hearing.")
    note: str


class SuppressionPage(Shape):
    """The list, the latest first."""

    items: list[SuppressionShape]
    next: str | None = None


class ListWays(Shape):
    """How the body is to be taken."""

    reason: Literal["", "hard_bounce", "soft_bounces", "complaint", "unsubscribed", "manual", "invalid"] = Field(
        default="", description="Of rows that tell none; none: told by the kind of list, else manual."
    )
    address_column: Word = Field(default="", description="The column of addresses; none: known by its heading.")
    reason_column: Word = Field(default="", description="The column of reasons; none: known by its heading.")
    separator: str = Field(default="", max_length=1, description="The sign between columns; none: seen in the first line.")
    encoding: Word = Field(default="", description="Such as cp1252; none: seen at the beginning.")
    name: Word = Field(default="", description="By which it can be taken back; none: told by the file's digest.")
    dry_run: bool = Field(default=False, description="Say what would become of the rows, and write nothing.")


class ListBrought(Shape):
    """What became of a list, or would."""

    name: str = Field(description="By which it can be taken back.")
    taken_as: str = Field(description="How the file was read.")
    dry_run: bool
    rows: int
    added: int
    graver: int = Field(description="Addresses that were on the list for a lighter reason.")
    standing: int = Field(description="Addresses that were on it for the same reason or a graver one, or stand in the file once more.")
    refused: int
    reasons: dict[str, int] = Field(description="Rows that were taken, by reason.")
    codes: dict[str, int] = Field(description="Rows that were refused, by code.")
    refused_rows: list[RefusedShape] = Field(description="The first 1,000 of them.")


class TakenBackShape(Shape):
    """What taking a list back did."""

    lifted: int
    kept: int = Field(description="Addresses that stay because something was heard of a customer there.")


@router.get("")
async def suppressions(front: FrontHere, who: Caller, limit: Limit = 50, cursor: Cursor = None) -> SuppressionPage:
    """Give the workspace's list, the latest first."""
    page, last = cut(await front.suppressions.suppressions(who.workspace, before=read_cursor(cursor), limit=limit + 1), limit)
    return SuppressionPage(items=[_shape(each) for each in page], next=write_cursor(last.spot) if last else None)


@router.put("")
async def suppress(front: FrontHere, who: Caller, given: SuppressionsGiven) -> SuppressionsTaken:
    """Put addresses on the list, up to 1,000 at once. From then on no claim hands anything to them; doing it again changes nothing."""
    entries = [(each.address, each.reason) for each in given.items]
    refused = await _keeper(front).put(who.workspace, given.channel, entries, source="api", note=given.note)
    return SuppressionsTaken(listed=len(entries) - len(refused), refused=refused)


@router.get(
    ".csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The list."}},
)
async def list_as_file(front: FrontHere, who: Caller) -> StreamingResponse:
    """Give the whole list as CSV, the latest first. Of addresses only what stands for them is kept."""
    return StreamingResponse(list_as_text(who.workspace, front.suppressions), media_type="text/csv; charset=utf-8")


@router.put(".csv", openapi_extra=_FILE)
async def bring_list_in(front: FrontHere, who: Caller, request: Request, told: Annotated[ListWays, Query()]) -> ListBrought:
    """Put the addresses of a CSV file on the list; the body is the file, up to 200 MB. Doing it again changes nothing."""
    refused: list[RefusedShape] = []

    def refuse(line: Line, column: str, code: str, sentence: str) -> None:
        if len(refused) < _NAMED:
            refused.append(RefusedShape(line=line.at or line.number, field=column, code=code, sentence=sentence))

    async with spooled(request) as path:
        asked = ListAsked(
            file=path,
            form=FileForm.CSV,
            address=told.address_column,
            cause=told.reason_column,
            **told.model_dump(exclude={"address_column", "reason_column", "dry_run"}),
            dry=told.dry_run,
        )
        done = await bring_list(asked, who.workspace, front, refuse=refuse)
    counts = msgspec.structs.asdict(done.tally)
    return ListBrought(name=done.name, taken_as=done.taken_as, dry_run=told.dry_run, refused_rows=refused, **counts)


@router.delete("/lists/{name}")
async def take_list_back(
    front: FrontHere, who: Caller, name: Annotated[str, Path(description="Under which the list came in.", max_length=60)]
) -> TakenBackShape:
    """Lift what a list added. What anybody else has said of an address since, and what was heard of it, stands."""
    done = await take_back(who.workspace, name, suppressions=front.suppressions)
    return TakenBackShape(lifted=done.lifted, kept=done.kept)


@router.post("/look-up")
async def look_up(front: FrontHere, who: Caller, asked: AddressAsked) -> SuppressionShape:
    """Say whether an address is on the list, and why. It changes nothing."""
    mark = front.suppressions.mark(who.workspace, asked.channel, asked.address)
    found = await front.suppressions.suppression(who.workspace, mark)
    if found is None:
        raise NotFound("suppression_unknown", "there is no such entry on the list of suppressions")
    return _shape(found)


@router.delete("/{suppression}")
async def lift(
    front: FrontHere,
    who: Caller,
    suppression: Annotated[str, Path(description="Of an entry: `sup_…`.", max_length=64)],
    why: Annotated[str, Query(min_length=3, max_length=200, pattern=r"^[^\x00]*$", description="Why; it is written into the ledger.")],
) -> SuppressionShape:
    """Take an address off the list. What the customer said stands: who left or complained has to say yes anew."""
    return _shape(await _keeper(front).lift(who.workspace, read_id(SUPPRESSION, suppression), why=why, actor=who.key_id))


def _keeper(front: Front) -> Keeper:
    return Keeper(store=front.store, reads=front.reads, programmes=front.programmes, suppressions=front.suppressions)


def _shape(each: Suppression) -> SuppressionShape:
    return SuppressionShape(
        suppression=write_id(SUPPRESSION, each.mark),
        channel=each.channel,
        reason=each.reason,
        since=to_text(each.since),
        source=each.source,
        note=each.note,
    )
