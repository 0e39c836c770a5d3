"""What every store of merges promises: nothing of either is lost, each step is done once, and it can be taken back."""

from __future__ import annotations

import json

import pytest
from contract_world import Shop, message

from oportuno.attention.ledger import Attention, reserve
from oportuno.consent.policy import Policy
from oportuno.events.event import Call, Source, Trust
from oportuno.flows.crossing import Alias, Asked, Merge, Reason, Stage, merge_id
from oportuno.flows.hand_over import hand_over
from oportuno.flows.merge import merge_once
from oportuno.flows.ports import Arrival, LaneClass, Sighting
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.react import react_once
from oportuno.flows.record import Registry
from oportuno.flows.undo import undo
from oportuno.flows.work import Moved, MoveMessage, OutboxStatus, SaveCustomer, Status, Waiting
from oportuno.kit.ids import BUCKETS, CustomerKey, derive, key_of
from oportuno.kit.times import day_of
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Core

EVERYWHERE = frozenset(range(BUCKETS))


class OneProgramme:
    """Every workspace has laid down the same."""

    async def programme(self, workspace: int) -> Programme:
        return Programme(workspace=workspace, public_id=f"ws_{workspace}", version=1, policy=Policy(), brand=Brand(name="Tienda Norte"))


class People:
    """The shop's people, and an engine that works when it is told to."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.crossings = shop.outside.crossings
        self.feed = None
        self.count = 0

    async def looks(self, *, user: str = "", anonymous: str = "", key: CustomerKey | None = None) -> CustomerKey:
        """Somebody looks at something; with `key` an ingester stores it under whom it remembers."""
        self.count += 1
        now = await self.shop.now()
        if key is None:
            [customer] = await self.shop.intake.resolve([Sighting(self.shop.workspace, user, anonymous)], Asked("key"))
            key = key_of(self.shop.workspace, customer)
        body = json.dumps({"userId": user or None, "anonymousId": anonymous or None, "event": "Seen"}).encode()
        event = Arrival(
            key=key, h=derive(self.shop.workspace, self.count), source=Source.LIVE, call=Call.TRACK, name="Seen", at=now, received=now,
            body=body, day=day_of(now), trust=Trust.SECRET,
        )  # fmt: skip
        await self.shop.intake.store([event], [], LaneClass.LIVE)
        return key

    async def work(self) -> None:
        self.feed = self.feed or await self.shop.outside.feed()
        idle = 0
        for _ in range(200):
            done = await react_once(self.feed, self.shop.store, OneProgramme(), limit=1_000)
            crossed = await merge_once(self.crossings, self.shop.store, OneProgramme(), EVERYWHERE, limit=100)
            idle = idle + 1 if not done.events and crossed.idle else 0
            if idle == 3:
                return
            if not done.events:
                await self.feed.wait(0.05)
        raise AssertionError("the engine does not come to rest")

    async def ask(self, loser: CustomerKey, winner: CustomerKey) -> Merge:
        now = await self.shop.now()
        return await self.crossings.ask(
            Merge(
                id=merge_id(loser, winner, now), loser=loser, winner=winner, reason=Reason.REQUEST, asked_by="key", trust=Trust.SECRET,
                asked_at=now,
            )
        )  # fmt: skip

    async def undo(self, merge: Merge) -> Merge:
        return await undo(self.shop.workspace, merge.id, crossings=self.crossings, store=self.shop.store, programmes=OneProgramme())

    async def seen(self, key: CustomerKey) -> int:
        row = await self.shop.read(key)
        assert row.status is Status.ACTIVE
        return Draft(key, row.state).read(Core).events


def test_a_merge_goes_its_way_and_is_taken_back(tell) -> None:
    async def story(shop: Shop) -> None:
        people = People(shop)
        ana = await people.looks(user="ana")
        tablet = await people.looks(anonymous="tablet")
        await people.work()
        merge = await people.ask(tablet, ana)
        await people.work()
        assert await people.seen(ana) == 2
        assert (await shop.read(tablet)).status is Status.FORWARDED
        assert await shop.store.find(shop.workspace, "anonymous", "tablet") == ana.customer
        assert (await people.crossings.merge(shop.workspace, merge.id)).stage is Stage.DONE
        assert [each.id for each in await people.crossings.family(ana)] == [merge.id]
        assert [each.id for each in await people.crossings.merges(shop.workspace, before=None, limit=5)] == [merge.id]
        assert await people.crossings.ids(ana) == 2

        # One event through the directory, one stored by somebody who remembers the old customer, one of Ana's own.
        await people.looks(anonymous="tablet", key=ana)
        await people.looks(anonymous="tablet", key=tablet)
        await people.looks(user="ana")
        await people.work()
        assert await people.seen(ana) == 5
        await people.looks(anonymous="tablet", key=tablet)
        undone = await people.undo(merge)
        assert undone.stage is Stage.UNDONE
        await people.looks(anonymous="tablet", key=ana)
        await people.work()
        assert (await people.seen(ana), await people.seen(tablet)) == (2, 5)
        assert await shop.store.find(shop.workspace, "anonymous", "tablet") == tablet.customer

    tell(story)


def test_merges_follow_each_other_and_are_undone_from_the_last(tell) -> None:
    async def story(shop: Shop) -> None:
        people = People(shop)
        keys = [await people.looks(user=name) for name in ("ana", "bruno", "carla")]
        await people.work()
        first = await people.ask(keys[0], keys[1])
        second = await people.ask(keys[1], keys[2])
        await people.work()
        await people.looks(user="ana", key=keys[0])
        await people.work()
        assert await people.seen(keys[2]) == 4
        stages = {(await people.crossings.merge(shop.workspace, each.id)).stage for each in (first, second)}
        assert stages == {Stage.DONE}

    tell(story)


def test_a_device_that_names_a_known_user_is_claimed_and_joined_once(tell) -> None:
    async def story(shop: Shop) -> None:
        people = People(shop)
        ana = await people.looks(user="ana")
        laptop = await people.looks(anonymous="laptop")
        await people.work()
        assert await people.looks(user="ana", anonymous="laptop") == ana
        assert await people.looks(user="bruno", anonymous="laptop") != laptop
        await people.work()
        assert await people.seen(ana) == 3
        [merge] = await people.crossings.family(ana)
        assert (merge.loser, merge.winner, merge.reason, merge.asked_by) == (laptop, ana, Reason.IDENTIFY, "key")

    tell(story)


def test_a_device_that_a_second_user_names_is_shared_and_what_comes_from_it_alone_is_nobodys(tell) -> None:
    async def story(shop: Shop) -> None:
        people = People(shop)
        bruno = await people.looks(user="bruno", anonymous="tablet")
        assert await people.looks(anonymous="tablet") == bruno
        dora = await people.looks(user="dora", anonymous="tablet")
        somebody = await people.looks(anonymous="tablet")
        assert len({bruno, dora, somebody}) == 3
        assert await people.looks(user="bruno", anonymous="tablet") == bruno
        assert await people.looks(user="dora", anonymous="tablet") == dora
        assert await people.looks(anonymous="tablet") == somebody
        await people.work()
        assert await people.crossings.family(somebody) == []

    tell(story)


@pytest.mark.parametrize(
    ("trust", "previous", "expected"),
    [
        (Trust.PUBLIC, "laptop", ""),
        (Trust.PUBLIC, "bruno", "alias_of_known"),
        (Trust.PUBLIC, "bruno-phone", "alias_of_known"),
        (Trust.SECRET, "bruno", ""),
        (Trust.PUBLIC, "nobody-yet", ""),
    ],
)
def test_an_alias_joins_what_it_may(tell, trust, previous, expected) -> None:
    async def story(shop: Shop) -> None:
        people = People(shop)
        ana = await people.looks(user="ana")
        await people.looks(anonymous="laptop")
        await people.looks(user="bruno", anonymous="bruno-phone")
        await people.work()
        alias = Alias(shop.workspace, previous, "ana", "", derive("alias"))
        assert await shop.intake.alias(alias, Asked("key", trust)) == expected
        assert await shop.intake.alias(alias, Asked("key", trust)) == expected
        await people.work()
        assert len(await people.crossings.family(ana)) == (1 if not expected and previous != "nobody-yet" else 0)
        kind = "user" if previous == "bruno" else "anonymous"
        assert (await shop.store.find(shop.workspace, kind, previous) == ana.customer) is (not expected)

    tell(story)


def test_who_was_joined_to_somebody_forgotten_on_the_way_is_forgotten_too(tell) -> None:
    async def story(shop: Shop) -> None:
        people = People(shop)
        ana = await people.looks(user="ana")
        tablet = await people.looks(anonymous="tablet")
        await people.work()
        merge = await people.ask(tablet, ana)
        # The loser has left; before the winner took it in, the winner is forgotten.
        crossed = await merge_once(people.crossings, shop.store, OneProgramme(), EVERYWHERE, limit=100)
        assert crossed.exported == 1
        await shop.write(erasures=[ana])
        await people.looks(anonymous="tablet", key=tablet)
        await people.work()
        assert (await shop.read(ana)).status is Status.ERASED
        assert (await shop.read(tablet)).status is Status.ERASED
        assert (await people.crossings.merge(shop.workspace, merge.id)).stage is Stage.REFUSED

    tell(story)


def test_who_is_forgotten_under_an_old_number_is_forgotten_under_the_new_one_too(tell) -> None:
    async def story(shop: Shop) -> None:
        people = People(shop)
        ana, tablet = await people.looks(user="ana"), await people.looks(anonymous="tablet")
        await people.work()
        await people.ask(tablet, ana)
        await people.work()
        registry = Registry(store=shop.store, reads=shop.outside.reads, programmes=OneProgramme())
        assert (await registry.erase(tablet)).changed
        assert (await shop.read(ana)).status is Status.ERASED
        assert await shop.outside.erasures.erasure(tablet) is not None

    tell(story)


def test_a_forwarder_is_never_written_as_a_customer(tell) -> None:
    async def story(shop: Shop) -> None:
        people = People(shop)
        ana, tablet = await people.looks(user="ana"), await people.looks(anonymous="tablet")
        await people.work()
        await people.ask(tablet, ana)
        await people.work()
        row = await shop.read(tablet)
        with pytest.raises(Moved):
            await shop.save(tablet, row.version, b"\x90")

    tell(story)


def test_what_is_owed_to_the_loser_goes_over_once_and_what_promotes_falls_silent(tell) -> None:
    async def story(shop: Shop) -> None:
        people = People(shop)
        ana, tablet = await people.looks(user="ana"), await people.looks(anonymous="tablet")
        await people.work()
        now = await shop.now()
        owed, promoting = message(tablet, "your order", now=now, marketing=False), message(tablet, "a sale", now=now)
        row = await shop.read(tablet)
        draft = Draft(tablet, row.state, row.version)
        reserve(draft.open(Attention), id=promoting.id, channel="email", now=now, until=promoting.expires_at)
        save = SaveCustomer(tablet, row.version, draft.encode(), row.due_at, due_changed=False)
        await shop.write(saves=[save], messages=[owed, promoting])
        await people.ask(tablet, ana)
        await merge_once(people.crossings, shop.store, OneProgramme(), EVERYWHERE, limit=100)
        assert (await shop.read(tablet)).status is Status.MERGING
        [waiting] = await found(shop)
        assert waiting.message == owed
        # Until the winner has taken the loser in, it waits.
        assert await hand_over(waiting, ana, shop.store)
        assert await found(shop) == []
        await people.work()
        await shop.write(moves=[MoveMessage(tablet, owed.id, OutboxStatus.PENDING, OutboxStatus.PENDING, now, not_before=now)])
        assert await hand_over(waiting, ana, shop.store)
        [mine] = await found(shop)
        assert (mine.message.key, mine.message.id, mine.message.said) == (ana, owed.id, owed.said)
        assert not await hand_over(waiting, ana, shop.store)

    tell(story)


def test_whoever_took_somebody_in_leaves_only_when_those_ids_have_come(tell) -> None:
    async def story(shop: Shop) -> None:
        people = People(shop)
        ana, bruno = await people.looks(user="ana"), await people.looks(user="bruno")
        names = (f"tablet-{number}" for number in range(100))
        while (tablet := await people.looks(anonymous=(name := next(names)))).bucket in {ana.bucket, bruno.bucket}:
            pass
        await people.work()
        await people.ask(tablet, ana)
        await merge_once(people.crossings, shop.store, OneProgramme(), EVERYWHERE, limit=100)
        second = await people.ask(ana, bruno)
        # The engine of the tablet's bucket stands still; the others go on.
        for _ in range(5):
            await merge_once(people.crossings, shop.store, OneProgramme(), EVERYWHERE - {tablet.bucket}, limit=100)
        assert (await people.crossings.merge(shop.workspace, second.id)).stage is Stage.ASKED
        await people.work()
        assert await shop.store.find(shop.workspace, "anonymous", name) == bruno.customer

    tell(story)


async def found(shop: Shop) -> list[Waiting]:
    """Give what waits of this shop, and may have been put off for a moment."""
    due = await shop.outbox.due("email", 10_000)
    mine = [each for each in due.waiting if each.message.key.workspace == shop.workspace]
    assert {each.status for each in mine} <= {OutboxStatus.PENDING}
    return mine
