"""A product as the catalogue knows it now, and the ways in which it may change. Money is minor units of `currency`."""

from __future__ import annotations

from enum import Enum
from typing import Any, Protocol

import msgspec

from oportuno.kit.ids import WorkspaceId
from oportuno.kit.times import Millis


class Variant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One size or colour of a product."""

    id: str
    name: str = ""
    price: int | None = None
    """None: the product's own."""
    stock: int | None = None
    """Pieces on line; None: not known."""
    options: dict[str, str] = {}


class Product(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One product with its present price and stock."""

    id: str
    version: int = 0
    """Of the catalogue, when it last changed."""
    name: str = ""
    url: str = ""
    image: str = ""
    brand: str = ""
    categories: tuple[str, ...] = ()
    """Category ids, the main one first."""
    price: int | None = None
    """What it costs now (the sale price while on sale; of priced variants the lowest); None: silence on value."""
    was: int | None = None
    """The struck-out price that the shop itself announces, if any."""
    lowest: int | None = None
    """The lowest price of the 30 days before the present one began: what law (EU 98/6/EC art. 6a) asks beside a reduction."""
    currency: str = ""
    price_since: Millis = 0
    """Since when it has cost what it costs."""
    stock: int | None = None
    """Pieces on line over all variants; None: not known."""
    tags: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    """Sensitive topics it belongs to; inherited from its categories too."""
    own_sensitive: tuple[str, ...] = ()
    """Those of them that the shop marked on the product itself."""
    variants: tuple[Variant, ...] = ()
    withdrawn: bool = False
    since: Millis = 0
    """When the shop first told of it."""
    changed_at: Millis = 0
    manual_url: str = ""
    """Where its manual or help is; shown after a purchase."""


class ChangeKind(Enum):
    """How a product changed; the value is the name of the event that its watchers get."""

    PRICE_DROPPED = "Product Price Dropped"
    BACK_IN_STOCK = "Product Back In Stock"
    LAUNCHED = "Product Launched"
    VARIANT_ADDED = "Product Variant Added"
    WITHDRAWN = "Product Withdrawn"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one product: what it was, what it is, and the version that made it so."""

    workspace: WorkspaceId
    product: str
    kind: ChangeKind
    version: int
    at: Millis
    old: dict[str, Any] = {}
    """``price`` (minor units), ``stock`` or ``variants`` (ids), as the kind needs."""
    new: dict[str, Any] = {}
    currency: str = ""


class Facts(Protocol):
    """What is known now of the products of one workspace: synchronous, from memory. What is not at hand is fetched and asked again."""

    def product(self, product: str) -> Product | None:
        """Give a product as it is now; None when the shop never told of it. May be a second old."""
        ...


class NoFacts:
    """A workspace without a catalogue."""

    def product(self, product: str) -> Product | None:  # noqa: ARG002 - the protocol's signature
        """Know nothing."""
        return None


NO_FACTS = NoFacts()
