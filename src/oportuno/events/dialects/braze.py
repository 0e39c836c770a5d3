"""Braze: its recommended e-commerce events. A cart that was updated by adding or removing says so in `action`."""

from __future__ import annotations

from typing import Final

from oportuno.events.commerce import Commerce
from oportuno.events.dialects.meaning import Meaning, Words

_LINE: Final[Words] = {"name": ("product_name",), "variant": ("variant_id",), "url": ("product_url",)}
"""`product_id`, `image_url`, `price` and `quantity` are the same words."""
_TOTAL: Final[Words] = {"total": ("total_value",)}
_PRODUCTS: Final = ("products",)

NAMES: Final[dict[str, Meaning]] = {
    "ecommerce.product_viewed": Meaning(event=Commerce.PRODUCT_VIEWED, told=_LINE),
    "ecommerce.cart_updated": Meaning(
        event=Commerce.CART_VIEWED,
        lists=_PRODUCTS,
        line=_LINE,
        by="action",
        cases={"add": Commerce.PRODUCT_ADDED, "remove": Commerce.PRODUCT_REMOVED},
    ),
    "ecommerce.checkout_started": Meaning(event=Commerce.CHECKOUT_STARTED, told=_TOTAL, lists=_PRODUCTS, line=_LINE),
    "ecommerce.order_placed": Meaning(event=Commerce.ORDER_COMPLETED, told=_TOTAL, lists=_PRODUCTS, line=_LINE),
    "ecommerce.order_refunded": Meaning(event=Commerce.ORDER_REFUNDED, told=_TOTAL, lists=_PRODUCTS, line=_LINE),
    "ecommerce.order_cancelled": Meaning(event=Commerce.ORDER_CANCELLED),
}
