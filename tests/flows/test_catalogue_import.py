"""A feed goes into the catalogue: whole, in parts, twice, and in any order of its variants."""

from __future__ import annotations

import asyncio

import pytest

from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.postgres.facts import FactsCache
from oportuno.catalog.feed_rows import read_csv
from oportuno.catalog.product import ChangeKind
from oportuno.flows import catalogue as flow
from oportuno.flows.catalogue import FeedImport, Wanted
from oportuno.kit.faults import BadInput
from oportuno.kit.times import DAY, to_text

HERE = 1


class Shop:
    """Tienda Norte's catalogue, in memory."""

    def __init__(self) -> None:
        self.world = MemoryWorld()
        self.refused = []

    async def take(self, text, **wanted):
        run = FeedImport(HERE, self.world.catalogue, Wanted(**wanted), refuse=self.refused.append)
        return await run.run(read_csv([text.encode()], currency="EUR", now=self.world.clock.now))

    async def product(self, name):
        return await self.world.catalogue.product(HERE, name)


def tell(story):
    asyncio.run(asyncio.wait_for(story(Shop()), 60))


def test_the_same_id_twice_in_one_feed_counts_once():
    async def story(shop):
        done = await shop.take("id,name,price\np1,First,1\np1,Second,2\np2,Other,3\n")
        assert (done.rows, done.written, done.refused) == (2, 2, 1)
        assert [(each.code, each.line) for each in shop.refused] == [("id_twice", 3)]
        assert (await shop.product("p1")).name == "First"

    tell(story)


@pytest.mark.parametrize("chunk", [1, 2, 1_000])
@pytest.mark.parametrize("full", [True, False])
def test_variants_of_one_product_come_together_wherever_they_stand(monkeypatch, chunk, full):
    monkeypatch.setattr(flow, "CHUNK", chunk)

    async def story(shop):
        feed = "id,title,item_group_id,price,quantity\na1,A,a,5,1\na2,A,a,4,2\nb1,B,b,9,1\na3,A,a,7,0\n"
        first = await shop.take(feed, full=full)
        product = await shop.product("a")
        assert ([each.id for each in product.variants], product.price, product.stock) == (["a1", "a2", "a3"], 400, 3)
        assert first.changes == {}
        again = await shop.take(feed, full=full)
        assert (sum(again.changes.values()), again.withdrawn, again.refused) == (0, 0, 0)
        assert (await shop.product("a")).variants == product.variants

    tell(story)


def test_a_feed_cut_in_the_middle_writes_what_was_whole_and_withdraws_nothing():
    async def story(shop):
        await shop.take("id,name\np1,A\np2,B\np3,C\n")
        done = await shop.take('id,name\np1,New\np2,"B', full=True)
        assert (done.fault.code, done.written, done.withdrawn) == ("feed_cut", 1, 0)
        assert not (await shop.product("p3")).withdrawn

    tell(story)


def test_what_the_first_feed_brings_is_no_news_even_when_it_broke_off_before():
    async def story(shop):
        await shop.take('id,name\np1,A\np2,"B')
        second = await shop.take("id,name\np1,A\np2,B\np3,C\n")
        assert (second.written, second.changes) == (2, {})
        third = await shop.take("id,name\np4,D\n")
        assert third.changes == {ChangeKind.LAUNCHED: 1}
        assert (await shop.take("id,name\np5,E\n", launches=False)).changes == {}

    tell(story)


def test_a_full_feed_with_too_little_in_it_withdraws_only_when_told_twice():
    async def story(shop):
        await shop.take("id,name\np1,A\np2,B\np3,C\n")
        small = await shop.take("id,name\np1,A\n", full=True)
        assert (small.fault.code, small.withdrawn) == ("feed_too_small", 0)
        forced = await shop.take("id,name\np1,A\n", full=True, force=True)
        assert (forced.fault, forced.withdrawn, forced.changes) == (None, 2, {ChangeKind.WITHDRAWN: 2})
        dry = await shop.take("id,name\np9,A\n", full=True, force=True, dry=True)
        assert (dry.written, dry.withdrawn, await shop.product("p9")) == (1, 1, None)

    tell(story)


def test_history_of_many_days_comes_in_any_order_and_is_not_told():
    async def story(shop):
        await shop.take("id,name,price\np1,A,5\n")
        now = shop.world.clock.now
        days = [(3, 9), (20, 4), (10, 8), (1, 7)]
        feed = "id,price,at\n" + "".join(f"p1,{price},{to_text(now - day * DAY)}\n" for day, price in days)
        done = await shop.take(feed + f"p1,1,{to_text(now + DAY)}\n", history=True)
        assert (done.rows, [each.code for each in shop.refused]) == (4, ["moment_to_come"])
        assert [each.amount for each in await shop.world.catalogue.prices(HERE, "p1")] == [400, 800, 900, 700, 500]
        product = await shop.product("p1")
        assert (product.price, product.lowest) == (500, 400)
        assert shop.world.catalogue.fan_outs == []
        live = await shop.take(feed)
        assert (live.rows, shop.refused[-1].code) == (0, "moment_of_history")
        with pytest.raises(BadInput) as caught:
            await shop.take(feed, history=True, full=True)
        assert caught.value.code == "feed_full_history"

    tell(story)


def test_the_cache_of_facts_stays_below_its_ceiling_and_forgets_what_was_used_least():
    async def story(shop):
        await shop.take("id,name\n" + "".join(f"p{n},{'x' * 100}\n" for n in range(100)))
        cache = FactsCache(shop.world.catalogue, ceiling=20_000)
        facts = cache.for_workspace(HERE)
        for n in range(100):
            assert facts.product("p0") is not None or n == 0
            facts.product(f"p{n}")
            await cache.load(facts.missing)
            facts.missing.clear()
            assert cache.size <= 20_000
        assert facts.product("p0") is not None
        assert facts.product("p1") is None
        assert facts.missing == {(HERE, "p1")}

    tell(story)


def test_the_cache_of_facts_forgets_a_workspace_in_which_too_much_changed(monkeypatch):
    from oportuno.adapters.postgres import facts as module

    monkeypatch.setattr(module, "_MOST_CHANGED", 5)

    async def story(shop):
        await shop.take("id,name,price\n" + "".join(f"p{n},A,1\n" for n in range(10)))
        cache = FactsCache(shop.world.catalogue)
        await cache.load([(HERE, "p1"), (HERE, "ghost")])
        done = await shop.take("id,price\n" + "".join(f"p{n},2\n" for n in range(10)))
        await cache.refresh({HERE: done.version})
        facts = cache.for_workspace(HERE)
        assert (facts.product("p1"), facts.missing, cache.size) == (None, {(HERE, "p1")}, 0)

    tell(story)
