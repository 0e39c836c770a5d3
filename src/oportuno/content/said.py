"""What would be said and on what evidence: the part of a proposal that a message keeps."""

from __future__ import annotations

from typing import Any

import msgspec

from oportuno.kit.times import Millis
from oportuno.profile.purposes import Purpose


class Because(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence that fired the trigger. Its sentence is written from these facts, never by a copywriter."""

    kind: str
    """Which sentence: ``cart_left``, ``order_placed``, ``event_seen`` …"""
    facts: dict[str, Any] = {}
    """Plain values: counts, product names, moments (milliseconds), all from the evidence."""
    read: tuple[str, ...] = ()
    """Titles of the sections that were read for it: what the why-page lists as used; the rest is «not used»."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """Something to say to one customer: which template, by which channel, about what, because of what, until when."""

    id: bytes
    """Sixteen bytes, `kit.ids.dated` by the day of the evidence and derived from customer, journey, walk and step: proposing twice is
    proposing once, and the id tells its day's partition."""
    journey: str
    version: int
    step: str
    template: str
    """Key of the message definition."""
    channel: str
    purpose: Purpose
    topic: str = ""
    items: tuple[str, ...] = ()
    """Products it is about: a purchase or «no me interesa» of any of them cancels it on every channel."""
    because: Because
    expires_at: Millis
    """The moment has passed after this: never handed off later."""
    cost: int = 1
    """How much of a rolling limit it uses."""
    worth: float = 0.0
    """Expected worth in the journey's own prior; the greater wins when several ask at once, or for the same place."""
    confirms: str = ""
    """The pending answer that it asks the customer to confirm, as `consent.answers.slot` names it; empty: it asks for nothing."""
    context: dict[str, Any] = {}
    """What the template may show, beyond the profile: the cart's lines, the hold, links' targets."""
