"""What became of one message: every step in its order, in words, and what is known now."""

from __future__ import annotations

import asyncio

from deliver_world import ShakyWorld, Shop
from hypothesis import given
from hypothesis import strategies as some

from oportuno.channels.channel import Answer, Outcome
from oportuno.channels.hearing import Hearing, Proof, What
from oportuno.content.story import in_words, known_now, standing
from oportuno.flows.story import story
from oportuno.flows.work import NotedHearing, OutboxStatus, Writes
from oportuno.kit.ids import derive
from oportuno.kit.times import MINUTE
from oportuno.profile.purposes import Purpose


def tell(what) -> None:
    asyncio.run(asyncio.wait_for(what, 60))


def test_ana_s_notice_is_refused_for_now_tried_again_accepted_and_arrives():
    async def whole():
        refused = Answer(outcome=Outcome.REFUSED_FOR_NOW, detail="smtp 451", retry_after=MINUTE)
        shop = Shop(ShakyWorld(), [refused, Answer(outcome=Outcome.ACCEPTED)])
        ana = await shop.customer("ana", consent=None)
        waiting = await shop.message(ana, purpose=Purpose.SERVICE)
        await shop.deliver(waiting)
        shop.world.clock.advance(MINUTE)
        await shop.deliver(shop.world.tables.messages[waiting.message.id].waiting())
        told = Hearing(id=derive("1"), what=What.DELIVERED, source="ses", at=shop.now + 5, proof=Proof.SIGNED, detail="ana@cliente.example")
        async with shop.world.store.work() as work:
            await work.lock([ana])
            await work.commit(Writes(heard=[NotedHearing(ana, waiting.message.id, told)]))
        found = await story(ana.workspace, waiting.message.id, reads=shop.world.reads, told=shop.world.hearings)
        assert [(step.kind, step.what, step.number) for step in found.steps] == [
            ("claimed", "", 1),
            ("attempt", "refused_for_now", 1),
            ("claimed", "", 2),
            ("attempt", "accepted", 2),
            ("heard", "delivered", 0),
        ]
        assert found.stands == "delivered"
        said = " ".join(in_words(step, "es") for step in found.steps)
        assert "no lo tomó por ahora" in said
        assert "ana@" not in repr(found.steps)

    tell(whole())


def test_one_that_is_in_hand_is_told_as_far_as_it_is_known():
    async def whole():
        shop = Shop()
        ana = await shop.customer("ana")
        waiting = await shop.message(ana)
        await shop.move(waiting, status=OutboxStatus.HANDING, deliverer=shop.deliverer)
        found = await story(ana.workspace, waiting.message.id, reads=shop.world.reads, told=shop.world.hearings)
        assert [(step.kind, step.number) for step in found.steps] == [("claimed", 1)]
        assert found.stands == "handing"

    tell(whole())


def test_what_the_gate_withdrew_says_why():
    async def whole():
        shop = Shop()
        ana = await shop.customer("ana")
        waiting = await shop.message(ana)
        await shop.withdraw(ana)
        await shop.deliver(waiting)
        found = await story(ana.workspace, waiting.message.id, reads=shop.world.reads, told=shop.world.hearings)
        assert [(step.kind, step.what) for step in found.steps] == [("silence", "consent_withdrawn")]
        assert found.stands == "cancelled"

    tell(whole())


@given(heard=some.lists(some.sampled_from([each.value for each in What]), max_size=6), status=some.sampled_from([*OutboxStatus]))
def test_in_whatever_order_it_was_heard_it_stands_alike_and_has_words(heard, status):
    stands = standing(status.name.lower(), heard)
    assert stands == standing(status.name.lower(), heard[::-1])
    assert known_now(stands, "es") != known_now(stands, "en")
