"""What a customer is worth: when they last bought, how often, and how much is left of it after returns; and where that stands among all.

Recency, frequency and money are scored by fifths of the workspace's customers who ever bought: 5 is the best fifth (Hughes, 1994).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec

from oportuno.kit.times import DAY, Millis
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Orders

_FIFTHS: Final = 5
WEB: Final = "web"
STORE: Final = "store"


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer bought, net of refunds, returns and cancellations. Money is minor units by currency."""

    recency_days: int | None = None
    """Whole days since the last order; None: they never ordered."""
    frequency: int = 0
    """Orders placed and not cancelled."""
    net: dict[str, int] = {}
    average: dict[str, int] = {}
    """Of the last orders, at most ten: what one leaves, rounded down."""
    last_payment: str = ""
    """How the last order was paid for which that was told."""
    last_place: str = ""
    """``store`` or ``web``, of the last order; empty: none."""
    last_store: str = ""


class BreakPoints(msgspec.Struct, frozen=True, kw_only=True):
    """Where one fifth of a workspace's buyers ends and the next begins: four numbers each, ascending."""

    recency: tuple[int, ...] = ()
    """Days."""
    frequency: tuple[int, ...] = ()
    money: tuple[int, ...] = ()
    """Minor units of `currency`."""
    currency: str = ""
    buyers: int = 0
    """How many customers it was measured on."""
    at: Millis = 0


class Rfm(msgspec.Struct, frozen=True, kw_only=True):
    """Recency, frequency and money, each from 1 (the weakest fifth) to 5 (the best)."""

    recency: int
    frequency: int
    money: int


def value(draft: Draft, now: Millis) -> Value:
    """Give what a customer is worth to the shop so far."""
    orders = draft.read(Orders)
    placed = [brief for brief in orders.recent if brief.placed and not brief.cancelled]
    if not orders.count:
        return Value(net=dict(orders.totals))
    nets: defaultdict[str, list[int]] = defaultdict(list)
    for brief in placed:
        nets[brief.currency].append(brief.net)
    last = placed[0] if placed else None
    return Value(
        recency_days=max(0, now - orders.last_at) // DAY,
        frequency=orders.count,
        net=dict(orders.totals),
        average={currency: sum(each) // len(each) for currency, each in sorted(nets.items())},
        last_payment=next((brief.payment for brief in placed if brief.payment), ""),
        last_place="" if last is None else STORE if last.store else WEB,
        last_store="" if last is None else last.store,
    )


def break_points(values: Sequence[Value], currency: str, at: Millis) -> BreakPoints | None:
    """Give the break points of those who ever bought; None when there are fewer than five of them. The order of `values` is no matter."""
    buyers = [(each.recency_days, each.frequency, each.net.get(currency, 0)) for each in values if each.recency_days is not None]
    if len(buyers) < _FIFTHS:
        return None
    recency, frequency, money = ([each[place] for each in buyers] for place in range(3))
    return BreakPoints(
        recency=_fifths(recency), frequency=_fifths(frequency), money=_fifths(money), currency=currency, buyers=len(buyers), at=at
    )


def rfm(worth: Value, points: BreakPoints | None) -> Rfm | None:
    """Score a customer; None for who never ordered, or as long as the workspace has no break points."""
    if points is None or worth.recency_days is None:
        return None
    return Rfm(
        recency=_FIFTHS - bisect_left(points.recency, worth.recency_days),
        frequency=1 + bisect_left(points.frequency, worth.frequency),
        money=1 + bisect_left(points.money, worth.net.get(points.currency, 0)),
    )


def _fifths(numbers: list[int]) -> tuple[int, ...]:
    """Give the greatest number of each of the first four fifths (nearest rank)."""
    ordered = sorted(numbers)
    return tuple(ordered[-(-len(ordered) * fifth // _FIFTHS) - 1] for fifth in range(1, _FIFTHS))
