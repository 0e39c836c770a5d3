"""The evidence a message stands on, gathered from the customer's state at the moment of deciding, never from an older copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from oportuno.catalog.product import NO_FACTS, Facts
from oportuno.content.said import Because
from oportuno.kit.times import Millis
from oportuno.moments.proposal import Proposal
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Cart, Line


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What set it off, as much as a walk remembers: the event's name and time."""

    event: str
    at: Millis


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Facts that speak for a message now."""

    because: Because
    items: tuple[str, ...] = ()
    """The products it is about."""
    context: dict[str, Any] = {}
    """What the template may show of it."""


NAMES_SHOWN: Final = 3
LINES_SHOWN: Final = 10


def gather(draft: Draft, kind: str, seen: Seen, facts: Facts = NO_FACTS) -> Evidence | None:
    """Gather the evidence of a kind as it stands now; None when nothing is left to speak about. `facts` tells of the products.

    Raises KeyError for a kind that `KINDS` does not name: journeys are checked for it when they are read.
    """
    return KINDS[kind](draft, seen, facts)


def lean(proposal: Proposal) -> Proposal:
    """Leave out of a proposal what `freshen` puts back, so that waiting ones stay small in the state."""
    because = proposal.because
    if because.kind not in KINDS:
        return proposal
    facts: dict[str, Any] = {name: because.facts[name] for name in ("event", "at") if name in because.facts}
    return msgspec.structs.replace(proposal, because=Because(kind=because.kind, facts=facts), context={})


def freshen(draft: Draft, proposal: Proposal, facts: Facts = NO_FACTS) -> Proposal | None:
    """Put a proposal's evidence as it stands now in place of what it was; None when nothing is left to speak about."""
    because = proposal.because
    if because.kind not in KINDS:
        return proposal
    seen = Seen(event=because.facts.get("event", ""), at=because.facts.get("at", 0))
    evidence = gather(draft, because.kind, seen, facts)
    if evidence is None:
        return None
    return msgspec.structs.replace(proposal, because=evidence.because, items=evidence.items, context=evidence.context)


def left_lines(draft: Draft) -> list[Line]:
    """Give the lines that lie in the cart now."""
    return [line for line in draft.read(Cart).lines if not line.gone and line.quantity > 0]


def _cart_left(draft: Draft, seen: Seen, _facts: Facts) -> Evidence | None:
    """Gather what was left in the cart.

    Facts: `event` and `at` of what set it off, `count` pieces, `products` (how many), `names` (the first few), `left_at`; where known
    `total` (minor units), `currency` and `held_until`.
    """
    lines = left_lines(draft)
    if not lines:
        return None
    cart = draft.read(Cart)
    facts: dict[str, Any] = {
        "event": seen.event,
        "at": seen.at,
        "count": sum(line.quantity for line in lines),
        "products": len(lines),
        "names": [line.name for line in lines if line.name][:NAMES_SHOWN],
        "left_at": cart.at,
    }
    prices = [line.price * line.quantity for line in lines if line.price is not None]
    total = sum(prices) if len(prices) == len(lines) and cart.currency else None
    context: dict[str, Any] = {
        "lines": [_shown(line) for line in lines[:LINES_SHOWN]],
        "more_lines": max(0, len(lines) - LINES_SHOWN),
        "total": total,
        "currency": cart.currency,
        "held_until": cart.held_until or None,
        "left_at": cart.at,
    }
    for known in ("total", "currency", "held_until"):
        if context[known]:
            facts[known] = context[known]
    return Evidence(
        because=Because(kind="cart_left", facts=facts, read=("core", "cart")),
        items=tuple(dict.fromkeys(line.product for line in lines)),
        context=context,
    )


def _shown(line: Line) -> dict[str, Any]:
    return {
        "product": line.product,
        "variant": line.variant,
        "name": line.name,
        "price": line.price,
        "quantity": line.quantity,
        "url": line.url,
        "image": line.image,
    }


def _event_seen(_draft: Draft, seen: Seen, _facts: Facts) -> Evidence:
    return Evidence(because=Because(kind="event_seen", facts={"event": seen.event, "at": seen.at}, read=("core",)))


KINDS: Final[dict[str, Callable[[Draft, Seen, Facts], Evidence | None]]] = {"cart_left": _cart_left, "event_seen": _event_seen}
"""Kinds of evidence a journey's send may name in `because`."""
