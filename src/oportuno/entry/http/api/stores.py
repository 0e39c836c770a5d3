"""Stores with their opening hours and stock, and the exchange rates by which other currencies are understood."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from oportuno.catalog.rates import Rate
from oportuno.catalog.reading import read_id
from oportuno.catalog.values import read_address, read_text
from oportuno.entry.http.api.catalogue_shapes import (
    Count,
    LevelList,
    LevelShape,
    RateList,
    RateShape,
    StoreList,
    StoreSeen,
    StoreShape,
    StoresSeen,
    rate_of,
)
from oportuno.entry.http.api.door import Caller, FrontHere, read_at
from oportuno.flows.ports_catalogue import StockLevel
from oportuno.kit.faults import BadInput, NotFound
from oportuno.kit.times import Millis, to_text
from oportuno.places.hours import WEEK, read_hours, write_hours
from oportuno.places.store import Store, check_store, open_at, opens_next

router = APIRouter(prefix="/api/v1", tags=["stores"])

_LONGEST = 200
_EPOCH = date(1970, 1, 1)
Moment = Annotated[str | None, Query(max_length=40, description="Open at this moment (RFC 3339)? None: now.")]
_TEXTS = {"name": 200, "timezone": 200, "address": 500, "postcode": 200, "country": 200, "phone": 200}


@router.get("/stores")
async def stores(front: FrontHere, who: Caller, at: Moment = None) -> StoresSeen:
    """Give every store, and whether it is open."""
    moment = read_at(at)
    if moment is None:
        moment = (await front.catalogue.standing(who.workspace)).now
    return StoresSeen(items=[_seen(each, moment) for each in await front.catalogue.stores(who.workspace)])


@router.put("/stores")
async def put_stores(front: FrontHere, who: Caller, given: StoreList) -> Count:
    """Write stores, all or none; those that are not named stay."""
    told = [_store(each, f"items[{place}]") for place, each in enumerate(given.items)]
    return Count(changed=await front.catalogue.put_stores(who.workspace, told))


@router.delete("/stores/{store}", status_code=204, response_class=Response)
async def drop_store(
    front: FrontHere, who: Caller, store: Annotated[str, Path(max_length=_LONGEST, description="The store's id.")]
) -> Response:
    """Delete a store and what was known of its stock."""
    if not await front.catalogue.drop_store(who.workspace, read_id(store)):
        raise NotFound("store_unknown", "there is no such store in this workspace")
    return Response(status_code=204)


@router.put("/stock")
async def put_stock(front: FrontHere, who: Caller, given: LevelList) -> Count:
    """Write how many pieces stores have, all or none. What there is on line is told of the product."""
    levels = [
        StockLevel(
            product=read_id(each.product, f"items[{place}].product"),
            variant=read_text(each.variant, f"items[{place}].variant", _LONGEST),
            store=read_id(each.store, f"items[{place}].store"),
            quantity=each.quantity,
        )
        for place, each in enumerate(given.items)
    ]
    return Count(changed=await front.catalogue.put_stock(who.workspace, levels))


@router.get("/products/{product}/stock")
async def stock(
    front: FrontHere, who: Caller, product: Annotated[str, Path(max_length=_LONGEST, description="The product's id.")]
) -> LevelList:
    """Give how many pieces of a product each store has."""
    found = await front.catalogue.stock(who.workspace, read_id(product))
    return LevelList(
        items=[LevelShape(product=each.product, variant=each.variant, store=each.store, quantity=each.quantity) for each in found]
    )


@router.get("/rates")
async def rates(front: FrontHere, who: Caller) -> RateList:
    """Give every exchange rate."""
    found = await front.catalogue.rates(who.workspace)
    return RateList(items=[RateShape(currency=each.currency, day=_day_text(each.day), rate=f"{each.rate:f}") for each in found])


@router.put("/rates")
async def put_rates(front: FrontHere, who: Caller, given: RateList) -> Count:
    """Set exchange rates of days. A value is told by the latest rate up to its day; without one there is silence on value."""
    told = []
    for place, each in enumerate(given.items):
        rate = rate_of(each.rate)
        try:
            day = (date.fromisoformat(each.day) - _EPOCH).days
        except ValueError:
            raise BadInput("day_malformed", "a day such as 2026-11-21 is expected", place=f"items[{place}].day") from None
        if rate <= 0:
            raise BadInput("rate_malformed", "a rate is more than nothing", place=f"items[{place}].rate")
        told.append(Rate(currency=each.currency, day=day, rate=rate))
    await front.catalogue.put_rates(who.workspace, told)
    return Count(changed=len(told))


def _store(given: StoreShape, place: str) -> Store:
    texts = {name: read_text(getattr(given, name), f"{place}.{name}", longest) for name, longest in _TEXTS.items()}
    unknown = set(given.week) - set(WEEK)
    if unknown:
        raise BadInput("hours_malformed", "the days of the week are monday to sunday", place=f"{place}.week")
    store = Store(
        id=read_id(given.id, f"{place}.id"),
        name=texts["name"],
        timezone=texts["timezone"],
        address=texts["address"],
        postcode=texts["postcode"],
        country=texts["country"],
        phone=texts["phone"],
        latitude=given.latitude,
        longitude=given.longitude,
        url=read_address(given.url, f"{place}.url"),
        week=tuple(read_hours(given.week.get(day, ()), f"{place}.week.{day}") for day in WEEK) if given.week else (),
        days={day: read_hours(spans, f"{place}.days") for day, spans in sorted(given.days.items())},
    )
    check_store(store)
    return store


def _seen(store: Store, at: Millis) -> StoreSeen:
    next_opening = opens_next(store, at)
    return StoreSeen(
        id=store.id,
        **{name: getattr(store, name) for name in _TEXTS},
        latitude=store.latitude,
        longitude=store.longitude,
        url=store.url,
        week={day: write_hours(spans) for day, spans in zip(WEEK, store.week, strict=False)},
        days={day: write_hours(spans) for day, spans in store.days.items()},
        open=open_at(store, at),
        opens_next=to_text(next_opening) if next_opening is not None else None,
    )


def _day_text(day: int) -> str:
    return date.fromordinal(_EPOCH.toordinal() + day).isoformat()
