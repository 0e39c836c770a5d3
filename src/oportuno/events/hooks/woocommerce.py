"""WooCommerce's webhooks: orders with their refunds, customers and products.

An order is one when it was paid, or is to be paid otherwise (`on-hold`): until then it is a cart on its way. A post about an order tells it
whole, so that each news in it is told under an id of its own, and every further post says it once more without harm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from oportuno.events.hooks.post import NOTHING, Meaning, Payload, Post, Tell, identify, rows, table, told, track, unsold, word

_PLACED: Final = frozenset({"processing", "completed", "on-hold", "refunded"})


def meaning_of(post: Post) -> Meaning:
    """Say what a post means; nothing for a topic that is not understood, or a payload without what it needs."""
    reader = _TOPICS.get(post.topic)
    if reader is not None:
        return reader(post)
    who = _who(post, post.payload)
    return Meaning(tells=(_plain(post, who),)) if who else NOTHING


def _plain(post: Post, who: dict[str, str]) -> Tell:
    at = _moment(post.payload, "date_modified")
    return Tell(call=track(f"WooCommerce {post.topic}"[:200], who, at, {}, message=post.id))


def _order(post: Post) -> Meaning:
    order = post.payload
    number, who, status = word(order.get("id")), _who(post, order), word(order.get("status"))
    if not number or not who:
        return NOTHING
    created, changed = _moment(order, "date_created"), _moment(order, "date_modified")
    traits = _traits(order)
    tells = [Tell(call=identify(who, changed, traits, message=f"{post.id}/identify"))] if traits else []
    if status == "cancelled":
        call = track("Order Cancelled", who, changed, {"order_id": number}, message=f"order/{number}/cancelled")
        return Meaning(tells=(*tells, Tell(call=call, first=created)))
    if status not in _PLACED:
        return Meaning(tells=(*tells, _plain(post, who)))
    properties = told(
        order_id=number,
        total=order.get("total"),
        currency=order.get("currency"),
        coupon=next((word(each.get("code")) for each in rows(order.get("coupon_lines"))), ""),
        payment_method=word(order.get("payment_method_title")) or word(order.get("payment_method")),
        channel=word(order.get("created_via")),
        number=word(order.get("number")),
        products=[_line(each) for each in rows(order.get("line_items"))],
    )
    paid = _moment(order, "date_paid") or created
    tells.append(Tell(call=track("Order Completed", who, paid, properties, message=f"order/{number}/completed"), first=created))
    if post.topic == "order.updated":
        tells.append(Tell(call=track("Order Updated", who, changed, properties, message=post.id)))
    tells += [_refund(each, number, who, changed, created) for each in rows(order.get("refunds")) if word(each.get("id"))]
    return Meaning(tells=tuple(tells))


def _refund(refund: Payload, order: str, who: dict[str, str], changed: str, created: str) -> Tell:
    number = word(refund.get("id"))
    properties = told(
        order_id=order, refund_id=number, total=word(refund.get("total")).removeprefix("-"), reason=word(refund.get("reason"))
    )
    return Tell(call=track("Order Refunded", who, changed, properties, message=f"refund/{number}"), first=created)


def _customer(post: Post) -> Meaning:
    customer = post.payload
    number = word(customer.get("id"))
    if not number:
        return NOTHING
    at = _moment(customer, "date_modified") or _moment(customer, "date_created")
    traits = told(
        email=word(customer.get("email")),
        first_name=word(customer.get("first_name")),
        last_name=word(customer.get("last_name")),
    ) | {name: value for name, value in _traits(customer).items() if name in {"phone", "country"}}
    return Meaning(tells=(Tell(call=identify({"userId": number}, at, traits, message=post.id)),))


def _product(post: Post) -> Meaning:
    product = post.payload
    number = word(product.get("id"))
    if not number or word(product.get("parent_id")):
        return NOTHING
    if word(product.get("status")) != "publish":
        return Meaning(withdrawn=number)
    price, regular = word(product.get("price")), word(product.get("regular_price"))
    row = told(
        name=word(product.get("name")),
        url=word(product.get("permalink")),
        image=next((word(each.get("src")) for each in rows(product.get("images"))), ""),
        brand=next((word(each.get("name")) for each in rows(product.get("brands"))), ""),
        categories=[word(each.get("name")) for each in rows(product.get("categories")) if word(each.get("name"))],
        tags=[word(each.get("name")) for each in rows(product.get("tags")) if word(each.get("name"))],
        price=price,
    )
    row["was"] = regular if price and regular and product.get("on_sale") is True else None
    row["stock"] = _stock(product)
    return Meaning(product={"id": number, **row})


def _stock(product: Payload) -> int | None:
    quantity = product.get("stock_quantity")
    if product.get("manage_stock") is True and isinstance(quantity, int):
        return max(quantity, 0)
    return 0 if word(product.get("stock_status")) == "outofstock" else None


_TOPICS: Final[dict[str, Callable[[Post], Meaning]]] = {
    "order.created": _order,
    "order.updated": _order,
    "customer.created": _customer,
    "customer.updated": _customer,
    "product.created": _product,
    "product.updated": _product,
    "product.restored": _product,
    "product.deleted": unsold,
}
TOPICS: Final = frozenset(_TOPICS)


def _who(post: Post, about: Payload) -> dict[str, str]:
    """Say whom something is about: the customer's number, else an id made of a guest's address; empty: nobody."""
    number = word(about.get("customer_id"))
    if number:
        return {"userId": number}
    address = word(table(about.get("billing")).get("email"))
    return {"userId": post.veil(f"guest/{address.casefold()}")} if address else {}


def _traits(about: Payload) -> dict[str, Any]:
    billing = table(about.get("billing"))
    return told(
        email=word(billing.get("email")),
        phone=word(billing.get("phone")),
        first_name=word(billing.get("first_name")),
        last_name=word(billing.get("last_name")),
        country=word(billing.get("country")),
    )


def _line(each: Payload) -> dict[str, Any]:
    price = each.get("price")
    return told(
        product_id=word(each.get("product_id")),
        sku=word(each.get("sku")),
        variant=word(each.get("variation_id")),
        name=word(each.get("name")),
        price=round(price, 6) if isinstance(price, float) else price,
        quantity=each.get("quantity"),
    )


def _moment(about: Payload, name: str) -> str:
    """Give a moment, which the platform writes in UTC without saying so."""
    found = word(about.get(f"{name}_gmt"))
    return f"{found}Z" if found and found[-1].isdigit() and "+" not in found else found
