"""The sections of a profile. Times are milliseconds, money is minor units; short lists, because hot state is the engine's speed."""

from __future__ import annotations

from typing import Any, ClassVar, Final, Self, TypeAlias, TypeVar

import msgspec

from oportuno.kit.times import Millis
from oportuno.profile.draft import Section
from oportuno.profile.purposes import Purpose

NEVER: Final[Millis] = -1
"""In the place of a length of time: what it measures has not happened."""

Stamp: TypeAlias = tuple[Millis, bytes]
"""When an event happened, and the first four bytes of its identity: the total order in which things are told."""

# The small values inside sections are stored as arrays, by position: a new field goes to the end and has a default.


class Register(msgspec.Struct, kw_only=True, array_like=True, gc=False):
    """A value with the event time that set it: the last by event time wins, whatever the order of arrival."""

    value: Any = None
    at: Millis = 0
    h: bytes = b""
    """First four bytes of the event's identity; breaks ties of equal times."""
    said: bool = False
    """Told on purpose (a trait), which beats what a device merely shows (its locale, its zone), however new."""


S = TypeVar("S", bound=Section)


def _without_names(section: type[S], blob: bytes) -> S:
    """Read a section that was stored with the names of its fields. Fields that it did not know yet have their defaults."""
    told = msgspec.msgpack.decode(blob)
    fields = msgspec.structs.fields(section)
    plain = [told.get(field.name, msgspec.UNSET) for field in fields]
    known = [field.default if value is msgspec.UNSET else value for field, value in zip(fields, plain, strict=True)]
    known = [field.default_factory() if value is msgspec.NODEFAULT else value for field, value in zip(fields, known, strict=True)]
    return msgspec.convert(known, section)


class Core(Section, array_like=True):
    """Who it is and how to speak to them: identifiers, contact points, language, zone. Service data."""

    title: ClassVar[str] = "core"
    codec: ClassVar[int] = 2

    ids: list[tuple[str, str, Millis]] = []
    """(kind, value, last seen): ``user`` or ``anonymous`` ids as the client sent them, the last seen last, at most 10."""
    first_seen: Millis = 0
    last_seen: Millis = 0
    traits: dict[str, Register] = {}
    """Reserved traits only: email, phone, name, first_name, last_name, locale, timezone, country."""
    events: int = 0
    cart_young: Millis = 0
    """When the oldest change of the cart happened that a late event could still precede; 0: none. Spares opening the cart to look."""

    def shed(self) -> str:
        """Let go of the id that was seen longest ago, never of the last one."""
        if len(self.ids) <= 1:
            return ""
        del self.ids[0]
        return "core.ids"

    @classmethod
    def of_past(cls, codec: int, blob: bytes) -> Self:  # noqa: ARG003 - there is only one
        """Read codec 1, which spelt out the names of its fields."""
        return _without_names(cls, blob)


class Traits(Section):
    """What the shop's own code told us beyond the reserved traits."""

    title: ClassVar[str] = "traits"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.PERSONALISATION})

    values: dict[str, Register] = {}

    def shed(self) -> str:
        """Let go of the trait that was told longest ago."""
        if not self.values:
            return ""
        del self.values[min(self.values, key=lambda name: (self.values[name].at, self.values[name].h, name))]
        return "traits"


Change: TypeAlias = tuple[Millis, bytes, bool, int]
"""One change of a cart line that is still young: (when, first four bytes of the event's identity, whether it sets, by how much)."""

WideChange: TypeAlias = tuple[Millis, bytes, bool, int, tuple[str, ...]]
"""A young change of every line of some products, or of the whole cart (no products): the four of `Change`, then the products."""


class Line(msgspec.Struct, kw_only=True, array_like=True, gc=False):
    """One product in a cart, or the memory that it was there."""

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
    gone: bool = False
    """Removed or bought; kept for `LATENESS` so that a late «added» does not bring it back."""
    told_ago: Millis = NEVER
    """How long before `at` name, url and image were last told: small numbers are stored small."""
    priced_ago: Millis = NEVER
    """How long before `at` the price was last told."""
    base: tuple[int, Millis] = (0, 0)
    """Quantity and `added` before the young changes: what no late event can alter any more."""
    young: list[Change] = []
    """Changes within `LATENESS` of the customer's last event, in order: the quantity is `base` with these applied."""

    def settle_oldest(self) -> None:
        """Fold the oldest young change into the base for good."""
        self.base = after(*self.base, self.young.pop(0))


def after(quantity: int, added: Millis, change: Change) -> tuple[int, Millis]:
    """Give quantity and `added` of a line after a change; an empty line was never added."""
    at, _, sets, by = change
    left = by if sets else max(0, quantity + by)
    if not left:
        return 0, 0
    return left, added if quantity else at


class Cart(Section, array_like=True):
    """What lies in the basket. Service data: the shop keeps it for everybody. `standing` gives the lines that count."""

    title: ClassVar[str] = "cart"
    codec: ClassVar[int] = 2

    lines: list[Line] = []
    """By (added, product, variant), the gone ones among them; at most 40."""
    currency: str = ""
    at: Millis = 0
    """Last event about the cart."""
    held_until: Millis = 0
    """Until when stock is really reserved, if the shop said so (`held_until` on a cart event)."""
    token: str = ""
    """The shop's own cart id, if given."""
    wide: list[WideChange] = []
    """Young changes of more than one line: what a late «added» must still be measured by."""
    told: tuple[Millis, Millis, Millis] = (0, 0, 0)
    """When currency, held_until and token were last told."""

    @property
    def standing(self) -> list[Line]:
        """The lines that are really in the cart."""
        return [line for line in self.lines if not line.gone]

    def shed(self) -> str:
        """Let go of pictures and addresses first, then of what only late news would need, then of names, last of whole lines.

        Of each the oldest goes first.
        """
        oldest = sorted(self.lines, key=lambda line: (line.at, line.product, line.variant))
        if _blank_first(oldest, "image"):
            return "cart.images"
        if _blank_first(oldest, "url"):
            return "cart.urls"
        gone = [line for line in oldest if line.gone]
        if gone:
            self.lines.remove(gone[0])
            return "cart.gone"
        young = [line for line in oldest if line.young]
        if self.wide:
            del self.wide[0]
            return "cart.changes"
        if young:
            young[0].settle_oldest()
            return "cart.changes"
        if _blank_first(oldest, "name"):
            return "cart.names"
        if not oldest:
            return ""
        self.lines.remove(oldest[0])
        return "cart.lines"

    @classmethod
    def of_past(cls, codec: int, blob: bytes) -> Self:  # noqa: ARG003 - there is only one
        """Read codec 1, which spelt out the names of its fields."""
        return _without_names(cls, blob)


def _blank_first(lines: list[Line], field: str) -> bool:
    """Make a text of the first line that has it empty; say whether there was one."""
    for line in lines:
        if getattr(line, field):
            setattr(line, field, "")
            return True
    return False


class OrderBrief(msgspec.Struct, kw_only=True, array_like=True, gc=False):
    """One recent order, as much as a decision reads."""

    id: str
    at: Millis
    """When it was placed; of an order known only by its refund or cancellation, the time of that."""
    total: int = 0
    currency: str = ""
    refunded: int = 0
    products: list[str] = []
    cancelled: bool = False
    placed: bool = False
    """Whether the order itself was seen, or only news about it."""
    told_after: Millis = NEVER
    """How long after `at` the total was last told."""
    listed_after: Millis = NEVER
    """How long after `at` the products were last told."""
    whole: bool = False
    """Refunded as a whole, whatever the sum."""
    refunds: list[tuple[bytes, int]] = []
    """(event, minor units) behind `refunded`, so that a refund told twice counts once."""
    pieces: list[tuple[int, int]] = []
    """Of each of `products`: how many, and the price of one in minor units, −1 where it was not told."""
    returns: list[tuple[bytes, list[tuple[str, int]]]] = []
    """(event, products and how many of each) that came back without a word of money: worth what they cost in this order."""
    payment: str = ""
    """How it was paid, as the shop writes it."""
    store: str = ""
    """The store where it was placed; empty: not in one."""
    paid_after: Millis = NEVER
    """How long after `at` payment and store were last told."""

    @property
    def net(self) -> int:
        """What is left of it, in minor units."""
        if self.cancelled or self.whole:
            return 0
        return (self.total if self.placed else 0) - self.refunded


class Orders(Section, array_like=True):
    """What was bought: a count, sums by currency, and the last few orders. Service data."""

    title: ClassVar[str] = "orders"
    codec: ClassVar[int] = 2

    recent: list[OrderBrief] = []
    """At most 10, newest first by (at, id)."""
    count: int = 0
    """Orders placed and not cancelled."""
    totals: dict[str, int] = {}
    """Net minor units by currency: orders minus refunds and cancellations."""
    last_at: Millis = 0
    """When the last order was placed."""

    def shed(self) -> str:
        """Let go of what the oldest orders held, then of the oldest orders, then of the sums in the currencies least used."""
        for brief in reversed(self.recent):
            if brief.products:
                brief.products = []
                return "orders.products"
        if self.recent:
            del self.recent[-1]
            return "orders.recent"
        if not self.totals:
            return ""
        del self.totals[min(self.totals, key=lambda currency: (abs(self.totals[currency]), currency))]
        return "orders.totals"

    @classmethod
    def of_past(cls, codec: int, blob: bytes) -> Self:  # noqa: ARG003 - there is only one
        """Read codec 1, which spelt out the names of its fields."""
        return _without_names(cls, blob)


class Muted(Section):
    """Items the customer does not want to hear of: «ya lo compré», «no me interesa», or bought since. Service data."""

    title: ClassVar[str] = "muted"

    items: dict[str, tuple[str, Millis]] = {}
    """item → (reason: ``bought`` | ``not_interested``, since when)."""

    def shed(self) -> str:
        """Let go of purchases first, of each reason the oldest first."""
        if not self.items:
            return ""
        del self.items[min(self.items, key=lambda item: (self.items[item][0] != "bought", self.items[item][1], item))]
        return "muted"
