"""What becomes of a message that is due: it leaves once, or it falls silent and says why."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from deliver_world import ACCEPTED, ShakyWorld, Shop, faulty_render, gone, policy

from oportuno.channels.channel import Answer, Outcome
from oportuno.channels.pace import Lanes
from oportuno.consent.answers import Answered, Consents
from oportuno.content.message import Rendered
from oportuno.events.event import Trust
from oportuno.flows.crossing import Merge, Reason
from oportuno.flows.deliver import Ended, hold_back
from oportuno.flows.ending import back_off
from oportuno.flows.merge import merge_once
from oportuno.flows.recover import recover_once
from oportuno.flows.work import Cancel, OutboxStatus, SaveCustomer, Writes
from oportuno.journeys.walks import GOAL_REACHED, Walks
from oportuno.journeys.walks import Ended as WalkEnded
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import BUCKETS
from oportuno.kit.times import DAY, HOUR, MINUTE, SECOND
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

FOR_NOW = Answer(outcome=Outcome.REFUSED_FOR_NOW, detail="smtp 451")
FOR_GOOD = Answer(outcome=Outcome.REFUSED_FOR_GOOD, detail="smtp 550")
UNKNOWN = Answer(outcome=Outcome.UNKNOWN, detail="smtp timeout at final")


def tell(story: Callable[[Shop], Awaitable[None]], shop: Shop | None = None) -> None:
    """Run a story to its end."""

    async def whole() -> None:
        await story(shop or Shop())

    asyncio.run(asyncio.wait_for(whole(), 300))


def test_anas_message_leaves_once_to_her_own_address_and_counts_as_a_touch() -> None:
    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        waiting = await shop.message(ana)
        assert (await shop.deliver(waiting)).ended is Ended.ACCEPTED
        assert [hand.address for hand in shop.provider.begun] == ["ana@cliente.example"]
        assert shop.status(waiting) is OutboxStatus.ACCEPTED
        assert shop.attention(ana) == [(waiting.message.id, True)]
        assert (await shop.deliver(waiting)).ended is Ended.ELSEWHERE
        assert len(shop.provider.begun) == 1

    tell(story)


def test_a_message_whose_moment_has_passed_is_never_handed_off_and_gives_its_place_back() -> None:
    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        waiting = await shop.message(ana, lasts=MINUTE)
        shop.world.clock.advance(MINUTE)
        assert (await shop.deliver(waiting)).ended is Ended.EXPIRED
        assert shop.provider.begun == []
        assert shop.status(waiting) is OutboxStatus.EXPIRED
        assert shop.attention(ana) == []
        assert shop.verdicts() == [("silence", "expired")]

    tell(story)


def test_a_template_published_a_moment_ago_is_waited_for_and_one_that_is_still_missing_silences() -> None:
    def missing(*_: object) -> Rendered:
        raise NotFound("template_missing", "there is no message “abandoned-cart” for email")

    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        waiting = await shop.message(ana)
        assert (await shop.deliver(waiting, render=missing)).ended is Ended.WAITS
        assert shop.status(waiting) is OutboxStatus.PENDING
        await shop.world.clock.sleep(6)
        assert (await shop.deliver(waiting, render=missing)).ended is Ended.SILENT
        assert shop.status(waiting) is OutboxStatus.CANCELLED
        assert shop.verdicts() == [("wait", "template_missing"), ("silence", "template_missing")]

    tell(story)


def test_a_template_that_fails_is_a_named_silence_and_not_a_burnt_message() -> None:
    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        waiting = await shop.message(ana)
        assert (await shop.deliver(waiting, render=faulty_render)).ended is Ended.SILENT
        assert shop.provider.begun == []
        assert shop.status(waiting) is OutboxStatus.CANCELLED
        assert shop.attention(ana) == []
        assert shop.verdicts() == [("silence", "template_fault")]
        facts = shop.world.tables.decisions[0].verdict.reasons[0].facts
        assert facts == {"template": "abandoned-cart", "code": "variable_missing", "place": "line 3"}

    tell(story)


def test_a_foreign_error_in_a_template_is_named_without_its_words_because_they_may_quote_the_customer() -> None:
    def quoting_render(*_: object) -> None:
        raise ValueError("ana@cliente.example is not a number")

    async def story(shop: Shop) -> None:
        waiting = await shop.message(await shop.customer("ana"))
        await shop.deliver(waiting, render=quoting_render)
        facts = shop.world.tables.decisions[0].verdict.reasons[0].facts
        assert facts["code"] == "ValueError"
        assert "ana" not in str(facts).replace("abandoned", "")

    tell(story)


def test_carla_who_withdrew_after_the_decision_hears_nothing() -> None:
    async def story(shop: Shop) -> None:
        carla = await shop.customer("carla")
        waiting = await shop.message(carla)
        await shop.withdraw(carla)
        assert (await shop.deliver(waiting)).reason == "consent_withdrawn"
        assert shop.provider.begun == []
        assert shop.status(waiting) is OutboxStatus.CANCELLED
        assert shop.attention(carla) == []
        assert shop.verdicts() == [("silence", "consent_withdrawn")]

    tell(story)


def test_in_bruno_s_quiet_hours_the_message_waits_until_they_end_and_keeps_its_place() -> None:
    async def story(shop: Shop) -> None:
        bruno = await shop.customer("bruno")
        waiting = await shop.message(bruno, lasts=DAY)

        def sleep(draft: Draft) -> None:
            draft.open(Consents).quiet = (10 * 60, 13 * 60)  # it is 11:00 in Madrid

        await shop.change(bruno, sleep)
        assert (await shop.deliver(waiting)).ended is Ended.WAITS
        assert shop.status(waiting) is OutboxStatus.PENDING
        assert shop.world.tables.messages[waiting.message.id].not_before == shop.now + 2 * HOUR
        assert shop.attention(bruno) == [(waiting.message.id, False)]
        assert shop.verdicts() == [("wait", "quiet_hours")]
        shop.world.clock.advance(2 * HOUR)
        assert (await shop.deliver(waiting)).ended is Ended.ACCEPTED

    tell(story)


def test_a_wait_that_would_outlive_the_message_is_a_silence() -> None:
    async def story(shop: Shop) -> None:
        bruno = await shop.customer("bruno")
        waiting = await shop.message(bruno, lasts=HOUR)

        def sleep(draft: Draft) -> None:
            draft.open(Consents).quiet = (10 * 60, 13 * 60)

        await shop.change(bruno, sleep)
        assert (await shop.deliver(waiting)).ended is Ended.SILENT
        assert shop.verdicts() == [("silence", "quiet_hours")]
        assert shop.attention(bruno) == []

    tell(story)


def test_refused_for_now_makes_the_touch_a_reservation_again_and_tries_again_when_the_provider_asked() -> None:
    asked = Answer(outcome=Outcome.REFUSED_FOR_NOW, detail="http 429", retry_after=5 * MINUTE)

    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        waiting = await shop.message(ana)
        assert (await shop.deliver(waiting)).ended is Ended.REFUSED_FOR_NOW
        row = shop.world.tables.messages[waiting.message.id]
        assert (row.status, row.not_before, row.attempts) == (OutboxStatus.PENDING, shop.now + 5 * MINUTE, 1)
        assert shop.attention(ana) == [(waiting.message.id, False)]
        shop.world.clock.advance(5 * MINUTE)
        assert (await shop.deliver(row.waiting())).ended is Ended.ACCEPTED
        assert shop.attention(ana) == [(waiting.message.id, True)]

    tell(story, Shop(answers=[asked, ACCEPTED]))


def test_between_two_attempts_nobody_takes_the_place_in_the_limit() -> None:
    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        first = await shop.message(ana)
        await shop.deliver(first)
        second = await shop.message(ana, "otra")
        assert (await shop.deliver(second)).reason == "limit_reached"

    tell(story, Shop(answers=[FOR_NOW]))


def test_refused_for_now_past_the_expiry_is_looked_at_once_more_only_to_be_named_expired() -> None:
    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        waiting = await shop.message(ana, lasts=SECOND)
        await shop.deliver(waiting)
        row = shop.world.tables.messages[waiting.message.id]
        assert row.not_before == waiting.message.expires_at
        shop.world.clock.advance(SECOND)
        assert (await shop.deliver(row.waiting())).ended is Ended.EXPIRED
        assert shop.attention(ana) == []

    tell(story, Shop(answers=[FOR_NOW]))


def test_refused_for_good_gives_the_touch_back() -> None:
    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        waiting = await shop.message(ana)
        assert (await shop.deliver(waiting)).ended is Ended.REFUSED_FOR_GOOD
        assert shop.status(waiting) is OutboxStatus.REFUSED
        assert shop.attention(ana) == []

    tell(story, Shop(answers=[FOR_GOOD]))


@pytest.mark.parametrize("ending", [UNKNOWN, RuntimeError("the provider broke its promise")])
def test_an_unknown_marketing_message_is_never_resent_and_counts_as_a_touch(ending: Answer | Exception) -> None:
    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        waiting = await shop.message(ana)
        assert (await shop.deliver(waiting)).ended is Ended.UNKNOWN
        assert shop.status(waiting) is OutboxStatus.UNKNOWN
        assert shop.attention(ana) == [(waiting.message.id, True)]
        assert (await shop.deliver(waiting)).ended is Ended.ELSEWHERE
        assert len(shop.provider.begun) == 1

    tell(story, Shop(answers=[ending, ACCEPTED]))


def test_an_unknown_service_message_is_sent_again_under_the_same_id() -> None:
    async def story(shop: Shop) -> None:
        dora = await shop.customer("dora", consent=None)
        waiting = await shop.message(dora, "pedido", purpose=Purpose.SERVICE)
        assert (await shop.deliver(waiting)).ended is Ended.UNKNOWN
        row = shop.world.tables.messages[waiting.message.id]
        assert row.status is OutboxStatus.PENDING
        shop.world.clock.advance(row.not_before - shop.now)
        assert (await shop.deliver(row.waiting())).ended is Ended.ACCEPTED
        assert len({hand.id for hand in shop.provider.begun}) == 1
        assert len(shop.provider.begun) == 2

    tell(story, Shop(answers=[UNKNOWN, ACCEPTED]))


def test_a_claim_that_took_too_long_to_commit_is_void_and_hands_nothing_off() -> None:
    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        waiting = await shop.message(ana)
        shop.world.at["store.committed"] = [lambda: shop.world.clock.advance(500)]
        assert (await shop.deliver(waiting)).ended is Ended.VOID
        assert shop.provider.begun == []
        assert shop.status(waiting) is OutboxStatus.PENDING
        assert shop.attention(ana) == [(waiting.message.id, False)]
        assert (await shop.deliver(waiting)).ended is Ended.ACCEPTED

    tell(story)


@pytest.mark.parametrize("place", ["store.commit", "store.committed"])
def test_when_nobody_knows_whether_the_claim_was_committed_it_is_taken_back(place: str) -> None:
    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        waiting = await shop.message(ana)
        shop.world.at[place] = [gone]
        assert (await shop.deliver(waiting)).ended is Ended.VOID
        assert shop.provider.begun == []
        assert shop.status(waiting) is OutboxStatus.PENDING
        assert shop.attention(ana) == [(waiting.message.id, False)]

    tell(story)


@pytest.mark.parametrize("place", ["store.lock", "store.commit", "store.committed"])
def test_an_answer_is_recorded_however_often_the_database_goes_away(place: str) -> None:
    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        waiting = await shop.message(ana)
        shop.world.at["provider.answered"] = [lambda: shop.world.at.update({place: [gone, gone, gone]})]
        assert (await shop.deliver(waiting)).ended is Ended.ACCEPTED
        assert shop.status(waiting) is OutboxStatus.ACCEPTED
        assert len(shop.provider.begun) == 1
        assert shop.attention(ana) == [(waiting.message.id, True)]

    tell(story)


def test_nobody_takes_back_what_another_deliverer_has_claimed_meanwhile() -> None:
    """The commit is lost, another deliverer claims the message, and only then does the first one clean up after itself."""

    async def story(shop: Shop) -> None:
        waiting = await shop.message(await shop.customer("ana"))
        other = shop.world.start_deliverer()

        async def meanwhile() -> None:
            await shop.move(waiting, status=OutboxStatus.HANDING, deliverer=other)

        shop.world.at["store.commit"] = [gone]
        shop.world.at["store.lock"] = [lambda: None, meanwhile]
        assert (await shop.deliver(waiting)).ended is Ended.VOID
        assert shop.status(waiting) is OutboxStatus.HANDING

    tell(story)


def test_an_erased_customer_is_gone_and_no_verdict_about_them_is_written() -> None:
    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        waiting = await shop.message(ana)
        await shop.erase(ana)
        assert (await shop.deliver(waiting)).ended in (Ended.ELSEWHERE, Ended.SILENT)
        assert shop.provider.begun == []
        assert shop.verdicts() == []

    tell(story)


def test_a_customer_erased_during_the_hand_off_does_not_come_back_with_the_answer() -> None:
    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        waiting = await shop.message(ana)
        shop.world.at["provider.hand_off"] = [lambda: shop.erase(ana)]
        await shop.deliver(waiting)
        assert shop.world.tables.customers[ana].state == b""

    tell(story, Shop(answers=[FOR_GOOD]))


def test_when_the_clock_stands_before_the_decision_marketing_waits() -> None:
    async def story(shop: Shop) -> None:
        waiting = await shop.message(await shop.customer("ana"))
        shop.world.clock.jump(-10 * MINUTE)
        assert (await shop.deliver(waiting)).reason == "clock_unsure"
        assert shop.provider.begun == []

    tell(story)


def test_a_closed_provider_is_not_even_claimed_for() -> None:
    down = Answer(outcome=Outcome.REFUSED_FOR_NOW, detail="smtp refused at connect", about="provider")

    async def story(shop: Shop) -> None:
        first, second = [await shop.message(await shop.customer(name)) for name in ("ana", "bruno")]
        await shop.deliver(first)
        paced = await shop.deliver(second)
        assert paced.ended is Ended.PACED
        assert 0 < paced.wait <= SECOND
        assert shop.world.tables.messages[second.message.id].attempts == 0
        assert await hold_back(second, shop.world.store, 10 * SECOND)
        assert shop.world.tables.messages[second.message.id].not_before == shop.now + 10 * SECOND

    tell(story, Shop(answers=[down]))


def test_what_a_dead_deliverer_had_in_hand_is_unknown_for_marketing_and_waits_again_for_service() -> None:
    async def story(shop: Shop) -> None:
        ana, dora = await shop.customer("ana"), await shop.customer("dora", consent=None)
        offer = await shop.message(ana)
        receipt = await shop.message(dora, "pedido", purpose=Purpose.SERVICE)
        for waiting in (offer, receipt):
            await shop.move(waiting, status=OutboxStatus.HANDING, deliverer=shop.deliverer)
        assert await recover_once(shop.world.outbox, shop.world.store) == 0
        shop.world.stop_deliverer(shop.deliverer)
        assert await recover_once(shop.world.outbox, shop.world.store) == 2
        assert shop.status(offer) is OutboxStatus.UNKNOWN
        assert shop.status(receipt) is OutboxStatus.PENDING

    tell(story)


def test_the_limit_of_the_day_holds_over_channels_at_the_claim() -> None:
    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        mail, hook = await shop.message(ana), await shop.message(ana, "aviso", channel="webhook")
        ends = [(await shop.deliver(waiting)).ended for waiting in (mail, hook)]
        assert len(shop.provider.begun) <= 1
        assert Ended.ACCEPTED not in ends or ends.count(Ended.ACCEPTED) == 1

    tell(story, Shop(rules=policy()))


def test_back_off_doubles_is_spread_by_the_message_and_ends_at_a_quarter_of_an_hour() -> None:
    async def story(shop: Shop) -> None:
        message = (await shop.message(await shop.customer("ana"))).message
        lengths = [back_off(message, attempts) for attempts in range(14)]
        assert lengths == sorted(lengths)
        assert 1500 <= lengths[0] <= 2000
        assert lengths[-1] <= 15 * MINUTE

    tell(story)


def test_two_deliverers_on_the_same_message_hand_it_off_once() -> None:
    async def story(shop: Shop) -> None:
        waiting = await shop.message(await shop.customer("ana"))
        other = shop.world.start_deliverer()
        ends = await asyncio.gather(*(shop.deliver(waiting, deliverer=number) for number in (shop.deliverer, other) * 4))
        assert sorted(end.ended.value for end in ends).count("accepted") == 1
        assert len(shop.provider.begun) == 1

    tell(story)


def test_bruno_who_is_asked_but_has_not_confirmed_hears_nothing() -> None:
    async def story(shop: Shop) -> None:
        waiting = await shop.message(await shop.customer("bruno", consent=Answered.PENDING))
        assert (await shop.deliver(waiting)).reason == "consent_pending"

    tell(story, Shop(ShakyWorld()))


def test_a_fault_of_ours_in_the_claim_leaves_its_lanes_as_free_as_they_were() -> None:
    async def story(shop: Shop) -> None:
        waiting = await shop.message(await shop.customer("ana"))

        def stumble() -> None:
            raise RuntimeError("a fault of ours")

        shop.pace.at_once = {"provider": 1}
        shop.world.at["store.commit"] = [stumble]
        with pytest.raises(RuntimeError):
            await shop.deliver(waiting)
        assert not shop.pace.crowded(Lanes("provider email", "", ""))
        assert (await shop.deliver(waiting)).ended is Ended.ACCEPTED

    tell(story)


def test_a_message_whose_moment_passes_during_its_claim_is_not_handed_off_any_more() -> None:
    async def story(shop: Shop) -> None:
        waiting = await shop.message(await shop.customer("ana"), lasts=SECOND)
        shop.world.clock.advance(400)
        shop.world.at["store.committed"] = [lambda: shop.world.clock.advance(400)]
        assert (await shop.deliver(waiting)).ended is Ended.VOID
        assert shop.provider.begun == []
        assert (await shop.deliver(waiting)).ended is Ended.EXPIRED

    tell(story)


def test_a_message_with_no_more_time_than_a_claim_holds_is_not_claimed_any_more() -> None:
    async def story(shop: Shop) -> None:
        waiting = await shop.message(await shop.customer("ana"), lasts=SECOND)
        shop.world.clock.advance(500)
        assert (await shop.deliver(waiting)).ended is Ended.EXPIRED
        assert shop.provider.begun == []
        assert shop.verdicts() == [("silence", "expired")]

    tell(story)


def test_the_provider_is_told_to_begin_within_the_claim_and_well_before_the_moment_passes() -> None:
    async def story(shop: Shop) -> None:
        long, short = [await shop.message(await shop.customer(name), lasts=lasts) for name, lasts in (("ana", HOUR), ("bruno", 600))]
        began = shop.world.clock.monotonic()
        for waiting in (long, short):
            assert (await shop.deliver(waiting)).ended is Ended.ACCEPTED
        assert [window.begin_by - began for window in shop.provider.windows] == pytest.approx([0.5, 0.35])
        assert [window.over - began for window in shop.provider.windows] == pytest.approx([3600, 0.6])

    tell(story)


def test_who_looked_at_the_outbox_too_long_ago_does_not_overtake_the_wait_that_a_provider_asked_for() -> None:
    asked = Answer(outcome=Outcome.REFUSED_FOR_NOW, detail="http 429", retry_after=5 * MINUTE)

    async def story(shop: Shop) -> None:
        waiting = await shop.message(await shop.customer("ana"))
        await shop.deliver(waiting)
        assert (await shop.deliver(waiting)).ended is Ended.ELSEWHERE
        assert len(shop.provider.begun) == 1

    tell(story, Shop(answers=[asked, ACCEPTED]))


@pytest.mark.parametrize("then", ["expired", "refused for good", "cancelled"])
def test_a_service_message_that_may_have_reached_dora_ends_unknown_whatever_becomes_of_its_next_attempt(then: str) -> None:
    async def story(shop: Shop) -> None:
        dora = await shop.customer("dora", consent=None)
        waiting = await shop.message(dora, "pedido", purpose=Purpose.SERVICE)
        await shop.deliver(waiting)
        shop.world.clock.advance(HOUR if then == "expired" else MINUTE)
        row = shop.world.tables.messages[waiting.message.id]
        if then == "cancelled":
            async with shop.world.store.work() as work:
                await work.lock([dora])
                cancel = Cancel(dora, (), "", "customer_gone", shop.now, marketing_only=False)
                await work.commit(Writes(cancels=[cancel]))
        else:
            await shop.deliver(row.waiting())
        assert row.status is OutboxStatus.UNKNOWN
        assert row.answer is not None
        assert row.answer.outcome is Outcome.UNKNOWN
        assert row.reason
        assert shop.verdicts() == []
        assert [made for _, made in shop.attention(dora)] == [True]

    tell(story, Shop(answers=[UNKNOWN, FOR_GOOD]))


def test_a_service_message_whose_deliverer_died_and_that_expires_meanwhile_is_unknown() -> None:
    async def story(shop: Shop) -> None:
        dora = await shop.customer("dora", consent=None)
        waiting = await shop.message(dora, "pedido", purpose=Purpose.SERVICE)
        await shop.move(waiting, status=OutboxStatus.HANDING, deliverer=shop.deliverer)
        shop.world.stop_deliverer(shop.deliverer)
        await recover_once(shop.world.outbox, shop.world.store)
        shop.world.clock.advance(HOUR)
        assert (await shop.deliver(shop.world.tables.messages[waiting.message.id].waiting())).ended is Ended.UNKNOWN
        assert shop.status(waiting) is OutboxStatus.UNKNOWN

    tell(story)


def test_an_unknown_attempt_goes_on_counting_when_a_later_one_of_the_same_service_message_is_refused() -> None:
    async def story(shop: Shop) -> None:
        dora = await shop.customer("dora", consent=None)
        waiting = await shop.message(dora, "pedido", purpose=Purpose.SERVICE, lasts=DAY)
        await shop.deliver(waiting)
        shop.world.clock.advance(MINUTE)
        await shop.deliver(waiting)  # an old look at the outbox: its count of attempts is stale
        assert [made for _, made in shop.attention(dora)] == [True, False]
        shop.world.clock.advance(DAY)
        await shop.deliver(waiting)
        assert [made for _, made in shop.attention(dora)] == [True]

    tell(story, Shop(answers=[UNKNOWN, FOR_NOW]))


def test_ana_who_bought_after_the_message_was_decided_hears_nothing_more_of_that_basket() -> None:
    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        waiting = await shop.message(ana, facts={"at": shop.now - HOUR})
        async with shop.world.store.work() as work:
            _, rows = await work.lock([ana])
            draft = Draft(ana, rows[ana].state, rows[ana].version)
            walked = WalkEnded(started_at=shop.now - HOUR, at=shop.now, how=GOAL_REACHED)
            draft.open(Walks).ended[waiting.message.said.journey] = walked
            await work.commit(Writes(saves=[SaveCustomer(ana, rows[ana].version, draft.encode(), None, due_changed=False)]))
        delivered = await shop.deliver(waiting)
        assert delivered.reason == "goal_reached"
        assert shop.provider.begun == []

    tell(story)


def test_a_confirmation_owed_to_somebody_who_turns_out_to_be_ana_reaches_her_once() -> None:
    async def story(shop: Shop) -> None:
        ana, tablet = await shop.customer("ana"), await shop.customer("tablet", consent=None)
        waiting = await shop.message(tablet, "pedido", purpose=Purpose.SERVICE)
        sale = await shop.message(tablet, "oferta")
        merge = Merge(
            id=b"m" * 16, loser=tablet, winner=ana, reason=Reason.REQUEST, asked_by="secret", trust=Trust.SECRET, asked_at=shop.now
        )  # fmt: skip
        await shop.world.crossings.ask(merge)
        everywhere = frozenset(range(BUCKETS))
        work = shop.world.crossings, shop.world.store, shop.world.programmes, everywhere
        await merge_once(*work, limit=10)
        assert (await shop.deliver(waiting)).ended is Ended.WAITS
        for _ in range(3):
            await merge_once(*work, limit=10)
        shop.world.clock.advance(SECOND)
        assert (await shop.deliver(waiting)).ended is Ended.WAITS
        assert (await shop.deliver(waiting)).ended is Ended.ELSEWHERE
        [again] = (await shop.world.outbox.due("email", 10)).waiting
        assert (await shop.deliver(again)).ended is Ended.ACCEPTED
        assert [(hand.id, hand.address) for hand in shop.provider.begun] == [(waiting.message.id, "ana@cliente.example")]
        assert shop.verdicts() == [("silence", "merging")]
        assert shop.status(sale) is OutboxStatus.CANCELLED

    tell(story)
