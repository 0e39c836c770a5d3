"""Names that other systems give to columns, and the meaning of Google Merchant's: group, availability, sale price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from oportuno.catalog.reading import FIELDS, read_row
from oportuno.catalog.row import ProductRow, RowFault
from oportuno.catalog.values import read_amount, read_currency
from oportuno.kit.times import Millis, parse_moment

MERCHANT: Final = ("item_group_id", "availability", "sale_price", "sale_price_effective_date", "color", "size", "material", "pattern")
"""Columns that are read together."""
_SAME: Final = {
    **dict.fromkeys(("product_id", "referencia"), "id"),
    **dict.fromkeys(("title", "nombre", "titulo", "título"), "name"),
    **dict.fromkeys(("link", "enlace", "product_url"), "url"),
    **dict.fromkeys(("image_link", "image_url", "imagen"), "image"),
    **dict.fromkeys(("marca",), "brand"),
    **dict.fromkeys(("category", "product_type", "categoria", "categoría", "categorias", "categorías"), "categories"),
    **dict.fromkeys(("precio",), "price"),
    **dict.fromkeys(("old_price", "compare_at_price", "precio_anterior"), "was"),
    **dict.fromkeys(("moneda",), "currency"),
    **dict.fromkeys(("quantity", "existencias", "inventory"), "stock"),
    **dict.fromkeys(("etiquetas",), "tags"),
}
_OPTIONS: Final = ("color", "size", "material", "pattern")
_IN_STOCK: Final = frozenset({"in_stock", "in stock", "instock", "limited_availability"})
_NOT_IN_STOCK: Final = frozenset({"out_of_stock", "out of stock", "outofstock", "preorder", "backorder", "pre-order", "back-order"})


def our_word(column: str) -> str:
    """Give our name of a column; empty when it says nothing that is kept."""
    word = column.strip().casefold().removeprefix("g:").strip().replace(" ", "_").replace("-", "_")
    word = _SAME.get(word, word)
    return word if word in FIELDS or word in MERCHANT else ""


def read_merchant(fields: Mapping[str, Any], *, currency: str, now: Millis, line: int = 0) -> ProductRow:
    """Read a row with columns of Google Merchant among it, named by `our_word`. Raises RowFault.

    A group makes the product, and the row one of its variants. In stock without a number counts as one piece, because at least one is
    there. The sale price is the price while the sale lasts (judged at `now`), and the other one is struck out.
    """
    plain = {name: value for name, value in fields.items() if name not in MERCHANT}
    if "sale_price" in fields:
        _apply_sale(plain, fields, currency, now)
    if "stock" not in plain and "availability" in fields:
        plain["stock"] = _pieces(fields["availability"])
    group = fields.get("item_group_id")
    if not group:
        return read_row(plain, currency=currency, strict=False, line=line)
    own, told = read_amount(plain.pop("price", None), "price", read_currency(plain.get("currency")) or currency)
    options = {name: fields[name] for name in _OPTIONS if fields.get(name)}
    # The amount was read once: as text in minor units it would be read wrongly again, so it is put in afterwards.
    variant = {"id": plain.get("id"), "name": plain.get("name"), "stock": plain.pop("stock", None), "options": options}
    row = read_row({**plain, "id": group, "currency": told, "variants": [variant]}, currency=currency, strict=False, line=line)
    one = msgspec.structs.replace(row.product.variants[0], price=own)
    product = msgspec.structs.replace(row.product, variants=(one,), price=own, stock=one.stock)
    return msgspec.structs.replace(row, product=product, told=row.told | {"price", "stock"}, single=True)


def _apply_sale(plain: dict[str, Any], fields: Mapping[str, Any], currency: str, now: Millis) -> None:
    sale = fields["sale_price"]
    usual = plain.get("price")
    if sale not in (None, "") and _lasts(fields.get("sale_price_effective_date"), now):
        if read_amount(sale, "sale_price", currency) != read_amount(usual, "price", currency):
            plain["was"] = usual
        plain["price"] = sale
    else:
        plain["was"] = None


def _lasts(span: Any, now: Millis) -> bool:
    if not span:
        return True
    start, _, end = str(span).partition("/")
    since, until = parse_moment(start.strip()), parse_moment(end.strip())
    if since is None or until is None:
        raise RowFault("moment_malformed", "two moments with a slash between are expected", field="sale_price_effective_date")
    return since <= now < until


def _pieces(availability: Any) -> int | None:
    word = str(availability or "").strip().casefold()
    if not word:
        return None
    if word in _IN_STOCK:
        return 1
    if word in _NOT_IN_STOCK:
        return 0
    raise RowFault("stock_malformed", "availability is in_stock, out_of_stock, preorder or backorder", field="availability")
