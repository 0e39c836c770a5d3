"""UCI Online Retail: a gift shop's year on line, 541,909 invoice lines of 4,372 customers (CC0), from a file that the user names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from oportuno.entry.demo.history import Good
from oportuno.entry.demo.shelves import GIFT_AISLES
from oportuno.events.bring.fields import Kind
from oportuno.events.bring.presets import find_preset
from oportuno.kit.faults import BadInput

if TYPE_CHECKING:
    from pyarrow import Table

_COLUMNS: Final = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"]


class OnlineRetail:
    """The second data set. Rows without a customer stay out, as the importer would refuse them."""

    key: Final = "online-retail"
    currency: Final = "GBP"
    kind: Final = "cliente"
    aisles: Final = GIFT_AISLES
    mapping: Final = find_preset(Kind.ORDERS, "uci-online-retail").mapping
    terms: Final = {
        "es": "Datos: «Online Retail», de Daqing Chen, UCI Machine Learning Repository (doi 10.24432/C5BW33), del archivo que has "
        "indicado, donde figura como CC0. Los clientes y sus compras salen de ahí; los correos @example.com, los nombres, los permisos "
        "y las visitas a la web son simulados.",
        "en": "Data: “Online Retail” by Daqing Chen, UCI Machine Learning Repository (doi 10.24432/C5BW33), from the file that you named, "
        "where it is given as CC0. Customers and purchases come from it; the @example.com addresses, the names, the consents and the "
        "visits to the website are simulated.",
    }

    def __init__(self, path: Path) -> None:
        self._path = path

    def check(self) -> None:
        """See that the file is there and has the columns, before anything else is begun. Raises BadInput."""
        from pyarrow import ArrowException, parquet

        if not self._path.is_file():
            raise BadInput("demo_data_unreadable", "there is no such file", place=str(self._path))
        try:
            known = parquet.read_schema(self._path).names
        except (OSError, ArrowException) as fault:
            raise BadInput("demo_data_unreadable", "this file is not Parquet", place=str(self._path)) from fault
        missing = [name for name in _COLUMNS if name not in known]
        if missing:
            sentence = f"this is not the Online Retail data with the columns of its spreadsheet: {', '.join(missing)} is missing"
            raise BadInput("demo_data_unreadable", sentence, place=str(self._path))

    @property
    def options(self) -> list[str]:
        """Name it and its file."""
        return ["--data", self.key, str(self._path)]

    def rows(self) -> Table:
        """Give every line of a known customer, cancelled ones too: they take back what they cancel. Raises BadInput."""
        from pyarrow import compute, nulls

        table = self._read([name for name in _COLUMNS if name != "Description"])
        table = table.filter(compute.and_(compute.is_valid(table["CustomerID"]), compute.not_equal(table["Quantity"], 0)))
        at = table["InvoiceDate"].cast("timestamp[ms]", safe=False).cast("int64")
        amount = compute.multiply(table["Quantity"], table["UnitPrice"])
        table = table.append_column("at", at).append_column("amount", amount)
        table = table.set_column(table.schema.get_field_index("Quantity"), "Quantity", table["Quantity"].cast("int64"))
        table = table.set_column(table.schema.get_field_index("CustomerID"), "CustomerID", table["CustomerID"].cast("int64"))
        names = {"CustomerID": "who", "InvoiceNo": "order", "StockCode": "product", "Quantity": "quantity", "amount": "amount", "at": "at"}
        found = table.select(list(names)).rename_columns(list(names.values()))
        return found.append_column("store", nulls(found.num_rows, "int64")).sort_by([("at", "ascending"), ("order", "ascending")])

    def goods(self) -> Iterator[Good]:
        """Give every product under the first of its descriptions."""
        seen: set[str] = set()
        table = self._read(["StockCode", "Description"])
        for row in table.group_by(["StockCode", "Description"]).aggregate([]).to_pylist():
            if row["Description"] and row["StockCode"] not in seen and row["StockCode"][:5].isdigit():
                seen.add(row["StockCode"])
                yield Good(id=row["StockCode"], kind=row["Description"].strip(), department="")

    def traits(self) -> dict[int, dict[str, str]]:
        """Give nothing: the data says nothing of its customers."""
        return {}

    def _read(self, columns: list[str]) -> Table:
        from pyarrow import ArrowException, parquet

        try:
            return parquet.read_table(self._path, columns=columns)
        except (OSError, ArrowException, KeyError) as fault:
            sentence = "this is not the Online Retail data as Parquet with the columns of its spreadsheet"
            raise BadInput("demo_data_unreadable", sentence, place=str(self._path)) from fault
