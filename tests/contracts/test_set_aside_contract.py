"""The contract of what failed in evaluation: kept as it was, named, and marked when it was replayed."""

from __future__ import annotations

import pytest
from contract_world import Shop, arrival

from oportuno.flows.ports import LaneClass
from oportuno.flows.work import Poisoned, Quarantine, SaveCustomer, Unwritable, Writes


async def set_aside(shop: Shop):
    """Store an event of Ana's and set it aside."""
    ana = await shop.customer(user="ana")
    await shop.intake.store([arrival(ana, "Product Viewed", now=await shop.now())], [], LaneClass.LIVE)
    [event], offsets = await shop.unread(await shop.outside.feed(), 1)
    await shop.write(quarantines=[Quarantine(event, "ValueError at fold:7")], offsets=offsets)
    return event


def test_an_event_that_was_set_aside_is_found_as_it_was_stored(tell):
    async def story(shop: Shop):
        event = await set_aside(shop)
        [listed] = await shop.outside.reads.set_aside(shop.workspace, limit=10)
        found, stored = await shop.outside.reads.set_aside_event(shop.workspace, listed.id)
        assert (found, stored) == (listed, event)
        assert (found.key, found.fault, found.replayed) == (event.key, "ValueError at fold:7", False)
        assert await shop.outside.reads.set_aside_event(shop.workspace + 1_000, listed.id) is None
        assert await shop.outside.reads.set_aside_event(shop.workspace, b"\xff" * 12) is None

    tell(story)


def test_what_was_replayed_is_marked_once_and_counted_no_more(tell):
    async def story(shop: Shop):
        before = (await shop.outside.reads.vitals()).set_aside
        await set_aside(shop)
        [listed] = await shop.outside.reads.set_aside(shop.workspace, limit=10)
        assert (await shop.outside.reads.vitals()).set_aside == before + 1
        for _ in range(2):
            await shop.outside.reads.mark_set_aside_replayed(shop.workspace, listed.id)
        assert [each.replayed for each in await shop.outside.reads.set_aside(shop.workspace, limit=10)] == [True]
        assert (await shop.outside.reads.vitals()).set_aside == before

    tell(story)


def test_a_poisoned_customer_counts_as_mended_once_the_row_went_on(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        before = (await shop.outside.reads.vitals()).poisoned
        await shop.write(saves=[SaveCustomer(ana, 0, b"x", None, due_changed=False)], poisoned=[Poisoned(ana, "ValueError", now, 1)])
        [named] = await shop.outside.reads.poisoned(shop.workspace, limit=10)
        assert (named.key, named.fault, named.since, named.last_at, named.times, named.mended) == (ana, "ValueError", now, now, 1, False)
        assert (await shop.outside.reads.vitals()).poisoned == before + 1
        await shop.save(ana, 1)
        assert [each.mended for each in await shop.outside.reads.poisoned(shop.workspace, limit=10)] == [True]
        assert (await shop.outside.reads.vitals()).poisoned == before

    tell(story)


def test_a_rehearsal_leaves_nothing(tell):
    async def story(shop: Shop):
        async with shop.store.work() as work:
            await work.lock([shop.key(1)])
            await work.rehearse(Writes(saves=[SaveCustomer(shop.key(1), 0, b"x", None, due_changed=False)]))
        assert (await shop.read(shop.key(1))).version == 0

    tell(story)


@pytest.mark.postgres
def test_what_fits_no_column_is_unwritable_to_commit_and_to_rehearse(contract_url: str) -> None:
    import asyncio

    from contract_world import open_postgres

    async def story() -> None:
        async with open_postgres(contract_url) as outside:
            shop = Shop(outside)
            too_late = Writes(saves=[SaveCustomer(shop.key(1), 0, b"x", None, due_changed=False)])
            too_late.poisoned = [Poisoned(shop.key(1), "a\0b", 1, 1)]
            for _ in range(2):
                with pytest.raises(Unwritable) as told:
                    async with shop.store.work() as work:
                        await work.rehearse(too_late)
                assert told.value.place == "DataError"
            assert (await shop.read(shop.key(1))).version == 0

    asyncio.run(asyncio.wait_for(story(), 300))
