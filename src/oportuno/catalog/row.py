"""One row that a shop tells of a product, and what becomes of the product by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from oportuno.catalog.category import topics_of
from oportuno.catalog.product import Product, Variant
from oportuno.kit.faults import BadInput
from oportuno.kit.times import Millis

WHOLE: Final = frozenset({"name", "url", "image", "brand", "categories", "price", "was", "currency", "stock", "tags", "own_sensitive"}) | {
    "variants",
    "manual_url",
}
"""Everything that a row may tell of a product."""


class ProductRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a row tells: a product of which only the fields named in `told` count."""

    product: Product
    told: frozenset[str] = WHOLE
    """What is not told stays as it is."""
    at: Millis = 0
    """Since when it has been so, for history; 0: now."""
    single: bool = False
    """It tells of one variant only: its others are told in rows of their own."""
    line: int = 0
    """Where it stands in its feed; 0: in none."""


class RowFault(BadInput):
    """A row that cannot be used, and the field because of which. The rows around it are."""

    def __init__(self, code: str, sentence: str, *, field: str = "", line: int = 0) -> None:
        place = ", ".join(part for part in (f"line {line}" if line else "", field) if part)
        super().__init__(code, sentence, place=place)
        self.field = field
        self.line = line

    def on_line(self, line: int) -> RowFault:
        """Give the same fault with its line."""
        return RowFault(self.code, self.sentence, field=self.field, line=line)


def merge(old: Product | None, row: ProductRow, topics: Mapping[str, tuple[str, ...]], *, replaces_variants: bool = False) -> Product:
    """Give the product after a row; prices by time, versions and moments are not settled yet.

    `topics`: what each category makes sensitive. A row of one variant joins it to those that are known.
    """
    told = row.product
    if old is None and not row.single:
        return with_topics(told, topics)  # what it does not tell is as it is in a product that nobody told of
    base = old if old is not None else Product(id=told.id)
    values = {name: value for name in row.told if (value := getattr(told, name)) != getattr(base, name)}
    if row.single and old is not None and not replaces_variants:
        values["variants"] = _joined(old.variants, told.variants)
    if row.single:
        values |= _over(values.get("variants", base.variants), told)
    new = msgspec.structs.replace(base, **values) if values else base
    new = with_topics(new, topics)
    return msgspec.structs.replace(new, withdrawn=False) if new.withdrawn else new


def with_topics(product: Product, topics: Mapping[str, tuple[str, ...]]) -> Product:
    """Give the product with what its categories make sensitive beside its own; the same object when that is so already."""
    if not topics and product.sensitive == product.own_sensitive:
        return product  # nearly always: nothing is sensitive anywhere
    found = set(product.own_sensitive)
    if topics:
        for category in product.categories:
            found.update(topics_of(category, topics))
    sensitive = tuple(sorted(found)) if found else ()
    return product if sensitive == product.sensitive else msgspec.structs.replace(product, sensitive=sensitive)


def join_rows(first: ProductRow, second: ProductRow) -> ProductRow:
    """Make one row of two that tell of single variants of one product; the first one's words count for the product."""
    variants = _joined(first.product.variants, second.product.variants)
    return msgspec.structs.replace(
        first,
        product=msgspec.structs.replace(first.product, variants=variants, **_over(variants, first.product)),
        told=first.told | second.told,
    )


def same(one: Product, other: Product) -> bool:
    """Say whether two products differ in nothing that a shop tells."""
    return one is other or (
        one.price == other.price and one.stock == other.stock and one.withdrawn == other.withdrawn and _told(one) == _told(other)
    )


def _told(product: Product) -> tuple[object, ...]:
    return (
        product.name,
        product.url,
        product.image,
        product.brand,
        product.categories,
        product.was,
        product.currency,
        product.tags,
        product.sensitive,
        product.own_sensitive,
        product.variants,
        product.manual_url,
    )


def _joined(known: tuple[Variant, ...], told: tuple[Variant, ...]) -> tuple[Variant, ...]:
    return tuple(({each.id: each for each in known} | {each.id: each for each in told}).values())


def _over(variants: tuple[Variant, ...], told: Product) -> dict[str, int | None]:
    """Give the price and stock of a product whose variants are told one by one: the lowest price, all the pieces."""
    prices = [each.price for each in variants if each.price is not None]
    stocks = [each.stock for each in variants if each.stock is not None]
    return {"price": min(prices) if prices else told.price, "stock": sum(stocks) if stocks else told.stock}
