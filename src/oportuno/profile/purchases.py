"""Orders, and what became of them: the news about one order may come in any order."""

from __future__ import annotations

from collections import Counter
from typing import Final

from oportuno.catalog.product import NO_FACTS, Facts
from oportuno.events.commerce import CURRENCY_UNKNOWN, Commerce, Reading
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft
from oportuno.profile.sections import NEVER, OrderBrief, Orders, Stamp

ORDERS_AT_MOST: Final = 10
PRODUCTS_AT_MOST: Final = 20
"""Products remembered of one order."""
_REFUNDS_AT_MOST: Final = 20


def account(draft: Draft, reading: Reading, stamp: Stamp, facts: Facts = NO_FACTS) -> None:
    """Fold the news about one order: completed, updated, refunded (in part, by product, or as a whole) or cancelled.

    An order without an id is its own order; products that a till takes back without naming the order are worth what the catalogue says.
    Only the last `ORDERS_AT_MOST` are remembered one by one; the sums hold them all.
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
        _refund(brief, reading, at, h, facts)
    elif reading.kind is Commerce.ORDER_CANCELLED:
        brief.cancelled = True
        if not brief.placed:
            brief.at = min(brief.at, at)
    else:
        _place(brief, reading, at)
        orders.last_at = max(orders.last_at, at) if orders.last_at else at
    brief.refunded = sum(part for _, part in brief.refunds) + _returned(brief)
    _sum(orders, before, (brief.currency, brief.net, brief.placed and not brief.cancelled))
    orders.recent.sort(key=lambda known: (known.at, known.id), reverse=True)
    del orders.recent[ORDERS_AT_MOST:]


def _place(brief: OrderBrief, reading: Reading, at: Millis) -> None:
    """Take total and products from the latest event that tells them; of two at the same time, the greater."""
    told = brief.at + brief.told_after if brief.told_after != NEVER else None
    listed = brief.at + brief.listed_after if brief.listed_after != NEVER else None
    paid = brief.at + brief.paid_after if brief.paid_after != NEVER else None
    if not brief.placed:
        brief.placed, brief.currency, brief.at = True, CURRENCY_UNKNOWN, at
    brief.at = min(brief.at, at)
    if reading.total is not None or reading.items:
        total = reading.total if reading.total is not None else _worth(reading)
        currency = reading.currency or CURRENCY_UNKNOWN
        if told is None or (told, brief.total, brief.currency) < (at, total, currency):
            told, brief.total, brief.currency = at, total, currency
    if reading.items:
        products, pieces = _listed(reading)
        if listed is None or (listed, brief.products, brief.pieces) < (at, products, pieces):
            listed, brief.products, brief.pieces = at, products, pieces
    how = (reading.payment, reading.store)
    if any(how) and (paid is None or (paid, brief.payment, brief.store) < (at, *how)):
        paid, brief.payment, brief.store = at, reading.payment, reading.store
    brief.told_after = told - brief.at if told is not None else NEVER
    brief.listed_after = listed - brief.at if listed is not None else NEVER
    brief.paid_after = paid - brief.at if paid is not None else NEVER


def _listed(reading: Reading) -> tuple[list[str], list[tuple[int, int]]]:
    """Give the products of an order, and of each how many there are and what one costs; the same product twice counts together."""
    found: dict[str, tuple[int, int]] = {}
    for item in reading.items:
        pieces, price = found.get(item.product, (0, -1))
        found[item.product] = (pieces + (1 if item.quantity is None else item.quantity), price if item.price is None else item.price)
    products = list(found)[:PRODUCTS_AT_MOST]
    return products, [found[product] for product in products]


def _refund(brief: OrderBrief, reading: Reading, at: Millis, h: bytes, facts: Facts) -> None:
    """Take a refund: of the sum told, else of the products told, else of the whole order."""
    if not brief.placed:
        brief.at = min(brief.at, at)
        brief.currency = max(brief.currency, reading.currency or CURRENCY_UNKNOWN)
    amount = reading.total if reading.total is not None else _worth(reading)
    if not amount and not reading.order:
        amount, brief.currency = _worth_in_catalogue(reading, facts, brief.currency)
    back = sorted((item.product, 1 if item.quantity is None else item.quantity) for item in reading.items)
    if amount:
        if all(known != h for known, _ in brief.refunds):
            brief.refunds = sorted([*brief.refunds, (h, amount)])[:_REFUNDS_AT_MOST]
    elif reading.total is None and back:
        if all(known != h for known, _ in brief.returns):
            brief.returns = sorted([*brief.returns, (h, back)])[:_REFUNDS_AT_MOST]
    else:
        brief.whole = True


def _returned(brief: OrderBrief) -> int:
    """Give what the products that came back cost in this order, never more of one than was bought."""
    if not brief.returns:
        return 0
    bought = dict(zip(brief.products, brief.pieces, strict=False))
    back: Counter[str] = Counter()
    for _, products in brief.returns:
        for product, pieces in products:
            back[product] += pieces
    worth = 0
    for product, pieces in back.items():
        had, price = bought.get(product, (0, -1))
        worth += min(pieces, had) * max(price, 0)
    return worth


def _worth_in_catalogue(reading: Reading, facts: Facts, currency: str) -> tuple[int, str]:
    known = [(facts.product(item.product), 1 if item.quantity is None else item.quantity) for item in reading.items]
    priced = [(product.price, product.currency, pieces) for product, pieces in known if product is not None and product.price is not None]
    if not priced or len({money for _, money, _ in priced}) > 1:
        return 0, currency
    return sum(price * pieces for price, _, pieces in priced), priced[0][1]


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
