"""The contract of the outbox as deliverers read it."""

from __future__ import annotations

from contract_world import Shop, message

from oportuno.flows.work import MoveMessage, OutboxStatus
from oportuno.kit.times import HOUR, MINUTE

PENDING, HANDING = OutboxStatus.PENDING, OutboxStatus.HANDING


def test_a_message_comes_as_it_was_made(tell):
    async def story(shop: Shop):
        said = message(shop.key(1), "hello", now=await shop.now(), items=("shoes",))
        await shop.write(messages=[said])
        due = await shop.outbox.due("email", 10_000)
        [mine] = [each for each in due.waiting if each.message.key.workspace == shop.workspace]
        assert mine.message == said
        assert (mine.status, mine.attempts, mine.deliverer) == (PENDING, 0, 0)
        assert due.now >= said.permitted_at

    tell(story)


def test_each_channel_gives_its_own_messages_oldest_first(tell):
    async def story(shop: Shop):
        now = await shop.now()
        words = ["one", "two", "three"]
        mails = [message(shop.key(n), word, now=now - 3_000 + n * 1_000) for n, word in enumerate(words)]
        for mail in mails:
            await shop.write(messages=[mail])
        await shop.write(messages=[message(shop.key(1), "hook", now=now, channel="webhook")])
        assert await shop.waiting() == [mail.id for mail in mails]

    tell(story)


def test_what_was_put_off_does_not_come_before_its_time(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        said = message(ana, "hello", now=now)
        await shop.write(messages=[said])
        await shop.write(moves=[MoveMessage(ana, said.id, PENDING, PENDING, now, not_before=now + HOUR)])
        assert await shop.waiting() == []
        await shop.write(moves=[MoveMessage(ana, said.id, PENDING, PENDING, now, not_before=now - 1)])
        assert await shop.waiting() == [said.id]

    tell(story)


def test_an_expired_message_comes_too_so_that_its_silence_gets_a_name(tell):
    async def story(shop: Shop):
        said = message(shop.key(1), "hello", now=await shop.now() - HOUR, lasts=MINUTE)
        await shop.write(messages=[said])
        assert await shop.waiting() == [said.id]

    tell(story)


def test_a_claimed_message_is_given_to_nobody_else(tell):
    async def story(shop: Shop):
        ana, now, number = shop.key(1), await shop.now(), await shop.outside.start_deliverer()
        said = message(ana, "hello", now=now)
        await shop.write(messages=[said])
        await shop.write(moves=[MoveMessage(ana, said.id, PENDING, HANDING, now, deliverer=number)])
        assert await shop.waiting() == []

    tell(story)


def test_a_claim_counts_as_an_attempt(tell):
    async def story(shop: Shop):
        ana, now, number = shop.key(1), await shop.now(), await shop.outside.start_deliverer()
        said = message(ana, "hello", now=now)
        await shop.write(messages=[said])
        await shop.write(moves=[MoveMessage(ana, said.id, PENDING, HANDING, now, deliverer=number)])
        await shop.write(moves=[MoveMessage(ana, said.id, HANDING, PENDING, now, not_before=now - 1)])
        due = await shop.outbox.due("email", 10_000)
        [mine] = [each for each in due.waiting if each.message.id == said.id]
        assert mine.attempts == 1

    tell(story)


def test_a_large_shop_does_not_hold_up_a_small_one(tell):
    async def story(shop: Shop):
        small, now = Shop(shop.outside), await shop.now()
        await shop.write(messages=[message(shop.key(n), "sale", now=now - HOUR) for n in range(60)])
        await small.write(messages=[message(small.key(1), "hello", now=now)])
        due = await shop.outbox.due("email", 40)
        assert len(due.waiting) == 40
        assert small.workspace in {each.message.key.workspace for each in due.waiting}

    tell(story)


def test_a_small_shop_that_tries_again_does_not_wait_for_a_large_one_to_finish(tell):
    async def story(shop: Shop):
        small, now = Shop(shop.outside), await shop.now()
        again = message(small.key(1), "hello", now=now)
        await small.write(messages=[again])
        await small.write(moves=[MoveMessage(again.key, again.id, PENDING, PENDING, now, not_before=now - 1)])
        await shop.write(messages=[message(shop.key(n), "sale", now=now - HOUR) for n in range(60)])
        due = await shop.outbox.due("email", 40)
        assert again.id in {each.message.id for each in due.waiting}

    tell(story)


def test_only_what_lay_in_dead_hands_is_abandoned(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        alive, dead = await shop.outside.start_deliverer(), await shop.outside.start_deliverer()
        first, second, third = (message(ana, word, now=now) for word in ("one", "two", "three"))
        await shop.write(messages=[first, second, third])
        await shop.write(
            moves=[
                MoveMessage(ana, first.id, PENDING, HANDING, now, deliverer=alive),
                MoveMessage(ana, second.id, PENDING, HANDING, now, deliverer=dead),
            ]
        )
        assert await _abandoned(shop) == []
        await shop.outside.kill_deliverer(dead)
        # A database notices the end of a connection in its own time; the story is given up if it never does.
        while not await _abandoned(shop):
            pass
        assert await _abandoned(shop) == [second.id]

    tell(story)


def test_waiting_ends_as_soon_as_a_message_is_there(tell):
    async def story(shop: Shop):
        assert await shop.waiting() == []
        said = message(shop.key(1), "hello", now=await shop.now())
        await shop.write(messages=[said])
        # Told to wait for an hour, it ends with the news: the story itself is given up long before.
        await shop.outbox.wait(3_600)
        assert await shop.waiting() == [said.id]

    tell(story)


async def _abandoned(shop: Shop) -> list[bytes]:
    due = await shop.outbox.abandoned(10_000)
    return [each.message.id for each in due.waiting if each.message.key.workspace == shop.workspace]
