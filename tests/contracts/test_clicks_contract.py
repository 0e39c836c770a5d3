"""The contract of clicks: where links lead, what is noted of whom, and what waits to be settled."""

from __future__ import annotations

from contract_world import Shop, message

from oportuno.channels.machine_clicks import Sign, Verdict
from oportuno.content.message import FollowedLink
from oportuno.flows.click import MOST_NOTED, Settled
from oportuno.flows.forget import forget_on
from oportuno.flows.work import MoveMessage, OutboxStatus
from oportuno.kit.ids import derive

CART, HOME = derive("cart"), derive("home")


async def mailed(shop: Shop, number: int = 1, word: str = "cesta"):
    """Give a message of Ana's that was handed off."""
    key, now = shop.key(number), await shop.now()
    if not (await shop.read(key)).version:
        await shop.save(key, 0)
    told = message(key, word, now=now)
    await shop.write(messages=[told])
    await shop.write(moves=[MoveMessage(key, told.id, OutboxStatus.PENDING, OutboxStatus.HANDING, now, deliverer=1)])
    return told


async def waiting(shop: Shop, after: int = -60_000):
    """Give what waits to be settled in this shop, at once unless a wait is said."""
    return [each for each in await shop.outside.clicks.unsettled(after, 1_000) if each.key.workspace == shop.workspace]


def test_a_link_is_stored_once_with_its_workspace_and_found_there_alone(tell):
    async def story(shop: Shop):
        clicks = shop.outside.clicks
        home = FollowedLink(workspace=shop.workspace, id=HOME, url="https://norte.example/ñ?a=1#b")
        cart = FollowedLink(workspace=shop.workspace, id=CART, url="https://norte.example/cesta", cart=True)
        assert await clicks.link(shop.workspace, HOME) is None
        await shop.write(links=[home, cart])
        await shop.write(links=[home])
        assert await clicks.link(shop.workspace, HOME) == home
        assert await clicks.link(shop.workspace, CART) == cart
        assert await clicks.link(shop.workspace + 1_000_000, HOME) is None

    tell(story)


def test_a_click_is_noted_with_its_message_and_waits_to_be_settled(tell):
    async def story(shop: Shop):
        told = await mailed(shop)
        before = await shop.now()
        assert await shop.outside.clicks.note(shop.workspace, told.id, CART, Sign.NONE)
        assert await shop.outside.clicks.note(shop.workspace, told.id, HOME, Sign.AGENT)
        (found,) = await waiting(shop)
        assert (found.key, found.message) == (told.key, told.id)
        assert found.handed_at is not None
        assert {(click.link, click.sign) for click in found.clicks} == {(CART, Sign.NONE), (HOME, Sign.AGENT)}
        assert all(click.at >= before for click in found.clicks)
        assert set(found.waiting) == set(found.clicks)
        assert await waiting(shop, after=3_600_000) == []

    tell(story)


def test_what_is_settled_waits_no_more_and_still_has_a_say_about_the_rest(tell):
    async def story(shop: Shop):
        clicks = shop.outside.clicks
        told = await mailed(shop)
        await clicks.note(shop.workspace, told.id, CART, Sign.NONE)
        (found,) = await waiting(shop)
        assert await clicks.settle(found.key, found.message, [Settled(found.waiting[0], Verdict.PERSON)]) == [Verdict.PERSON]
        assert await waiting(shop) == []
        assert await clicks.settle(found.key, found.message, [Settled(found.waiting[0], Verdict.MACHINE_BURST)]) == []
        await clicks.note(shop.workspace, told.id, HOME, Sign.PREFETCH)
        (again,) = await waiting(shop)
        assert {click.link for click in again.clicks} == {CART, HOME}
        assert [click.link for click in again.waiting] == [HOME]

    tell(story)


def test_nothing_is_noted_of_a_message_that_is_not_there_or_anothers(tell):
    async def story(shop: Shop):
        told = await mailed(shop)
        assert not await shop.outside.clicks.note(shop.workspace, message(shop.key(1), "never", now=await shop.now()).id, CART, Sign.NONE)
        assert not await shop.outside.clicks.note(shop.workspace + 1_000_000, told.id, CART, Sign.NONE)
        assert await waiting(shop) == []

    tell(story)


def test_who_is_forgotten_leaves_no_note_and_makes_none(tell):
    async def story(shop: Shop):
        told = await mailed(shop)
        await shop.outside.clicks.note(shop.workspace, told.id, CART, Sign.NONE)
        await shop.write(erasures=[told.key])
        assert not await shop.outside.clicks.note(shop.workspace, told.id, HOME, Sign.NONE)
        while await forget_on(shop.outside.erasures, most=100):
            pass
        assert await waiting(shop) == []

    tell(story)


def test_whoever_follows_a_link_for_ever_is_noted_so_often_and_no_more(tell):
    async def story(shop: Shop):
        told = await mailed(shop)
        for number in range(MOST_NOTED + 3):
            await shop.outside.clicks.note(shop.workspace, told.id, derive("link", number), Sign.AGENT)
        (found,) = await waiting(shop)
        assert len(found.clicks) == MOST_NOTED

    tell(story)
