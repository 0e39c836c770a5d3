"""The twin of the catalogue: the same rules on plain dictionaries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from oportuno.catalog.category import bare, check_tree, inherited, without
from oportuno.catalog.compare import Circumstances
from oportuno.catalog.news import news_of
from oportuno.catalog.plan import categories_of, edits, nameless, repriced, resensitive, settle, withdrawals
from oportuno.catalog.prices import PricePoint, in_order
from oportuno.flows.fan_out import FanOut
from oportuno.flows.ports_catalogue import CatalogueStanding, How, StockLevel, Written
from oportuno.kit.faults import NotFound

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from oportuno.adapters.memory.ground import Ground
    from oportuno.catalog.category import Category
    from oportuno.catalog.plan import Edit, Plan
    from oportuno.catalog.product import Product
    from oportuno.catalog.rates import Rate
    from oportuno.catalog.row import ProductRow
    from oportuno.kit.ids import WorkspaceId
    from oportuno.kit.times import Millis
    from oportuno.places.store import Store


@dataclass(slots=True)
class Shelf:
    """One workspace's catalogue."""

    version: int = 0
    fanout: int = 0
    filled: bool = False
    at: Millis = 0
    products: dict[str, Product] = field(default_factory=dict)
    points: dict[tuple[str, str, Millis], PricePoint] = field(default_factory=dict)
    categories: dict[str, Category] = field(default_factory=dict)
    stores: dict[str, Store] = field(default_factory=dict)
    stock: dict[tuple[str, str, str], StockLevel] = field(default_factory=dict)
    rates: dict[tuple[str, int], Rate] = field(default_factory=dict)


class MemoryCatalogue:
    """The port Catalogue, and where a cache of facts reads from. What is news lies in `fan_outs`."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._shelves: dict[WorkspaceId, Shelf] = {}
        self.fan_outs = ground.tables.fan_outs

    def _shelf(self, workspace: WorkspaceId) -> Shelf:
        return self._shelves.setdefault(workspace, Shelf())

    # ── Products ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def standing(self, workspace: WorkspaceId) -> CatalogueStanding:
        """Say how the catalogue stands."""
        await self._ground.pause("catalogue.standing")
        shelf = self._shelf(workspace)
        return CatalogueStanding(shelf.version, _sold(shelf), self._ground.clock.now, shelf.filled)

    async def mark_filled(self, workspace: WorkspaceId) -> None:
        """Say that an import came whole."""
        await self._ground.pause("catalogue.mark_filled")
        self._shelf(workspace).filled = True

    async def upsert(self, workspace: WorkspaceId, rows: Sequence[ProductRow], how: How = How()) -> Written:  # noqa: B008 - a value
        """Write rows with price history and fan-out."""
        await self._ground.pause("catalogue.upsert")
        shelf = self._shelf(workspace)
        some = edits(rows, shelf.products, inherited(shelf.categories.values()), replaces_variants=how.replaces_variants)
        left_out = nameless(rows, shelf.products)
        written = self._finish(workspace, some, how, len(rows) - len(left_out))
        await self._ground.pause("catalogue.written")
        return written._replace(nameless=left_out)

    async def withdraw(self, workspace: WorkspaceId, products: Sequence[str], how: How = How()) -> Written:  # noqa: B008 - a value
        """Withdraw products."""
        await self._ground.pause("catalogue.withdraw")
        known = self._shelf(workspace).products
        some = withdrawals(known[each] for each in dict.fromkeys(products) if each in known)
        written = self._finish(workspace, some, how, len(products))
        await self._ground.pause("catalogue.written")
        return written

    def _finish(self, workspace: WorkspaceId, some: Sequence[Edit], how: How, told: int) -> Written:
        shelf = self._shelf(workspace)
        at = max(shelf.at + 1, self._ground.clock.now)
        launches = how.launches and _sold(shelf) > 0
        points = {edit.new.id: [each for each in _points(shelf, edit.new.id) if not each.variant] for edit in some if repriced(edit)}
        plan = settle(some, points, shelf.version, Circumstances(workspace, at, launches=launches, began=how.began or at))
        if not how.dry:
            shelf.at = at
            self._keep(workspace, shelf, plan, some, how)
        return Written(plan.changes if how.speaks else [], len(plan.products), told - len(plan.products), plan.version)

    def _keep(self, workspace: WorkspaceId, shelf: Shelf, plan: Plan, some: Sequence[Edit], how: How) -> None:
        shelf.version = plan.version
        shelf.products |= {each.id: each for each in plan.products}
        shelf.points |= {(each.product, each.variant, each.at): each for each in plan.points}
        for name in categories_of(some):
            shelf.categories.setdefault(name, bare(name)[-1])
        if how.speaks:
            for change in plan.changes:
                for news in news_of(change, shelf.products[change.product], how.lasts):
                    shelf.fanout += 1
                    values = {name: getattr(news, name) for name in news.__struct_fields__}
                    self.fan_outs.append(FanOut(n=shelf.fanout, **{**values, "workspace": workspace}, version=plan.version))

    async def product(self, workspace: WorkspaceId, product: str) -> Product | None:
        """Give one product."""
        await self._ground.pause("catalogue.product")
        return self._shelf(workspace).products.get(product)

    async def products(self, workspace: WorkspaceId, *, after: str = "", limit: int = 100) -> list[Product]:
        """Give products by id."""
        await self._ground.pause("catalogue.products")
        known = self._shelf(workspace).products
        return [known[each] for each in sorted(known) if each > after][:limit]

    async def ids(self, workspace: WorkspaceId, *, after: str = "", limit: int = 10_000) -> list[tuple[str, bool]]:
        """Give ids, each with whether it is withdrawn."""
        return [(each.id, each.withdrawn) for each in await self.products(workspace, after=after, limit=limit)]

    async def prices(self, workspace: WorkspaceId, product: str) -> list[PricePoint]:
        """Give a product's price history."""
        await self._ground.pause("catalogue.prices")
        return _points(self._shelf(workspace), product)

    # ── What a cache of facts asks ──────────────────────────────────────────────────────────────────────────────────

    async def versions(self, workspaces: Collection[WorkspaceId]) -> dict[WorkspaceId, int]:
        """Give the catalogues' versions."""
        await self._ground.pause("catalogue.versions")
        return {each: self._shelves[each].version for each in workspaces if each in self._shelves}

    async def some(self, keys: Iterable[tuple[WorkspaceId, str]]) -> dict[tuple[WorkspaceId, str], Product]:
        """Give those of the products that exist."""
        await self._ground.pause("catalogue.some")
        found = {(workspace, name): self._shelf(workspace).products.get(name) for workspace, name in keys}
        return {key: product for key, product in found.items() if product is not None}

    async def changed(self, workspace: WorkspaceId, since: int, most: int) -> list[str]:
        """Give the ids of products that changed after a version."""
        await self._ground.pause("catalogue.changed")
        later = sorted((each.version, each.id) for each in self._shelf(workspace).products.values() if each.version > since)
        return [name for _, name in later[:most]]

    # ── Categories ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def put_categories(self, workspace: WorkspaceId, categories: Sequence[Category]) -> int:
        """Write categories."""
        await self._ground.pause("catalogue.put_categories")
        shelf = self._shelf(workspace)
        told = {each.id: each for each in categories}
        changed = [each for each in told.values() if shelf.categories.get(each.id) != each]
        check_tree(shelf.categories | told)
        self._replant(workspace, shelf.categories | told)
        return len(changed)

    async def categories(self, workspace: WorkspaceId) -> list[Category]:
        """Give every category."""
        await self._ground.pause("catalogue.categories")
        known = self._shelf(workspace).categories
        return [known[each] for each in sorted(known)]

    async def drop_category(self, workspace: WorkspaceId, category: str) -> bool:
        """Delete a category."""
        await self._ground.pause("catalogue.drop_category")
        tree = self._shelf(workspace).categories
        if category not in tree:
            return False
        moved = {each.id: each for each in without(tree, category)}
        self._replant(workspace, {name: each for name, each in (tree | moved).items() if name != category})
        return True

    def _replant(self, workspace: WorkspaceId, tree: dict[str, Category]) -> None:
        shelf = self._shelf(workspace)
        shelf.categories = tree
        some = resensitive(list(shelf.products.values()), inherited(tree.values()))
        self._finish(workspace, some, How(speaks=False), len(some))

    # ── Stores, stock, rates ────────────────────────────────────────────────────────────────────────────────────────

    async def put_stores(self, workspace: WorkspaceId, stores: Sequence[Store]) -> int:
        """Write stores."""
        await self._ground.pause("catalogue.put_stores")
        shelf = self._shelf(workspace)
        told = {each.id: each for each in stores}
        changed = [each for each in told.values() if shelf.stores.get(each.id, None) != _as_known(each, shelf)]
        if changed:
            shelf.version += 1
            shelf.stores |= {each.id: msgspec.structs.replace(each, version=shelf.version) for each in changed}
        return len(changed)

    async def stores(self, workspace: WorkspaceId) -> list[Store]:
        """Give every store."""
        await self._ground.pause("catalogue.stores")
        known = self._shelf(workspace).stores
        return [known[each] for each in sorted(known)]

    async def drop_store(self, workspace: WorkspaceId, store: str) -> bool:
        """Delete a store and its stock."""
        await self._ground.pause("catalogue.drop_store")
        shelf = self._shelf(workspace)
        shelf.stock = {key: each for key, each in shelf.stock.items() if each.store != store}
        return shelf.stores.pop(store, None) is not None

    async def put_stock(self, workspace: WorkspaceId, levels: Sequence[StockLevel]) -> int:
        """Write how many pieces stores have."""
        await self._ground.pause("catalogue.put_stock")
        shelf = self._shelf(workspace)
        if any(each.store not in shelf.stores for each in levels):
            raise NotFound("store_unknown", "there is no such store in this workspace", place="store")
        if any(each.product not in shelf.products for each in levels):
            raise NotFound("product_unknown", "there is no such product in this workspace", place="product")
        shelf.at = max(shelf.at + 1, self._ground.clock.now)
        told = {(each.product, each.variant, each.store): each._replace(at=shelf.at) for each in levels}
        changed = {key: each for key, each in told.items() if key not in shelf.stock or shelf.stock[key].quantity != each.quantity}
        shelf.stock |= changed
        return len(changed)

    async def stock(self, workspace: WorkspaceId, product: str) -> list[StockLevel]:
        """Give how many pieces of a product each store has."""
        await self._ground.pause("catalogue.stock")
        mine = [each for each in self._shelf(workspace).stock.values() if each.product == product]
        return sorted(mine, key=lambda each: (each.store, each.variant))

    async def put_rates(self, workspace: WorkspaceId, rates: Sequence[Rate]) -> None:
        """Set exchange rates of days."""
        await self._ground.pause("catalogue.put_rates")
        self._shelf(workspace).rates |= {(each.currency, each.day): each for each in rates}

    async def rates(self, workspace: WorkspaceId) -> list[Rate]:
        """Give every rate."""
        await self._ground.pause("catalogue.rates")
        known = self._shelf(workspace).rates
        return [known[key] for key in sorted(known)]


def _sold(shelf: Shelf) -> int:
    return sum(not each.withdrawn for each in shelf.products.values())


def _points(shelf: Shelf, product: str) -> list[PricePoint]:
    return in_order([shelf.points[key] for key in sorted(shelf.points) if key[0] == product])


def _as_known(store: Store, shelf: Shelf) -> Store:
    known = shelf.stores.get(store.id)
    return store if known is None else msgspec.structs.replace(store, version=known.version)
