"""Addresses that are not written to, whoever their customer is: put on the list, looked for, and taken off with a reason."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from oportuno.entry.http.api.door import Caller, Cursor, FrontHere, Limit, cut, read_cursor, write_cursor
from oportuno.entry.http.api.shapes import Shape
from oportuno.flows.suppressions import ADDRESSES_AT_ONCE, Keeper, Suppression
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import read_id, write_id
from oportuno.kit.times import to_text
from oportuno.wiring import Front

SUPPRESSION = "sup"

router = APIRouter(prefix="/api/v1/suppressions", tags=["suppressions"])

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
