"""The catalogue in PostgreSQL: what is read of it, and what stands around products: categories, stores, their stock, exchange rates."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from typing import Final

import msgspec

from oportuno.adapters.postgres.arrays import Byteas, Int4s, Texts
from oportuno.adapters.postgres.catalogue import CatalogueWrites, Unit, decode_category, decode_product, encode
from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.postgres.facts import Key
from oportuno.catalog.category import Category, check_tree, inherited, without
from oportuno.catalog.plan import resensitive
from oportuno.catalog.prices import PricePoint
from oportuno.catalog.product import Product
from oportuno.catalog.rates import Rate
from oportuno.flows.ports_catalogue import How, StockLevel
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import WorkspaceId
from oportuno.places.store import Store

_PAGE: Final = 2_000
_ONE = "SELECT body FROM products WHERE workspace = %s AND product = %s"
_PRODUCTS = "SELECT body FROM products WHERE workspace = %s AND product > %s ORDER BY product LIMIT %s"
_IDS = "SELECT product, withdrawn FROM products WHERE workspace = %s AND product > %s ORDER BY product LIMIT %s"
_HISTORY = "SELECT variant, at, amount, currency FROM product_prices WHERE workspace = %s AND product = %s ORDER BY at, variant"
_CATEGORIES = "SELECT body FROM categories WHERE workspace = %s ORDER BY category"
_PUT_CATEGORIES = """
INSERT INTO categories (workspace, category, parent, version, body)
SELECT %b::int4, category, parent, %b::int8, body FROM unnest(%b::text[], %b::text[], %b::bytea[]) AS t(category, parent, body)
ON CONFLICT (workspace, category) DO UPDATE SET parent = EXCLUDED.parent, version = EXCLUDED.version, body = EXCLUDED.body
"""
_DROP_CATEGORY = "DELETE FROM categories WHERE workspace = %s AND category = %s"
_STORES = "SELECT body FROM stores WHERE workspace = %s ORDER BY store"
_PUT_STORES = """
INSERT INTO stores (workspace, store, version, body)
SELECT %b::int4, store, %b::int8, body FROM unnest(%b::text[], %b::bytea[]) AS t(store, body)
ON CONFLICT (workspace, store) DO UPDATE SET version = EXCLUDED.version, body = EXCLUDED.body
"""
_DROP_STORE = "DELETE FROM stores WHERE workspace = %s AND store = %s RETURNING store"
_DROP_STOCK = "DELETE FROM stock WHERE workspace = %s AND store = %s"
_UNKNOWN_STORE = "SELECT s FROM unnest(%b::text[]) s WHERE NOT EXISTS (SELECT 1 FROM stores WHERE workspace = %b AND store = s) LIMIT 1"
_UNKNOWN_PRODUCT = (
    "SELECT p FROM unnest(%b::text[]) p WHERE NOT EXISTS (SELECT 1 FROM products WHERE workspace = %b AND product = p) LIMIT 1"
)
_PUT_STOCK = """
INSERT INTO stock (workspace, product, variant, store, quantity, at)
SELECT %b::int4, product, variant, store, quantity, %b::int8
FROM unnest(%b::text[], %b::text[], %b::text[], %b::int4[]) AS t(product, variant, store, quantity)
ON CONFLICT (workspace, product, variant, store) DO UPDATE SET quantity = EXCLUDED.quantity, at = EXCLUDED.at
WHERE stock.quantity <> EXCLUDED.quantity
"""
_STOCK = "SELECT product, variant, store, quantity, at FROM stock WHERE workspace = %s AND product = %s ORDER BY store, variant"
_PUT_RATE = """
INSERT INTO rates (workspace, currency, day, rate) VALUES (%s, %s, %s, %s)
ON CONFLICT (workspace, currency, day) DO UPDATE SET rate = EXCLUDED.rate
"""
_RATES = "SELECT currency, day, rate FROM rates WHERE workspace = %s ORDER BY currency, day"


class PostgresCatalogue(CatalogueWrites):
    """The port Catalogue. The connections must be allowed to write."""

    async def product(self, workspace: WorkspaceId, product: str) -> Product | None:
        """See the port."""
        async with self._connections.lend() as connection:
            row = await (await connection.execute(_ONE, (workspace, product))).fetchone()
        return decode_product(row[0]) if row else None

    async def products(self, workspace: WorkspaceId, *, after: str = "", limit: int = 100) -> list[Product]:
        """See the port."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(_PRODUCTS, (workspace, after, limit))).fetchall()
        return [decode_product(body) for (body,) in rows]

    async def ids(self, workspace: WorkspaceId, *, after: str = "", limit: int = 10_000) -> list[tuple[str, bool]]:
        """See the port."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(_IDS, (workspace, after, limit))).fetchall()
        return [(product, withdrawn) for product, withdrawn in rows]

    async def prices(self, workspace: WorkspaceId, product: str) -> list[PricePoint]:
        """See the port."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(_HISTORY, (workspace, product))).fetchall()
        return [
            PricePoint(product=product, variant=variant, at=at, amount=amount, currency=currency) for variant, at, amount, currency in rows
        ]

    # ── Categories ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def put_categories(self, workspace: WorkspaceId, categories: Sequence[Category]) -> int:
        """See the port."""
        async with self.unit(workspace) as unit:
            tree = {each.id: each for each in await unit.categories()}
            told = {each.id: each for each in categories}
            changed = [each for each in told.values() if tree.get(each.id) != each]
            after = tree | told
            check_tree(after)
            if changed:
                await unit.put(_PUT_CATEGORIES, changed)
                await self._replant(unit, tree, after)
        return len(changed)

    async def categories(self, workspace: WorkspaceId) -> list[Category]:
        """See the port."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(_CATEGORIES, (workspace,))).fetchall()
        return [decode_category(body) for (body,) in rows]

    async def drop_category(self, workspace: WorkspaceId, category: str) -> bool:
        """See the port."""
        async with self.unit(workspace) as unit:
            tree = {each.id: each for each in await unit.categories()}
            if category not in tree:
                return False
            moved = without(tree, category)
            after = {name: each for name, each in (tree | {each.id: each for each in moved}).items() if name != category}
            await unit.connection.execute(_DROP_CATEGORY, (workspace, category))
            await unit.put(_PUT_CATEGORIES, moved)
            await self._replant(unit, tree, after)
        return True

    async def _replant(self, unit: Unit, before: dict[str, Category], after: dict[str, Category]) -> None:
        """Let products inherit from the tree as it is now; every product is looked at, but only when something sensitive changed."""
        unit.tree += 1
        old, new = inherited(before.values()), inherited(after.values())
        if old == new:
            return
        async for products in self._pages(unit):
            some = resensitive(products, new)
            if some:
                await unit.write(await unit.settle(some, How()), some, How(speaks=False))

    @staticmethod
    async def _pages(unit: Unit) -> AsyncIterator[list[Product]]:
        after = ""
        while True:
            rows = await (await unit.connection.execute(_PRODUCTS, (unit.workspace, after, _PAGE))).fetchall()
            if not rows:
                return
            products = [decode_product(body) for (body,) in rows]
            yield products
            after = products[-1].id

    # ── Stores and what they have ───────────────────────────────────────────────────────────────────────────────────

    async def put_stores(self, workspace: WorkspaceId, stores: Sequence[Store]) -> int:
        """See the port."""
        async with self.unit(workspace) as unit:
            rows = await (await unit.connection.execute(_STORES, (workspace,))).fetchall()
            known = {each.id: each for each in (_store(body) for (body,) in rows)}
            told = {each.id: each for each in stores}
            changed = [each for each in told.values() if each.id not in known or _plain(known[each.id]) != _plain(each)]
            if changed:
                unit.version += 1
                made = [msgspec.structs.replace(each, version=unit.version) for each in changed]
                values = Texts(each.id for each in made), Byteas(map(encode, made))
                await unit.connection.execute(_PUT_STORES, (workspace, unit.version, *values))
        return len(changed)

    async def stores(self, workspace: WorkspaceId) -> list[Store]:
        """See the port."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(_STORES, (workspace,))).fetchall()
        return [_store(body) for (body,) in rows]

    async def drop_store(self, workspace: WorkspaceId, store: str) -> bool:
        """See the port."""
        async with self.unit(workspace) as unit:
            row = await (await unit.connection.execute(_DROP_STORE, (workspace, store))).fetchone()
            await unit.connection.execute(_DROP_STOCK, (workspace, store))
        return row is not None

    async def put_stock(self, workspace: WorkspaceId, levels: Sequence[StockLevel]) -> int:
        """See the port."""
        some = {(each.product, each.variant, each.store): each for each in levels}
        async with self.unit(workspace) as unit:
            execute = unit.connection.execute
            stores, products = Texts({each.store for each in levels}), Texts({each.product for each in levels})
            if await (await execute(_UNKNOWN_STORE, (stores, workspace))).fetchone():
                raise NotFound("store_unknown", "there is no such store in this workspace", place="store")
            if await (await execute(_UNKNOWN_PRODUCT, (products, workspace))).fetchone():
                raise NotFound("product_unknown", "there is no such product in this workspace", place="product")
            values = (
                Texts(each.product for each in some.values()),
                Texts(each.variant for each in some.values()),
                Texts(each.store for each in some.values()),
                Int4s(each.quantity for each in some.values()),
            )
            cursor = await execute(_PUT_STOCK, (workspace, unit.at, *values))
        return cursor.rowcount

    async def stock(self, workspace: WorkspaceId, product: str) -> list[StockLevel]:
        """See the port."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(_STOCK, (workspace, product))).fetchall()
        return [StockLevel(*row) for row in rows]

    # ── Rates ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def put_rates(self, workspace: WorkspaceId, rates: Sequence[Rate]) -> None:
        """See the port."""
        async with self._connections.lend() as connection, connection.transaction():
            for each in rates:
                await connection.execute(_PUT_RATE, (workspace, each.currency, each.day, each.rate))

    async def rates(self, workspace: WorkspaceId) -> list[Rate]:
        """See the port."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(_RATES, (workspace,))).fetchall()
        return [Rate(currency=currency, day=day, rate=rate) for currency, day, rate in rows]


class PostgresShelves:
    """Where a cache of facts reads from."""

    _VERSIONS = "SELECT workspace, version FROM catalogues WHERE workspace = ANY(%b::int4[])"
    _SOME = """
    SELECT p.workspace, p.body FROM unnest(%b::int4[], %b::text[]) AS k(workspace, product)
    JOIN products p ON p.workspace = k.workspace AND p.product = k.product
    """
    _CHANGED = "SELECT product FROM products WHERE workspace = %s AND version > %s ORDER BY version LIMIT %s"

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def versions(self, workspaces: Collection[WorkspaceId]) -> dict[WorkspaceId, int]:
        """Give the catalogue's version of each workspace that has a catalogue."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(self._VERSIONS, (Int4s(workspaces),))).fetchall()
        return dict(rows)

    async def some(self, keys: Iterable[Key]) -> dict[Key, Product]:
        """Give those of the products that exist."""
        wanted = [key for key in keys if "\0" not in key[1]]
        values = Int4s(workspace for workspace, _ in wanted), Texts(product for _, product in wanted)
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(self._SOME, values)).fetchall()
        found = ((workspace, decode_product(body)) for workspace, body in rows)
        return {(workspace, product.id): product for workspace, product in found}

    async def changed(self, workspace: WorkspaceId, since: int, most: int) -> list[str]:
        """Give the ids of up to `most` products that changed after version `since`."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(self._CHANGED, (workspace, since, most))).fetchall()
        return [product for (product,) in rows]


def _store(body: bytes) -> Store:
    return msgspec.msgpack.decode(body, type=Store)


def _plain(store: Store) -> Store:
    return msgspec.structs.replace(store, version=0)
