"""What was left in the basket."""

from __future__ import annotations

from typing import Any, Final

from oportuno.catalog.product import Facts
from oportuno.content.said import Because
from oportuno.moments.seen import Evidence, Seen
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Cart, Line

NAMES_SHOWN: Final = 3
LINES_SHOWN: Final = 10


def left_lines(draft: Draft) -> list[Line]:
    """Give the lines that lie in the cart now."""
    return [line for line in draft.read(Cart).lines if not line.gone and line.quantity > 0]


def cart_left(draft: Draft, seen: Seen, _facts: Facts) -> Evidence | None:
    """Gather what was left in the cart.

    Facts: `event` and `at` of what set it off, `count` pieces, `products` (how many), `names` (the first few), `left_at`; where known
    `total` (minor units), `currency` and `held_until`.
    """
    lines = left_lines(draft)
    if not lines:
        return None
    cart = draft.read(Cart)
    facts: dict[str, Any] = {
        "event": seen.event,
        "at": seen.at,
        "count": sum(line.quantity for line in lines),
        "products": len(lines),
        "names": [line.name for line in lines if line.name][:NAMES_SHOWN],
        "left_at": cart.at,
    }
    prices = [line.price * line.quantity for line in lines if line.price is not None]
    total = sum(prices) if len(prices) == len(lines) and cart.currency else None
    context: dict[str, Any] = {
        "lines": [_shown(line) for line in lines[:LINES_SHOWN]],
        "more_lines": max(0, len(lines) - LINES_SHOWN),
        "total": total,
        "currency": cart.currency,
        "held_until": cart.held_until or None,
        "left_at": cart.at,
    }
    for known in ("total", "currency", "held_until"):
        if context[known]:
            facts[known] = context[known]
    return Evidence(
        because=Because(kind="cart_left", facts=facts, read=("core", "cart")),
        items=tuple(dict.fromkeys(line.product for line in lines)),
        context=context,
    )


def _shown(line: Line) -> dict[str, Any]:
    return {
        "product": line.product,
        "variant": line.variant,
        "name": line.name,
        "price": line.price,
        "quantity": line.quantity,
        "url": line.url,
        "image": line.image,
    }
