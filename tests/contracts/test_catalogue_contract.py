"""What every catalogue promises: news once, prices by time, nothing written that is as it was."""

from __future__ import annotations

from decimal import Decimal

import pytest

from oportuno.adapters.postgres.facts import FactsCache
from oportuno.catalog.category import Category
from oportuno.catalog.prices import as_of
from oportuno.catalog.product import ChangeKind, Product, Variant
from oportuno.catalog.rates import Rate
from oportuno.catalog.row import ProductRow
from oportuno.flows.ports_catalogue import How, StockLevel
from oportuno.kit.faults import BadInput, NotFound
from oportuno.kit.times import DAY
from oportuno.places.store import Span, Store


def row(product: str, *, at: int = 0, told=None, **fields) -> ProductRow:
    given = {"currency": "EUR", **({} if told else {"name": product.title()}), **fields}
    return ProductRow(product=Product(id=product, **given), told=frozenset(told or given), at=at)


def kinds(written):
    return [(each.product, each.kind) for each in written.changes]


@pytest.fixture
def stocked(tell):
    """Tell a story in a shop that sells a lamp and a rug."""

    def teller(story):
        async def whole(shop):
            await shop.outside.catalogue.upsert(
                shop.workspace,
                [row("lamp", price=10_000, stock=3, brand="Faro", categories=("home",)), row("rug", price=20_000, stock=0)],
            )
            await story(shop, shop.outside.catalogue, shop.workspace)

        tell(whole)

    return teller


def test_filling_a_catalogue_is_no_news_and_what_comes_later_is(tell):
    async def story(shop):
        catalogue, here = shop.outside.catalogue, shop.workspace
        assert (await catalogue.standing(here)).products == 0
        first = await catalogue.upsert(here, [row("lamp", price=10_000), row("rug", price=20_000)])
        assert (first.written, first.unchanged, first.changes) == (2, 0, [])
        later = await catalogue.upsert(here, [row("chair", price=5_000)])
        assert kinds(later) == [("chair", ChangeKind.LAUNCHED)]
        quiet = await catalogue.upsert(here, [row("table", price=9_000)], How(launches=False))
        assert kinds(quiet) == []
        assert (await catalogue.standing(here)).products == 4

    tell(story)


def test_the_same_rows_again_write_nothing(stocked):
    async def story(_shop, catalogue, here):
        before = await catalogue.standing(here)
        again = await catalogue.upsert(here, [row("lamp", price=10_000, stock=3, brand="Faro", categories=("home",))])
        assert (again.written, again.unchanged, again.changes, again.version) == (0, 1, [], before.version)

    stocked(story)


def test_a_price_that_falls_is_news_with_the_old_and_the_lowest_one(stocked):
    async def story(_shop, catalogue, here):
        await catalogue.upsert(here, [row("lamp", told=["price"], price=12_000)])
        fell = await catalogue.upsert(here, [row("lamp", told=["price"], price=8_000)])
        [change] = fell.changes
        assert (change.kind, change.old, change.new, change.currency) == (
            ChangeKind.PRICE_DROPPED,
            {"price": 12_000},
            {"price": 8_000},
            "EUR",
        )
        lamp = await catalogue.product(here, "lamp")
        assert (lamp.price, lamp.lowest, lamp.name, lamp.stock) == (8_000, 10_000, "Lamp", 3)
        assert [each.amount for each in await catalogue.prices(here, "lamp")] == [10_000, 12_000, 8_000]
        assert change.version == lamp.version == fell.version

    stocked(story)


def test_a_price_in_another_currency_is_no_drop_and_neither_is_one_that_was_not_known(stocked):
    async def story(_shop, catalogue, here):
        assert kinds(await catalogue.upsert(here, [row("lamp", told=["price", "currency"], price=100, currency="USD")])) == []
        assert kinds(await catalogue.upsert(here, [row("rug", told=["price"], price=None)])) == []
        assert kinds(await catalogue.upsert(here, [row("rug", told=["price"], price=1)])) == []
        assert (await catalogue.product(here, "lamp")).lowest is None

    stocked(story)


def test_stock_that_returns_is_news_and_so_is_a_product_that_goes(stocked):
    async def story(_shop, catalogue, here):
        assert kinds(await catalogue.upsert(here, [row("rug", told=["stock"], stock=4)])) == [("rug", ChangeKind.BACK_IN_STOCK)]
        gone = await catalogue.withdraw(here, ["rug", "rug", "nothing"])
        assert kinds(gone) == [("rug", ChangeKind.WITHDRAWN)]
        assert kinds(await catalogue.withdraw(here, ["rug"])) == []
        assert (await catalogue.product(here, "rug")).withdrawn
        assert (await catalogue.standing(here)).products == 1
        assert kinds(await catalogue.upsert(here, [row("rug", told=["price"], price=100)])) == [("rug", ChangeKind.BACK_IN_STOCK)]
        assert (await catalogue.standing(here)).products == 2

    stocked(story)


def test_a_product_that_is_not_known_needs_a_name(stocked):
    async def story(_shop, catalogue, here):
        written = await catalogue.upsert(here, [row("ghost", told=["price"], price=1), row("lamp", told=["price"], price=10_000)])
        assert (list(written.nameless), written.written, written.unchanged) == (["ghost"], 0, 1)
        assert await catalogue.product(here, "ghost") is None

    stocked(story)


def test_a_new_size_is_news_once(stocked):
    async def story(_shop, catalogue, here):
        small, large = Variant(id="s", price=900, stock=1), Variant(id="l", price=1_000)
        one = ProductRow(
            product=Product(id="shirt", name="Shirt", variants=(small,), currency="EUR"), told=frozenset({"name", "variants"}), single=True
        )
        other = ProductRow(product=Product(id="shirt", variants=(large,), currency="EUR"), told=frozenset({"variants"}), single=True)
        await catalogue.upsert(here, [one])
        assert kinds(await catalogue.upsert(here, [other])) == [("shirt", ChangeKind.VARIANT_ADDED)]
        assert kinds(await catalogue.upsert(here, [one])) == []
        shirt = await catalogue.product(here, "shirt")
        assert ([each.id for each in shirt.variants], shirt.price, shirt.stock) == (["s", "l"], 900, 1)
        assert {(each.variant, each.amount) for each in await catalogue.prices(here, "shirt")} == {("", 900), ("s", 900), ("l", 1_000)}

    stocked(story)


def test_old_news_writes_history_and_is_not_told(stocked):
    async def story(shop, catalogue, here):
        now = (await catalogue.standing(here)).now
        told = await fan_outs(shop)
        old = How(speaks=False)
        await catalogue.upsert(here, [row("lamp", told=["price"], price=7_000, at=now - 20 * DAY)], old)
        await catalogue.upsert(here, [row("lamp", told=["price"], price=9_000, at=now - 10 * DAY)], old)
        assert kinds(await catalogue.upsert(here, [row("rug", told=["stock"], stock=5)], old)) == []
        lamp = await catalogue.product(here, "lamp")
        assert (lamp.price, lamp.lowest, lamp.since) == (10_000, 7_000, now - 20 * DAY)
        points = await catalogue.prices(here, "lamp")
        assert [each.amount for each in points] == [7_000, 9_000, 10_000]
        then = as_of(lamp, points, now - 9 * DAY)
        assert (then.price, then.price_since, then.lowest) == (9_000, now - 10 * DAY, 7_000)
        assert as_of(lamp, points, now - 21 * DAY) is None
        assert await fan_outs(shop) == told

    stocked(story)


def test_working_it_out_without_writing_leaves_everything_as_it_was(stocked):
    async def story(shop, catalogue, here):
        would = await catalogue.upsert(here, [row("lamp", told=["price"], price=1)], How(dry=True))
        assert (kinds(would), would.written) == ([("lamp", ChangeKind.PRICE_DROPPED)], 1)
        assert (await catalogue.product(here, "lamp")).price == 10_000
        assert await fan_outs(shop) == []

    stocked(story)


def test_news_goes_to_the_product_or_to_its_categories_and_brand(stocked):
    async def story(shop, catalogue, here):
        from oportuno.catalog.item import item_of

        await catalogue.upsert(here, [row("lamp", told=["price"], price=9_000)])
        [(n, item, name, body)] = await fan_outs(shop)
        assert (n, item, name) == (1, item_of("product", "lamp"), "Product Price Dropped")
        assert b'"old_price":100.0' in body
        assert b'"price":90.0' in body
        await catalogue.upsert(here, [row("desk", price=1, brand="Faro", categories=("home", "work"))])
        later = (await fan_outs(shop))[1:]
        assert [each[0] for each in later] == [2, 3, 4]
        assert {each[1] for each in later} == {item_of("category", "home"), item_of("category", "work"), item_of("brand", "Faro")}

    stocked(story)


def test_what_is_sensitive_is_inherited_from_categories_now_and_later(stocked):
    async def story(_shop, catalogue, here):
        await catalogue.put_categories(here, [Category(id="home", parent="all"), Category(id="all", sensitive=("alcohol",))])
        assert (await catalogue.product(here, "lamp")).sensitive == ("alcohol",)
        await catalogue.upsert(here, [row("wine", categories=("home",), own_sensitive=("gift",))])
        assert (await catalogue.product(here, "wine")).sensitive == ("alcohol", "gift")
        assert await catalogue.drop_category(here, "all")
        assert not await catalogue.drop_category(here, "all")
        assert (await catalogue.product(here, "lamp")).sensitive == ()
        assert [(each.id, each.parent) for each in await catalogue.categories(here)] == [("home", "")]

    stocked(story)


def test_a_category_cannot_lie_in_itself(stocked):
    async def story(_shop, catalogue, here):
        await catalogue.put_categories(here, [Category(id="a", parent="b")])
        with pytest.raises(BadInput) as caught:
            await catalogue.put_categories(here, [Category(id="c"), Category(id="b", parent="a")])
        assert caught.value.code == "category_cycle"
        assert [each.id for each in await catalogue.categories(here)] == ["a", "home"]

    stocked(story)


def test_stores_have_hours_and_stock(stocked):
    async def story(_shop, catalogue, here):
        store = Store(id="norte", name="Norte", timezone="Europe/Madrid", week=((Span(opens=540, closes=1_200),),) * 7)
        assert await catalogue.put_stores(here, [store]) == 1
        assert await catalogue.put_stores(here, [store]) == 0
        assert await catalogue.put_stock(here, [StockLevel("lamp", "", "norte", 4)]) == 1
        assert await catalogue.put_stock(here, [StockLevel("lamp", "", "norte", 4)]) == 0
        assert [each.quantity for each in await catalogue.stock(here, "lamp")] == [4]
        for level, code in ((StockLevel("lamp", "", "sur", 1), "store_unknown"), (StockLevel("x", "", "norte", 1), "product_unknown")):
            with pytest.raises(NotFound) as caught:
                await catalogue.put_stock(here, [level])
            assert caught.value.code == code
        assert await catalogue.drop_store(here, "norte")
        assert await catalogue.stock(here, "lamp") == []

    stocked(story)


def test_changes_that_come_at_once_get_numbers_of_their_own_without_a_gap(stocked):
    async def story(shop, catalogue, here):
        import asyncio

        await catalogue.mark_filled(here)
        assert (await catalogue.standing(here)).filled
        done = await asyncio.gather(
            *(
                catalogue.upsert(here, [row("lamp", told=["price"], price=9_000 - n), row(f"new{n}", categories=("home",))])
                for n in range(6)
            )
        )
        versions = sorted(change.version for each in done for change in each.changes)
        assert len(set(versions)) == len(versions)
        told = await fan_outs(shop)
        assert [each[0] for each in told] == list(range(1, len(told) + 1))
        points = await catalogue.prices(here, "lamp")
        assert len({each.at for each in points}) == 7

    stocked(story)


def test_rates_are_kept_by_day(tell):
    async def story(shop):
        catalogue, here = shop.outside.catalogue, shop.workspace
        await catalogue.put_rates(
            here, [Rate(currency="USD", day=20_000, rate=Decimal("0.91")), Rate(currency="USD", day=19_999, rate=Decimal(1))]
        )
        await catalogue.put_rates(here, [Rate(currency="USD", day=19_999, rate=Decimal("0.9"))])
        assert [(each.day, each.rate) for each in await catalogue.rates(here)] == [(19_999, Decimal("0.9")), (20_000, Decimal("0.91"))]

    tell(story)


def test_products_are_read_page_by_page(stocked):
    async def story(_shop, catalogue, here):
        first = await catalogue.products(here, limit=1)
        rest = await catalogue.products(here, after=first[0].id)
        assert [each.id for each in first + rest] == ["lamp", "rug"]
        assert await catalogue.ids(here) == [("lamp", False), ("rug", False)]

    stocked(story)


def test_facts_are_read_from_memory_and_follow_the_catalogue(stocked):
    async def story(shop, catalogue, here):
        cache = FactsCache(shop.outside.shelves)
        facts = cache.for_workspace(here)
        assert (facts.product("lamp"), facts.product("ghost")) == (None, None)
        assert facts.missing == {(here, "lamp"), (here, "ghost")}
        await cache.load(facts.missing)
        again = cache.for_workspace(here)
        assert (again.product("lamp").price, again.product("ghost"), again.missing) == (10_000, None, set())
        await cache.refresh()
        written = await catalogue.upsert(here, [row("lamp", told=["price"], price=9_000), row("ghost", price=1)])
        await cache.refresh()
        assert cache.for_workspace(here).product("lamp").price == 10_000
        await cache.refresh({here: written.version})
        assert (cache.for_workspace(here).product("lamp").price, cache.for_workspace(here).product("ghost").price) == (9_000, 1)

    stocked(story)


async def fan_outs(shop):
    """Read what is on its way: (n, item, name, body)."""
    if hasattr(shop.outside, "world"):
        rows = [
            (each.n, each.item, each.name, each.body) for each in shop.outside.world.catalogue.fan_outs if each.workspace == shop.workspace
        ]
        return sorted(rows)
    import psycopg

    async with await psycopg.AsyncConnection.connect(shop.outside.url) as connection:
        cursor = await connection.execute("SELECT n, item, name, body FROM fanouts WHERE workspace = %s ORDER BY n", (shop.workspace,))
        return await cursor.fetchall()
