"""What changed about one product, and why this customer cares: looked at, wished for, in the basket, asked to be told, or a favourite."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from oportuno.catalog.product import Facts, Product
from oportuno.content.said import Because
from oportuno.kit.faults import BadInput
from oportuno.kit.money import read_money
from oportuno.kit.times import Millis
from oportuno.moments.basket import left_lines
from oportuno.moments.seen import Evidence, Seen
from oportuno.profile.draft import Draft
from oportuno.profile.interest import Interest
from oportuno.profile.scores import leading, looked_since, looks_at
from oportuno.profile.watching import LEADING, LEANING_AT_LEAST
from oportuno.profile.wishlist import ASKED, Wishlist, saved

ABOUT_PRODUCT: Final = frozenset({"product_id"})
ABOUT_PRICE: Final = frozenset({"product_id", "old_price", "price", "currency"})
_STRENGTHS: Final = {"in_basket": 1.0, "asked": 1.0, "wished": 0.8, "looked_at": 0.6, "favourite": 0.4}
"""How much a reason counts beside the others: what somebody did for the product before what we gather of their taste."""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a customer cares about a product, by what they did themselves."""

    why: str
    """``in_basket``, ``asked``, ``wished``, ``looked_at`` or ``favourite``."""
    section: str
    """The section it was read from."""
    since: Millis = 0
    looks: int = 0
    """Within the last seven days, or where there are none the last thirty (then `of_month`)."""
    seconds: int = 0
    of_month: bool = False
    looked_from: Millis = 0
    """The beginning of the first day of those looks, where they are of the last seven."""
    favourite: str = ""


def price_dropped(draft: Draft, seen: Seen, facts: Facts) -> Evidence | None:
    """Gather what a fallen price is for this customer, if it still stands and they care.

    Facts: those of `_told`, and in minor units of `currency` what it costs now (`price`), what it cost (`old_price`), the lowest of the
    thirty days before where it is known (`lowest`), and what it is down by in whole percent of the price it may be compared with.
    """
    product = _available(seen, facts)
    reason = care(draft, product.id, seen.at) if product is not None else None
    if product is None or product.price is None or reason is None or product.currency != seen.about.get("currency"):
        return None
    told, old = _minor(seen.about.get("price"), product.currency), _minor(seen.about.get("old_price"), product.currency)
    if told is None or old is None or product.price > told or product.price >= old:
        return None
    reference = old if product.lowest is None else min(old, product.lowest)
    percent = max(0, reference - product.price) * 100 // reference if reference else 0
    prices: dict[str, Any] = {"price": product.price, "old_price": old, "currency": product.currency, "percent": percent}
    if product.lowest is not None:
        prices["lowest"] = product.lowest
    weight = _STRENGTHS[reason.why] * (1 + (old - product.price) / old)
    return _evidence("price_dropped", product, reason, seen, prices, weight=weight)


def back_in_stock(draft: Draft, seen: Seen, facts: Facts) -> Evidence | None:
    """Gather what a product that can be had again is for this customer, if it still can and they wished for it or asked to be told."""
    product = _available(seen, facts)
    reason = care(draft, product.id, seen.at) if product is not None else None
    if product is None or reason is None or not product.stock or reason.why not in {"asked", "wished", "in_basket"}:
        return None
    return _evidence("back_in_stock", product, reason, seen, _prices(product), weight=_STRENGTHS[reason.why])


def new_in_favourite(draft: Draft, seen: Seen, facts: Facts) -> Evidence | None:
    """Gather what a new product or variant is for this customer, if they lean to its category or brand, or like the product."""
    product = _available(seen, facts)
    if product is None or product.stock == 0:
        return None
    reason = care(draft, product.id, seen.at) or _leaning(draft, product, seen.at)
    if reason is None:
        return None
    return _evidence("new_in_favourite", product, reason, seen, _prices(product), weight=_STRENGTHS[reason.why])


def care(draft: Draft, product: str, now: Millis) -> Reason | None:
    """Say why the customer cares about a product, the strongest reason first; None when they do not, or it may not be read."""
    for line in left_lines(draft):
        if line.product == product:
            return Reason(why="in_basket", section="cart", since=line.added)
    if draft.has(Wishlist):
        entries = [entry for entry in saved(draft, now) if entry.product == product]
        for kind, why in ((ASKED, "asked"), ("wished", "wished")):
            for entry in entries:
                if entry.kind == kind:
                    return Reason(why=why, section="wishlist", since=entry.at)
    seen = looks_at(draft, product, now)
    if seen is None:
        return None
    count, seconds = (seen.week, seen.seconds_week) if seen.week else (seen.month, seen.seconds_month)
    first = looked_since(draft, product, now) if seen.week else 0
    return Reason(
        why="looked_at", section="views", since=seen.last, looks=count, seconds=seconds, of_month=not seen.week, looked_from=first
    )


def _leaning(draft: Draft, product: Product, now: Millis) -> Reason | None:
    if not draft.may(Interest):
        return None
    for kind, name in leading(draft, now, most=LEADING, at_least=LEANING_AT_LEAST):
        if name == product.brand if kind == "brand" else name in product.categories:
            return Reason(why="favourite", section="views", favourite=name)
    return None


def _available(seen: Seen, facts: Facts) -> Product | None:
    product = facts.product(str(seen.about.get("product_id") or ""))
    return None if product is None or product.withdrawn or product.stock == 0 else product


def _minor(amount: object, currency: str) -> int | None:
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        return None
    try:
        return read_money(amount, currency).minor
    except BadInput:
        return None


def _prices(product: Product) -> dict[str, Any]:
    return {} if product.price is None else {"price": product.price, "currency": product.currency}


def _evidence(kind: str, product: Product, reason: Reason, seen: Seen, prices: dict[str, Any], *, weight: float) -> Evidence:
    """Put together what every kind tells.

    Facts: `event`, `at` and `about` of what set it off, `product` (its id), `name`, `why` and `since` of the customer's reason, with
    `looks`, `minutes`, `of_month` and `looked_from` where they looked, and `favourite` where it is one; `names` of what may be named aloud,
    or `sensitive` when nothing may.
    """
    facts: dict[str, Any] = {"event": seen.event, "at": seen.at, "about": seen.about, "product": product.id, "name": product.name}
    facts |= {"why": reason.why, "since": reason.since} | prices
    if reason.looks:
        facts |= {"looks": reason.looks, "minutes": reason.seconds // 60, "of_month": reason.of_month, "looked_from": reason.looked_from}
    if reason.favourite:
        facts["favourite"] = reason.favourite
    if product.sensitive:
        facts["sensitive"] = True
    elif product.name:
        facts["names"] = [product.name]
    shown = {"id": product.id, "name": product.name, "url": product.url, "image": product.image, "brand": product.brand}
    return Evidence(
        because=Because(kind=kind, facts=facts, read=("core", reason.section)),
        items=(product.id,),
        context={"product": shown | prices | {"stock": product.stock, "sensitive": bool(product.sensitive), "why": reason.why}},
        weight=weight,
    )
