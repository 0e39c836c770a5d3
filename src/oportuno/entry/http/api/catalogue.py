"""The catalogue: products with their price history, and categories."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from oportuno.catalog.category import Category
from oportuno.catalog.reading import read_id, read_row
from oportuno.catalog.row import ProductRow, RowFault
from oportuno.catalog.values import read_text, read_words
from oportuno.consent.policy import Policy
from oportuno.entry.http.api.catalogue_shapes import (
    CategoryList,
    CategoryShape,
    Count,
    PointList,
    ProductPage,
    ProductsGiven,
    ProductShape,
    ProductsWritten,
    RefusedRow,
    point_shape,
    product_shape,
)
from oportuno.entry.http.api.door import Caller, Cursor, FrontHere, Limit, cut, read_at, read_cursor, write_cursor
from oportuno.flows.catalogue import FeedImport, Wanted, lasts_of, product_as_of
from oportuno.flows.ports import KeyFacts
from oportuno.flows.ports_catalogue import How
from oportuno.flows.reads import Spot
from oportuno.kit.faults import BadInput, NotFound
from oportuno.wiring import Front

router = APIRouter(prefix="/api/v1", tags=["catalogue"])

_LONGEST = 200
ProductId = Annotated[str, Path(description="The product's id. Ids with a slash: see `GET /api/v1/products`.", max_length=_LONGEST)]
ById = Annotated[str, Query(alias="id", min_length=1, max_length=_LONGEST, description="The product's id.")]
Moment = Annotated[str | None, Query(max_length=40, description="As it was priced at this moment (RFC 3339); none: now.")]


@router.post("/products")
async def write_products(front: FrontHere, who: Caller, given: ProductsGiven) -> ProductsWritten:
    """Write up to 1,000 products. Rows that cannot be used are named and left out; the others are written together."""
    currency = (await _policy(front, who)).currency
    rows: list[ProductRow | RowFault] = []
    for place, fields in enumerate(given.items):
        try:
            rows.append(read_row(fields, currency=currency, line=place + 1))
        except RowFault as fault:
            rows.append(fault.on_line(place + 1))
    return await _take(front, who, rows, Wanted(history=given.history, launches=given.launch))


@router.get("/products")
async def products(
    front: FrontHere,
    who: Caller,
    limit: Limit = 50,
    cursor: Cursor = None,
    product: Annotated[
        str | None,
        Query(alias="id", max_length=_LONGEST, description="Only the product with this id: for ids that cannot stand in a path."),
    ] = None,
) -> ProductPage:
    """Give products by id, withdrawn ones too."""
    spot = read_cursor(cursor)
    if product is not None:
        one = await front.catalogue.product(who.workspace, read_id(product))
        found, last = [one] if one else [], None
    else:
        after = read_id(_cursor_text(spot), "cursor") if spot else ""
        page, last = cut(await front.catalogue.products(who.workspace, after=after, limit=limit + 1), limit)
        found = list(page)
    into, rates = (await _policy(front, who)).currency, await front.catalogue.rates(who.workspace)
    now = (await front.catalogue.standing(who.workspace)).now
    return ProductPage(
        items=[product_shape(each, into=into, rates=rates, at=now) for each in found],
        next=write_cursor(Spot(0, last.id.encode())) if last else None,
    )


@router.delete("/products", status_code=204, response_class=Response)
async def withdraw_by_id(front: FrontHere, who: Caller, product: ById) -> Response:
    """Withdraw a product whose id cannot stand in a path."""
    return await _withdraw(front, who, product)


@router.get("/products/{product}")
async def product(front: FrontHere, who: Caller, product: ProductId, at: Moment = None) -> ProductShape:
    """Give a product as it is, or as it was priced at a moment."""
    moment = read_at(at)
    found = await product_as_of(who.workspace, read_id(product), moment, front.catalogue)
    now = (await front.catalogue.standing(who.workspace)).now if moment is None else moment
    return product_shape(found, into=(await _policy(front, who)).currency, rates=await front.catalogue.rates(who.workspace), at=now)


@router.put("/products/{product}")
async def put_product(front: FrontHere, who: Caller, product: ProductId, given: dict[str, object]) -> ProductsWritten:
    """Write one product whole: what is not told is emptied. Writing the same again changes nothing."""
    if given.get("id", product) != product:
        raise BadInput("id_differs", "the id in the body is another than the one in the address", place="id")
    row = read_row({**given, "id": product}, currency=(await _policy(front, who)).currency)
    if not row.product.name:
        raise RowFault("name_missing", "a product needs a name", field="name")
    return await _take(front, who, [ProductRow(product=row.product, at=row.at, line=1)], Wanted())


@router.delete("/products/{product}", status_code=204, response_class=Response)
async def withdraw(front: FrontHere, who: Caller, product: ProductId) -> Response:
    """Withdraw a product: nothing starts about it any more. Nothing is deleted, and doing it twice is doing it once."""
    return await _withdraw(front, who, product)


@router.get("/products/{product}/prices")
async def prices(front: FrontHere, who: Caller, product: ProductId) -> PointList:
    """Give a product's price history, its variants' among it, oldest first."""
    found = await product_as_of(who.workspace, read_id(product), None, front.catalogue)
    return PointList(items=[point_shape(each) for each in await front.catalogue.prices(who.workspace, found.id)])


@router.get("/categories")
async def categories(front: FrontHere, who: Caller) -> CategoryList:
    """Give every category."""
    found = await front.catalogue.categories(who.workspace)
    return CategoryList(
        items=[CategoryShape(id=each.id, name=each.name, parent=each.parent, sensitive=list(each.sensitive)) for each in found]
    )


@router.put("/categories")
async def put_categories(front: FrontHere, who: Caller, given: CategoryList) -> Count:
    """Write categories, all or none; those that are not named stay. None may lie in itself."""
    told = [
        Category(
            id=read_id(each.id, f"items[{place}].id"),
            name=read_text(each.name, f"items[{place}].name", _LONGEST),
            parent=read_text(each.parent, f"items[{place}].parent", _LONGEST),
            sensitive=read_words(each.sensitive, f"items[{place}].sensitive", most=50),
        )
        for place, each in enumerate(given.items)
    ]
    return Count(changed=await front.catalogue.put_categories(who.workspace, told))


@router.delete("/categories/{category}", status_code=204, response_class=Response)
async def drop_category(
    front: FrontHere, who: Caller, category: Annotated[str, Path(max_length=_LONGEST, description="The category's id.")]
) -> Response:
    """Delete a category: what lies in it moves up, its products stay, and nobody hears of what is new in it any more."""
    if not await front.catalogue.drop_category(who.workspace, read_id(category)):
        raise NotFound("category_unknown", "there is no such category in this workspace")
    return Response(status_code=204)


async def _take(front: Front, who: KeyFacts, rows: list[ProductRow | RowFault], wanted: Wanted) -> ProductsWritten:
    refused: list[RowFault] = []
    wanted = wanted._replace(lasts=lasts_of(await _policy(front, who)))
    done = await FeedImport(who.workspace, front.catalogue, wanted, refuse=refused.append).run(rows)
    return ProductsWritten(
        written=done.written,
        unchanged=done.unchanged,
        refused=[RefusedRow(item=max(each.line - 1, 0), field=each.field, code=each.code, detail=each.sentence) for each in refused],
        changes={kind.value: count for kind, count in done.changes.items()},
        version=done.version,
    )


async def _withdraw(front: Front, who: KeyFacts, product: str) -> Response:
    name = read_id(product)
    if await front.catalogue.product(who.workspace, name) is None:
        raise NotFound("product_unknown", "there is no such product in this workspace")
    await front.catalogue.withdraw(who.workspace, [name], How(lasts=lasts_of(await _policy(front, who))))
    return Response(status_code=204)


async def _policy(front: Front, who: KeyFacts) -> Policy:
    return (await front.programmes.programme(who.workspace)).policy


def _cursor_text(spot: Spot) -> str:
    try:
        return spot.tie.decode()
    except UnicodeDecodeError:
        raise BadInput("cursor_malformed", "this is not a cursor: send the `next` of the page before", place="cursor") from None
