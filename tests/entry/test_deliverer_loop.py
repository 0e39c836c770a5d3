"""The loop of the deliver process: everything due goes out, and nobody waits for somebody else's trouble."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "flows"))

from deliver_world import ACCEPTED, Shop, policy, programme, render

from oportuno.channels.channel import Answer, Outcome, Window
from oportuno.channels.pace import Pace, Rate
from oportuno.channels.ways import ALL_SIGNED
from oportuno.content.message import Message, Rendered
from oportuno.content.template import Template
from oportuno.entry.deliverer import Deliverer
from oportuno.flows.deliver import Delivered, Ended
from oportuno.flows.ports import Due
from oportuno.flows.programme import Programme
from oportuno.flows.ways import Way, Ways
from oportuno.flows.work import OutboxStatus
from oportuno.kit.faults import Unavailable
from oportuno.kit.times import DAY
from oportuno.profile.purposes import Purpose


class CalmOutbox:
    """The twin's outbox, with a wait that does not move the clock."""

    def __init__(self, shop: Shop) -> None:
        self._outbox = shop.world.outbox
        self.lost = False

    async def due(self, channel: str, limit: int) -> Due:
        return await self._outbox.due(channel, limit)

    async def abandoned(self, limit: int) -> Due:
        return await self._outbox.abandoned(limit)

    async def wait(self, most: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), min(most, 0.01))
        if self.lost:
            raise Unavailable("database_gone", "the database does not answer")


class Endpoint:
    """One provider: answers, or keeps everybody waiting until it is let go."""

    def __init__(self, answer: Answer = ACCEPTED, *, hangs: bool = False) -> None:
        self.answer = answer
        self.free = asyncio.Event()
        self.begun: list[bytes] = []
        self.arrived = asyncio.Semaphore(0)
        self.now = self.most = 0
        if not hangs:
            self.free.set()

    async def hand_off(self, message: Message, _rendered: Rendered, _address: str, _window: Window) -> Answer:
        self.begun.append(message.id)
        self.arrived.release()
        self.now += 1
        self.most = max(self.most, self.now)
        await self.free.wait()
        await asyncio.sleep(0)
        self.now -= 1
        return self.answer


@contextlib.asynccontextmanager
async def running(shop: Shop, ways: Ways, **more: Any) -> Any:
    heard: asyncio.Queue[tuple[str, Delivered]] = asyncio.Queue()
    outbox = CalmOutbox(shop)
    deliverer = Deliverer(
        number=shop.deliverer,
        outbox=outbox,
        store=shop.world.store,
        programmes=shop.world.programmes,
        clock=shop.world.clock,
        ways=ways,
        heard=lambda channel, delivered: heard.put_nowait((channel, delivered)),
        **{"render": render, **more},
    )
    task = asyncio.get_running_loop().create_task(deliverer.run(), name="deliverer")
    try:
        yield deliverer, heard, outbox
    finally:
        deliverer.stop()
        await task


def tell(story: Callable[[Shop], Awaitable[None]]) -> None:
    async def whole() -> None:
        await story(Shop(rules=policy(limits=())))

    asyncio.run(asyncio.wait_for(whole(), 300))


async def messages(shop: Shop, count: int, *, channel: str = "email", workspace: int = 7) -> list[Any]:
    shop.world.programmes.put(programme(policy(limits=()), workspace))
    found = []
    for place in range(count):
        key = await shop.customer(f"{channel}-{workspace}-{place}", workspace=workspace)
        found.append(await shop.message(key, channel=channel, lasts=DAY))
    return found


def test_everything_due_goes_out_once_with_never_more_than_the_places_in_hand() -> None:
    async def story(shop: Shop) -> None:
        mail, hook = Endpoint(), Endpoint()
        waiting = await messages(shop, 40) + await messages(shop, 40, channel="webhook")
        async with running(shop, lambda _p, channel: [Way(channel, mail if channel == "email" else hook, ALL_SIGNED)]) as (_, heard, _o):
            for _ in waiting:
                assert (await heard.get())[1].ended is Ended.ACCEPTED
        assert {shop.status(one) for one in waiting} == {OutboxStatus.ACCEPTED}
        assert len(set(mail.begun + hook.begun)) == len(mail.begun + hook.begun) == 80
        assert mail.most + hook.most <= 16

    tell(story)


def test_a_mail_server_that_hangs_does_not_hold_up_webhooks() -> None:
    async def story(shop: Shop) -> None:
        mail, hook = Endpoint(hangs=True), Endpoint()
        await messages(shop, 30)
        await messages(shop, 30, channel="webhook")
        async with running(shop, lambda _p, channel: [Way(channel, mail if channel == "email" else hook, ALL_SIGNED)]) as (_, heard, _o):
            for _ in range(30):
                assert (await heard.get())[0] == "webhook"
            assert not mail.free.is_set()
            mail.free.set()

    tell(story)


def test_one_shop_s_endpoint_that_hangs_does_not_hold_up_another_shop() -> None:
    async def story(shop: Shop) -> None:
        slow, quick = Endpoint(hangs=True), Endpoint()
        await messages(shop, 30, channel="webhook", workspace=7)
        await messages(shop, 30, channel="webhook", workspace=8)
        async with running(shop, lambda p, _c: [Way("webhook", slow if p.workspace == 7 else quick, ALL_SIGNED)]) as (_, heard, _o):
            for _ in range(30):
                assert (await heard.get())[1].ended is Ended.ACCEPTED
            assert len(quick.begun) == 30
            slow.free.set()

    tell(story)


def test_however_many_shops_endpoints_hang_one_that_answers_is_not_held_up() -> None:
    async def story(shop: Shop) -> None:
        slow, quick = Endpoint(hangs=True), Endpoint()
        for workspace in (7, 8):
            await messages(shop, 30, channel="webhook", workspace=workspace)
        async with running(shop, lambda p, _c: [Way("webhook", quick if p.workspace == 9 else slow, ALL_SIGNED)]) as (_, heard, _o):
            for _ in range(6):
                await slow.arrived.acquire()
            await messages(shop, 30, channel="webhook", workspace=9)
            for _ in range(30):
                assert (await heard.get())[1].ended is Ended.ACCEPTED
            assert (len(quick.begun), slow.most) == (30, 6)
            slow.free.set()

    tell(story)


def test_a_shop_that_has_used_up_its_pace_waits_alone() -> None:
    async def story(shop: Shop) -> None:
        hook = Endpoint()
        mine = await messages(shop, 30, channel="webhook", workspace=7)
        theirs = await messages(shop, 30, channel="webhook", workspace=8)
        pace = Pace(rates={"workspace 7 webhook": Rate(0.001, 5)})
        async with running(shop, lambda _p, _c: [Way("webhook", hook, ALL_SIGNED)], pace=pace) as (_, heard, _o):
            accepted = 0
            while accepted < 35:
                accepted += (await heard.get())[1].ended is Ended.ACCEPTED
        assert {shop.status(one) for one in theirs} == {OutboxStatus.ACCEPTED}
        assert sum(shop.status(one) is OutboxStatus.ACCEPTED for one in mine) == 5

    tell(story)


def test_those_who_wait_for_one_used_up_domain_come_back_one_after_the_other() -> None:
    async def story(shop: Shop) -> None:
        mail = Endpoint()
        waiting = await messages(shop, 8)
        pace = Pace(rates={"domain": Rate(0.25, 2)})
        async with running(shop, lambda _p, _c: [Way("email", mail, ALL_SIGNED)], pace=pace) as (_, heard, _o):
            ends = [(await heard.get())[1].ended for _ in waiting]
        assert sorted(ends) == [Ended.ACCEPTED] * 2 + [Ended.PACED] * 6
        later = [shop.world.tables.messages[one.message.id].not_before - shop.now for one in waiting]
        assert sorted(wait for wait in later if wait > 0) == [4_000, 8_000, 12_000, 16_000, 20_000, 24_000]

    tell(story)


def test_where_a_webhook_s_host_is_known_nobody_claims_in_vain_for_a_place_that_is_not_there() -> None:
    hook_url = "https://tienda.example/hook"

    async def story(shop: Shop) -> None:
        hook = Endpoint()
        await messages(shop, 12, channel="webhook")
        template = Template(key="abandoned-cart", version=1, channel="webhook", purpose=Purpose.MARKETING, url=hook_url)
        known = msgspec.structs.replace(programme(policy(limits=())), templates={template.key: template})
        shop.world.programmes.put(known)
        worded = {"render": lambda *_: Rendered(channel="webhook", language="es", subject="", url=hook_url)}
        pace = Pace(rates={"host": Rate(8, 4)})
        async with running(shop, lambda _p, _c: [Way("webhook", hook, ALL_SIGNED)], pace=pace, **worded) as (_, heard, _o):
            ends = [(await heard.get())[1].ended for _ in range(4)]
            for _ in range(8):
                shop.world.clock.advance(125)
                ends.append((await heard.get())[1].ended)
        assert ends == [Ended.ACCEPTED] * 12

    tell(story)


def test_a_provider_that_is_down_is_asked_rarely_and_its_messages_step_aside() -> None:
    down = Answer(outcome=Outcome.REFUSED_FOR_NOW, detail="smtp refused at connect", about="provider", retry_after=60_000)

    async def story(shop: Shop) -> None:
        mail, hook = Endpoint(down), Endpoint()
        waiting = await messages(shop, 30)
        await messages(shop, 30, channel="webhook")
        async with running(shop, lambda _p, channel: [Way(channel, mail if channel == "email" else hook, ALL_SIGNED)]) as (_, heard, _o):
            ends = []
            while sum(channel == "webhook" for channel, _ in ends) < 30 or sum(end.ended is Ended.PACED for _, end in ends) < 22:
                ends.append(await heard.get())
        assert {end.ended for channel, end in ends if channel == "webhook"} == {Ended.ACCEPTED}
        assert len(mail.begun) <= 8
        assert {shop.status(one) for one in waiting} == {OutboxStatus.PENDING}
        assert all(shop.world.tables.messages[one.message.id].not_before > shop.now for one in waiting)

    tell(story)


def test_after_stop_what_is_in_hand_is_finished_and_recorded_and_nothing_new_begins() -> None:
    async def story(shop: Shop) -> None:
        mail = Endpoint(hangs=True)
        waiting = await messages(shop, 30)
        async with running(shop, lambda _p, _c: [Way("email", mail, ALL_SIGNED)]) as (deliverer, _heard, _o):
            await mail.arrived.acquire()
            deliverer.stop()
            mail.free.set()
        begun = set(mail.begun)
        assert {shop.status(one) for one in waiting if one.message.id in begun} == {OutboxStatus.ACCEPTED}
        assert {shop.status(one) for one in waiting if one.message.id not in begun} == {OutboxStatus.PENDING}

    tell(story)


def test_who_is_told_to_stop_while_the_database_is_gone_does_not_try_for_ever_to_record_what_was_in_hand() -> None:
    async def story(shop: Shop) -> None:
        mail = Endpoint(hangs=True)
        await messages(shop, 1)
        async with running(shop, lambda _p, _c: [Way("email", mail, ALL_SIGNED)]) as (deliverer, _heard, _o):
            await mail.arrived.acquire()

            def gone() -> Any:
                raise Unavailable("database_gone", "the database does not answer")

            deliverer.store = shop.world.store
            shop.world.store.work = gone  # type: ignore[method-assign]
            deliverer.stop()
            mail.free.set()

    tell(story)


def test_when_the_outbox_is_gone_for_good_the_deliverer_ends_so_that_a_new_one_is_born() -> None:
    async def story(shop: Shop) -> None:
        async def until_it_ends() -> None:
            async with running(shop, lambda _p, _c: [Way("email", Endpoint(), ALL_SIGNED)]) as (_, _h, outbox):
                outbox.lost = True
                await asyncio.wait([task for task in asyncio.all_tasks() if task.get_name() == "deliverer"])

        with pytest.raises(Unavailable):
            await until_it_ends()

    tell(story)


def test_a_message_of_a_workspace_that_is_gone_does_not_stop_the_others() -> None:
    async def story(shop: Shop) -> None:
        mail = Endpoint()
        stray = await shop.customer("stray", workspace=99)
        await shop.message(stray)
        await messages(shop, 5)
        async with running(shop, lambda _p, _c: [Way("email", mail, ALL_SIGNED)]) as (_, heard, _o):
            for _ in range(5):
                assert (await heard.get())[1].ended is Ended.ACCEPTED

    tell(story)


def test_a_deliverer_tells_which_rule_keeps_marketing_from_leaving_until_it_leaves() -> None:
    async def story(shop: Shop) -> None:
        mail, signs = Endpoint(), [""]
        await messages(shop, 1)
        async with running(shop, lambda _p, channel: [Way(channel, mail, signs[0])]) as (deliverer, heard, _o):
            assert (await heard.get())[1].ended is Ended.SILENT
            assert deliverer.says()["marketing_held"] == ["mail_unsigned"]
            signs[0] = ALL_SIGNED
            await shop.message(await shop.customer("ana"), lasts=DAY)
            assert (await heard.get())[1].ended is Ended.ACCEPTED
            assert deliverer.says()["marketing_held"] == []

    tell(story)


def test_a_round_that_fails_in_a_way_nobody_foresaw_does_not_silence_its_channel() -> None:
    async def story(shop: Shop) -> None:
        mail = Endpoint()
        [waiting] = await messages(shop, 1)
        failures = iter([True])

        def ways(_programme: Programme, channel: str) -> list[Way]:
            if next(failures, False):
                raise KeyError(channel)
            return [Way(channel, mail, ALL_SIGNED)]

        async with running(shop, ways) as (_, heard, _o):
            assert (await heard.get())[1].ended is Ended.ACCEPTED
        assert shop.status(waiting) is OutboxStatus.ACCEPTED

    tell(story)
