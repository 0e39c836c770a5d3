"""The sections of a profile. Times are milliseconds, money is minor units; short lists, because hot state is the engine's speed."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from oportuno.kit.times import Millis
from oportuno.profile.draft import Section
from oportuno.profile.purposes import Purpose


class Register(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A value with the event time that set it: the last by event time wins, whatever the order of arrival."""

    value: Any = None
    at: Millis = 0
    h: bytes = b""
    """Identity of the event that set it; breaks ties of equal times."""


class Core(Section):
    """Who it is and how to speak to them: identifiers, contact points, language, zone. Service data."""

    title: ClassVar[str] = "core"

    ids: list[tuple[str, str]] = []
    """(kind, value): ``user`` or ``anonymous`` ids as the client sent them, oldest first, at most 20."""
    first_seen: Millis = 0
    last_seen: Millis = 0
    traits: dict[str, Register] = {}
    """Reserved traits only: email, phone, name, first_name, last_name, locale, timezone, country."""
    events: int = 0


class Traits(Section):
    """What the shop's own code told us beyond the reserved traits."""

    title: ClassVar[str] = "traits"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.PERSONALISATION})

    values: dict[str, Register] = {}


class Line(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One product in a cart."""

    product: str
    variant: str = ""
    name: str = ""
    price: int | None = None
    """Minor units of the cart's currency, per piece."""
    quantity: int = 1
    url: str = ""
    image: str = ""
    added: Millis = 0
    at: Millis = 0
    """Time of the last event about this line."""
    h: bytes = b""
    gone: bool = False
    """Removed or bought; kept for `LATENESS` so that a late «added» does not bring it back."""


class Cart(Section):
    """What lies in the basket. Service data: the shop keeps it for everybody."""

    title: ClassVar[str] = "cart"

    lines: list[Line] = []
    currency: str = ""
    at: Millis = 0
    """Last event about the cart."""
    held_until: Millis = 0
    """Until when stock is really reserved, if the shop said so (`held_until` on a cart event)."""
    token: str = ""
    """The shop's own cart id, if given."""


class OrderBrief(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One recent order, as much as a decision reads."""

    id: str
    at: Millis
    h: bytes = b""
    total: int = 0
    currency: str = ""
    refunded: int = 0
    products: list[str] = []
    cancelled: bool = False


class Orders(Section):
    """What was bought: a count, sums by currency, and the last few orders. Service data."""

    title: ClassVar[str] = "orders"

    recent: list[OrderBrief] = []
    """At most 10, newest first by (at, id)."""
    count: int = 0
    totals: dict[str, int] = {}
    """Net minor units by currency: orders minus refunds and cancellations."""
    last_at: Millis = 0


class View(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How often and how long one product was looked at."""

    product: str
    name: str = ""
    count: int = 0
    seconds: float = 0.0
    last: Millis = 0


class Views(Section):
    """What was looked at. Only with the customer's yes to personalisation."""

    title: ClassVar[str] = "views"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.PERSONALISATION})

    products: list[View] = []
    """At most 20, most recent first by (last, product)."""


class Muted(Section):
    """Items the customer does not want to hear of: «ya lo compré», «no me interesa», or bought since. Service data."""

    title: ClassVar[str] = "muted"

    items: dict[str, tuple[str, Millis]] = {}
    """item → (reason: ``bought`` | ``not_interested``, since when)."""
