"""The evidence a message stands on, gathered from the customer's state at the moment of deciding, never from an older copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from oportuno.catalog.product import NO_FACTS, Facts
from oportuno.content.said import Because
from oportuno.moments.basket import cart_left
from oportuno.moments.order import ABOUT_ORDER, order_help
from oportuno.moments.product import ABOUT_PRICE, ABOUT_PRODUCT, back_in_stock, new_in_favourite, price_dropped
from oportuno.moments.proposal import Proposal
from oportuno.moments.seen import Evidence, Seen
from oportuno.profile.draft import Draft


class Kind(NamedTuple):
    """One kind of evidence that a journey's send may name in `because`."""

    gather: Callable[[Draft, Seen, Facts], Evidence | None]
    about: frozenset[str] = frozenset()
    """The properties of the trigger that it needs: a walk remembers them."""


def gather(draft: Draft, kind: str, seen: Seen, facts: Facts = NO_FACTS) -> Evidence | None:
    """Gather the evidence of a kind as it stands now; None when nothing is left to speak about. `facts` tells of the products.

    Raises KeyError for a kind that `KINDS` does not name: journeys are checked for it when they are read.
    """
    return KINDS[kind].gather(draft, seen, facts)


def lean(proposal: Proposal) -> Proposal:
    """Leave out of a proposal what `freshen` puts back, so that waiting ones stay small in the state."""
    because = proposal.because
    if because.kind not in KINDS:
        return proposal
    facts: dict[str, Any] = {name: because.facts[name] for name in ("event", "at", "about") if name in because.facts}
    return msgspec.structs.replace(proposal, because=Because(kind=because.kind, facts=facts), context={})


def freshen(draft: Draft, proposal: Proposal, facts: Facts = NO_FACTS) -> Proposal | None:
    """Put a proposal's evidence as it stands now in place of what it was; None when nothing is left to speak about."""
    because = proposal.because
    if because.kind not in KINDS:
        return proposal
    told = because.facts
    seen = Seen(event=told.get("event", ""), at=told.get("at", 0), about=told.get("about", {}))
    evidence = gather(draft, because.kind, seen, facts)
    if evidence is None:
        return None
    return msgspec.structs.replace(proposal, because=evidence.because, items=evidence.items, context=evidence.context)


def _event_seen(_draft: Draft, seen: Seen, _facts: Facts) -> Evidence:
    return Evidence(because=Because(kind="event_seen", facts={"event": seen.event, "at": seen.at}, read=("core",)))


KINDS: Final[dict[str, Kind]] = {
    "cart_left": Kind(cart_left),
    "event_seen": Kind(_event_seen),
    "price_dropped": Kind(price_dropped, ABOUT_PRICE),
    "back_in_stock": Kind(back_in_stock, ABOUT_PRODUCT),
    "new_in_favourite": Kind(new_in_favourite, ABOUT_PRODUCT),
    "order_help": Kind(order_help, ABOUT_ORDER),
}
"""Kinds of evidence a journey's send may name in `because`."""
