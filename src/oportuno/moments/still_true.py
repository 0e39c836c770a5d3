"""Whether what a message says of a product is still true when it is about to leave: asked at the claim, on facts just read."""

from __future__ import annotations

from typing import Final

from oportuno.catalog.product import Facts
from oportuno.consent.refusals import Reason, Refusal
from oportuno.content.said import Said

_ABOUT_ONE: Final = frozenset({"price_dropped", "back_in_stock", "new_in_favourite"})
"""Kinds of evidence that speak of one product as something to be had now."""


def product_told_of(said: Said) -> str:
    """Name the product whose price or stock the words stand on; empty when they stand on none."""
    return str(said.because.facts.get("product") or "") if said.because.kind in _ABOUT_ONE else ""


def no_longer_true(said: Said, facts: Facts) -> Reason | None:
    """Say why the words are no longer true; None while they are.

    A product that was withdrawn, that is out of stock, that nobody knows any more, whose currency is another, or that costs more than the
    message says. One that costs less still is no reason: what it says is no more than was promised, and that drop has news of its own.
    """
    name = product_told_of(said)
    if not name:
        return None
    product = facts.product(name)
    if product is not None and product.withdrawn:
        return Reason(refusal=Refusal.ITEM_WITHDRAWN, facts={"items": [name]})
    told = said.because.facts
    if product is None:
        return Reason(refusal=Refusal.OFFER_GONE, facts={"product": name})
    if product.stock == 0:
        return Reason(refusal=Refusal.OFFER_GONE, facts={"product": name, "stock": 0})
    if said.because.kind != "price_dropped":
        return None
    if product.price is None or product.currency != told.get("currency") or product.price > told.get("price", -1):
        return Reason(refusal=Refusal.OFFER_GONE, facts={"product": name, "price": product.price, "currency": product.currency})
    return None
