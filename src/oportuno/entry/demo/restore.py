"""The basket behind a mail's link, fetched from the product as any shop would fetch it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from httpx2 import HTTPError

from oportuno.entry.demo.basket import Basket
from oportuno.entry.demo.history import Product
from oportuno.entry.demo.stage import Stage
from oportuno.kit.times import parse_moment


@dataclass(frozen=True)
class Restored:
    """What a link brought back. An empty basket: the link is no longer valid, or leads to nothing."""

    token: str
    basket: Basket = field(default_factory=Basket)
    prices: dict[str, int] = field(default_factory=dict)
    """Cents a piece, as they were when the basket was left."""

    def price_of(self, product: Product) -> int:
        """Give the price as it was then, or today's."""
        return self.prices.get(product.id, product.price)


async def restored(stage: Stage, token: str) -> Restored:
    """Give what a link brings back. Looking changes nothing."""
    if not token.replace("-", "").replace("_", "").isalnum():
        return Restored(token="")
    try:
        answer = await stage.api.get(f"/p/{token}/cart.json")
    except HTTPError:
        return Restored(token="")
    if answer.status_code != 200:  # noqa: PLR2004 - OK
        return Restored(token="")
    return read_restored(token, answer.json())


def read_restored(token: str, facts: dict[str, Any]) -> Restored:
    """Read the product's answer about a basket."""
    lines: dict[str, int] = {}
    prices: dict[str, int] = {}
    for line in facts.get("lines", ()):
        if line.get("bought"):
            continue
        product = str(line["product_id"])
        lines[product] = int(line.get("quantity") or 1)
        if line.get("price") is not None:
            prices[product] = int(line["price"])
    held = facts.get("held_until")
    until = parse_moment(held) if isinstance(held, str) else held
    return Restored(token=token, basket=Basket(lines=lines, held_until=until or 0), prices=prices)
