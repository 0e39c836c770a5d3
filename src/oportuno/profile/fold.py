"""How one event changes what is known of a customer.

The promise: the same events give the same profile, byte for byte, in whatever order they come as long as none is more than `LATENESS` late,
and however often the clock of a device is wrong: an event never counts as later than its arrival. Nothing here decides or speaks.
"""

from __future__ import annotations

from typing import Final

import msgspec

from oportuno.catalog.product import NO_FACTS, Facts
from oportuno.events.commerce import CURRENCY_UNKNOWN, Commerce, Reading, read_call
from oportuno.events.event import LATENESS, Call, Event
from oportuno.kit.times import Millis
from oportuno.profile.basket import age_cart, change_cart
from oportuno.profile.declared import BY_EVENT, BY_TRAIT, declare
from oportuno.profile.draft import Draft
from oportuno.profile.interest import HALF_LIFE, Interest
from oportuno.profile.looks import WEIGHTS, look
from oportuno.profile.mute import BOUGHT, mute
from oportuno.profile.purchases import account
from oportuno.profile.sections import Core, Stamp
from oportuno.profile.who import guards, learn, meet
from oportuno.profile.wishlist import WISHLIST_KINDS, save

CART_KINDS: Final = frozenset(
    {
        Commerce.PRODUCT_ADDED,
        Commerce.WISHLIST_PRODUCT_ADDED_TO_CART,
        Commerce.PRODUCT_REMOVED,
        Commerce.CART_VIEWED,
        Commerce.CHECKOUT_STARTED,
        Commerce.ORDER_COMPLETED,
    }
)
"""Kinds that change the cart."""
ORDER_KINDS: Final = frozenset({Commerce.ORDER_COMPLETED, Commerce.ORDER_UPDATED, Commerce.ORDER_REFUNDED, Commerce.ORDER_CANCELLED})
"""Kinds that change the orders."""
_BUYING: Final = frozenset({Commerce.ORDER_COMPLETED, Commerce.ORDER_UPDATED})


class Folded(msgspec.Struct, frozen=True, kw_only=True):
    """What the fold of one event noticed on its way."""

    bought: tuple[str, ...] = ()
    """Products that an order event names as bought, whether it is fresh or old."""
    faults: tuple[str, ...] = ()
    """``code:place`` of every part of the event that could not be used. Never holds values."""
    cart_changed: bool = False
    """Whether what stands in the cart is different now."""


_NOTHING: Final = Folded()


def fold(draft: Draft, event: Event, *, currency: str = "", facts: Facts = NO_FACTS, half_life: int = HALF_LIFE) -> Folded:
    """Fold one event into the draft. Never fails on what a client sent: what does not fit stays out and is named.

    `currency` is that of amounts which come without one, `half_life` the days after which interest is worth half. An event with the same
    `h` must not be folded twice: that is kept upstream, at the door. Within `LATENESS` everything bears it but the count of events.
    """
    reading = read_call(event, currency=currency)
    stamp = (min(event.at, event.received), event.h[:4])
    faults = list(reading.faults)
    core = draft.open(Core)
    guarded = guards(core, event)
    meet(core, reading, stamp, faults)
    if event.call is Call.IDENTIFY and reading.traits:
        if "interests" in reading.traits:
            declare(draft, reading.traits.pop("interests"), stamp, BY_TRAIT, faults)
        learn(draft, core, reading.traits, stamp, faults, guarded=guarded)
    bought: tuple[str, ...] = ()
    cart_changed = False
    if reading.kind is not None:
        bought = _trade(draft, reading, stamp, facts, half_life)
        if reading.kind is Commerce.INTERESTS_DECLARED:
            declare(draft, reading.interests, stamp, BY_EVENT, faults)
    if reading.kind in CART_KINDS:
        cart_changed = change_cart(draft, core, reading, stamp, received=event.received, faults=faults)
    else:
        age_cart(draft, core)
    if not (bought or faults or cart_changed):
        return _NOTHING
    return Folded(bought=bought, faults=tuple(faults), cart_changed=cart_changed)


def rest(draft: Draft, now: Millis) -> None:
    """Settle what no timely news can alter any more, for who has been away for twice `LATENESS`: a state at rest is a third smaller.

    News that comes all the same is later than promised: it counts, in the order of its arrival.
    """
    core = draft.read(Core)
    if now < core.last_seen + 2 * LATENESS:
        return
    if core.cart_young:
        age_cart(draft, draft.open(Core), now - LATENESS)
    if draft.has(Interest) and draft.may(Interest) and any(draft.read(Interest).heard):
        draft.open(Interest).rest()


def unfit(event: Event) -> tuple[str, ...]:
    """Name as ``code:place`` every part of an event that no profile could use, for who sent it. Never holds values."""
    return fold(Draft(event.key), event, currency=CURRENCY_UNKNOWN).faults if event.body else ()


def _trade(draft: Draft, reading: Reading, stamp: Stamp, facts: Facts, half_life: int) -> tuple[str, ...]:
    """Fold what concerns interest, wishlist, orders and muted items; give what was bought."""
    if reading.kind in WEIGHTS:
        look(draft, reading, stamp, facts, half_life=half_life)
    if reading.kind in WISHLIST_KINDS:
        save(draft, reading, stamp)
    if reading.kind not in ORDER_KINDS:
        return ()
    account(draft, reading, stamp, facts)
    if reading.kind not in _BUYING or not reading.items:
        return ()
    bought = tuple(dict.fromkeys(item.product for item in reading.items))
    mute(draft, bought, BOUGHT, stamp[0])
    return bought
