"""Orders, and what became of them: the news about one order may come in any order."""

from __future__ import annotations

from typing import Final

from oportuno.events.commerce import CURRENCY_UNKNOWN, Commerce, Reading
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft
from oportuno.profile.sections import NEVER, OrderBrief, Orders, Stamp

ORDERS_AT_MOST: Final = 10
PRODUCTS_AT_MOST: Final = 20
"""Products remembered of one order."""
_REFUNDS_AT_MOST: Final = 20


def account(draft: Draft, reading: Reading, stamp: Stamp) -> None:
    """Fold the news about one order: completed, updated, refunded (in part or as a whole) or cancelled.

    An order without an id is its own order. Only the last `ORDERS_AT_MOST` are remembered one by one; the sums hold them all.
    """
    at, h = stamp
    orders = draft.open(Orders)
    number = reading.order or f"{at}-{h.hex()}"
    brief = next((known for known in orders.recent if known.id == number), None)
    if brief is None:
        brief = OrderBrief(id=number, at=at)
        orders.recent.append(brief)
    before = (brief.currency, brief.net, brief.placed and not brief.cancelled)
    if reading.kind is Commerce.ORDER_REFUNDED:
        _refund(brief, reading, at, h)
    elif reading.kind is Commerce.ORDER_CANCELLED:
        brief.cancelled = True
        if not brief.placed:
            brief.at = min(brief.at, at)
    else:
        _place(brief, reading, at)
        orders.last_at = max(orders.last_at, at) if orders.last_at else at
    _sum(orders, before, (brief.currency, brief.net, brief.placed and not brief.cancelled))
    orders.recent.sort(key=lambda known: (known.at, known.id), reverse=True)
    del orders.recent[ORDERS_AT_MOST:]


def _place(brief: OrderBrief, reading: Reading, at: Millis) -> None:
    """Take total and products from the latest event that tells them; of two at the same time, the greater."""
    told = brief.at + brief.told_after if brief.told_after != NEVER else None
    listed = brief.at + brief.listed_after if brief.listed_after != NEVER else None
    if not brief.placed:
        brief.placed, brief.currency, brief.at = True, CURRENCY_UNKNOWN, at
    brief.at = min(brief.at, at)
    if reading.total is not None or reading.items:
        total = reading.total if reading.total is not None else _worth(reading)
        currency = reading.currency or CURRENCY_UNKNOWN
        if told is None or (told, brief.total, brief.currency) < (at, total, currency):
            told, brief.total, brief.currency = at, total, currency
    if reading.items:
        products = list(dict.fromkeys(item.product for item in reading.items))[:PRODUCTS_AT_MOST]
        if listed is None or (listed, brief.products) < (at, products):
            listed, brief.products = at, products
    brief.told_after = told - brief.at if told is not None else NEVER
    brief.listed_after = listed - brief.at if listed is not None else NEVER


def _refund(brief: OrderBrief, reading: Reading, at: Millis, h: bytes) -> None:
    """Take a refund: of the sum told, else of the products told, else of the whole order."""
    if not brief.placed:
        brief.at = min(brief.at, at)
        brief.currency = max(brief.currency, reading.currency or CURRENCY_UNKNOWN)
    amount = reading.total if reading.total is not None else _worth(reading)
    if not amount:
        brief.whole = True
    elif all(known != h for known, _ in brief.refunds):
        brief.refunds = sorted([*brief.refunds, (h, amount)])[:_REFUNDS_AT_MOST]
        brief.refunded = sum(part for _, part in brief.refunds)


def _worth(reading: Reading) -> int:
    return sum(item.price * (1 if item.quantity is None else item.quantity) for item in reading.items if item.price is not None)


def _sum(orders: Orders, before: tuple[str, int, bool], after: tuple[str, int, bool]) -> None:
    """Replace what one order adds to the sums."""
    for sign, (currency, net, counts) in ((-1, before), (1, after)):
        orders.count += sign * counts
        if net:
            total = orders.totals.get(currency, 0) + sign * net
            if total:
                orders.totals[currency] = total
            else:
                del orders.totals[currency]
