"""The contract of the engine's feed."""

from __future__ import annotations

import pytest
from contract_world import Shop, arrival, message

from oportuno.events.event import Call, Source
from oportuno.flows.ports import LaneClass
from oportuno.flows.work import Moved, SaveCustomer, Writes
from oportuno.kit.times import HOUR


def test_an_event_comes_as_it_was_stored(tell):
    async def story(shop: Shop):
        ana, now = await shop.customer(user="ana"), await shop.now()
        sent = arrival(ana, "Product Viewed", now=now, source=Source.LATE)
        await shop.intake.store([sent], [], LaneClass.LIVE)
        [event], [move] = await shop.unread(await shop.outside.feed(), 1)
        assert (event.key, event.h, event.source, event.call, event.name) == (ana, sent.h, Source.LATE, Call.TRACK, "Product Viewed")
        assert (event.at, event.received, event.body) == (sent.at, sent.received, sent.body)
        assert (move.bucket, move.workspace, move.lane, move.new) == (ana.bucket, ana.workspace, event.lane, event.seq)

    tell(story)


def test_what_was_not_committed_comes_again(tell):
    async def story(shop: Shop):
        await shop.intake.store([arrival(shop.key(1), "seen", now=await shop.now())], [], LaneClass.LIVE)
        feed = await shop.outside.feed()
        first, _ = await shop.unread(feed, 1)
        assert len(first) == 1
        assert (await shop.unread(feed, 1))[0] == first

    tell(story)


def test_a_batch_asked_for_again_holds_each_event_once(tell):
    async def story(shop: Shop):
        await shop.intake.store([arrival(shop.key(n), f"e{n}", now=await shop.now()) for n in range(5)], [], LaneClass.LIVE)
        feed = await shop.outside.feed()
        for _ in range(3):
            events, offsets = await shop.unread(feed, 5)
            assert sorted(event.name for event in events) == ["e0", "e1", "e2", "e3", "e4"]
            assert len({move[:3] for move in offsets}) == len(offsets)

    tell(story)


def test_what_was_committed_never_comes_again(tell):
    async def story(shop: Shop):
        await shop.intake.store([arrival(shop.key(1), "seen", now=await shop.now())], [], LaneClass.LIVE)
        feed = await shop.outside.feed()
        _, offsets = await shop.unread(feed, 1)
        await shop.write(offsets=offsets)
        assert await shop.unread(feed) == ([], [])
        await shop.intake.store([arrival(shop.key(1), "next", now=await shop.now())], [], LaneClass.LIVE)
        [event], _ = await shop.unread(feed, 1)
        assert event.name == "next"

    tell(story)


def test_two_workers_with_the_same_events_cannot_both_commit_them(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        await shop.intake.store([arrival(ana, "seen", now=now)], [], LaneClass.LIVE)
        _, offsets = await shop.unread(await shop.outside.feed(), 1)
        await shop.write(offsets=offsets)
        with pytest.raises(Moved):
            await shop.write(offsets=offsets, messages=[message(ana, "twice", now=now)])
        assert await shop.waiting() == []

    tell(story)


def test_events_of_one_lane_come_in_the_order_in_which_they_were_stored(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        for round_ in range(4):
            await shop.intake.store([arrival(ana, f"e{round_}{n}", now=now) for n in range(3)], [], LaneClass.LIVE)
        events, [move] = await shop.unread(await shop.outside.feed(), 12)
        assert [event.name for event in events] == [f"e{round_}{n}" for round_ in range(4) for n in range(3)]
        assert [event.seq for event in events] == sorted({event.seq for event in events})
        assert move.new == events[-1].seq

    tell(story)


def test_each_ingester_writes_lanes_of_its_own(tell):
    async def story(shop: Shop):
        ana, now, twin = shop.key(1), await shop.now(), shop.outside.ingester()
        await shop.intake.store([arrival(ana, "one", now=now)], [], LaneClass.LIVE)
        await twin.store([arrival(ana, "two", now=now)], [], LaneClass.LIVE)
        await twin.store([arrival(ana, "three", now=now, source=Source.IMPORT)], [], LaneClass.BULK)
        events, offsets = await shop.unread(await shop.outside.feed(), 3)
        assert len({event.lane for event in events}) == len(offsets) == 3

    tell(story)


def test_a_batch_never_holds_more_than_was_asked_for_and_leaves_nothing_out(tell):
    async def story(shop: Shop):
        now, feed = await shop.now(), await shop.outside.feed()
        words = [f"e{n}" for n in range(25)]
        await shop.intake.store([arrival(shop.key(n % 7), word, now=now) for n, word in enumerate(words)], [], LaneClass.LIVE)
        read: list[str] = []
        for _ in range(200):
            fetched = await feed.fetch(10)
            assert len(fetched.events) + len(fetched.due) <= 10
            await shop.write(offsets=fetched.offsets)
            read += [event.name for event in fetched.events if event.key.workspace == shop.workspace]
            if len(read) >= len(words):
                break
            if not fetched.events:
                await feed.wait(0.1)
        assert sorted(read) == sorted(words)

    tell(story)


def test_a_small_shop_does_not_wait_behind_a_large_backlog(tell):
    async def story(shop: Shop):
        small, now = Shop(shop.outside), await shop.now()
        await shop.intake.store([arrival(shop.key(n), f"large{n}", now=now) for n in range(400)], [], LaneClass.LIVE)
        await small.intake.store([arrival(small.key(1), "small", now=now)], [], LaneClass.LIVE)
        feed = await shop.outside.feed()
        for _ in range(4):
            while not (fetched := await feed.fetch(50)).events:
                pass
            if any(event.name == "small" for event in fetched.events):
                return
            await shop.write(offsets=fetched.offsets)
        pytest.fail("the small shop's only event was not among the first 200")

    tell(story)


def test_live_events_do_not_wait_behind_an_import(tell):
    async def story(shop: Shop):
        now = await shop.now()
        imported = [arrival(shop.key(n), f"old{n}", now=now, source=Source.IMPORT) for n in range(300)]
        await shop.intake.store(imported, [], LaneClass.BULK)
        await shop.intake.store([arrival(shop.key(1), "live", now=now)], [], LaneClass.LIVE)
        feed = await shop.outside.feed()
        # A new worker looks through the workspaces a piece at a time.
        while not (fetched := await feed.fetch(50)).events:
            pass
        assert any(event.name == "live" for event in fetched.events)

    tell(story)


def test_a_timer_comes_when_its_time_has_come_and_not_before(tell):
    async def story(shop: Shop):
        now = await shop.now()
        await shop.save(shop.key(1), 0, due_at=now - 1)
        await shop.save(shop.key(2), 0, due_at=now + HOUR)
        feed = await shop.outside.feed()
        fetched = await feed.fetch(100_000)
        assert [each for each in fetched.due if each[0].workspace == shop.workspace] == [(shop.key(1), now - 1)]
        assert fetched.now >= now
        assert fetched.clock_trusted

    tell(story)


def test_a_small_shops_timer_does_not_wait_behind_a_large_ones_timers(tell):
    async def story(shop: Shop):
        small, now = Shop(shop.outside), await shop.now()
        saves = [SaveCustomer(shop.key(number), 0, b"state", now - HOUR, due_changed=True) for number in range(600)]
        await shop.write(saves=sorted(saves, key=lambda save: save.key))
        await small.save(small.key(1), 0, due_at=now - 1)
        feed = await shop.outside.feed()
        fetched = await feed.fetch(40)
        assert len(fetched.due) <= 40
        # What was not committed comes again; by then it is known that more is due than a batch takes.
        feed.again(fetched)
        assert small.key(1) in [key for key, _ in (await feed.fetch(40)).due]

    tell(story)


def test_a_timer_that_was_moved_or_taken_away_does_not_come(tell):
    async def story(shop: Shop):
        now = await shop.now()
        for number in (1, 2):
            await shop.save(shop.key(number), 0, due_at=now - 1)
        async with shop.store.work() as work:
            await work.commit(_due(shop.key(1), None))
        async with shop.store.work() as work:
            await work.commit(_due(shop.key(2), now + HOUR))
        fetched = await (await shop.outside.feed()).fetch(100_000)
        assert not [each for each in fetched.due if each[0].workspace == shop.workspace]

    tell(story)


def test_waiting_ends_at_once_when_something_is_there(tell):
    async def story(shop: Shop):
        feed = await shop.outside.feed()
        await shop.intake.store([arrival(shop.key(1), "seen", now=await shop.now())], [], LaneClass.LIVE)
        await feed.wait(5)
        events, _ = await shop.unread(feed, 1)
        assert events

    tell(story)


def _due(key, due_at):
    return Writes(saves=[SaveCustomer(key, 1, b"state", due_at, due_changed=True)])
