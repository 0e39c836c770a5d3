"""What the shop's own server tells the product: what a browser that stays closed cannot, and what a page without JavaScript does not."""

from __future__ import annotations

import secrets
from typing import Any, Final

from httpx2 import HTTPError

from oportuno.entry.demo.basket import Basket
from oportuno.entry.demo.catalogue import asked_for, brand_of, sold
from oportuno.entry.demo.history import Product
from oportuno.entry.demo.stage import Stage, Visitor
from oportuno.kit.times import to_text

_CHANGES: Final = {"add": "Product Added", "more": "Product Added", "less": "Product Removed", "remove": "Product Removed"}
ASKED: Final = {
    "saved": "Product Added to Wishlist",
    "unsaved": "Product Removed from Wishlist",
    "asked": "Back In Stock Requested",
}
"""What a form about one product says → the event's name."""


async def tell(stage: Stage, user: str, event: str, properties: dict[str, Any], **more: Any) -> bool:
    """Tell that something happened to a known person; says whether it was taken. The shop works whether or not."""
    call = {"type": "track", "userId": user, "event": event, "properties": properties, **more}
    try:
        answer = await stage.api.post("/v1/track", json=call)
    except HTTPError:
        return False
    return answer.is_success


async def tell_of_change(stage: Stage, visitor: Visitor, product: Product, what: str, before: Basket, after: Basket) -> None:  # noqa: PLR0917 - a basket before and after
    """Tell what was put into the basket of a known person, or taken out."""
    had, has = before.lines.get(product.id, 0), after.lines.get(product.id, 0)
    if visitor.person.key and had != has and what in _CHANGES:
        line = await line_of(stage, product, visitor.language, abs(has - had))
        held = {"held_until": to_text(after.held_until)} if has > had and after.held_until else {}
        await tell(stage, visitor.person.key, _CHANGES[what], line | held)


async def tell_of_basket(stage: Stage, user: str, basket: Basket, language: str) -> None:
    """Tell what lies in the basket of somebody who has just said who they are."""
    lines = await lines_of(stage, basket, language)
    if lines:
        held = {"held_until": to_text(basket.held_until)} if basket.held_until else {}
        await tell(stage, user, "Cart Viewed", {"products": lines, "currency": stage.setting.currency, **held})


async def order_of(stage: Stage, basket: Basket, language: str) -> dict[str, Any]:
    """Write an order of everything in a basket, under a new number."""
    lines = await lines_of(stage, basket, language)
    total = sum(round(line["price"] * 100) * line["quantity"] for line in lines)
    return {"order_id": f"TN-{secrets.token_hex(4)}", "products": lines, "total": total / 100, "currency": stage.setting.currency}


async def lines_of(stage: Stage, basket: Basket, language: str) -> list[dict[str, Any]]:
    """Write every line of a basket as events have it."""
    found = [(stage.setting.product(key), count) for key, count in basket.lines.items()]
    return [await line_of(stage, product, language, count) for product, count in found if product is not None]


async def line_of(stage: Stage, product: Product, language: str, quantity: int) -> dict[str, Any]:
    """Write one line as events have it."""
    price = asked_for(product, await sold(stage))
    return facts_of(stage, product, language, price) | {
        "product_id": product.id,
        "quantity": quantity,
        "currency": stage.setting.currency,
    }


def facts_of(stage: Stage, product: Product, language: str, price: int) -> dict[str, Any]:
    """Write what an event tells of a product, as the page's own script gets it too."""
    address = str(stage.api.base_url).rstrip("/")
    facts = {
        "name": product.names[language],
        "price": price / 100,
        "variant": product.variant,
        "brand": brand_of(product),
        "category": product.aisle,
        "url": f"{address}/demo/{language}/p/{product.id}",
        "image_url": f"{address}/demo/art/{product.aisle}/{product.drawing}.png",
    }
    return {name: value for name, value in facts.items() if value != ""}
