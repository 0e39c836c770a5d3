"""Prices by time: what a product cost at a moment, since when, and the lowest of the 30 days before.

A history is a list of points; a price holds from its point until the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

import msgspec

from oportuno.catalog.product import Product
from oportuno.kit.times import DAY, Millis

LOOK_BACK: Final[Millis] = 30 * DAY
"""EU 98/6/EC art. 6a: the prior price is the lowest of a period of at least 30 days before the reduction."""


class PricePoint(msgspec.Struct, frozen=True, kw_only=True):
    """From when on a product or variant costs what."""

    product: str
    variant: str = ""
    """Empty: the product itself."""
    at: Millis
    amount: int | None
    """Minor units; None: no longer priced."""
    currency: str


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """The price that holds at a moment."""

    amount: int | None
    currency: str
    since: Millis
    lowest: int | None
    """The lowest of the 30 days before `since`, in the same currency; None: nothing is known of them."""


def in_order(points: Iterable[PricePoint]) -> list[PricePoint]:
    """Sort points by time."""
    return sorted(points, key=attrgetter("at"))


def price_at(points: Sequence[PricePoint], at: Millis) -> InForce | None:
    """Say what holds at `at`, from points in order of time of one product; None before the first."""
    held = [each for each in points if each.at <= at]
    if not held:
        return None
    last = held[-1]
    since = last.at
    for each in reversed(held):
        if (each.amount, each.currency) != (last.amount, last.currency):
            break
        since = each.at
    return InForce(amount=last.amount, currency=last.currency, since=since, lowest=lowest_before(held, since, last.currency))


def lowest_before(points: Sequence[PricePoint], began: Millis, currency: str) -> int | None:
    """Give the lowest price in force at some time of the 30 days before `began`; None when no price in this currency was."""
    start = began - LOOK_BACK
    before = [each for each in points if each.at <= start][-1:]
    window = [each for each in points if start < each.at < began]
    return min((each.amount for each in before + window if each.amount is not None and each.currency == currency), default=None)


def as_of(product: Product, points: Sequence[PricePoint], at: Millis) -> Product | None:
    """Give a product as it was priced at `at`: price, since when, and the lowest before. None when the shop had not told of it yet.

    Only prices are kept by time: everything else is as it is now; the struck-out price is left out where it is not the present one, and
    so is what is in stock.
    """
    own = [each for each in points if not each.variant]
    if at >= product.changed_at and at >= product.price_since:
        return product
    if at < min([product.since, *(each.at for each in own[:1])]):
        return None
    held = price_at(own, at)
    if held is None:
        return msgspec.structs.replace(product, price=None, was=None, lowest=None, price_since=0, stock=None, withdrawn=False)
    same = held.since == product.price_since
    return msgspec.structs.replace(
        product,
        price=held.amount,
        currency=held.currency,
        price_since=held.since,
        lowest=held.lowest,
        was=product.was if same else None,
        stock=None,
        withdrawn=False,
    )
