"""Google Analytics 4: its recommended e-commerce events, with products under `items`."""

from __future__ import annotations

from typing import Final

from oportuno.events.commerce import Commerce
from oportuno.events.dialects.meaning import Meaning, Words

_LINE: Final[Words] = {
    "product_id": ("item_id",),
    "name": ("item_name",),
    "variant": ("item_variant",),
    "brand": ("item_brand",),
    "category": ("item_category",),
}
"""`price` (of one piece) and `quantity` are the same words."""
_ITEMS: Final = ("items",)
_ORDER: Final[Words] = {"order_id": ("transaction_id",)}


def _about(event: Commerce, *, one: bool = False) -> Meaning:
    return Meaning(event=event, lists=_ITEMS, line=_LINE, one=one, marks=_ITEMS)


NAMES: Final[dict[str, Meaning]] = {
    "view_item_list": _about(Commerce.PRODUCT_LIST_VIEWED),
    "select_item": _about(Commerce.PRODUCT_CLICKED, one=True),
    "view_item": _about(Commerce.PRODUCT_VIEWED, one=True),
    "add_to_wishlist": _about(Commerce.PRODUCT_ADDED_TO_WISHLIST, one=True),
    "add_to_cart": _about(Commerce.PRODUCT_ADDED, one=True),
    "remove_from_cart": _about(Commerce.PRODUCT_REMOVED, one=True),
    "view_cart": _about(Commerce.CART_VIEWED),
    "begin_checkout": _about(Commerce.CHECKOUT_STARTED),
    "add_shipping_info": Meaning(
        event=Commerce.CHECKOUT_STEP_COMPLETED, lists=_ITEMS, line=_LINE, marks=("items", "shipping_tier"), fixed={"step": "shipping"}
    ),
    "add_payment_info": Meaning(
        event=Commerce.PAYMENT_INFO_ENTERED,
        told={"payment_method": ("payment_type",)},
        lists=_ITEMS,
        line=_LINE,
        marks=("items", "payment_type"),
    ),
    "purchase": Meaning(event=Commerce.ORDER_COMPLETED, told=_ORDER, lists=_ITEMS, line=_LINE, marks=("transaction_id",)),
    "refund": Meaning(event=Commerce.ORDER_REFUNDED, told=_ORDER, lists=_ITEMS, line=_LINE, marks=("transaction_id",)),
    "search": Meaning(event=Commerce.PRODUCTS_SEARCHED, told={"query": ("search_term",)}, marks=("search_term",)),
    "view_search_results": Meaning(event=Commerce.PRODUCTS_SEARCHED, told={"query": ("search_term",)}, marks=("search_term",)),
    "share": Meaning(event=Commerce.PRODUCT_SHARED, told={"product_id": ("item_id",)}, marks=("item_id",)),
    "view_promotion": Meaning(event=Commerce.PROMOTION_VIEWED, marks=("promotion_id", "promotion_name")),
    "select_promotion": Meaning(event=Commerce.PROMOTION_CLICKED, marks=("promotion_id", "promotion_name")),
}
