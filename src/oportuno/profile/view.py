"""The whole profile as the API shows it: plain values, times as RFC 3339, money as decimal text with its currency."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from oportuno.events.commerce import CURRENCY_UNKNOWN
from oportuno.kit.money import Money, to_decimal
from oportuno.kit.times import Millis, to_text
from oportuno.profile.declared import Declared
from oportuno.profile.draft import Draft, LetGo, Section
from oportuno.profile.interest import Interest
from oportuno.profile.mute import BOUGHT, BOUGHT_FOR
from oportuno.profile.scores import Looks, looks, scores
from oportuno.profile.sections import Cart, Core, Line, Muted, OrderBrief, Orders, Traits
from oportuno.profile.wishlist import Wishlist, saved
from oportuno.profile.worth import BreakPoints, Value, rfm, value

SHOWN: Final[tuple[type[Section], ...]] = (Core, Traits, Cart, Wishlist, Orders, Interest, Declared, Muted)
"""The sections of this room, in the order in which they are shown."""


def picture(draft: Draft, now: Millis, points: BreakPoints | None = None) -> dict[str, Any]:
    """Show what is known of a customer and may be decoded for the purposes granted now.

    ``closed`` names the sections whose purposes are not granted, whether or not they hold anything; ``let_go`` names what was left out
    because the state had reached its ceiling. `now` says whether a hold or a mute still counts. With the workspace's break points
    ``rfm`` says where the customer stands among its buyers.
    """
    shown: dict[str, Any] = {"customer": _core(draft.read(Core))}
    if draft.may(Traits):
        shown["traits"] = {
            name: register.value for name, register in sorted(draft.read(Traits).values.items()) if register.value is not None
        }
    shown["cart"] = _cart(draft.read(Cart), now)
    shown["orders"] = _orders(draft.read(Orders))
    worth = value(draft, now)
    standing = rfm(worth, points)
    shown["value"] = _value(worth)
    shown["rfm"] = None if standing is None else msgspec.structs.asdict(standing)
    shown["wishlist"] = [
        {"product": entry.product, "variant": entry.variant or None, "kind": entry.kind, "since": to_text(entry.at)}
        for entry in saved(draft, now)
    ]
    if draft.may(Interest):
        shown["views"] = [_look(look) for look in looks(draft, now)]
        shown["interests"] = [
            {"kind": score.kind, "name": score.name, "score": round(score.score, 2), "declared": score.declared}
            for score in scores(draft, now)
        ]
    if draft.may(Declared):
        declared = draft.read(Declared)
        shown["declared"] = {
            "interests": [{"kind": kind, "name": name} for kind, name in declared.items],
            "at": _time(declared.at),
            "source": declared.source or None,
        }
    shown["muted"] = [
        {"item": item, "reason": reason, "since": to_text(since)}
        for item, (reason, since) in sorted(draft.read(Muted).items.items())
        if reason != BOUGHT or now < since + BOUGHT_FOR
    ]
    shown["let_go"] = list(draft.read(LetGo).parts)
    shown["closed"] = [section.title for section in SHOWN if not draft.may(section)]
    return shown


def _look(look: Looks) -> dict[str, Any]:
    """Write how often and how long a product was looked at; `count` and `seconds` are those of thirty days."""
    return {
        "product": look.product,
        "name": look.name or None,
        "count": look.month,
        "seconds": look.seconds_month,
        "last": to_text(look.last),
        "windows": {
            "1d": {"count": look.today, "seconds": look.seconds_today},
            "7d": {"count": look.week, "seconds": look.seconds_week},
            "30d": {"count": look.month, "seconds": look.seconds_month},
        },
    }


def _core(core: Core) -> dict[str, Any]:
    return {
        "ids": [{"kind": kind, "value": value, "last_seen": to_text(at)} for kind, value, at in core.ids],
        "first_seen": _time(core.first_seen),
        "last_seen": _time(core.last_seen),
        "events": core.events,
        "traits": {name: register.value for name, register in sorted(core.traits.items()) if register.value is not None},
    }


def _cart(cart: Cart, now: Millis) -> dict[str, Any]:
    standing = cart.standing
    return {
        "lines": [_line(line, cart.currency) for line in standing],
        "pieces": sum(line.quantity for line in standing),
        "total": _money(sum((line.price or 0) * line.quantity for line in standing), cart.currency),
        "changed": _time(cart.at),
        "held_until": _time(cart.held_until) if cart.held_until > now else None,
        "token": cart.token or None,
    }


def _line(line: Line, currency: str) -> dict[str, Any]:
    return {
        "product": line.product,
        "variant": line.variant or None,
        "name": line.name or None,
        "price": _money(line.price, currency) if line.price is not None else None,
        "quantity": line.quantity,
        "url": line.url or None,
        "image": line.image or None,
        "added": to_text(line.added),
    }


def _orders(orders: Orders) -> dict[str, Any]:
    return {
        "count": orders.count,
        "last": _time(orders.last_at),
        "totals": [_money(minor, currency) for currency, minor in sorted(orders.totals.items())],
        "recent": [_order(brief) for brief in orders.recent],
    }


def _order(brief: OrderBrief) -> dict[str, Any]:
    return {
        "id": brief.id,
        "at": to_text(brief.at),
        "placed": brief.placed,
        "cancelled": brief.cancelled,
        "total": _money(brief.total, brief.currency) if brief.placed else None,
        "refunded": _money(brief.total if brief.whole and brief.placed else brief.refunded, brief.currency),
        "products": list(brief.products),
        "payment": brief.payment or None,
        "store": brief.store or None,
    }


def _value(worth: Value) -> dict[str, Any]:
    return {
        "recency_days": worth.recency_days,
        "frequency": worth.frequency,
        "net": [_money(minor, currency) for currency, minor in sorted(worth.net.items())],
        "average": [_money(minor, currency) for currency, minor in sorted(worth.average.items())],
        "last_payment": worth.last_payment or None,
        "last_place": worth.last_place or None,
        "last_store": worth.last_store or None,
    }


def _time(at: Millis) -> str | None:
    return to_text(at) if at else None


def _money(minor: int, currency: str) -> dict[str, Any]:
    """Write an amount; an unknown currency has two decimals and is named null."""
    known = currency not in {"", CURRENCY_UNKNOWN}
    return {"amount": str(to_decimal(Money(minor=minor, currency=currency or CURRENCY_UNKNOWN))), "currency": currency if known else None}
