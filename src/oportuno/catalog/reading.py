"""Reading one row of a catalogue from names and values, whatever file or request they came in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from oportuno.catalog.product import Product, Variant
from oportuno.catalog.row import ProductRow, RowFault
from oportuno.catalog.values import (
    LONGEST_ID,
    LONGEST_NAME,
    LONGEST_WORD,
    read_address,
    read_amount,
    read_currency,
    read_pieces,
    read_text,
    read_words,
    shown,
)
from oportuno.kit.times import Millis, parse_moment

FIELDS: Final = (
    "id",
    "name",
    "url",
    "image",
    "brand",
    "categories",
    "price",
    "was",
    "currency",
    "stock",
    "tags",
    "sensitive",
    "variants",
    "manual_url",
    "at",
)
"""What a row may tell, in our words."""
LARGEST: Final = 64 * 1024
_MOST_WORDS: Final = 50
_MOST_VARIANTS: Final = 500
_MOST_OPTIONS: Final = 20
_TEXTS: Final = {"name": LONGEST_NAME, "brand": LONGEST_WORD}
_ADDRESSES: Final = ("url", "image", "manual_url")
_WORDS: Final = {"categories": "categories", "tags": "tags", "sensitive": "own_sensitive"}


def read_row(fields: Mapping[str, Any], *, currency: str, strict: bool = True, line: int = 0) -> ProductRow:
    """Read a row. `currency`: the one meant where the row tells none; `line`: where it stands. Raises RowFault naming the field.

    With `strict` a name that is not known is refused; without, it is left out.
    """
    if strict and (unknown := next((name for name in fields if name not in FIELDS), None)) is not None:
        word = shown(unknown)
        raise RowFault("field_unknown", f"“{word}” is not a field of a product", field=word)
    values: dict[str, Any] = {"id": read_id(fields.get("id"))}
    for name, longest in _TEXTS.items():
        if name in fields:
            values[name] = read_text(fields[name], name, longest)
    for name in _ADDRESSES:
        if name in fields:
            values[name] = read_address(fields[name], name)
    for name, own in _WORDS.items():
        if name in fields:
            values[own] = read_words(fields[name], name, most=_MOST_WORDS)
    _read_value(fields, values, currency)
    if "name" in values and not values["name"]:
        raise RowFault("name_missing", "a product needs a name", field="name")
    return ProductRow(product=Product(**values), told=frozenset(values), at=_moment(fields.get("at")), line=line)


def read_id(value: Any, field: str = "id") -> str:
    """Read an id. Raises RowFault when there is none."""
    text = read_text(value, field, LONGEST_ID)
    if not text:
        raise RowFault("id_missing", "a product needs an id", field=field)
    if not text.isprintable():
        raise RowFault("text_unfit", "an id has printable characters only", field=field)
    return text


def _read_value(fields: Mapping[str, Any], values: dict[str, Any], currency: str) -> None:
    """Read what it costs and how many there are. A price always goes with its currency."""
    if "currency" in fields:
        currency = read_currency(fields["currency"]) or currency
    if "price" in fields or "was" in fields or "currency" in fields or "variants" in fields:
        values["currency"] = currency
    if "price" in fields:
        values["price"], values["currency"] = read_amount(fields["price"], "price", currency)
    if "was" in fields:
        values["was"], told = read_amount(fields["was"], "was", values["currency"])
        if told != values["currency"]:
            raise RowFault("currencies_differ", "the price and the one struck out are in two currencies", field="was")
    if "stock" in fields:
        values["stock"] = read_pieces(fields["stock"], "stock")
    if "variants" in fields:
        values["variants"] = _variants(fields["variants"], values["currency"])
        # What is not told of the product itself follows from its variants.
        prices = [each.price for each in values["variants"] if each.price is not None]
        stocks = [each.stock for each in values["variants"] if each.stock is not None]
        if "price" not in values and prices:
            values["price"] = min(prices)
        if "stock" not in values and stocks:
            values["stock"] = sum(stocks)


def _variants(value: Any, currency: str) -> tuple[Variant, ...]:
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise RowFault("list_expected", "a list of variants is expected", field="variants")
    if len(value) > _MOST_VARIANTS:
        raise RowFault("list_too_long", f"there are more than {_MOST_VARIANTS} of them", field="variants")
    found = [read_variant(each, f"variants[{place}]", currency) for place, each in enumerate(value)]
    if len({each.id for each in found}) < len(found):
        raise RowFault("id_twice", "two variants have the same id", field="variants")
    if len(msgspec.msgpack.encode(found)) > LARGEST:
        raise RowFault("row_too_large", f"the variants have more than {LARGEST // 1024} KB", field="variants")
    return tuple(found)


def read_variant(value: Any, field: str, currency: str) -> Variant:
    """Read one variant. Raises RowFault."""
    if not isinstance(value, Mapping):
        raise RowFault("variant_malformed", "a variant has id, name, price, stock and options", field=field)
    for name in value:
        if name not in Variant.__struct_fields__:
            raise RowFault("field_unknown", f"“{shown(name)}” is not a field of a variant", field=f"{field}.{shown(name)}")
    options = value.get("options") or {}
    if not isinstance(options, Mapping) or len(options) > _MOST_OPTIONS:
        raise RowFault("variant_malformed", "options are names with texts", field=f"{field}.options")
    price, told = read_amount(value.get("price"), f"{field}.price", currency)
    if told != currency:
        raise RowFault("currencies_differ", "a product and its variants are priced in one currency", field=f"{field}.price")
    return Variant(
        id=read_id(value.get("id"), f"{field}.id"),
        name=read_text(value.get("name"), f"{field}.name", LONGEST_NAME),
        price=price,
        stock=read_pieces(value.get("stock"), f"{field}.stock"),
        options={
            read_text(name, f"{field}.options", LONGEST_WORD): read_text(text, f"{field}.options", LONGEST_WORD)
            for name, text in options.items()
        },
    )


def _moment(value: Any) -> Millis:
    if value is None or value == "":
        return 0
    at = parse_moment(value) if isinstance(value, str) else None
    if at is None or at <= 0:
        raise RowFault("moment_malformed", "this is not a moment such as 2026-11-21T10:00:00Z", field="at")
    return at
