"""A merge that is asked for wakes an engine that has nothing to do; without news it looks once a second."""

from __future__ import annotations

import asyncio

from oportuno.adapters.memory.clock import HandClock
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.feed import PostgresFeed
from oportuno.adapters.postgres.merges import PostgresCrossings
from oportuno.entry.worker import Bench, _Crossing
from oportuno.events.event import Trust
from oportuno.flows.crossing import Merge, Reason, merge_id
from oportuno.flows.merge import Crossed
from oportuno.kit.ids import key_of

NORTE = 1
ANA, DORA = key_of(NORTE, 1), key_of(NORTE, 2)


def test_who_asks_that_two_be_one_wakes_the_engine(postgres_url: str) -> None:
    async def story() -> None:
        feed = await PostgresFeed.open(postgres_url)
        connections = Connections(postgres_url, name="test", most=1, plans=CHANGING)
        assert feed.stirred(), "whoever starts looks first"
        assert not feed.stirred()
        asked = Merge(id=merge_id(DORA, ANA), loser=DORA, winner=ANA, reason=Reason.REQUEST, asked_by="key", trust=Trust.SECRET, asked_at=1)
        await PostgresCrossings(connections, b"0" * 32).ask(asked)
        while not feed.stirred():
            await feed.fetch(10)
            await feed.wait(1.0)
        await feed.close()
        await connections.close()

    asyncio.run(asyncio.wait_for(story(), 120))


class Looks:
    """What waits between customers: so much at each look, and then nothing."""

    def __init__(self, *waiting: int) -> None:
        self.waiting = list(waiting)
        self.limits: list[int] = []

    async def __call__(self, limit: int) -> Crossed:
        self.limits.append(limit)
        return Crossed(joined=self.waiting.pop(0)) if self.waiting else Crossed()


async def no_pause(_where: str) -> None:
    pass


def crossing(looks: Looks, news: list[bool]) -> tuple[_Crossing, HandClock]:
    clock = HandClock(no_pause)
    bench = Bench(feed=None, store=None, programmes=None, clock=clock, cross=looks, stirred=lambda: bool(news) and news.pop(0))  # type: ignore[arg-type]
    return _Crossing(bench), clock


def test_without_news_an_engine_looks_once_a_second_and_with_news_at_once() -> None:
    async def story() -> None:
        looks, news = Looks(), [False]
        between, clock = crossing(looks, news)
        for _ in range(10):
            assert not await between.go_on(company=False)
            clock.advance(100)
        assert len(looks.limits) == 1
        news.append(True)
        await between.go_on(company=False)
        assert len(looks.limits) == 2
        clock.advance(1_000)
        await between.go_on(company=False)
        assert len(looks.limits) == 3

    asyncio.run(story())


def test_as_long_as_there_is_something_to_do_it_is_done_and_beside_events_a_little_at_a_time() -> None:
    async def story() -> None:
        looks = Looks(3, 3, 3)
        between, clock = crossing(looks, [])
        assert [await between.go_on(company=False) for _ in range(2)] == [True, True]
        assert await between.go_on(company=True)
        assert not await between.go_on(company=False)
        assert looks.limits[0] == looks.limits[1] == 500
        assert looks.limits[2] < 100
        clock.advance(5_000)
        await between.go_on(company=False)
        assert looks.limits[-1] == 500

    asyncio.run(story())
