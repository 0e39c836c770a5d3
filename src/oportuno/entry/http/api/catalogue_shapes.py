"""What the API shows and takes of a catalogue. Amounts are decimal texts in major units; times are RFC 3339 in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from oportuno.catalog.prices import PricePoint
from oportuno.catalog.product import Product
from oportuno.catalog.rates import Rate, in_currency
from oportuno.entry.http.api.shapes import Shape
from oportuno.kit.money import Money, to_decimal
from oportuno.kit.times import Millis, day_of, to_text

Word = Annotated[str, Field(max_length=200)]


class VariantShape(Shape):
    """One size or colour."""

    id: str
    name: str
    price: str | None = Field(description="None: the product's own.")
    stock: int | None
    options: dict[str, str]


class ProductShape(Shape):
    """A product as the catalogue knows it."""

    id: str
    version: int = Field(description="Of the catalogue, when it last changed.")
    name: str
    url: str
    image: str
    brand: str
    categories: list[str]
    price: str | None = Field(description="What it costs; none: silence on value.")
    was: str | None = Field(description="The struck-out price that the shop announces.")
    lowest_30_days: str | None = Field(description="The lowest price of the 30 days before the present one began.")
    currency: str
    value: str | None = Field(description="The price in the workspace's currency; none: no rate of that day is known.")
    price_since: str | None
    stock: int | None = Field(description="Pieces on line; none: not known.")
    tags: list[str]
    sensitive: list[str] = Field(description="Sensitive topics, its own and those of its categories.")
    variants: list[VariantShape]
    withdrawn: bool
    since: str
    changed_at: str
    manual_url: str


class ProductPage(Shape):
    """Products by id."""

    items: list[ProductShape]
    next: str | None


class ProductsGiven(Shape):
    """Rows to write. Each is an object with `id` and what is told of it; what is not told stays as it is."""

    items: list[dict[str, Any]] = Field(max_length=1_000)
    history: bool = Field(default=False, description="Old news: `at` says since when each row held; nobody is told.")
    launch: bool = Field(default=True, description="False while a catalogue is filled batch by batch: what is new in it is no news.")


class RefusedRow(Shape):
    """A row that was not written, and why."""

    item: int = Field(description="Its place in `items`, from 0.")
    field: str
    code: str
    detail: str


class ProductsWritten(Shape):
    """What became of the rows."""

    written: int
    unchanged: int
    refused: list[RefusedRow]
    changes: dict[str, int] = Field(description="How much of it is news, by the name of the event that watchers get.")
    version: int


class PointShape(Shape):
    """From when on it cost what."""

    variant: str
    at: str
    price: str | None
    currency: str


class PointList(Shape):
    """A price history, oldest first."""

    items: list[PointShape]


class CategoryShape(Shape):
    """A category."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    name: Word = ""
    parent: Word = Field(default="", description="The category it lies in; empty: none.")
    sensitive: list[Word] = Field(default_factory=list, max_length=50, description="Sensitive topics of everything in it.")


class CategoryList(Shape):
    """Categories."""

    items: list[CategoryShape] = Field(max_length=20_000)


class StoreShape(Shape):
    """A store. Hours are `09:00-14:00` by its own clock."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    name: Word = ""
    timezone: Word = "UTC"
    address: Annotated[str, Field(max_length=500)] = ""
    postcode: Word = ""
    country: Word = ""
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    phone: Word = ""
    url: Annotated[str, Field(max_length=2_000)] = ""
    week: dict[str, list[Word]] = Field(default_factory=dict, description="Hours by day (`monday` …); a day that is left out is closed.")
    days: dict[str, list[Word]] = Field(
        default_factory=dict, max_length=1_000, description="Special days (`2026-12-25`); an empty list: closed."
    )


class StoreSeen(StoreShape):
    """A store, and whether it is open."""

    open: bool | None = Field(description="None: nothing is known of its hours.")
    opens_next: str | None


class StoreList(Shape):
    """Stores."""

    items: list[StoreShape] = Field(max_length=5_000)


class StoresSeen(Shape):
    """Stores as they are now."""

    items: list[StoreSeen]


class LevelShape(Shape):
    """How many pieces a store has."""

    product: Annotated[str, Field(min_length=1, max_length=200)]
    variant: Word = Field(default="", description="Empty: the product as a whole.")
    store: Annotated[str, Field(min_length=1, max_length=200)]
    quantity: int = Field(ge=0, le=2_000_000_000)


class LevelList(Shape):
    """Stock of stores."""

    items: list[LevelShape] = Field(max_length=10_000)


class RateShape(Shape):
    """What one unit of a currency was worth in the workspace's."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    day: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    rate: Annotated[str, Field(pattern=r"^\d{1,12}(\.\d{1,12})?$", description="A decimal text, more than nothing.")]


class RateList(Shape):
    """Rates by currency and day."""

    items: list[RateShape] = Field(max_length=10_000)


class Count(Shape):
    """How many differ from what stood there."""

    changed: int


def product_shape(product: Product, *, into: str, rates: Sequence[Rate], at: Millis) -> ProductShape:
    """Show a product, its value by the rates of the day `at`."""
    value = None if product.price is None else in_currency(product.price, product.currency, into, rates, day_of(at))
    return ProductShape(
        id=product.id,
        version=product.version,
        name=product.name,
        url=product.url,
        image=product.image,
        brand=product.brand,
        categories=list(product.categories),
        price=amount(product.price, product.currency),
        was=amount(product.was, product.currency),
        lowest_30_days=amount(product.lowest, product.currency),
        currency=product.currency,
        value=amount(value, into),
        price_since=to_text(product.price_since) if product.price_since else None,
        stock=product.stock,
        tags=list(product.tags),
        sensitive=list(product.sensitive),
        variants=[
            VariantShape(
                id=each.id, name=each.name, price=amount(each.price, product.currency), stock=each.stock, options=dict(each.options)
            )
            for each in product.variants
        ],
        withdrawn=product.withdrawn,
        since=to_text(product.since),
        changed_at=to_text(product.changed_at),
        manual_url=product.manual_url,
    )


def point_shape(point: PricePoint) -> PointShape:
    """Show a point of a price history."""
    return PointShape(variant=point.variant, at=to_text(point.at), price=amount(point.amount, point.currency), currency=point.currency)


def amount(minor: int | None, currency: str) -> str | None:
    """Write an amount in major units."""
    return None if minor is None else str(to_decimal(Money(minor=minor, currency=currency)))


def rate_of(text: str) -> Decimal:
    """Read a rate whose form was checked."""
    return Decimal(text)
