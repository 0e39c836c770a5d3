"""Klaviyo: the metrics of its guide for shops without a ready-made integration.

`Ordered Product` is not here: it tells a line of an order that `Placed Order` tells whole, and would count it twice. `Fulfilled Order` says
of a parcel what is in it, not what the order is worth: only the order's number is taken.
"""

from __future__ import annotations

from typing import Final

from oportuno.events.commerce import Commerce
from oportuno.events.dialects.meaning import Meaning, Words

_MONEY: Final[Words] = {
    "total": ("$value", "Value"),
    "currency": ("$value_currency", "$currency_code", "value_currency", "Currency", "CurrencyCode"),
}
_ORDER: Final[Words] = {"order_id": ("OrderId", "OrderID", "OrderNumber", "$event_id")}
_LINE: Final[Words] = {
    "product_id": ("ProductID", "ProductId"),
    "sku": ("SKU",),
    "variant": ("VariantID", "VariationID"),
    "name": ("ProductName", "Name"),
    "price": ("ItemPrice", "Price"),
    "quantity": ("Quantity",),
    "url": ("ProductURL", "URL"),
    "image_url": ("ImageURL",),
    "category": ("ProductCategories[]", "Categories[]"),
    "brand": ("Brand",),
}
_ITEMS: Final = ("Items",)
_ADDED: Final[Words] = {
    "product_id": ("AddedItemProductID", "ProductID", "ProductId"),
    "sku": ("AddedItemSKU", "SKU"),
    "variant": ("VariantID", "VariationID"),
    "name": ("AddedItemProductName", "ProductName", "Name"),
    "price": ("AddedItemPrice", "ItemPrice", "Price"),
    "quantity": ("AddedItemQuantity", "Quantity"),
    "url": ("AddedItemURL", "ProductURL", "URL"),
    "image_url": ("AddedItemImageURL", "ImageURL"),
    "category": ("AddedItemCategories[]", "Categories[]"),
    "brand": ("Brand",),
    "currency": _MONEY["currency"],
}
"""`Items` beside it are the whole cart, of which only the first is new."""
_ONE: Final[Words] = _LINE | {"currency": _MONEY["currency"]}

NAMES: Final[dict[str, Meaning]] = {
    "Viewed Product": Meaning(event=Commerce.PRODUCT_VIEWED, told=_ONE),
    "Added to Cart": Meaning(event=Commerce.PRODUCT_ADDED, told=_ADDED),
    "Removed from Cart": Meaning(event=Commerce.PRODUCT_REMOVED, told=_ONE),
    "Added to Wishlist": Meaning(event=Commerce.PRODUCT_ADDED_TO_WISHLIST, told=_ONE),
    "Removed from Wishlist": Meaning(event=Commerce.PRODUCT_REMOVED_FROM_WISHLIST, told=_ONE),
    "Started Checkout": Meaning(event=Commerce.CHECKOUT_STARTED, told=_MONEY, lists=_ITEMS, line=_LINE),
    "Placed Order": Meaning(event=Commerce.ORDER_COMPLETED, told=_ORDER | _MONEY | {"coupon": ("DiscountCode",)}, lists=_ITEMS, line=_LINE),
    "Fulfilled Order": Meaning(event=Commerce.ORDER_UPDATED, told=_ORDER),
    "Cancelled Order": Meaning(event=Commerce.ORDER_CANCELLED, told=_ORDER),
    "Canceled Order": Meaning(event=Commerce.ORDER_CANCELLED, told=_ORDER),
    "Refunded Order": Meaning(event=Commerce.ORDER_REFUNDED, told=_ORDER | _MONEY, lists=_ITEMS, line=_LINE),
}
