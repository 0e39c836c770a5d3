"""The catalogue in PostgreSQL: products, their price history, and the fan-out of its news, in one transaction under its lock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import msgspec

from oportuno.adapters.postgres.arrays import Byteas, Int2s, Int8s, Texts
from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.postgres.database import Connection
from oportuno.catalog.category import Category, bare, inherited
from oportuno.catalog.compare import Circumstances
from oportuno.catalog.news import News, news_of
from oportuno.catalog.plan import Edit, Plan, categories_of, edits, nameless, repriced, settle, withdrawals
from oportuno.catalog.prices import LOOK_BACK, PricePoint
from oportuno.catalog.product import Product
from oportuno.catalog.row import ProductRow
from oportuno.flows.fan_out import FAN_OUT_NEWS
from oportuno.flows.ports_catalogue import CatalogueStanding, How, Written
from oportuno.kit.ids import WorkspaceId
from oportuno.kit.times import Millis

_OPEN = "INSERT INTO catalogues (workspace) VALUES (%s) ON CONFLICT DO NOTHING"
_LOCK = """
SELECT version, fanout, greatest(at + 1, (extract(epoch FROM clock_timestamp()) * 1000)::int8), tree, products
FROM catalogues WHERE workspace = %s FOR UPDATE
"""
_CLOSE = "UPDATE catalogues SET version = %s, fanout = %s, at = %s, tree = %s, products = %s WHERE workspace = %s"
_FILLED = "UPDATE catalogues SET filled = true WHERE workspace = %s AND NOT filled"
_STANDING = """
SELECT version, products, (extract(epoch FROM clock_timestamp()) * 1000)::int8, filled
FROM (SELECT 1) one LEFT JOIN catalogues ON workspace = %s
"""
_SOME = "SELECT body FROM products WHERE workspace = %b AND product = ANY(%b::text[])"
_POINTS = """
SELECT k.product, p.at, p.amount, p.currency FROM unnest(%b::text[]) AS k(product) CROSS JOIN LATERAL (
    (SELECT at, amount, currency FROM product_prices
     WHERE workspace = %b AND product = k.product AND variant = '' AND at <= %b ORDER BY at DESC LIMIT 1)
    UNION ALL
    (SELECT at, amount, currency FROM product_prices WHERE workspace = %b AND product = k.product AND variant = '' AND at > %b)
) p ORDER BY k.product, p.at
"""
_SAVE = """
INSERT INTO products (workspace, product, version, changed_at, withdrawn, body)
SELECT %b::int4, product, version, changed_at, withdrawn <> 0, body
FROM unnest(%b::text[], %b::int8[], %b::int8[], %b::int2[], %b::bytea[]) AS t(product, version, changed_at, withdrawn, body)
ON CONFLICT (workspace, product) DO UPDATE
SET version = EXCLUDED.version, changed_at = EXCLUDED.changed_at, withdrawn = EXCLUDED.withdrawn, body = EXCLUDED.body
"""
_PRICED = """
INSERT INTO product_prices (workspace, product, variant, at, amount, currency)
SELECT %b::int4, product, variant, at, nullif(amount, -1), currency
FROM unnest(%b::text[], %b::text[], %b::int8[], %b::int8[], %b::text[]) AS t(product, variant, at, amount, currency)
ON CONFLICT (workspace, product, variant, at) DO UPDATE SET amount = EXCLUDED.amount, currency = EXCLUDED.currency
"""
_FAN_OUT = """
INSERT INTO fanouts (workspace, n, item, id, name, body, at, expires_at)
SELECT %b::int4, * FROM unnest(%b::int8[], %b::int8[], %b::bytea[], %b::text[], %b::bytea[], %b::int8[], %b::int8[])
"""
_NOTIFY = "SELECT pg_notify(%s, %s)"
_CATEGORIES = "SELECT body FROM categories WHERE workspace = %s ORDER BY category"
_PUT_CATEGORIES = """
INSERT INTO categories (workspace, category, parent, version, body)
SELECT %b::int4, category, parent, %b::int8, body FROM unnest(%b::text[], %b::text[], %b::bytea[]) AS t(category, parent, body)
"""
_BARE_CATEGORIES = _PUT_CATEGORIES + "ON CONFLICT DO NOTHING"

decode_product: Final = msgspec.msgpack.Decoder(Product).decode
decode_category: Final = msgspec.msgpack.Decoder(Category).decode
encode: Final = msgspec.msgpack.Encoder().encode


class Topics(NamedTuple):
    """What categories make sensitive, as of a state of the tree."""

    workspace: WorkspaceId
    tree: int
    of: dict[str, tuple[str, ...]]


class Unit:
    """One write of a workspace's catalogue: holds its lock until the transaction ends, and gives numbers in the order of commits."""

    def __init__(self, connection: Connection, workspace: WorkspaceId, row: tuple[Any, ...]) -> None:
        self.connection = connection
        self.workspace = workspace
        self.version, self.fanout, self.at, self.tree, self.products = row

    async def topics(self, known: Topics | None) -> Topics:
        """Give what categories make sensitive, read only when the tree is another than the one that is known."""
        if known is not None and (known.workspace, known.tree) == (self.workspace, self.tree):
            return known
        return Topics(self.workspace, self.tree, inherited(await self.categories()))

    async def categories(self) -> list[Category]:
        """Read the tree."""
        cursor = await self.connection.execute(_CATEGORIES, (self.workspace,))
        return [decode_category(body) for (body,) in await cursor.fetchall()]

    async def some(self, products: Iterable[str]) -> dict[str, Product]:
        """Read products."""
        cursor = await self.connection.execute(_SOME, (self.workspace, Texts(products)), binary=True)
        found = [decode_product(body) for (body,) in await cursor.fetchall()]
        return {each.id: each for each in found}

    async def settle(self, some: Sequence[Edit], how: How, began: Millis = 0) -> Plan:
        """Work out what is to be written."""
        points = await self._points([edit.new.id for edit in some if repriced(edit)], whole=any(edit.row and edit.row.at for edit in some))
        launches = how.launches and self.products > 0
        return settle(some, points, self.version, Circumstances(self.workspace, self.at, launches=launches, began=began or self.at))

    async def _points(self, products: list[str], *, whole: bool) -> dict[str, list[PricePoint]]:
        if not products:
            return {}
        since = 0 if whole else self.at - LOOK_BACK
        values = (Texts(products), self.workspace, since, self.workspace, since)
        found: dict[str, list[PricePoint]] = {}
        for product, at, amount, currency in await (await self.connection.execute(_POINTS, values, binary=True)).fetchall():
            found.setdefault(product, []).append(PricePoint(product=product, at=at, amount=amount, currency=currency))
        return found

    async def write(self, plan: Plan, some: Sequence[Edit], how: How) -> None:
        """Write what was worked out, and let the catalogue's row say so."""
        self.version = plan.version
        if plan.products:
            await self._save(sorted(plan.products, key=lambda each: each.id))
            old = {edit.new.id: edit.old for edit in some}
            before = [old[each.id] for each in plan.products]
            self.products += sum(not each.withdrawn for each in plan.products) - sum(
                each is not None and not each.withdrawn for each in before
            )
        if plan.points:
            await self._price(plan.points)
        await self.add_bare(categories_of(some))
        if how.speaks and plan.changes:
            by_id = {each.id: each for each in plan.products}
            await self._tell([news for change in plan.changes for news in news_of(change, by_id[change.product], how.lasts)])

    async def close(self) -> None:
        """Write the catalogue's own row."""
        await self.connection.execute(_CLOSE, (self.version, self.fanout, self.at, self.tree, self.products, self.workspace))

    async def _save(self, products: Sequence[Product]) -> None:
        values = (
            Texts(each.id for each in products),
            Int8s(each.version for each in products),
            Int8s(each.changed_at for each in products),
            Int2s(each.withdrawn for each in products),
            Byteas(encode(each) for each in products),
        )
        await self.connection.execute(_SAVE, (self.workspace, *values))

    async def _price(self, points: Sequence[PricePoint]) -> None:
        # The last word of a moment holds; one statement must not touch a row twice.
        last = {(each.product, each.variant, each.at): each for each in points}
        some = [last[key] for key in sorted(last)]
        values = (
            Texts(each.product for each in some),
            Texts(each.variant for each in some),
            Int8s(each.at for each in some),
            Int8s(-1 if each.amount is None else each.amount for each in some),
            Texts(each.currency for each in some),
        )
        await self.connection.execute(_PRICED, (self.workspace, *values))

    async def _tell(self, news: Sequence[News]) -> None:
        if not news:
            return
        values = (
            Int8s(range(self.fanout + 1, self.fanout + 1 + len(news))),
            Int8s(each.item for each in news),
            Byteas(each.id for each in news),
            Texts(each.name for each in news),
            Byteas(each.body for each in news),
            Int8s(each.at for each in news),
            Int8s(each.expires_at for each in news),
        )
        await self.connection.execute(_FAN_OUT, (self.workspace, *values))
        await self.connection.execute(_NOTIFY, (FAN_OUT_NEWS, str(self.workspace)))
        self.fanout += len(news)

    async def add_bare(self, names: Collection[str]) -> None:
        """Make the categories that only products name."""
        if names:
            made = [bare(name)[-1] for name in sorted(names)]
            await self.put(_BARE_CATEGORIES, made)

    async def put(self, statement: str, categories: Sequence[Category]) -> None:
        """Write categories."""
        values = Texts(each.id for each in categories), Texts(each.parent for each in categories), Byteas(map(encode, categories))
        await self.connection.execute(statement.encode(), (self.workspace, self.version, *values))


class CatalogueWrites:
    """Writes of products: the first half of the port Catalogue."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._topics: Topics | None = None

    @asynccontextmanager
    async def unit(self, workspace: WorkspaceId, *, dry: bool = False) -> AsyncIterator[Unit]:
        """Hold the catalogue's lock for one transaction."""
        async with self._connections.lend() as connection, connection.transaction(force_rollback=dry):
            await connection.execute(_OPEN, (workspace,))
            row = await (await connection.execute(_LOCK, (workspace,))).fetchone()
            unit = Unit(connection, workspace, row or ())
            yield unit
            await unit.close()

    async def standing(self, workspace: WorkspaceId) -> CatalogueStanding:
        """See the port."""
        async with self._connections.lend() as connection:
            row = await (await connection.execute(_STANDING, (workspace,))).fetchone()
        version, products, now, filled = row or (0, 0, 0, False)
        return CatalogueStanding(version or 0, products or 0, now, filled or False)

    async def mark_filled(self, workspace: WorkspaceId) -> None:
        """See the port."""
        async with self._connections.lend() as connection:
            await connection.execute(_FILLED, (workspace,))

    async def upsert(self, workspace: WorkspaceId, rows: Sequence[ProductRow], how: How = How()) -> Written:  # noqa: B008 - a value
        """See the port."""
        async with self.unit(workspace, dry=how.dry) as unit:
            self._topics = topics = await unit.topics(self._topics)
            old = await unit.some(row.product.id for row in rows)
            some = edits(rows, old, topics.of, replaces_variants=how.replaces_variants)
            left_out = nameless(rows, old)
            written = await self._finish(unit, some, how, len(rows) - len(left_out))
        return written._replace(nameless=left_out)

    async def withdraw(self, workspace: WorkspaceId, products: Sequence[str], how: How = How()) -> Written:  # noqa: B008 - a value
        """See the port."""
        async with self.unit(workspace, dry=how.dry) as unit:
            old = await unit.some(dict.fromkeys(products))
            return await self._finish(unit, withdrawals(old.values()), how, len(products))

    @staticmethod
    async def _finish(unit: Unit, some: list[Edit], how: How, told: int) -> Written:
        plan = await unit.settle(some, how, how.began)
        await unit.write(plan, some, how)
        return Written(plan.changes if how.speaks else [], len(plan.products), told - len(plan.products), plan.version)
