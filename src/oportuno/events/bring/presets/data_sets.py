"""Public data sets of retail, in the layouts in which they are given out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from oportuno.events.bring.fields import Kind
from oportuno.events.bring.mapping import Mapping as RowMapping
from oportuno.events.bring.presets.preset import Preset


def _clothing(cells: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make a moment of the day and the click's place in its session: the data has no clock."""
    try:
        order = int(cells["order"] if "order" in cells else cells["order(sells)"])
        minute, second = divmod(order, 60)
        hour, minute = divmod(minute, 60)
        at = f"{int(cells['year']):04}-{int(cells['month']):02}-{int(cells['day']):02} {hour % 24:02}:{minute:02}:{second:02}"
    except (KeyError, TypeError, ValueError):
        at = ""
    return {**cells, "at": at, "session": f"eshop-{cells.get('session ID', '')}" if cells.get("session ID") else ""}


DATA_SETS: Final = (
    Preset(
        "uci-online-retail",
        Kind.ORDERS,
        "UCI Online Retail. An invoice whose number begins with C takes back; rows without a customer are refused. Amounts are pounds.",
        "UCI Online Retail. Una factura cuyo número empieza por C devuelve; las filas sin cliente se rechazan. Los importes son libras.",
        RowMapping(
            kind=Kind.ORDERS,
            columns={
                "order_id": "InvoiceNo",
                "user_id": "CustomerID",
                "timestamp": "InvoiceDate",
                "product_id": "StockCode",
                "product_name": "Description",
                "quantity": "Quantity",
                "price": "UnitPrice",
            },
            fixed={"currency": "GBP"},
            dates="mdy",
            zone="Europe/London",
            refund_sign="C",
            preset="uci-online-retail",
        ),
    ),
    Preset(
        "complete-journey",
        Kind.ORDERS,
        "The Complete Journey: one row a product of a basket, paid prices in dollars. For research and education only.",
        "The Complete Journey: una fila por producto de una cesta, precios pagados en dólares. Solo para investigar y enseñar.",
        RowMapping(
            kind=Kind.ORDERS,
            columns={
                "order_id": "basket_id",
                "user_id": "household_id",
                "timestamp": "transaction_timestamp",
                "product_id": "product_id",
                "quantity": "quantity",
                "line_total": "sales_value",
                "store": "store_id",
            },
            fixed={"currency": "USD"},
            preset="complete-journey",
        ),
    ),
    Preset(
        "retailrocket",
        Kind.EVENTS,
        "Retailrocket's events.csv: visitors, views, baskets and transactions, without prices.",
        "El events.csv de Retailrocket: visitantes, vistas, cestas y transacciones, sin precios.",
        RowMapping(
            kind=Kind.EVENTS,
            columns={
                "anonymous_id": "visitorid",
                "event": "event",
                "timestamp": "timestamp",
                "product_id": "itemid",
                "order_id": "transactionid",
            },
            names={"view": "Product Viewed", "addtocart": "Product Added", "transaction": "Order Completed"},
            preset="retailrocket",
        ),
    ),
    Preset(
        "rees46",
        Kind.EVENTS,
        "REES46's behaviour data: a purchase is one product, so each is an order of its own, without a number.",
        "Los datos de comportamiento de REES46: una compra es un producto, así que cada una es un pedido propio, sin número.",
        RowMapping(
            kind=Kind.EVENTS,
            columns={
                "user_id": "user_id",
                "event": "event_type",
                "timestamp": "event_time",
                "product_id": "product_id",
                "category": "category_code",
                "brand": "brand",
                "price": "price",
            },
            fixed={"currency": "USD"},
            names={"view": "Product Viewed", "cart": "Product Added", "remove_from_cart": "Product Removed", "purchase": "Order Completed"},
            preset="rees46",
        ),
    ),
    Preset(
        "eshop-clothing",
        Kind.EVENTS,
        "e-shop clothing 2008. The data has days and the order of clicks but no clock: the seconds of each moment are invented.",
        "e-shop clothing 2008. Los datos tienen día y orden de los clics pero no la hora: los segundos de cada momento son inventados.",
        RowMapping(
            kind=Kind.EVENTS,
            columns={
                "anonymous_id": "session",
                "timestamp": "at",
                "product_id": "page 2 (clothing model)",
                "category": "page 1 (main category)",
                "price": "price",
                "properties.colour": "colour",
                "properties.country_number": "country",
            },
            fixed={"event": "Product Viewed", "currency": "USD"},
            preset="eshop-clothing",
        ),
        _clothing,
        frozenset({"year", "month", "day", "session ID", "page 2 (clothing model)"}),
        frozenset({"order", "order(sells)", "country", "price", "colour", "page 1 (main category)"}),
    ),
)
