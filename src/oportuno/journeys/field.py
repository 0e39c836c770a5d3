"""What a rule may ask of a customer, and the answer as it is at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from oportuno.events.commerce import CURRENCY_UNKNOWN
from oportuno.kit.money import Money, to_decimal
from oportuno.kit.times import Millis
from oportuno.moments.basket import left_lines
from oportuno.profile.draft import Draft
from oportuno.profile.interest import Interest
from oportuno.profile.scores import scores
from oportuno.profile.sections import Cart, Core, Orders, Traits
from oportuno.profile.wishlist import WISHED, saved

FIELDS: Final = ("cart.count", "cart.total", "cart.currency", "orders.count", "orders.net", "orders.currency", "wishlist.count")
"""The fields with fixed names; beside them `event.<property>`, `trait.<name>` and `interest.<kind>.<name>`."""
INTERESTS: Final = ("product", "category", "brand")
"""The kinds of interest that may be asked for."""
_CORE_TRAITS: Final = frozenset({"email", "phone", "name", "first_name", "last_name", "locale", "timezone", "country"})


class Unknown:
    """The field is closed to us, for want of consent, or cannot be worked out."""


UNKNOWN: Final = Unknown()


def is_field(field: str) -> bool:
    """Say whether a rule may ask for a field of this name."""
    area, _, name = field.partition(".")
    if area == "interest":
        kind, _, thing = name.partition(".")
        return kind in INTERESTS and bool(thing)
    return field in FIELDS or (area in {"event", "trait"} and bool(name))


def value_of(field: str, draft: Draft, event: Mapping[str, Any], now: Millis) -> Any:
    """Give what a field holds now: None where nothing was told, UNKNOWN where it is closed to us. Amounts are in whole units."""
    area, _, name = field.partition(".")
    match area:
        case "event":
            return event.get(name)
        case "trait":
            return _trait(name, draft)
        case "interest":
            return _interest(name, draft, now)
        case "orders":
            return _bought(name, draft)
        case "wishlist":
            return len({entry.product for entry in saved(draft, now) if entry.kind == WISHED})
        case _:
            return _cart(name, draft)


def _cart(name: str, draft: Draft) -> Any:
    currency = draft.read(Cart).currency
    if name == "currency":
        return currency or None
    lines = left_lines(draft)
    if name == "count":
        return sum(line.quantity for line in lines)
    if not currency or any(line.price is None for line in lines):
        return UNKNOWN
    return to_decimal(Money(minor=sum((line.price or 0) * line.quantity for line in lines), currency=currency))


def _bought(name: str, draft: Draft) -> Any:
    """Give count, or what is left after refunds and its currency: not known where several currencies would have to be added up."""
    orders = draft.read(Orders)
    if name == "count":
        return orders.count
    if len(orders.totals) > 1 or CURRENCY_UNKNOWN in orders.totals:
        return UNKNOWN
    currency = next(iter(orders.totals), None)
    if name == "currency":
        return currency
    return 0 if currency is None else to_decimal(Money(minor=orders.totals[currency], currency=currency))


def _interest(name: str, draft: Draft, now: Millis) -> Any:
    """Give the score of one interest: 0 for what they show no interest in."""
    if not draft.may(Interest):
        return UNKNOWN
    kind, _, thing = name.partition(".")
    return next((each.score for each in scores(draft, now) if each.kind == kind and each.name == thing), 0)


def _trait(name: str, draft: Draft) -> Any:
    if name in _CORE_TRAITS:
        register = draft.read(Core).traits.get(name)
    elif draft.may(Traits):
        register = draft.read(Traits).values.get(name)
    else:
        return UNKNOWN
    return None if register is None else register.value
