"""What every adapter promises of watches and fan-outs: each watcher is reached once, the strongest first, whoever moves or dies."""

from __future__ import annotations

import asyncio

import pytest
from contract_world import Shop, arrival

from oportuno.catalog.item import item_of
from oportuno.catalog.product import Product
from oportuno.catalog.row import ProductRow
from oportuno.events.event import Call, Source
from oportuno.flows.fan_out import Telling, WatchChange
from oportuno.flows.ports import LaneClass
from oportuno.flows.ports_catalogue import How
from oportuno.flows.work import Moved
from oportuno.kit.ids import key_of
from oportuno.kit.times import HOUR

LAMP, RUG = item_of("product", "lamp"), item_of("product", "rug")
PATIENCE = 4_000
"""Looks at which something that was just said must have come, however late its notice."""
ENOUGH = 30
"""Looks after which nothing more is there, where there is no notice to wait for. Other stories may have left changes that take turns."""


def priced(product: str, price: int) -> ProductRow:
    """A row of the catalogue that tells a price."""
    return ProductRow(product=Product(id=product, name=product, price=price, currency="EUR"), told=frozenset({"name", "price", "currency"}))


async def sells(shop: Shop, **prices: int):
    """Write prices; gives what was news."""
    return (await shop.outside.catalogue.upsert(shop.workspace, [priced(name, price) for name, price in prices.items()])).changes


async def watches(shop: Shop, *changes: tuple[int, int, int | None, int | None]) -> None:
    """(customer's number, item, old rank, new rank)."""
    await shop.write(watches=[WatchChange(shop.key(number), item, old, new) for number, item, old, new in changes])


def of_shop(shop: Shop, telling: Telling) -> Telling:
    """Leave out what other stories of the same database have on its way."""
    here = shop.workspace
    return Telling(
        events=[event for event in telling.events if event.key.workspace == here],
        heads=[head for head in telling.heads if head.workspace == here],
        walks=[walk for walk in telling.walks if walk.workspace == here],
        versions={name: version for name, version in telling.versions.items() if name == here},
    )


async def next_part(shop: Shop, feed, limit: int = 1_000, patience: int = PATIENCE) -> Telling:
    """Give what comes next of this shop's fan-outs, committed by nobody."""
    for _ in range(patience):
        fetched = await feed.fetch(limit)
        found = of_shop(shop, fetched.telling)
        if not found.empty:
            return found
        feed.again(fetched)
        await feed.wait(0.05 if patience > ENOUGH else 0)
    return Telling()


async def hear_all(shop: Shop, feed, limit: int = 1_000, patience: int = PATIENCE) -> list[tuple[str, int]]:
    """Take everything that is on its way; gives (event's name, customer) in the order in which they were reached."""
    heard = []
    while not (part := await next_part(shop, feed, limit, patience)).empty:
        patience = ENOUGH  # whoever has begun has no notice to wait for
        await shop.write(heads=part.heads, walks=part.walks)
        heard += [(event.name, event.key.customer) for event in part.events]
    return heard


async def by_somebody_new(shop: Shop, patience: int) -> list[tuple[str, bytes]]:
    """Let a new worker take the next part and be gone; gives (event's name, its identity)."""
    feed = await shop.outside.feed()
    part = await next_part(shop, feed, 24, patience)
    await shop.write(heads=part.heads, walks=part.walks)
    close = getattr(feed, "close", None)
    if close is not None:
        await close()
    return [(event.name, event.h) for event in part.events]


def who(shop: Shop, *numbers: int) -> list[int]:
    return [shop.key(number).customer for number in numbers]


def test_who_watches_a_lamp_hears_of_its_price_once_and_nobody_else(tell):
    async def story(shop: Shop):
        await sells(shop, lamp=10_000, rug=20_000)
        await watches(shop, (1, LAMP, None, 3), (2, RUG, None, 0), (3, LAMP, None, 0))
        [change] = await sells(shop, lamp=8_000)
        feed = await shop.outside.feed()
        part = await next_part(shop, feed)
        assert sorted(event.key.customer for event in part.events) == sorted(who(shop, 1, 3))
        for event in part.events:
            assert (event.name, event.source, event.call) == ("Product Price Dropped", Source.LIVE, Call.TRACK)
            assert event.of_catalogue
            assert event.speaks
            assert (event.at, event.received) == (change.at, change.at)
        assert len({event.h for event in part.events}) == 2
        assert part.versions == {shop.workspace: change.version}
        await shop.write(heads=part.heads, walks=part.walks)
        assert await hear_all(shop, feed, patience=ENOUGH) == []

    tell(story)


def test_the_strongest_hear_first_however_small_the_batches(tell):
    async def story(shop: Shop):
        await sells(shop, lamp=10_000)
        # All in one bucket: the order is kept within each.
        ranks = {}
        number = 0
        while len(ranks) < 25:
            number += 1
            if shop.key(number).bucket == shop.key(1).bucket:
                ranks[number] = number % 5
        await watches(shop, *((each, LAMP, None, rank) for each, rank in ranks.items()))
        await sells(shop, lamp=8_000)
        heard = [customer for _, customer in await hear_all(shop, await shop.outside.feed(), limit=10)]
        assert heard == [customer for _, customer in sorted((rank, shop.key(each).customer) for each, rank in ranks.items())]

    tell(story)


def test_what_was_not_committed_comes_again_and_two_workers_cannot_both_commit_it(tell):
    async def story(shop: Shop):
        await sells(shop, lamp=10_000)
        await watches(shop, *((number, LAMP, None, 3) for number in range(30)))
        await sells(shop, lamp=8_000)
        one, other = await shop.outside.feed(), await shop.outside.feed()
        for limit in (12, 1_000):
            first, second = await next_part(shop, one, limit), await next_part(shop, other, limit)
            assert sorted(e.h for e in first.events) == sorted(e.h for e in second.events)
            await shop.write(heads=first.heads, walks=first.walks)
            with pytest.raises(Moved):
                await shop.write(heads=second.heads, walks=second.walks, watches=[WatchChange(shop.key(99), LAMP, None, 0)])
            other = await shop.outside.feed()

    tell(story)


def test_a_small_change_does_not_wait_behind_a_big_one(tell):
    async def story(shop: Shop):
        await sells(shop, lamp=10_000, rug=20_000)
        await watches(shop, *((number, LAMP, None, 3) for number in range(300)), (7, RUG, None, 3))
        await sells(shop, lamp=8_000)
        feed = await shop.outside.feed()
        begun = await next_part(shop, feed, 40)
        await shop.write(heads=begun.heads, walks=begun.walks)
        await sells(shop, rug=9_000)
        heard = await hear_all(shop, feed, limit=40)
        place = [name_and_who[1] for name_and_who in heard].index(shop.key(7).customer)
        rugs = shop.key(7).customer
        first_of_seven = [number for number, (_, customer) in enumerate(heard) if customer == rugs]
        assert place == first_of_seven[0]
        assert min(first_of_seven) < 280, "where it comes depends on the buckets, which depend on the shop's number; at the end it never is"
        assert len({*heard, *((e.name, e.key.customer) for e in begun.events)}) >= 300

    tell(story)


def test_who_grows_fonder_while_it_is_told_is_not_jumped_over(tell):
    async def story(shop: Shop):
        await sells(shop, lamp=10_000)
        bucket = shop.key(1).bucket
        mine = [number for number in range(1, 4_000) if shop.key(number).bucket == bucket][:20]
        await watches(shop, *((number, LAMP, None, 3) for number in mine))
        await sells(shop, lamp=8_000)
        feed = await shop.outside.feed()
        part = await next_part(shop, feed, 10)
        await shop.write(heads=part.heads, walks=part.walks)
        heard = [event.key.customer for event in part.events]
        late = [number for number in mine if shop.key(number).customer not in heard]
        assert late
        await watches(shop, *((number, LAMP, 3, 0) for number in late))
        # And a little cooler again, which is still a place that the telling has passed.
        await watches(shop, *((number, LAMP, 0, 1) for number in late[::2]))
        heard += [customer for _, customer in await hear_all(shop, feed, limit=10)]
        assert sorted(heard) == sorted(who(shop, *mine))
        # Whoever stops watching is found, at whatever rank the row was left.
        await watches(shop, *((number, LAMP, 1 if number in late[::2] else 0, None) for number in late))
        await sells(shop, lamp=7_000)
        rest = [customer for _, customer in await hear_all(shop, feed)]
        assert sorted(rest) == sorted(who(shop, *(set(mine) - set(late))))

    tell(story)


def test_who_stops_watching_before_being_reached_hears_nothing(tell):
    async def story(shop: Shop):
        await sells(shop, lamp=10_000)
        await watches(shop, (1, LAMP, None, 0), (2, LAMP, None, 1), (2, RUG, None, 1))
        await watches(shop, (1, LAMP, 0, 4), (2, LAMP, 1, None))
        await sells(shop, lamp=8_000)
        assert await hear_all(shop, await shop.outside.feed()) == [("Product Price Dropped", shop.key(1).customer)]

    tell(story)


def test_news_that_has_expired_reaches_nobody_and_stands_in_nobodys_way(tell):
    async def story(shop: Shop):
        await sells(shop, lamp=10_000, rug=10_000)
        await watches(shop, (1, LAMP, None, 0), (1, RUG, None, 0))
        old = dict.fromkeys(How().lasts, -HOUR)
        await shop.outside.catalogue.upsert(shop.workspace, [priced("lamp", 8_000)], How(lasts=old))
        await sells(shop, rug=8_000)
        feed = await shop.outside.feed()
        part = await next_part(shop, feed)
        assert [event.key.customer for event in part.events] == who(shop, 1)
        assert len({head.new for head in part.heads}) == 1

    tell(story)


def test_a_change_that_nobody_watches_only_moves_on(tell):
    async def story(shop: Shop):
        await sells(shop, lamp=10_000)
        for price in range(9_000, 1_000, -1_000):
            await sells(shop, lamp=price)
        feed = await shop.outside.feed()
        part = await next_part(shop, feed)
        assert (part.events, part.walks) == ([], [])
        await shop.write(heads=part.heads)
        await watches(shop, (1, LAMP, None, 0))
        assert await hear_all(shop, feed, patience=ENOUGH) == []

    tell(story)


def test_the_same_change_to_two_items_is_the_same_event_to_who_watches_both(tell):
    async def story(shop: Shop):
        await sells(shop, lamp=10_000)
        home, north = item_of("category", "home"), item_of("brand", "Norte")
        await watches(shop, (1, home, None, 4), (1, north, None, 4), (2, north, None, 4))
        vase = ProductRow(
            product=Product(id="vase", name="Vase", price=900, currency="EUR", categories=("home",), brand="Norte"),
            told=frozenset({"name", "price", "currency", "categories", "brand"}),
        )
        await shop.outside.catalogue.upsert(shop.workspace, [vase])
        part = await next_part(shop, await shop.outside.feed())
        assert len(part.events) == 3
        assert {event.key for event in part.events} == {key_of(shop.workspace, customer) for customer in who(shop, 1, 2)}
        assert len({event.h for event in part.events}) == 2

    tell(story)


def test_beside_live_events_a_change_takes_a_fifth_of_a_batch_at_most(tell):
    async def story(shop: Shop):
        await sells(shop, lamp=10_000)
        await watches(shop, *((number, LAMP, None, 3) for number in range(200)))
        now = await shop.now()
        await shop.intake.store([arrival(shop.key(n % 50), f"live{n}", now=now) for n in range(150)], [], LaneClass.LIVE)
        await sells(shop, lamp=8_000)
        feed = await shop.outside.feed()
        for _ in range(PATIENCE):
            fetched = await feed.fetch(50)
            mine = of_shop(shop, fetched.telling)
            if mine.events:
                break
            feed.again(fetched)
            await feed.wait(0.05)
        assert 0 < len(mine.events) <= 10
        assert len(fetched.events) >= 20
        assert len(fetched.events) + len(fetched.telling.events) <= 50

    tell(story)


def test_a_change_wakes_whoever_waits_for_news(tell):
    async def story(shop: Shop):
        await sells(shop, lamp=10_000)
        await watches(shop, (1, LAMP, None, 0))
        feed = await shop.outside.feed()
        await feed.fetch(10)
        waiting = asyncio.create_task(feed.wait(300))
        await asyncio.sleep(0)
        await sells(shop, lamp=8_000)
        await asyncio.wait_for(waiting, 300)
        assert await hear_all(shop, feed) == [("Product Price Dropped", shop.key(1).customer)]

    tell(story)


def test_whoever_takes_over_in_the_middle_of_many_changes_goes_on_where_the_other_was(tell):
    async def story(shop: Shop):
        await sells(shop, lamp=10_000, rug=10_000)
        await watches(shop, *((number, LAMP, None, number % 5) for number in range(40)), *((n, RUG, None, 3) for n in range(0, 40, 4)))
        heard: list[tuple[str, bytes]] = []
        for price in (9_000, 8_000, 7_000):
            await sells(shop, lamp=price)
            await sells(shop, rug=price)
            # A new worker for each batch: it knows nothing but what was stored.
            for _ in range(4):
                heard += await by_somebody_new(shop, PATIENCE)
        while part := await by_somebody_new(shop, ENOUGH):
            heard += part
        assert len(set(heard)) == len(heard) == 3 * (40 + 10)

    tell(story)
