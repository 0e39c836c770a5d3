"""The contract of the event log's writer."""

from __future__ import annotations

from contract_world import Shop, arrival

from oportuno.events.event import Source
from oportuno.flows.ports import LaneClass, Reject, Sighting
from oportuno.kit.ids import key_of
from oportuno.kit.times import day_of


def test_the_same_sighting_always_gives_the_same_customer(tell):
    async def story(shop: Shop):
        first = await shop.customer(anonymous="dora-phone")
        assert await shop.customer(anonymous="dora-phone") == first
        assert await shop.customer(user="ana") == await shop.customer(user="ana") != first

    tell(story)


def test_who_was_erased_and_comes_back_is_somebody_new(tell):
    async def story(shop: Shop):
        was = await shop.customer(user="ana")
        await shop.write(erasures=[was])
        for other in range(20):
            # Asking anything brings the news.
            await shop.intake.backlog(shop.workspace + other)
            if await shop.customer(user="ana") != was:
                break
        assert await shop.customer(user="ana") != was

    tell(story)


def test_customers_are_named_in_the_order_of_their_sightings(tell):
    async def story(shop: Shop):
        ws = shop.workspace
        ana, dora = await shop.customer(user="ana"), await shop.customer(anonymous="dora")
        sightings = [Sighting(ws, "", "dora"), Sighting(ws, "ana", ""), Sighting(ws, "bruno", ""), Sighting(ws, "ana", "dora")]
        named = await shop.intake.resolve(sightings)
        assert [named[0], named[1], named[3]] == [dora.customer, ana.customer, ana.customer]
        assert named[2] == (await shop.customer(user="bruno")).customer

    tell(story)


def test_a_user_id_never_seen_joins_the_anonymous_visitor_it_comes_with(tell):
    async def story(shop: Shop):
        dora = await shop.customer(anonymous="phone")
        assert await shop.customer(user="dora", anonymous="phone") == dora
        assert await shop.customer(user="dora") == dora

    tell(story)


def test_a_second_person_on_the_same_phone_is_another_customer(tell):
    async def story(shop: Shop):
        ana = await shop.customer(user="ana", anonymous="phone")
        bruno = await shop.customer(user="bruno", anonymous="phone")
        assert ana != bruno
        assert await shop.customer(user="bruno") == bruno
        assert await shop.customer(user="ana") == ana
        assert await shop.customer(anonymous="phone") not in {ana, bruno}, "the phone is shared: whose hands it is in nobody knows"

    tell(story)


def test_a_phone_seen_alone_and_with_its_user_in_one_request_is_that_users(tell):
    async def story(shop: Shop):
        (ana,) = await shop.intake.resolve([Sighting(shop.workspace, "ana", "")])
        alone, known = await shop.intake.resolve([Sighting(shop.workspace, "", "phone"), Sighting(shop.workspace, "ana", "phone")])
        assert alone == known == ana

    tell(story)


def test_a_known_user_id_decides_whatever_the_phone(tell):
    async def story(shop: Shop):
        ana = await shop.customer(user="ana")
        assert await shop.customer(user="ana", anonymous="new-phone") == ana
        assert await shop.customer(anonymous="new-phone") == ana

    tell(story)


def test_the_same_id_in_another_workspace_is_another_customer(tell):
    async def story(shop: Shop):
        other = Shop(shop.outside)
        assert (await shop.customer(user="ana")).customer != (await other.customer(user="ana")).customer

    tell(story)


def test_ids_with_spaces_and_signs_are_kept_apart_from_their_likes(tell):
    async def story(shop: Shop):
        names = ["ana", "Ana", " ana", "añá", "ana%", "anonymous", "a'na"]
        assert len({await shop.customer(user=name) for name in names}) == len(names)
        assert await shop.customer(user="anonymous") != await shop.customer(anonymous="anonymous")

    tell(story)


def test_the_directory_answers_by_either_id(tell):
    async def story(shop: Shop):
        ana = await shop.customer(user="ana", anonymous="phone")
        assert await shop.store.find(shop.workspace, "user", "ana") == ana.customer
        assert await shop.store.find(shop.workspace, "anonymous", "phone") == ana.customer
        assert await shop.store.find(shop.workspace, "user", "phone") is None

    tell(story)


def test_an_event_sent_again_is_stored_once(tell):
    async def story(shop: Shop):
        ana, now = await shop.customer(user="ana"), await shop.now()
        once = arrival(ana, "seen", now=now)
        assert await shop.intake.store([once, once, arrival(ana, "other", now=now)], [], LaneClass.LIVE) == 2
        assert await shop.intake.store([once], [], LaneClass.LIVE) == 0
        assert await shop.outside.ingester().store([once], [], LaneClass.LIVE) == 0
        events, _ = await shop.unread(await shop.outside.feed(), 2)
        assert sorted(event.name for event in events) == ["other", "seen"]

    tell(story)


def test_a_live_event_told_again_too_late_is_still_the_same_event(tell):
    async def story(shop: Shop):
        ana, now = await shop.customer(user="ana"), await shop.now()
        assert await shop.intake.store([arrival(ana, "seen", now=now)], [], LaneClass.LIVE) == 1
        assert await shop.intake.store([arrival(ana, "seen", now=now, source=Source.LATE)], [], LaneClass.LIVE) == 0

    tell(story)


def test_an_imported_event_is_remembered_apart_from_the_live_ones(tell):
    async def story(shop: Shop):
        ana, now = await shop.customer(user="ana"), await shop.now()
        assert await shop.intake.store([arrival(ana, "seen", now=now)], [], LaneClass.LIVE) == 1
        assert await shop.intake.store([arrival(ana, "seen", now=now, source=Source.IMPORT)], [], LaneClass.BULK) == 1

    tell(story)


def test_another_workspace_may_use_the_same_event_id(tell):
    async def story(shop: Shop):
        other, now = Shop(shop.outside), await shop.now()
        assert await shop.intake.store([arrival(shop.key(1), "seen", now=now)], [], LaneClass.LIVE) == 1
        assert await shop.intake.store([arrival(other.key(1), "seen", now=now)], [], LaneClass.LIVE) == 1

    tell(story)


def test_an_id_without_a_day_of_its_own_is_looked_for_in_yesterday_too(tell):
    async def story(shop: Shop):
        ana, now = await shop.customer(user="ana"), await shop.now()
        today = day_of(now)
        assert await shop.intake.store([arrival(ana, "seen", now=now, day=today - 1)], [], LaneClass.LIVE) == 1
        assert await shop.intake.store([arrival(ana, "seen", now=now, day=today, also=today - 1)], [], LaneClass.LIVE) == 0
        assert await shop.intake.store([arrival(ana, "new", now=now, day=today, also=today - 1)], [], LaneClass.LIVE) == 1

    tell(story)


def test_rejects_alone_are_stored_too_and_wake_nobody(tell):
    async def story(shop: Shop):
        now = await shop.now()
        reject = Reject(
            workspace=shop.workspace,
            id=b"1" * 16,
            received=now,
            code="name_missing",
            sentence="a track call needs an event name",
            place="batch[0].event",
            raw=b'{"type":"track"}',
            key_id="k1",
        )
        assert await shop.intake.store([], [reject], LaneClass.LIVE) == 0
        assert await shop.unread(await shop.outside.feed()) == ([], [])

    tell(story)


def test_the_backlog_is_roughly_what_was_stored_and_not_yet_evaluated(tell):
    async def story(shop: Shop):
        now, other = await shop.now(), Shop(shop.outside)
        await shop.intake.store([arrival(shop.key(n), f"seen{n}", now=now) for n in range(1_000)], [], LaneClass.LIVE)
        ingester = shop.outside.ingester()  # asked first here, so that no older answer is at hand
        assert 200 < await ingester.backlog(shop.workspace) < 5_000
        assert await ingester.backlog(other.workspace) == 0

    tell(story)


def test_a_customer_lives_in_the_bucket_that_its_ids_give(tell):
    async def story(shop: Shop):
        ana = await shop.customer(user="ana")
        assert ana == key_of(shop.workspace, ana.customer)
        assert ana.customer > 0

    tell(story)


def test_a_phone_that_a_second_user_names_is_nobodys_in_the_same_request(tell):
    async def story(shop: Shop):
        ana = await shop.customer(user="ana", anonymous="phone")
        assert await shop.customer(anonymous="phone") == ana
        ws = shop.workspace
        bruno, alone = await shop.intake.resolve([Sighting(ws, "bruno", "phone"), Sighting(ws, "", "phone")])
        assert len({ana.customer, bruno, alone}) == 3
        assert (await shop.customer(anonymous="phone")).customer == alone

    tell(story)
