"""What the server tells a program with the secret key. Fields that are new to this release are left out, not refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """A customer: who it is, and the profile as far as their consents let it be read."""

    customer: str
    """``cus_…``: never changes."""
    status: Literal["active", "merging", "forwarded"]
    merged_from: tuple[str, ...] = ()
    """Customers who turned out to be this one."""
    profile: dict[str, Any]
    """Sections by name; `closed` names those that were not read for want of a consent."""
    next_look_at: datetime | None = None
    """When the engine looks at this customer again without a new event."""


class Because(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence that fired the trigger."""

    kind: str
    facts: dict[str, Any]


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why not, or not yet."""

    refusal: str
    """A stable name; the reference lists them."""
    facts: dict[str, Any]
    retry_at: datetime | None = None
    customer: dict[str, str] = {}
    """The sentence for the customer, by language."""
    marketer: dict[str, str] = {}
    """The sentence for the marketer, by language."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided on one proposal at one moment."""

    customer: str
    message: str
    """The proposal's id; a message made of it has the same."""
    decided: Literal["speak", "wait", "silence"]
    at: datetime
    retry_at: datetime | None = None
    journey: str
    step: str
    channel: str
    purpose: str
    topic: str
    items: tuple[str, ...] = ()
    because: Because
    reasons: tuple[Reason, ...] = ()


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal that waits."""

    journey: str
    step: str
    items: tuple[str, ...] = ()
    refusal: str = ""
    """Why; empty: its time has not come."""
    retry_at: datetime


class Would(msgspec.Struct, frozen=True, kw_only=True):
    """What would be said to a customer now, or not, and why. Nothing of it was done."""

    customer: str
    at: datetime
    decided: Literal["speak", "wait", "silence", "nothing"]
    """The best of all; ``nothing``: nothing is proposed."""
    sentence: dict[str, str] = {}
    """Of what would be said: its because, by language."""
    verdicts: tuple[Verdict, ...] = ()
    """The best first. The ids in them lead nowhere."""
    waiting: tuple[Waiting, ...] = ()
    nothing_left: tuple[str, ...] = ()
    """Journeys that were asked about and have nothing to speak about."""
    next_look_at: datetime | None = None


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """An item that could not become an event."""

    reject: str
    """``rej_…``."""
    received: datetime
    code: str
    sentence: str
    place: str
    """Where in the request: ``batch[3].timestamp``."""
    replayed: bool
    raw: str
    """What was sent."""


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a reject that was read again."""

    stored: int
    """1: it is an event now. 0: it was one already, or still cannot be read; then `code` says why."""
    code: str
    sentence: str
