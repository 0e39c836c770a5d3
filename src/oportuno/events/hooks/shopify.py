"""Shopify's webhooks: orders, refunds, checkouts, customers and products.

A refund names its order and nobody else, so the customer of an order is also known by a veiled id of that order.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from oportuno.events.hooks.post import NOTHING, Meaning, Payload, Post, Statement, Tell, identify, rows, table, told, track, unsold, word


def meaning_of(post: Post) -> Meaning:
    """Say what a post means; nothing for a topic that is not understood, or a payload without what it needs."""
    reader = _TOPICS.get(post.topic)
    if reader is not None:
        return reader(post)
    who = _who(post, post.payload)
    if not who:
        return NOTHING
    # Kept under its own name: a journey may wait for it.
    call = track(f"Shopify {post.topic}"[:200], who, word(post.payload.get("updated_at")), {}, message=f"{post.id}")
    return Meaning(tells=(Tell(call=call),))


def _ordered(post: Post) -> Meaning:
    return _about_order(post, "Order Completed", "created_at", "created")


def _paid(post: Post) -> Meaning:
    return _about_order(post, "Order Updated", "updated_at", "paid")


def _updated(post: Post) -> Meaning:
    return _about_order(post, "Order Updated", "updated_at", "")


def _cancelled(post: Post) -> Meaning:
    return _about_order(post, "Order Cancelled", "cancelled_at", "cancelled")


def _about_order(post: Post, event: str, moment: str, once: str) -> Meaning:
    """`once`: there is one such news about each order; empty: as many as there are posts."""
    order = post.payload
    number, who = word(order.get("id")), _who(post, order)
    if not number or not who:
        return NOTHING
    at, created = word(order.get(moment)) or word(order.get("created_at")), word(order.get("created_at"))
    properties = told(
        order_id=number,
        total=order.get("total_price"),
        currency=order.get("currency"),
        coupon=next((word(each.get("code")) for each in rows(order.get("discount_codes"))), ""),
        payment_method=next((word(each) for each in _list(order.get("payment_gateway_names"))), ""),
        store_id=word(order.get("location_id")) if order.get("source_name") == "pos" else "",
        channel=word(order.get("source_name")),
        number=word(order.get("name")),
        reason=word(order.get("cancel_reason")),
        products=[_line(each) for each in rows(order.get("line_items"))],
    )
    if event == "Order Cancelled":
        properties = {name: properties[name] for name in ("order_id", "currency", "number", "reason") if name in properties}
    if order.get("test") is True:
        # Somebody tries the shop out: kept, and no order.
        event, once = f"Shopify {post.topic} (test)", ""
    message = f"order/{number}/{once}" if once else post.id
    by_order = who | {"anonymousId": post.veil(f"order/{number}")}
    news = Tell(call=track(event, by_order, at, properties, message=message), first=created if once else "")
    person = identify(_with_checkout(post, who, order), at, _traits(order), message=f"{post.id}/identify")
    return Meaning(tells=(Tell(call=person), news))


def _refunded(post: Post) -> Meaning:
    refund = post.payload
    number, order = word(refund.get("id")), word(refund.get("order_id"))
    if not number or not order:
        return NOTHING
    given_back = [each for each in rows(refund.get("transactions")) if each.get("kind") == "refund" and each.get("status") == "success"]
    products = [_line(table(each.get("line_item"))) | told(quantity=each.get("quantity")) for each in rows(refund.get("refund_line_items"))]
    properties = told(
        order_id=order,
        refund_id=number,
        total=_sum(given_back),
        currency=next((word(each.get("currency")) for each in given_back), ""),
        reason=word(refund.get("note")),
        products=products,
    )
    at = word(refund.get("created_at"))
    call = track("Order Refunded", {"anonymousId": post.veil(f"order/{order}")}, at, properties, message=f"refund/{number}")
    return Meaning(tells=(Tell(call=call),), of_known=True)


def _checking_out(post: Post) -> Meaning:
    checkout = post.payload
    number = word(table(checkout.get("customer")).get("id"))
    # Without a number it is whoever goes through this checkout: by it, the order at its end finds them.
    who = _with_checkout(post, {"userId": number} if number else {}, checkout)
    if not who:
        return NOTHING
    at = word(checkout.get("updated_at")) or word(checkout.get("created_at"))
    done = checkout.get("completed_at") is not None
    properties = told(
        checkout_id=word(checkout.get("id")),
        cart_id=word(checkout.get("cart_token")),
        total=checkout.get("total_price"),
        currency=checkout.get("currency"),
        products=[_line(each) for each in rows(checkout.get("line_items"))],
    )
    event = f"Shopify {post.topic} (completed)" if done else "Checkout Started"
    news = Tell(call=track(event, who, at, properties, message=post.id))
    traits = _traits(checkout)
    if not traits:
        return Meaning(tells=(news,))
    return Meaning(tells=(Tell(call=identify(who, at, traits, message=f"{post.id}/identify")), news))


def _customer(post: Post) -> Meaning:
    customer = post.payload
    number = word(customer.get("id"))
    if not number:
        return NOTHING
    at = word(customer.get("updated_at")) or word(customer.get("created_at"))
    call = identify({"userId": number}, at, _traits({"customer": customer}), message=post.id)
    return Meaning(tells=(Tell(call=call),), statement=_statement(post, customer))


def _statement(post: Post, customer: Payload) -> Statement | None:
    said = table(customer.get("email_marketing_consent"))
    state, level = word(said.get("state")), word(said.get("opt_in_level"))
    at = word(said.get("consent_updated_at"))
    proof = told(shopify=told(state=state, opt_in_level=level, consent_updated_at=at), topic=post.topic, delivery=post.id)
    if state == "unsubscribed":
        return Statement(granted=False, at=at, proof=proof)
    if state == "subscribed" and level in {"single_opt_in", "confirmed_opt_in"} and at:
        return Statement(granted=True, at=at, proof=proof)
    # Never asked, asked and not answered yet, or nobody knows how: no answer.
    return None


def _product(post: Post) -> Meaning:
    product = post.payload
    number = word(product.get("id"))
    if not number:
        return NOTHING
    if word(product.get("status")) not in {"", "active"} or product.get("published_at", "") is None:
        return Meaning(withdrawn=number)
    variants = [_variant(each) for each in rows(product.get("variants")) if word(each.get("id"))]
    prices = [price for each in rows(product.get("variants")) if (price := _amount(each.get("price"))) is not None]
    struck = [price for each in rows(product.get("variants")) if (price := _amount(each.get("compare_at_price"))) is not None]
    handle = word(product.get("handle"))
    pictures = [table(product.get("image")), *rows(product.get("images"))]
    row = told(
        name=word(product.get("title")),
        url=f"{post.shop_url.rstrip('/')}/products/{handle}" if post.shop_url and handle else "",
        image=next((word(each.get("src")) for each in pictures if word(each.get("src"))), ""),
        brand=word(product.get("vendor")),
        categories=[word(product.get("product_type"))] if word(product.get("product_type")) else [],
        tags=[tag.strip() for tag in word(product.get("tags")).split(",") if tag.strip()],
        variants=variants,
    )
    row["was"] = str(min(struck)) if struck and prices and min(struck) > min(prices) else None
    return Meaning(product={"id": number, **row})


def _variant(each: Payload) -> dict[str, Any]:
    tracked = each.get("inventory_management") is not None
    stock = each.get("inventory_quantity")
    return told(id=word(each.get("id")), name=word(each.get("title")), price=word(each.get("price"))) | (
        {"stock": max(stock, 0)} if tracked and isinstance(stock, int) else {}
    )


_TOPICS: Final[dict[str, Callable[[Post], Meaning]]] = {
    "orders/create": _ordered,
    "orders/paid": _paid,
    "orders/updated": _updated,
    "orders/cancelled": _cancelled,
    "refunds/create": _refunded,
    "checkouts/create": _checking_out,
    "checkouts/update": _checking_out,
    "customers/create": _customer,
    "customers/update": _customer,
    "products/create": _product,
    "products/update": _product,
    "products/delete": unsold,
}
TOPICS: Final = frozenset(_TOPICS)


def _who(post: Post, about: Payload) -> dict[str, str]:
    """Say whom something is about: the customer's number, else an id made of a guest's address; empty: nobody."""
    number = word(table(about.get("customer")).get("id"))
    if number:
        return {"userId": number}
    address = word(about.get("email")) or word(about.get("contact_email"))
    return {"userId": post.veil(f"guest/{address.casefold()}")} if address else {}


def _with_checkout(post: Post, who: dict[str, str], about: Payload) -> dict[str, str]:
    """Join whoever went through a checkout with whoever ordered at its end: both name it."""
    checkout = word(about.get("checkout_token")) or word(about.get("token") if "completed_at" in about else "")
    return who | {"anonymousId": post.veil(f"checkout/{checkout}")} if checkout else who


def _traits(about: Payload) -> dict[str, Any]:
    customer = table(about.get("customer"))
    address = table(customer.get("default_address")) or table(about.get("billing_address"))
    return told(
        email=word(customer.get("email")) or word(about.get("email")) or word(about.get("contact_email")),
        phone=word(customer.get("phone")) or word(about.get("phone")),
        first_name=word(customer.get("first_name")),
        last_name=word(customer.get("last_name")),
        locale=word(about.get("customer_locale")),
        country=word(address.get("country_code")),
    )


def _line(each: Payload) -> dict[str, Any]:
    return told(
        product_id=word(each.get("product_id")),
        sku=word(each.get("sku")),
        variant=word(each.get("variant_id")),
        name=word(each.get("title")) or word(each.get("name")),
        price=word(each.get("price")),
        quantity=each.get("quantity"),
        brand=word(each.get("vendor")),
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _amount(value: Any) -> Decimal | None:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _sum(transactions: list[Payload]) -> str:
    amounts = [amount for each in transactions if (amount := _amount(each.get("amount"))) is not None]
    return str(sum(amounts, Decimal(0))) if amounts else ""
