"""A shop's traffic, made from a seed: which events come, about whom, in Segment's words. Nothing here is taken from real people."""

from __future__ import annotations

import random
from typing import Final

from oportuno.kit.times import Millis, to_text

PRODUCTS: Final = 2_000
_CATEGORIES: Final = ("Rain", "Wool", "Trail", "Home", "Boots", "Bags")
_MIX: Final = (
    ("Product Viewed", 60),
    ("Product List Viewed", 13),
    ("", 7),  # a page call
    ("Product Added", 8),
    ("Products Searched", 4),
    ("Product Removed", 3),
    ("Cart Viewed", 2),
    ("Checkout Started", 1),
    ("Order Completed", 2),
)


class Traffic:
    """Events about `customers` people, each one's bytes made anew, so that no two are twins."""

    def __init__(self, *, customers: int, seed: int, prefix: str = "u") -> None:
        self._chance = random.Random(seed)
        self._customers = customers
        self._prefix = prefix
        self._seed = seed
        self._count = 0
        self._names = [name for name, weight in _MIX for _ in range(weight)]
        self._products = [self._product(number) for number in range(PRODUCTS)]

    def event(self, now: Millis, *, name: str | None = None, customer: int | None = None) -> bytes:
        """Give one call of a batch as JSON."""
        chance = self._chance
        self._count += 1
        name = chance.choice(self._names) if name is None else name
        who = chance.randrange(self._customers) if customer is None else customer
        at = to_text(now)
        head = (
            f'"messageId":"bench-{self._seed}-{self._count}","userId":"{self._prefix}{who}","timestamp":"{at}",'
            '"context":{"library":{"name":"analytics.js","version":"2.1.0"},"locale":"es-ES","page":{"path":"/p","title":"Tienda Norte"}}'
        )
        if not name:
            return f'{{"type":"page","name":"Home",{head},"properties":{{"path":"/","title":"Tienda Norte"}}}}'.encode()
        return f'{{"type":"track","event":"{name}",{head},"properties":{self._properties(name)}}}'.encode()

    def batch(self, size: int, now: Millis) -> bytes:
        """Give the body of one batch request."""
        return b'{"batch":[' + b",".join(self.event(now) for _ in range(size)) + b'],"sentAt":"' + to_text(now).encode() + b'"}'

    def _properties(self, name: str) -> str:
        product = self._products[int(self._chance.random() ** 2 * PRODUCTS)]
        match name:
            case "Product List Viewed":
                return f'{{"list_id":"rain","category":"Rain","products":[{{{product}}},{{{self._chance.choice(self._products)}}}]}}'
            case "Products Searched":
                return '{"query":"chubasquero amarillo"}'
            case "Cart Viewed" | "Checkout Started":
                return f'{{"cart_id":"c{self._count}","currency":"EUR","products":[{{{product},"quantity":1}}]}}'
            case "Order Completed":
                return (
                    f'{{"order_id":"o{self._seed}-{self._count}","total":71.20,"currency":"EUR","products":[{{{product},"quantity":1}}]}}'
                )
            case _:
                return f'{{{product},"quantity":1,"visible_seconds":{self._chance.randrange(2, 90)}}}'

    def _product(self, number: int) -> str:
        category = _CATEGORIES[number % len(_CATEGORIES)]
        return (
            f'"product_id":"p{number}","sku":"TN-{number:05d}","name":"Chubasquero Galerna {number}","category":"{category}",'
            f'"brand":"Norte","variant":"M","price":{20 + number % 80}.90,"currency":"EUR","url":"https://tienda.example/p/{number}"'
        )
