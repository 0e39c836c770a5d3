"""Google Analytics 4 as BigQuery exports it: one JSON object an event, its parameters as a list of keys and values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from oportuno.events.bring.fields import Kind
from oportuno.events.bring.mapping import Mapping as RowMapping
from oportuno.events.bring.presets.preset import Preset

_NAMES: Final = {
    "view_item": "Product Viewed",
    "select_item": "Product Clicked",
    "view_item_list": "Product List Viewed",
    "add_to_cart": "Product Added",
    "remove_from_cart": "Product Removed",
    "view_cart": "Cart Viewed",
    "begin_checkout": "Checkout Started",
    "add_to_wishlist": "Product Added to Wishlist",
    "search": "Products Searched",
    "view_search_results": "Products Searched",
    "purchase": "Order Completed",
    "refund": "Order Refunded",
}
_KEPT: Final = ("user_id", "user_pseudo_id", "event_name", "event_timestamp", "event_params", "items", "ecommerce")


def _prepare(cells: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take the parameters, the purchase and the first product out of their lists."""
    parameters = {}
    listed = cells.get("event_params")
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and isinstance(each.get("key"), str) and isinstance(each.get("value"), dict):
            told = [value for value in each["value"].values() if value is not None]
            if told:
                parameters[each["key"]] = told[0]
    commerce = cells.get("ecommerce")
    commerce = commerce if isinstance(commerce, dict) else {}
    items = cells.get("items")
    first = items[0] if isinstance(items, list) and items and isinstance(items[0], dict) else {}
    number = commerce.get("transaction_id") or parameters.get("transaction_id")
    return {
        "user_id": cells.get("user_id"),
        "device": cells.get("user_pseudo_id"),
        "event": cells.get("event_name"),
        "at": _micros(cells.get("event_timestamp")),
        "order": None if number in {None, "(not set)"} else number,
        "total": commerce.get("purchase_revenue") or parameters.get("value"),
        "currency": parameters.get("currency"),
        "query": parameters.get("search_term"),
        "products": [_item(each) for each in items if isinstance(each, dict)] if isinstance(items, list) else None,
        "item": first.get("item_id"),
        "name": first.get("item_name"),
        "brand": first.get("item_brand"),
        "category": first.get("item_category"),
        "price": first.get("price"),
        "quantity": first.get("quantity"),
    }


def _item(told: Mapping[str, Any]) -> dict[str, Any]:
    ours = {"product_id": "item_id", "name": "item_name", "brand": "item_brand", "category": "item_category"}
    return {name: told.get(theirs) for name, theirs in {**ours, "price": "price", "quantity": "quantity"}.items()}


def _micros(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


GA4: Final = (
    Preset(
        "ga4",
        Kind.EVENTS,
        "The BigQuery export of Google Analytics 4 as JSON lines. Of several products the first is taken, except of purchases.",
        "La exportación a BigQuery de Google Analytics 4 en líneas JSON. De varios productos se toma el primero, salvo en las compras.",
        RowMapping(
            kind=Kind.EVENTS,
            columns={
                "user_id": "user_id",
                "anonymous_id": "device",
                "event": "event",
                "timestamp": "at",
                "order_id": "order",
                "total": "total",
                "currency": "currency",
                "query": "query",
                "products": "products",
                "product_id": "item",
                "product_name": "name",
                "brand": "brand",
                "category": "category",
                "price": "price",
                "quantity": "quantity",
            },
            names=_NAMES,
            preset="ga4",
        ),
        _prepare,
        frozenset(_KEPT),
    ),
)
