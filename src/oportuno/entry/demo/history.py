"""A real shop's year as the demonstration uses it, whichever data set it comes from: what is sold, who buys, and every line of every order.

Read from the user's own installed package or file; nothing of it is ever written into this project.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from statistics import median
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import msgspec

from oportuno.entry.demo.shelves import Aisle, Shelf, fits
from oportuno.events.bring.fields import Kind
from oportuno.events.bring.mapping import Mapping as RowMapping
from oportuno.events.bring.rows import Line
from oportuno.kit.times import DAY, Millis

if TYPE_CHECKING:
    from pyarrow import Table

WEEKS: Final = 8
"""The stretch at the end from which the shelves' prices are taken."""
_LEAST: Final = 0.10
"""Prices below this are coupons and corrections, not what a shop asks."""
_SLICE: Final = 5_000
"""Rows that become Python values at once."""


class Good(msgspec.Struct, frozen=True, kw_only=True):
    """A product as the data describes it."""

    id: str
    kind: str
    """What it is, in the data's own words."""
    department: str
    house: bool = False
    """Whether it is the chain's own brand."""
    sizes: dict[str, str] = {}
    """How big its package is, in each language; empty where the data does not say it plainly."""
    variant: str = ""
    """The same without words: it tells one line of a basket from another, whatever the language."""


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
    """Cents: what most orders paid for one in the last weeks."""
    house: bool
    """Whether it is the chain's own brand."""
    baskets: int
    """In how many of the data's real orders it was."""


class DataSet(Protocol):
    """A data set of retail that the demonstration can stand on."""

    @property
    def key(self) -> str:
        """Its name, as the command line takes it."""
        ...

    @property
    def kind(self) -> str:
        """What its customers are: the first part of their user ids (``hogar``, ``cliente``)."""
        ...

    @property
    def options(self) -> list[str]:
        """How the command line is asked for it."""
        ...

    @property
    def currency(self) -> str:
        """What its amounts are in."""
        ...

    @property
    def terms(self) -> Mapping[str, str]:
        """Who gives it, on which terms, and what is simulated beside it; by language."""
        ...

    @property
    def aisles(self) -> Sequence[Aisle]:
        """The shelves of the shop that stands on it."""
        ...

    @property
    def mapping(self) -> RowMapping:
        """The layout that imports know, to which the rows' own columns are fitted."""
        ...

    def rows(self) -> Table:
        """Give one row a product of an order, in order of time: who, order, product, quantity, amount, at (milliseconds), store.

        Raises Unavailable or BadInput when it cannot be read.
        """
        ...

    def goods(self) -> Iterator[Good]:
        """Give every product that the data describes."""
        ...

    def traits(self) -> dict[int, dict[str, str]]:
        """Give what the data says of its customers; nothing where it says nothing."""
        ...


class History(NamedTuple):
    """A data set, moved by whole days so that its last order lies within the day before now, and cut to so many customers."""

    data: DataSet
    whole: Table
    table: Table
    """Of the whole, the customers that are brought in."""
    shift: Millis

    @property
    def starts(self) -> Millis:
        """When the first order was, as it is told."""
        return int(self.table["at"][0].as_py()) + self.shift

    @property
    def lines(self) -> int:
        """How many rows it has."""
        return int(self.table.num_rows)

    def orders(self) -> int:
        """How many orders there are; what only takes back is none."""
        return int(self._bought().num_rows)

    def customers(self) -> list[tuple[int, int]]:
        """Give every customer with their number of orders, the busiest first; who only took back has none."""
        counted = self._bought()["who"].value_counts().to_pylist()
        orders = dict.fromkeys(self.table["who"].unique().to_pylist(), 0) | {each["values"]: each["counts"] for each in counted}
        return sorted(orders.items(), key=lambda pair: (-pair[1], pair[0]))

    def _bought(self) -> Table:
        """Every order as an import counts it: the rows under one number together, unless they come to less than nothing."""
        from pyarrow import compute

        rows = self.table.select(["who", "order", "amount"]).group_by(["who", "order"], use_threads=False)
        summed = rows.aggregate([("amount", "sum")])
        return summed.filter(compute.greater_equal(compute.round(summed["amount_sum"], 2), 0))

    def stores(self) -> list[str]:
        """Name every store."""
        return sorted({str(store) for store in self.table["store"].unique().to_pylist() if store})

    def rows(self, user: Mapping[int, str]) -> Iterator[Line]:
        """Give every row as an import takes it; `user`: what each customer is called there."""
        number = 0
        for start in range(0, self.table.num_rows, _SLICE):
            for row in self.table.slice(start, _SLICE).to_pylist():
                number += 1
                yield Line(number, {**row, "who": user[row["who"]], "at": row["at"] + self.shift})


def mapping_of(data: DataSet) -> RowMapping:
    """Give the layout that imports know for this data, over the columns that `rows` has."""
    columns = {
        "order_id": "order",
        "user_id": "who",
        "timestamp": "at",
        "product_id": "product",
        "quantity": "quantity",
        "line_total": "amount",
        "store": "store",
    }
    return msgspec.structs.replace(data.mapping, kind=Kind.ORDERS, columns=columns, dates="ymd", zone="UTC", preset="")


def read_history(data: DataSet, ends: Millis, *, customers: int = 0) -> History:
    """Read a data set; `customers`: only so many of them, from the busiest to the quietest (0: everybody).

    Raises Unavailable or BadInput when it cannot be read.
    """
    from pyarrow import array, compute, default_memory_pool

    table = data.rows()
    default_memory_pool().release_unused()
    shift = (ends - int(table["at"][table.num_rows - 1].as_py())) // DAY * DAY
    whole = History(data, table, table, shift)
    if not customers:
        return whole
    ranked = [who for who, _ in whole.customers()]
    kept = ranked[:: max(1, len(ranked) // customers)][:customers]
    return whole._replace(table=table.filter(compute.is_in(table["who"], value_set=array(kept))))


def shelved(history: History) -> tuple[Product, ...]:
    """Choose what the shop shows: for every shelf the product that was in most orders, at the price that most of the last weeks paid."""
    from pyarrow import compute

    table = history.whole
    counted = table.select(["product", "order"]).group_by("product", use_threads=False).aggregate([("order", "count")])
    sold = dict(zip(map(str, counted["product"].to_pylist()), counted["order_count"].to_pylist(), strict=True))
    shelves = [shelf for aisle in history.data.aisles for shelf in aisle.shelves]

    @cache
    def wanted_here(kind: str, department: str) -> bool:
        return any(_on(shelf, kind, department) for shelf in shelves)

    fitting = (good for good in history.data.goods() if good.id in sold and wanted_here(good.kind, good.department))
    known = sorted(fitting, key=lambda good: (-sold[good.id], good.id))
    chosen: dict[str, tuple[Aisle, Shelf, Good]] = {}
    for aisle in history.data.aisles:
        for shelf in aisle.shelves:
            good = next((good for good in known if good.id not in chosen and _on(shelf, good.kind, good.department)), None)
            if good is not None:
                chosen[good.id] = aisle, shelf, good
    ids = table["product"].type
    wanted = table.filter(compute.is_in(table["product"], value_set=_typed(list(chosen), ids)))
    recent = int(table["at"][table.num_rows - 1].as_py()) - WEEKS * 7 * DAY
    paid: dict[str, list[float]] = {product: [] for product in chosen}
    older: dict[str, list[float]] = {product: [] for product in chosen}
    columns = (wanted[name].to_pylist() for name in ("product", "quantity", "amount", "at"))
    for product, quantity, amount, at in zip(*columns, strict=True):
        if quantity > 0 and amount / quantity >= _LEAST:
            (paid if at > recent else older)[str(product)].append(amount / quantity)
    return tuple(
        Product(
            id=good.id,
            aisle=aisle.key,
            drawing=shelf.drawing,
            names={"es": shelf.es, "en": shelf.en},
            sizes=good.sizes,
            variant=good.variant,
            price=round(median(paid[good.id] or older[good.id] or [1.0]) * 100),
            house=good.house,
            baskets=sold[good.id],
        )
        for aisle, shelf, good in chosen.values()
    )


def prices(history: History) -> dict[str, int]:
    """Give the middle price of every product that was bought, in cents: of an even number of prices the lower of the two in the middle."""
    from pyarrow import array, compute, concat_arrays, default_memory_pool
    from pyarrow import table as table_of

    default_memory_pool().release_unused()
    table = history.table
    bought = compute.and_(compute.greater(table["quantity"], 0), compute.greater(table["amount"], 0))
    each = compute.divide(table["amount"], table["quantity"]).filter(bought)
    paid = table_of({"product": table["product"].filter(bought), "each": each})
    # Sorted, each product is one run. Arrow's own median keeps a sketch of kilobytes for each of 68,000 products: 850 MB.
    sorted_by = compute.sort_indices(paid, sort_keys=[("product", "ascending"), ("each", "ascending")])
    runs = compute.run_end_encode(paid["product"].take(sorted_by).combine_chunks())
    starts = concat_arrays([array([0], runs.run_ends.type), runs.run_ends[:-1]])
    middles = compute.divide(compute.subtract(compute.add(starts, runs.run_ends), 1), 2)
    middle = each.take(sorted_by.take(middles)).to_pylist()
    del bought, each, paid, sorted_by
    default_memory_pool().release_unused()
    return {str(product): max(1, round(price * 100)) for product, price in zip(runs.values.to_pylist(), middle, strict=True)}


def spread(text: str, of: int) -> int:
    """Give a number below `of` that is always the same for the same text."""
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest()) % of


def _on(shelf: Shelf, kind: str, department: str) -> bool:
    return fits(shelf.words, kind) and fits(shelf.department, department)


def _typed(ids: list[str], kind: Any) -> Any:
    from pyarrow import array, types

    return array([int(each) for each in ids], kind) if types.is_integer(kind) else array(ids, kind)
