"""Customers who stand for all when a message is tried out: one of whom everything is known, one of whom next to nothing is.

They are made of events by the same fold and the same evidence as everybody else, so that they have what customers have, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from oportuno.catalog.product import Product
from oportuno.channels.channel import Channel
from oportuno.content.said import Because
from oportuno.content.seen import seen
from oportuno.events.event import Call, Event, Source
from oportuno.kit.faults import Fault
from oportuno.kit.ids import derive, key_of
from oportuno.kit.times import DAY, HOUR, MINUTE, Millis, to_text
from oportuno.moments.asking import JOINING
from oportuno.moments.basket import LINES_SHOWN
from oportuno.moments.evidence import gather
from oportuno.moments.seen import Evidence, Seen
from oportuno.moments.sending import NOTICE
from oportuno.profile.draft import Draft
from oportuno.profile.fold import fold
from oportuno.profile.purposes import Purpose

NOW: Final[Millis] = 1_795_257_000_000
"""The moment of every rehearsal, a Saturday in November 2026: whether a message works does not depend on the day on which it is tried."""
_ENCODE: Final = msgspec.json.Encoder().encode
_PERSON: Final[dict[str, Any]] = {
    "firstName": "Ana",
    "lastName": "Ejemplo",
    "name": "Ana Ejemplo",
    "email": "ana@correo.example",
    "phone": "+34600000000",
    "address": {"country": "ES"},
    "favourite": "Faro",
}
_PRODUCT: Final = "producto-0"
_ORDER: Final[dict[str, Any]] = {"order_id": "10482", "total": 71.2, "products": [{"product_id": _PRODUCT, "price": 71.2, "quantity": 1}]}
_MORE_THAN_SHOWN: Final = LINES_SHOWN + 2


class StandIn(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody to try a message out on."""

    known: bool
    """True: all that may be known of a customer and of a cart is; False: only what must be."""
    profile: dict[str, Any]
    """As `content.seen` gives it."""
    evidence: Evidence


def stand_ins(kind: str, trigger: str, *, channel: str, shop: str, currency: str) -> tuple[StandIn, ...]:
    """Make the two for a kind of evidence, whom all is known of first. Empty: events alone do not make this kind of evidence.

    `shop` is the address of the shop, where their products and pictures lie; empty: those have no address.
    """
    event = trigger or "Product Added"
    found = []
    for known, told in ((True, _all_told(shop, currency)), (False, _next_to_nothing(channel))):
        bought = [(Call.TRACK, "Order Completed", {"properties": _ORDER | {"currency": currency}})] if kind == "order_help" else []
        draft = Draft(key_of(1, 1))
        draft.granted = frozenset(Purpose) if known else frozenset()
        for number, (call, name, body) in enumerate([*told, *bought]):
            fold(draft, _event(number, call, name, body), currency=currency)
        if kind in {JOINING, NOTICE}:
            asked = Because(kind=kind, facts={"at": NOW - MINUTE}, read=("core",))
            context = {"confirm_by": NOW + DAY} if kind == JOINING else {}
            found.append(StandIn(known=known, profile=seen(draft), evidence=Evidence(because=asked, context=context)))
            continue
        try:
            evidence = gather(
                draft, kind, Seen(event=event, at=NOW - HOUR, about=_about(shop, currency)), _Shelf(shop, currency, known=known)
            )
        except Fault:
            return ()
        if evidence is None:
            return ()
        found.append(StandIn(known=known, profile=seen(draft), evidence=evidence))
    return tuple(found)


def _about(shop: str, currency: str) -> dict[str, Any]:
    """Give what a trigger of any kind may have told."""
    found = {"product_id": _PRODUCT, "old_price": 89.0, "price": 71.2, "currency": currency, "order_id": _ORDER["order_id"]}
    return found | ({"tracking_url": f"{shop}/pedido"} if shop else {})


class _Shelf:
    """A catalogue of one kind of product: told of in full, or as little as a feed may."""

    def __init__(self, shop: str, currency: str, *, known: bool) -> None:
        self._shop, self._currency, self._known = shop, currency, known

    def product(self, product: str) -> Product | None:
        """Give the product under whatever id is asked for."""
        if not self._known:
            # Help with an order needs something that helps; nothing else has to be there.
            manual = f"{self._shop or 'https://tienda.example'}/manual"
            return Product(id=product, name="Chubasquero", price=7_120, currency=self._currency, manual_url=manual, stock=1)
        return Product(
            id=product,
            name="Chubasquero Galerna",
            brand="Faro",
            categories=("chubasqueros",),
            price=7_120,
            lowest=8_500,
            stock=12,
            currency=self._currency,
            url=f"{self._shop}/{product}" if self._shop else "",
            image=f"{self._shop}/{product}.png" if self._shop else "",
            manual_url=f"{self._shop}/{product}.pdf" if self._shop else "https://tienda.example/manual.pdf",
        )


def _all_told(shop: str, currency: str) -> list[tuple[Call, str, Mapping[str, Any]]]:
    told: list[tuple[Call, str, Mapping[str, Any]]] = [(Call.IDENTIFY, "", {"traits": _PERSON})]
    for number in range(_MORE_THAN_SHOWN):
        thing = {
            "product_id": f"producto-{number}",
            "variant": "Talla M",
            "name": "Chubasquero Galerna",
            "price": 71.2,
            "quantity": 2,
            "currency": currency,
            "cart_id": "cesta-1",
            "held_until": to_text(NOW + DAY),
        }
        if shop:
            thing |= {"url": f"{shop}/producto-{number}", "image_url": f"{shop}/producto-{number}.png"}
        told += [(Call.TRACK, "Product Viewed", {"properties": thing}), (Call.TRACK, "Product Added", {"properties": thing})]
    return told


def _next_to_nothing(channel: str) -> list[tuple[Call, str, Mapping[str, Any]]]:
    # Whoever is written to has an address.
    reached = [(Call.IDENTIFY, "", {"traits": {"email": _PERSON["email"]}})] if channel == Channel.EMAIL else []
    return [*reached, (Call.TRACK, "Product Added", {"properties": {"product_id": _PRODUCT}})]


def _event(number: int, call: Call, name: str, body: Mapping[str, Any]) -> Event:
    at = NOW - HOUR - MINUTE + number
    return Event(
        key=key_of(1, 1),
        lane=1,
        seq=number,
        h=derive("rehearsal", number),
        source=Source.TEST,
        call=call,
        name=name,
        at=at,
        received=at,
        body=_ENCODE(body),
    )
