"""What became of a hand-off is written down whatever happens to the customer meanwhile: no message stays in hand for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from deliver_world import Shop

from oportuno.channels.channel import Answer, Outcome
from oportuno.consent.change import skip_topic
from oportuno.flows.deliver import Ended
from oportuno.flows.work import Moved, OutboxStatus
from oportuno.profile.draft import Draft

FOR_NOW = Answer(outcome=Outcome.REFUSED_FOR_NOW, detail="smtp 451")


def tell(story: Callable[[Shop], Awaitable[None]], shop: Shop) -> None:
    asyncio.run(asyncio.wait_for(story(shop), 60))


def lost_race() -> None:
    """The database gives one of two up that wait for each other."""
    raise Moved("moved", "DeadlockDetected")


def skip_carts(draft: Draft) -> None:
    skip_topic(draft, "cart")


@pytest.mark.parametrize("place", ["store.lock", "store.locked", "store.commit"])
@pytest.mark.parametrize("answer", [Answer(outcome=Outcome.ACCEPTED), FOR_NOW, Answer(outcome=Outcome.UNKNOWN)])
def test_an_ending_that_lost_a_race_inside_the_database_is_written_all_the_same(place: str, answer: Answer) -> None:
    async def story(shop: Shop) -> None:
        waiting = await shop.message(await shop.customer("ana"))
        shop.world.at["provider.answered"] = [lambda: shop.world.at.update({place: [lost_race, lost_race]})]
        await shop.deliver(waiting)
        expected = {Outcome.ACCEPTED: OutboxStatus.ACCEPTED, Outcome.REFUSED_FOR_NOW: OutboxStatus.PENDING}
        assert shop.status(waiting) is expected.get(answer.outcome, OutboxStatus.UNKNOWN)

    tell(story, Shop(answers=[answer]))


@pytest.mark.parametrize("answer", [Answer(outcome=Outcome.ACCEPTED), FOR_NOW])
def test_what_ana_wishes_while_her_mail_is_being_taken_stands_and_so_does_what_became_of_the_mail(answer: Answer) -> None:
    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        waiting = await shop.message(ana)

        async def wish() -> None:
            await shop.change(ana, skip_carts)
            await shop.withdraw(ana)

        shop.world.at["provider.answered"] = [wish]
        ended = (await shop.deliver(waiting)).ended
        assert ended is (Ended.ACCEPTED if answer.outcome is Outcome.ACCEPTED else Ended.REFUSED_FOR_NOW)
        assert shop.status(waiting) is (OutboxStatus.ACCEPTED if ended is Ended.ACCEPTED else OutboxStatus.PENDING)
        assert shop.attention(ana) == [(waiting.message.id, ended is Ended.ACCEPTED)]
        shop.world.clock.advance(60_000)
        if ended is not Ended.ACCEPTED:
            assert (await shop.deliver(waiting)).reason == "consent_withdrawn"

    tell(story, Shop(answers=[answer]))


def test_a_message_that_a_newer_release_touched_meanwhile_is_let_out_of_hand_and_its_touch_stands() -> None:
    async def story(shop: Shop) -> None:
        ana = await shop.customer("ana")
        waiting = await shop.message(ana)
        row = shop.world.tables.customers[ana]

        def newer_release() -> None:
            sections = msgspec.msgpack.decode(row.state)
            row.state = msgspec.msgpack.encode([(title, 99 if title == "attention" else codec, blob) for title, codec, blob in sections])
            row.version += 1

        shop.world.at["provider.answered"] = [newer_release]
        assert (await shop.deliver(waiting)).ended is Ended.REFUSED_FOR_NOW
        assert shop.status(waiting) is OutboxStatus.PENDING
        sections = {title: codec for title, codec, _ in msgspec.msgpack.decode(Draft(ana, row.state, row.version).encode())}
        assert sections["attention"] == 99

    tell(story, Shop(answers=[FOR_NOW]))
