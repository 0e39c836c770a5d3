"""A price that falls: the control of the live page, and what was decided about everybody who cared for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from oportuno.catalog.product import Product as Sold
from oportuno.consent.refusals import Refusal, sentence
from oportuno.entry.demo.catalogue import lower, lowered, sold
from oportuno.entry.demo.history import Product
from oportuno.entry.demo.pages import clock, money, say
from oportuno.entry.demo.stage import Stage, form_of, go
from oportuno.flows.work import Decision
from oportuno.kit.ids import CustomerKey
from oportuno.kit.times import HOUR, Millis
from oportuno.profile.draft import Draft
from oportuno.profile.mute import NOT_INTERESTED, muted

_LOOKED: Final = frozenset({"Product Viewed", "Product Added", "Product Added to Wishlist", "Back In Stock Requested"})
_EVENTS: Final = 60
_NONE: Final[dict[str, Any]] = {"id": ""}


class Fall(msgspec.Struct, frozen=True, kw_only=True):
    """The last fall of a price."""

    product: Product
    was: int
    price: int
    at: Millis
    version: int


class _Properties(msgspec.Struct, frozen=True):
    product_id: str = ""


class _Body(msgspec.Struct, frozen=True):
    properties: _Properties = _Properties()


_BODY: Final = msgspec.json.Decoder(_Body)


def fall_routes(stage: Stage) -> APIRouter:
    """Give the route of the control, without the prefix."""
    router = APIRouter()

    @router.post("/{language}/lower")
    async def fall(request: Request, language: str) -> Response:
        form = await form_of(request)
        product = stage.setting.product(form.get("product", ""))
        if product is not None:
            await lower(stage, product, language)
        return go(language, "/live#fall")

    return router


async def fall_facts(
    stage: Stage,
    language: str,
    mine: CustomerKey | None,
    *,
    decided: Sequence[tuple[Decision, Mapping[str, Any]]],
    people: Mapping[CustomerKey, str],
    now: Millis,
) -> dict[str, Any]:
    """Say which price can be lowered, what fell last, and what was decided about it, for whom.

    `decided`: decisions as they are shown, newest first. `people`: who may have had nothing decided because they do not want to hear of it.
    """
    shelf, currency = await sold(stage), stage.setting.currency
    product = await _looked_at_last(stage, mine)
    fall = _last_fall(stage, shelf, now)
    told = await _told(stage, language, fall, mine, decided=decided, people=people, now=now) if fall is not None else []
    price = shelf[product.id].price if product is not None and product.id in shelf else None
    less = lowered(price) if price is not None else None
    return {
        "fall_key": f"{product.id if product else ''}-{price}-{fall.version if fall else 0}-{len(told)}",
        "control": _shown(product, language) | {"price": money(price, language, currency), "less": money(less, language, currency)}
        if product is not None and price is not None and less is not None
        else _NONE,
        "fall": _shown(fall.product, language)
        | {
            "sentence": say(
                language,
                "fall_sentence",
                name=fall.product.names[language],
                was=money(fall.was, language, currency),
                price=money(fall.price, language, currency),
                time=clock(fall.at, language, seconds=True),
            )
        }
        if fall is not None
        else _NONE,
        "told": told,
    }


async def _told(
    stage: Stage,
    language: str,
    fall: Fall,
    mine: CustomerKey | None,
    *,
    decided: Sequence[tuple[Decision, Mapping[str, Any]]],
    people: Mapping[CustomerKey, str],
    now: Millis,
) -> list[Mapping[str, Any]]:
    """Give the newest decision about the fall for each customer, and those who watch the product no more because they said so."""
    found: dict[CustomerKey, Mapping[str, Any]] = {}
    for decision, row in decided:
        proposal = decision.verdict.proposal
        if proposal.because.kind == "price_dropped" and fall.product.id in proposal.items and decision.verdict.at >= fall.at:
            found.setdefault(decision.key, row)
    for key, name in people.items():
        refusal = await _silent_about(stage, key, fall.product.id, now) if key not in found else None
        if refusal is not None:
            found[key] = {
                "kind": "silence",
                "verdict": say(language, "live_silence"),
                "customer": name,
                "mine": key == mine,
                "refusal": refusal.value,
                "reason": sentence(refusal, reader="marketer", language=language).rstrip("."),
                "then": "",
                "mail": "",
            }
    return list(found.values())


async def _silent_about(stage: Stage, key: CustomerKey, product: str, now: Millis) -> Refusal | None:
    """Say why nothing is even asked about a product for a customer: they do not want to hear of it, or bought it. They watch it no more."""
    row = await stage.reads.customer(key)
    reason = muted(Draft(row.key, row.state), [product], now) if row is not None and row.state else None
    return None if reason is None else Refusal.ITEM_NOT_WANTED if reason == NOT_INTERESTED else Refusal.ITEM_BOUGHT


def _shown(product: Product, language: str) -> dict[str, Any]:
    return {"id": product.id, "name": product.names[language], "aisle": product.aisle, "drawing": product.drawing}


async def _looked_at_last(stage: Stage, mine: CustomerKey | None) -> Product | None:
    if mine is None:
        return None
    for event in await stage.reads.events(mine, before=None, limit=_EVENTS):
        if event.name in _LOOKED:
            product = stage.setting.product(_BODY.decode(event.body).properties.product_id)
            if product is not None:
                return product
    return None


def _last_fall(stage: Stage, shelf: Mapping[str, Sold], now: Millis) -> Fall | None:
    """Give the last fall of the last hour."""
    fallen = [each for each in shelf.values() if each.was is not None and each.price is not None and each.price_since > now - HOUR]
    if not fallen:
        return None
    newest = max(fallen, key=lambda each: (each.price_since, each.version))
    product = stage.setting.product(newest.id)
    if product is None or newest.was is None or newest.price is None:
        return None
    return Fall(product=product, was=newest.was, price=newest.price, at=newest.price_since, version=newest.version)
