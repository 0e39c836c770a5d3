"""Customers: who they are, what was decided about them, what was said to them, what they answered."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from oportuno.consent.answers import granted_purposes
from oportuno.entry.http.api.door import AnyId, Caller, Cursor, FrontHere, Limit, cut, find_customer, numbers, read_cursor, write_cursor
from oportuno.entry.http.api.shapes import (
    CUSTOMER,
    CustomerShape,
    EventPage,
    LedgerPage,
    MessagePage,
    VerdictPage,
    event_shape,
    ledger_shape,
    message_shape,
    moment,
    verdict_shape,
)
from oportuno.flows.ports import KeyFacts
from oportuno.flows.reads import spot_of, spot_of_event
from oportuno.flows.work import Status
from oportuno.kit.ids import write_id
from oportuno.profile.draft import Draft
from oportuno.profile.view import picture
from oportuno.wiring import Front

router = APIRouter(prefix="/api/v1/customers", tags=["customers"])


@router.get("")
async def find(front: FrontHere, who: Caller, any_id: Annotated[str, Query(alias="id", min_length=1, max_length=200)]) -> CustomerShape:
    """Find a customer by an id that cannot stand in a path, for example one with a slash."""
    return await _shown(front, who, any_id)


@router.get("/{customer}")
async def read(front: FrontHere, who: Caller, customer: AnyId) -> CustomerShape:
    """Give a customer's profile, as far as their consents let it be read."""
    return await _shown(front, who, customer)


@router.get("/{customer}/verdicts")
async def verdicts(front: FrontHere, who: Caller, customer: AnyId, limit: Limit = 50, cursor: Cursor = None) -> VerdictPage:
    """Give what was decided about this customer: each Speak, Wait and Silence with its reasons."""
    key, _ = await find_customer(front, who, customer)
    keys, before = await numbers(front, key), read_cursor(cursor)
    found = [row for each in keys for row in await front.reads.verdicts(each, before=before, limit=limit + 1)]
    page, last = cut(sorted(found, key=spot_of, reverse=True)[: limit + 1], limit)
    return VerdictPage(items=[verdict_shape(each) for each in page], next=write_cursor(spot_of(last)) if last else None)


@router.get("/{customer}/messages")
async def messages(front: FrontHere, who: Caller, customer: AnyId, limit: Limit = 50, cursor: Cursor = None) -> MessagePage:
    """Give what was, or will be, said to this customer."""
    key, _ = await find_customer(front, who, customer)
    keys, before = await numbers(front, key), read_cursor(cursor)
    found = [row for each in keys for row in await front.reads.messages(each, before=before, limit=limit + 1)]
    page, last = cut(sorted(found, key=lambda record: record.spot, reverse=True)[: limit + 1], limit)
    return MessagePage(items=[message_shape(each) for each in page], next=write_cursor(last.spot) if last else None)


@router.get("/{customer}/events")
async def events(front: FrontHere, who: Caller, customer: AnyId, limit: Limit = 50, cursor: Cursor = None) -> EventPage:
    """Give what happened to this customer, in order of arrival."""
    key, _ = await find_customer(front, who, customer)
    keys, before = await numbers(front, key), read_cursor(cursor)
    found = [row for each in keys for row in await front.reads.events(each, before=before, limit=limit + 1)]
    page, last = cut(sorted(found, key=spot_of_event, reverse=True)[: limit + 1], limit)
    return EventPage(items=[event_shape(each) for each in page], next=write_cursor(spot_of_event(last)) if last else None)


@router.get("/{customer}/consents")
async def consents(front: FrontHere, who: Caller, customer: AnyId) -> LedgerPage:
    """Give every answer about consent with what proves it, oldest first. The profile shows the answers now in force."""
    key, _ = await find_customer(front, who, customer)
    return LedgerPage(items=[ledger_shape(each) for each in await front.reads.ledger(key)])


async def _shown(front: Front, who: KeyFacts, any_id: str) -> CustomerShape:
    key, row = await find_customer(front, who, any_id)
    now = await front.reads.now()
    draft = Draft(key, row.state if row else b"", row.version if row else 0)
    draft.granted = granted_purposes(draft, now)
    status = row.status if row else Status.ACTIVE
    return CustomerShape(
        customer=write_id(CUSTOMER, key.customer),
        status=status.name.lower(),  # type: ignore[arg-type]
        merged_from=[write_id(CUSTOMER, each.customer) for each in (await numbers(front, key))[1:]],
        state_bytes=len(row.state) if row else 0,
        profile=picture(draft, now, await front.standings.break_points(key.workspace)),
        next_look_at=moment(row.due_at) if row else None,
    )
