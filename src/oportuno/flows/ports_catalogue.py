"""The port of the catalogue: what the shop sells, as it stands, as it was, and what of its changes is news."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from oportuno.catalog.category import Category
from oportuno.catalog.prices import PricePoint
from oportuno.catalog.product import Change, ChangeKind, Product
from oportuno.catalog.rates import Rate
from oportuno.catalog.row import ProductRow
from oportuno.kit.ids import WorkspaceId
from oportuno.kit.times import HOUR, Millis
from oportuno.places.store import Store

NEWS_LASTS: Mapping[ChangeKind, Millis] = dict.fromkeys(ChangeKind, 24 * HOUR)
"""How long each kind of news may be told, where the workspace says nothing else."""


class How(NamedTuple):
    """How rows are to be written."""

    speaks: bool = True
    """False: old news. Products and price history are written, nobody is told."""
    launches: bool = True
    """False: the catalogue is being filled for the first time, so that nothing new is news. Where it has no products, this is assumed."""
    began: Millis = 0
    """When the import began that these rows belong to; 0: now."""
    replaces_variants: bool = False
    """True: single variants of a feed replace those that are known, rather than join them."""
    lasts: Mapping[ChangeKind, Millis] = NEWS_LASTS
    dry: bool = False
    """True: work everything out, and write nothing."""


class Written(NamedTuple):
    """What a write did."""

    changes: list[Change]
    """What is news, and on its way to those who watch; old news is none."""
    written: int
    """Products that differ from what stood there."""
    unchanged: int
    version: int
    """Of the catalogue, now."""
    nameless: Sequence[str] = ()
    """Products that are not known and were told without a name: their rows did nothing."""


class CatalogueStanding(NamedTuple):
    """A workspace's catalogue as a whole."""

    version: int
    products: int
    """Not counting those that were withdrawn."""
    now: Millis
    """The store's clock."""
    filled: bool = False
    """An import came whole once: since then what is new in the catalogue is news."""


class StockLevel(NamedTuple):
    """How many pieces a store has."""

    product: str
    variant: str
    """Empty: the product as a whole."""
    store: str
    quantity: int
    at: Millis = 0


class Catalogue(Protocol):
    """The catalogue of each workspace. Every method raises Unavailable when the store is gone."""

    async def standing(self, workspace: WorkspaceId) -> CatalogueStanding:
        """Say how the catalogue stands; version 0 and no products where there is none."""
        ...

    async def upsert(self, workspace: WorkspaceId, rows: Sequence[ProductRow], how: How = How()) -> Written:  # noqa: B008 - a value
        """Write rows in one transaction, with price history and fan-out. No product twice. What is unchanged is not written."""
        ...

    async def withdraw(self, workspace: WorkspaceId, products: Sequence[str], how: How = How()) -> Written:  # noqa: B008 - a value
        """Withdraw products; those that are not known are left out. Nothing is deleted."""
        ...

    async def mark_filled(self, workspace: WorkspaceId) -> None:
        """Say that an import came whole."""
        ...

    async def product(self, workspace: WorkspaceId, product: str) -> Product | None:
        """Give one product as it is now, withdrawn ones too."""
        ...

    async def products(self, workspace: WorkspaceId, *, after: str = "", limit: int = 100) -> list[Product]:
        """Give products in the store's own order of ids, those after `after`."""
        ...

    async def ids(self, workspace: WorkspaceId, *, after: str = "", limit: int = 10_000) -> list[tuple[str, bool]]:
        """Give ids in the same order, each with whether it is withdrawn."""
        ...

    async def prices(self, workspace: WorkspaceId, product: str) -> list[PricePoint]:
        """Give a product's price history and its variants', oldest first."""
        ...

    async def put_categories(self, workspace: WorkspaceId, categories: Sequence[Category]) -> int:
        """Write categories and give how many changed; products inherit what is sensitive. Raises BadInput `category_cycle`."""
        ...

    async def categories(self, workspace: WorkspaceId) -> list[Category]:
        """Give every category, in the order of ids."""
        ...

    async def drop_category(self, workspace: WorkspaceId, category: str) -> bool:
        """Delete a category; its children move up to its parent, its products stay. False: there was none."""
        ...

    async def put_stores(self, workspace: WorkspaceId, stores: Sequence[Store]) -> int:
        """Write stores and give how many changed."""
        ...

    async def stores(self, workspace: WorkspaceId) -> list[Store]:
        """Give every store, in the order of ids."""
        ...

    async def drop_store(self, workspace: WorkspaceId, store: str) -> bool:
        """Delete a store and its stock. False: there was none."""
        ...

    async def put_stock(self, workspace: WorkspaceId, levels: Sequence[StockLevel]) -> int:
        """Write how many pieces stores have, and give how many levels changed. Raises NotFound for a store or product that is not known."""
        ...

    async def stock(self, workspace: WorkspaceId, product: str) -> list[StockLevel]:
        """Give how many pieces of a product each store has."""
        ...

    async def put_rates(self, workspace: WorkspaceId, rates: Sequence[Rate]) -> None:
        """Set exchange rates of days."""
        ...

    async def rates(self, workspace: WorkspaceId) -> list[Rate]:
        """Give every rate, by currency and day."""
        ...
