"""Who turned out to be one person: the merge log, asking that two be one, and taking it back."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import Field

from oportuno.entry.http.api.door import AnyId, Caller, Cursor, FrontHere, Limit, cut, find_customer, find_row, read_cursor, write_cursor
from oportuno.entry.http.api.shapes import CUSTOMER, Shape, moment
from oportuno.events.event import Trust
from oportuno.flows.crossing import UNDO_WITHIN, Merge, Reason, Stage, merge_id, winner_of
from oportuno.flows.forward import GONE
from oportuno.flows.ports import KeyFacts
from oportuno.flows.reads import Spot
from oportuno.flows.undo import MERGE, undo
from oportuno.kit.faults import BadInput, Conflict, NotFound
from oportuno.kit.ids import CustomerKey, read_id, write_id
from oportuno.kit.times import Millis, to_text
from oportuno.wiring import Front

router = APIRouter(prefix="/api/v1", tags=["merges"])

MergeId = Annotated[str, Path(description="A merge's id: `mrg_…`.", max_length=64)]
AnId = Annotated[str, Field(min_length=1, max_length=200)]
_VOUCHED: dict[Trust, Literal["public_key", "signed_identity", "secret_key"]] = {
    Trust.PUBLIC: "public_key",
    Trust.SIGNED: "signed_identity",
    Trust.SECRET: "secret_key",
}


class TwoShape(Shape):
    """Two customers who are one. Any of their ids."""

    loser: AnId = Field(description="Whose state goes over; their row only forwards from then on.")
    winner: AnId = Field(description="Who stands for both.")


class MergeShape(Shape):
    """One entry of the merge log."""

    id: str
    loser: str
    winner: str
    stage: Literal["asked", "exported", "joined", "done", "undone", "refused"]
    reason: Literal["identify", "alias", "request"] = Field(description="`identify`: a device named a user who was known.")
    asked_by: str = Field(description="The id of the key that asked.")
    vouched_by: Literal["public_key", "signed_identity", "secret_key"]
    asked: str
    joined: str | None
    undone: str | None
    refusal: str = Field(description="Of a refused one: why.")
    undo: str | None = Field(description="Where it can be undone with POST, as long as it can.")


class MergePage(Shape):
    """A page of the merge log, newest first."""

    items: list[MergeShape]
    next: str | None


@router.get("/merges")
async def merges(front: FrontHere, who: Caller, limit: Limit = 50, cursor: Cursor = None) -> MergePage:
    """Give the merge log of the workspace: who became one with whom, when, why, and by which key."""
    spot = read_cursor(cursor)
    before = (spot.at, spot.tie) if spot is not None else None
    page, last = cut(await front.crossings.merges(who.workspace, before=before, limit=limit + 1), limit)
    now = await front.reads.now()
    return MergePage(items=[_shape(each, now) for each in page], next=write_cursor(Spot(last.asked_at, last.id)) if last else None)


@router.post("/merges", status_code=202)
async def ask(front: FrontHere, who: Caller, two: TwoShape) -> MergeShape:
    """Ask that two customers be one. It is done within seconds; the log tells how far it is. What is pending for the loser is cancelled."""
    loser, winner = await _standing(front, who, two.loser, "loser"), await _standing(front, who, two.winner, "winner")
    if loser == winner:
        raise BadInput("alias_onto_itself", "loser and winner are one and the same customer", place="winner")
    most = front.settings.ids_of_one
    if await front.crossings.ids(loser) + await front.crossings.ids(winner) > most:
        raise Conflict("ids_too_many", f"together they would have more than {most} ids")
    now = await front.reads.now()
    merge = Merge(
        id=merge_id(loser, winner, now),
        loser=loser,
        winner=winner,
        reason=Reason.REQUEST,
        asked_by=who.key_id,
        trust=Trust.SECRET,
        asked_at=now,
    )
    return _shape(await front.crossings.ask(merge), now)


@router.get("/merges/{merge}")
async def read(front: FrontHere, who: Caller, merge: MergeId) -> MergeShape:
    """Give one entry of the merge log."""
    found = await front.crossings.merge(who.workspace, read_id(MERGE, merge))
    if found is None:
        raise NotFound("merge_unknown", "there is no such merge in this workspace")
    return _shape(found, await front.reads.now())


@router.post("/merges/{merge}/undo")
async def take_back(front: FrontHere, who: Caller, merge: MergeId) -> MergeShape:
    """Undo a merge, the latest first, within seven days: both are as they would be had they never been one.

    What either said no to meanwhile holds for both, and so do the touches; messages and verdicts stay with the winner.
    """
    undone = await undo(
        who.workspace,
        read_id(MERGE, merge),
        crossings=front.crossings,
        store=front.store,
        programmes=front.programmes,
        facts=front.facts,
    )
    return _shape(undone, await front.reads.now())


@router.get("/customers/{customer}/merges")
async def of_customer(front: FrontHere, who: Caller, customer: AnyId) -> MergePage:
    """Give the merges that made this customer, undone and refused ones included, newest first."""
    key, _ = await find_customer(front, who, customer)
    now = await front.reads.now()
    return MergePage(items=[_shape(each, now) for each in await front.crossings.family(key)], next=None)


async def _standing(front: Front, who: KeyFacts, any_id: str, place: str) -> CustomerKey:
    key, row = await find_row(front, who, any_id)
    if row is not None and row.status in GONE:
        winner = write_id(CUSTOMER, winner_of(key, row.state).customer)
        raise Conflict("customer_merged", f"this customer is one with {winner} already", place=place)
    return key


def _shape(merge: Merge, now: Millis) -> MergeShape:
    may_be_undone = merge.stage is Stage.DONE and merge.joined_at is not None and now - merge.joined_at <= UNDO_WITHIN
    written = write_id(MERGE, merge.id)
    return MergeShape(
        id=written,
        loser=write_id(CUSTOMER, merge.loser.customer),
        winner=write_id(CUSTOMER, merge.winner.customer),
        stage=merge.stage.name.lower(),  # type: ignore[arg-type]
        reason=merge.reason.value,
        asked_by=merge.asked_by,
        vouched_by=_VOUCHED[merge.trust],
        asked=to_text(merge.asked_at),
        joined=moment(merge.joined_at),
        undone=moment(merge.undone_at),
        refusal=merge.refusal,
        undo=f"/api/v1/merges/{written}/undo" if may_be_undone else None,
    )
