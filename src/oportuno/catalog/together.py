"""What is viewed, or bought, together: counted over many customers, so that nothing of a single one shows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Final

import msgspec

COMPANIONS_AT_MOST: Final = 20
"""Companions kept of one product."""
LEAST: Final = 5
"""Baskets in which two products must have met: less is chance, and might be one household."""
_PRODUCTS_AT_MOST: Final = 2_000
"""Products counted in pairs, those found in most baskets."""
_A_BASKET_AT_MOST: Final = 20


class Companion(msgspec.Struct, frozen=True, kw_only=True):
    """A product found beside another."""

    product: str
    count: int
    """Baskets that held both."""
    lift: float
    """How many times as often as if the two had nothing to do with each other (Brin et al., 1997)."""


def companions(baskets: Iterable[Sequence[str]]) -> dict[str, list[Companion]]:
    """Give for each product those found beside it, the most frequent first. The order of baskets, and within them, is no matter."""
    sets = [sorted(set(basket))[:_A_BASKET_AT_MOST] for basket in baskets]
    alone = Counter(product for basket in sets for product in basket)
    frequent = sorted((product for product in alone if alone[product] >= LEAST), key=lambda product: (-alone[product], product))
    counted = frozenset(frequent[:_PRODUCTS_AT_MOST])
    met: Counter[tuple[str, str]] = Counter()
    for basket in sets:
        met.update(combinations([product for product in basket if product in counted], 2))
    beside: defaultdict[str, list[Companion]] = defaultdict(list)
    for (one, other), count in met.items():
        if count >= LEAST:
            lift = round(count * len(sets) / (alone[one] * alone[other]), 3)
            beside[one].append(Companion(product=other, count=count, lift=lift))
            beside[other].append(Companion(product=one, count=count, lift=lift))
    ranked = {
        product: sorted(each, key=lambda companion: (-companion.count, -companion.lift, companion.product))
        for product, each in beside.items()
    }
    return {product: ranked[product][:COMPANIONS_AT_MOST] for product in sorted(ranked)}
