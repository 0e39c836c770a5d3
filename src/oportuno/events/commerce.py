"""The e-commerce events of the Segment specification, version 2, read leniently from a call as the client sent it.

What fits is used; what does not is kept out and named by a fault such as ``price_malformed:products[2].price``. Faults never hold values:
those may be personal. An event with an unknown name is read as far as it goes and has no kind.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import msgspec

from oportuno.events.event import Call, Event
from oportuno.events.lenient import (
    Faults,
    read_amount,
    read_count,
    read_currency,
    read_instant,
    read_link,
    read_name,
    read_seconds,
    read_word,
)
from oportuno.kit.times import Millis


class Commerce(StrEnum):
    """Every name of the specification, and what we add to it: requests to be told of stock, and declared interests."""

    # The hash of text, as equality with text wants it. An enum's own is Python code, and cost 1 µs an event in the sets of kinds.
    __hash__ = str.__hash__

    PRODUCTS_SEARCHED = "Products Searched"
    PRODUCT_LIST_VIEWED = "Product List Viewed"
    PRODUCT_LIST_FILTERED = "Product List Filtered"
    PROMOTION_VIEWED = "Promotion Viewed"
    PROMOTION_CLICKED = "Promotion Clicked"
    PRODUCT_CLICKED = "Product Clicked"
    PRODUCT_VIEWED = "Product Viewed"
    PRODUCT_ADDED = "Product Added"
    PRODUCT_REMOVED = "Product Removed"
    CART_VIEWED = "Cart Viewed"
    CHECKOUT_STARTED = "Checkout Started"
    CHECKOUT_STEP_VIEWED = "Checkout Step Viewed"
    CHECKOUT_STEP_COMPLETED = "Checkout Step Completed"
    PAYMENT_INFO_ENTERED = "Payment Info Entered"
    ORDER_COMPLETED = "Order Completed"
    ORDER_UPDATED = "Order Updated"
    ORDER_REFUNDED = "Order Refunded"
    ORDER_CANCELLED = "Order Cancelled"
    COUPON_ENTERED = "Coupon Entered"
    COUPON_APPLIED = "Coupon Applied"
    COUPON_DENIED = "Coupon Denied"
    COUPON_REMOVED = "Coupon Removed"
    PRODUCT_ADDED_TO_WISHLIST = "Product Added to Wishlist"
    PRODUCT_REMOVED_FROM_WISHLIST = "Product Removed from Wishlist"
    WISHLIST_PRODUCT_ADDED_TO_CART = "Wishlist Product Added to Cart"
    PRODUCT_SHARED = "Product Shared"
    CART_SHARED = "Cart Shared"
    PRODUCT_REVIEWED = "Product Reviewed"
    BACK_IN_STOCK_REQUESTED = "Back In Stock Requested"
    BACK_IN_STOCK_REQUEST_CANCELLED = "Back In Stock Request Cancelled"
    INTERESTS_DECLARED = "Interests Declared"


KINDS: Final[dict[str, Commerce]] = {kind.value: kind for kind in Commerce}

_ONE_PRODUCT: Final = frozenset(
    {
        Commerce.PRODUCT_CLICKED,
        Commerce.PRODUCT_VIEWED,
        Commerce.PRODUCT_ADDED,
        Commerce.PRODUCT_REMOVED,
        Commerce.PRODUCT_ADDED_TO_WISHLIST,
        Commerce.PRODUCT_REMOVED_FROM_WISHLIST,
        Commerce.WISHLIST_PRODUCT_ADDED_TO_CART,
        Commerce.PRODUCT_SHARED,
        Commerce.PRODUCT_REVIEWED,
        Commerce.BACK_IN_STOCK_REQUESTED,
        Commerce.BACK_IN_STOCK_REQUEST_CANCELLED,
    }
)
"""Kinds that are about one product, told in the properties themselves. Other vocabularies put several into the cart in one event: with a
list and no product beside it, the list counts."""

_ORDERS: Final = frozenset({Commerce.ORDER_COMPLETED, Commerce.ORDER_UPDATED, Commerce.ORDER_REFUNDED, Commerce.ORDER_CANCELLED})

_NEEDED: Final[dict[Commerce, tuple[str, str]]] = {
    Commerce.PRODUCTS_SEARCHED: ("query", "query"),
    Commerce.PROMOTION_VIEWED: ("promotion_id", "promotion"),
    Commerce.PROMOTION_CLICKED: ("promotion_id", "promotion"),
    **dict.fromkeys(_ORDERS, ("order_id", "order")),
    **dict.fromkeys((Commerce.CHECKOUT_STEP_VIEWED, Commerce.CHECKOUT_STEP_COMPLETED), ("step", "step")),
    **dict.fromkeys(
        (Commerce.COUPON_ENTERED, Commerce.COUPON_APPLIED, Commerce.COUPON_DENIED, Commerce.COUPON_REMOVED), ("coupon_id", "coupon")
    ),
}
"""The property (and where the reading has it) without which an event of the kind says little. Missing, it is a fault; the event is used all
the same."""

ITEMS_AT_MOST: Final = 100
"""Products read of one event; further ones are a fault."""
CURRENCY_UNKNOWN: Final = "XXX"
"""ISO 4217 for «no currency»: amounts in it have two decimals."""


class Item(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One product as an event tells it."""

    product: str
    """`product_id`, else `sku`."""
    variant: str = ""
    name: str = ""
    price: int | None = None
    """Minor units of the reading's currency, per piece; None when not told."""
    quantity: int | None = None
    """None when not told."""
    url: str = ""
    image: str = ""
    category: str = ""
    brand: str = ""


class Reading(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a call says, as far as it could be read."""

    kind: Commerce | None = None
    """None: not an e-commerce event, or one of the shop's own."""
    user: str = ""
    anonymous: str = ""
    locale: Any = None
    """As the device shows it, unchecked."""
    timezone: Any = None
    traits: dict[str, Any] | None = None
    """Of an identify call, unchecked."""
    items: tuple[Item, ...] = ()
    listed: bool = False
    """Whether there was a list of products at all: an empty one is an empty cart, none says nothing."""
    currency: str = ""
    """Told by the event, else the caller's; empty when neither is known."""
    order: str = ""
    total: int | None = None
    """Minor units: `total`, else `value`, else `revenue`; None when not told."""
    coupon: str = ""
    query: str = ""
    promotion: str = ""
    step: str = ""
    cart: str = ""
    """The shop's own id of the cart."""
    held_until: Millis | None = None
    seconds: int | None = None
    """Dwell time in sight."""
    category: str = ""
    """Of a list, a filter or a search; that of a product stands with the product."""
    brand: str = ""
    payment: str = ""
    """How an order was paid, as the shop writes it."""
    store: str = ""
    """The shop's own id of the store where an order was placed; empty: not in one."""
    interests: Any = None
    """Declared interests, unchecked."""
    faults: tuple[str, ...] = ()


class _Product(msgspec.Struct, gc=False):
    product_id: Any = None
    id: Any = None
    sku: Any = None
    variant: Any = None
    name: Any = None
    price: Any = None
    quantity: Any = None
    url: Any = None
    image_url: Any = None
    image: Any = None
    category: Any = None
    brand: Any = None


class _Properties(_Product):
    products: list[_Product] | None = None
    currency: Any = None
    order_id: Any = None
    total: Any = None
    value: Any = None
    revenue: Any = None
    coupon: Any = None
    coupon_id: Any = None
    coupon_name: Any = None
    query: Any = None
    promotion_id: Any = None
    step: Any = None
    cart_id: Any = None
    held_until: Any = None
    visible_seconds: Any = None
    duration: Any = None
    payment_method: Any = None
    store_id: Any = None
    interests: Any = None


_UNTOLD: Final = msgspec.Raw()


class _Context(msgspec.Struct, gc=False):
    locale: Any = None
    timezone: Any = None
    traits: msgspec.Raw = _UNTOLD
    """RudderStack's libraries tell who somebody is here, and nowhere else."""


class _Call(msgspec.Struct, gc=False):
    userId: Any = None  # noqa: N815 - Segment's spelling
    anonymousId: Any = None  # noqa: N815 - Segment's spelling
    context: _Context | None = None
    properties: _Properties | None = None
    traits: dict[str, Any] | None = None


_CALL: Final = msgspec.json.Decoder(_Call)
_ANYTHING: Final = msgspec.json.Decoder()
_NO_PROPERTIES: Final = _Properties()
_NO_CONTEXT: Final = _Context()


def read_call(event: Event, *, currency: str = "") -> Reading:
    """Read what an event says. Amounts without a currency of their own are in `currency`; without either they have two decimals."""
    faults: Faults = []
    try:
        call = _CALL.decode(event.body)
    except (msgspec.DecodeError, RecursionError):
        call = _read_misshapen(event.body, faults)
    context = call.context or _NO_CONTEXT
    user = read_word(call.userId, faults, "userId") if call.userId is not None else ""
    anonymous = read_word(call.anonymousId, faults, "anonymousId") if call.anonymousId is not None else ""
    kind = KINDS.get(event.name)
    if kind is None:
        return Reading(
            user=user,
            anonymous=anonymous,
            locale=context.locale,
            timezone=context.timezone,
            traits=call.traits or (_traits_aside(context, faults) if event.call is Call.IDENTIFY else None),
            faults=tuple(faults),
        )
    told = call.properties or _NO_PROPERTIES
    return _read_commerce(kind, context, told, user=user, anonymous=anonymous, currency=currency, faults=faults)


def _traits_aside(context: _Context, faults: Faults) -> dict[str, Any] | None:
    """Give what an identify tells of somebody in its context, where it tells nothing beside it."""
    told = _ANYTHING.decode(context.traits) if context.traits else None
    if told is not None and not isinstance(told, dict):
        faults.append("object_expected:context.traits")
        return None
    return told or None


def _read_commerce(
    kind: Commerce, context: _Context, told: _Properties, *, user: str, anonymous: str, currency: str, faults: Faults
) -> Reading:
    """Read the properties of a known kind; those about one product, by far the most, without looking for what only orders have."""
    own: str = currency
    if told.currency is None:
        own = ""
    elif told.currency != currency:
        own = read_currency(told.currency, faults, "currency")
    money = own or currency or CURRENCY_UNKNOWN
    items = _read_items(kind, told, money, faults)
    cart = read_word(told.cart_id, faults, "cart_id") if told.cart_id is not None else ""
    held_until = read_instant(told.held_until, faults, "held_until") if told.held_until is not None else None
    if kind in _ONE_PRODUCT:
        dwell = told.visible_seconds if told.visible_seconds is not None else told.duration
        return Reading(
            kind=kind,
            user=user,
            anonymous=anonymous,
            locale=context.locale,
            timezone=context.timezone,
            items=items,
            currency=own or currency,
            cart=cart,
            held_until=held_until,
            seconds=read_seconds(dwell, faults, "visible_seconds") if dwell is not None else None,
            faults=tuple(faults),
        )
    coupon = told.coupon if told.coupon is not None else told.coupon_name if told.coupon_name is not None else told.coupon_id
    total = told.total if told.total is not None else told.value if told.value is not None else told.revenue
    reading = Reading(
        kind=kind,
        user=user,
        anonymous=anonymous,
        locale=context.locale,
        timezone=context.timezone,
        items=items,
        listed=told.products is not None,
        currency=own or currency,
        order=read_word(told.order_id, faults, "order_id"),
        total=read_amount(total, money, faults, "total"),
        coupon=read_word(coupon, faults, "coupon"),
        query=read_name(told.query, faults, "query"),
        promotion=read_word(told.promotion_id, faults, "promotion_id"),
        step=read_word(told.step, faults, "step"),
        cart=cart,
        held_until=held_until,
        category=read_name(told.category, faults, "category") if told.category is not None else "",
        brand=read_name(told.brand, faults, "brand") if told.brand is not None else "",
        payment=read_name(told.payment_method, faults, "payment_method") if told.payment_method is not None else "",
        store=read_word(told.store_id, faults, "store_id") if told.store_id is not None else "",
        interests=told.interests,
    )
    needed = _NEEDED.get(kind)
    if needed is not None and not getattr(reading, needed[1]):
        faults.append(f"property_missing:{needed[0]}")
    return msgspec.structs.replace(reading, faults=tuple(faults)) if faults else reading


def _read_items(kind: Commerce, told: _Properties, money: str, faults: Faults) -> tuple[Item, ...]:
    if kind in _ONE_PRODUCT and (not told.products or told.product_id is not None or told.sku is not None or told.id is not None):
        item = _read_item(told, money, "", faults)
        return (item,) if item is not None else ()
    if not told.products:
        return ()
    if len(told.products) > ITEMS_AT_MOST:
        faults.append("products_too_many:products")
    items = [_read_item(product, money, f"products[{place}].", faults) for place, product in enumerate(told.products[:ITEMS_AT_MOST])]
    return tuple(item for item in items if item is not None)


def _read_item(told: _Product, money: str, place: str, faults: Faults) -> Item | None:
    product = read_word(told.product_id, faults, place, "product_id") if told.product_id is not None else ""
    if not product and told.sku is not None:
        product = read_word(told.sku, faults, place, "sku")
    if not product and told.id is not None:
        product = read_word(told.id, faults, place, "id")
    if not product:
        faults.append(f"property_missing:{place}product_id")
        return None
    image = told.image_url if told.image_url is not None else told.image
    return Item(
        product=product,
        variant=read_word(told.variant, faults, place, "variant") if told.variant is not None else "",
        name=read_name(told.name, faults, place, "name") if told.name is not None else "",
        price=read_amount(told.price, money, faults, place, "price") if told.price is not None else None,
        quantity=read_count(told.quantity, faults, place, "quantity") if told.quantity is not None else None,
        url=read_link(told.url, faults, place, "url") if told.url is not None else "",
        image=read_link(image, faults, place, "image_url") if image is not None else "",
        category=read_name(told.category, faults, place, "category") if told.category is not None else "",
        brand=read_name(told.brand, faults, place, "brand") if told.brand is not None else "",
    )


def _read_misshapen(body: bytes, faults: Faults) -> _Call:
    """Read a call in which some part has the wrong shape: that part is kept out and named, the rest is used."""
    try:
        told = _ANYTHING.decode(body)
    except (msgspec.DecodeError, RecursionError):
        told = None
    if not isinstance(told, dict):
        faults.append("call_unreadable:body")
        return _Call()
    parts: dict[str, Any] = {}
    for name in ("context", "properties", "traits"):
        part = told.get(name)
        if part is None or isinstance(part, dict):
            parts[name] = part or {}
        else:
            faults.append(f"object_expected:{name}")
            parts[name] = {}
    properties = dict(parts["properties"])
    listed = properties.pop("products", None)
    products: list[_Product] | None = None
    if isinstance(listed, list):
        products = []
        for place, product in enumerate(listed):
            if isinstance(product, dict):
                products.append(msgspec.convert(product, _Product))
            else:
                faults.append(f"object_expected:products[{place}]")
    elif listed is not None:
        faults.append("list_expected:products")
    read = msgspec.convert(properties, _Properties)
    read.products = products
    aside = parts["context"].pop("traits", None)
    context = msgspec.convert(parts["context"], _Context)
    context.traits = msgspec.Raw(msgspec.json.encode(aside))
    return _Call(
        userId=told.get("userId"), anonymousId=told.get("anonymousId"), context=context, properties=read, traits=parts["traits"] or None
    )
