"""A provider that certainly took nothing is not waited for: the next one has the message at once, and nobody ever has it twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from deliver_world import BRAND, JudgingProvider, Shop, policy

from oportuno.channels.brake import ANY, Brake
from oportuno.channels.channel import NOT_BEGUN, Answer, Outcome
from oportuno.channels.pace import Lanes
from oportuno.channels.warm_up import WarmUp
from oportuno.channels.ways import ALL_SIGNED
from oportuno.flows.deliver import Ended
from oportuno.flows.programme import Programme
from oportuno.flows.recover import recover_once
from oportuno.flows.ways import Way
from oportuno.flows.work import OutboxStatus
from oportuno.kit.times import DAY, HOUR, MINUTE, SECOND
from oportuno.profile.purposes import Purpose

TAKEN = Answer(outcome=Outcome.ACCEPTED, detail="smtp 250", provider_ref="q1")
DOWN = Answer(outcome=Outcome.REFUSED_FOR_NOW, detail="smtp refused at connect", about="provider")
STRICT = Answer(outcome=Outcome.REFUSED_FOR_NOW, detail="http 429", about="provider", retry_after=HOUR)
LATER = Answer(outcome=Outcome.REFUSED_FOR_NOW, detail="smtp 451 at rcpt")
PERHAPS = Answer(outcome=Outcome.UNKNOWN, detail="smtp timeout at final", about="provider")
GOOD = Answer(outcome=Outcome.REFUSED_FOR_GOOD, detail="smtp 550 at rcpt")


class House(Shop):
    """Tienda Norte with two ways out."""

    def __init__(self, first: Answer, second: Answer = TAKEN) -> None:
        super().__init__(rules=policy(limits=()))
        self.first, self.second = JudgingProvider(self.world, [first]), JudgingProvider(self.world, [second])
        self.ways = [Way("smtp uno", self.first, ALL_SIGNED), Way("ses dos", self.second, ALL_SIGNED)]

    async def one(self, name: str = "ana", *, purpose: Purpose = Purpose.MARKETING) -> tuple[object, object]:
        waiting = await self.message(await self.customer(name), purpose=purpose, lasts=DAY)
        return waiting, await self.deliver(waiting, ways=self.ways)

    def begun(self) -> tuple[int, int]:
        return len(self.first.begun), len(self.second.begun)

    def answer(self, waiting) -> Answer:
        return self.world.tables.messages[waiting.message.id].answer


def tell(house: House, story: Callable[[House], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(house), 120))


@pytest.mark.parametrize("refused", [DOWN, STRICT], ids=["down", "429"])
def test_what_the_first_provider_certainly_did_not_take_the_next_one_takes_within_the_same_claim(refused: Answer) -> None:
    async def story(house: House) -> None:
        waiting, delivered = await house.one()
        assert delivered.ended is Ended.ACCEPTED
        assert delivered.tried == (("smtp uno", "refused_for_now"), ("ses dos", "accepted"))
        assert house.begun() == (1, 1)
        assert house.status(waiting) is OutboxStatus.ACCEPTED
        answer = house.answer(waiting)
        assert (answer.way, answer.provider_ref, answer.sender, answer.receiver) == ("ses dos", "q1", "tiendanorte.example", "other")
        assert "smtp uno" in answer.detail
        assert len(house.attention(waiting.message.key)) == 1

    tell(House(refused), story)


def test_a_provider_that_failed_rests_while_the_next_one_works_and_is_tried_again_with_one_message() -> None:
    async def story(house: House) -> None:
        await house.one("ana")
        await house.one("bruno")
        assert house.begun() == (1, 2)
        house.world.clock.advance(2 * SECOND)
        house.first._answers = [TAKEN]
        await house.one("carla")
        await house.one("dora")
        assert house.begun() == (3, 2)

    tell(House(DOWN), story)


def test_a_429_is_honoured_for_its_provider_as_long_as_it_asked_and_nobody_waits_for_it() -> None:
    async def story(house: House) -> None:
        for place in range(4):
            house.world.clock.advance(10 * MINUTE)
            assert (await house.one(f"ana-{place}"))[1].ended is Ended.ACCEPTED
        assert house.begun() == (1, 4)
        house.world.clock.advance(HOUR)
        house.first._answers = [TAKEN]
        await house.one("bruno")
        assert house.begun() == (2, 4)

    tell(House(STRICT), story)


@pytest.mark.parametrize(
    ("answer", "status"),
    [(PERHAPS, OutboxStatus.UNKNOWN), (GOOD, OutboxStatus.REFUSED), (LATER, OutboxStatus.PENDING), (NOT_BEGUN, OutboxStatus.PENDING)],
    ids=["unknown", "for good", "one mailbox", "not begun"],
)
def test_nothing_else_is_ever_given_to_the_next_provider(answer: Answer, status: OutboxStatus) -> None:
    async def story(house: House) -> None:
        waiting, _ = await house.one()
        assert house.begun() == (1, 0)
        assert house.status(waiting) is status

    tell(House(answer), story)


def test_a_marketing_unknown_is_given_to_nobody_even_when_its_provider_rests() -> None:
    async def story(house: House) -> None:
        waiting, _ = await house.one("ana")
        for other in ("b", "c", "d", "e"):
            await house.one(other)
        assert house.begun()[0] == 3
        house.world.clock.advance(HOUR)
        await house.deliver(waiting, ways=house.ways)
        assert (await recover_once(house.world.outbox, house.world.store)) == 0
        assert [hand.id for hand in house.second.begun].count(waiting.message.id) == 0

    tell(House(PERHAPS), story)


def test_a_service_message_s_unknown_goes_once_more_by_whichever_way_is_open_under_the_same_id() -> None:
    async def story(house: House) -> None:
        waiting, delivered = await house.one(purpose=Purpose.SERVICE)
        assert delivered.ended is Ended.UNKNOWN
        house.pace.hear(Lanes("provider smtp uno", "", ""), STRICT, house.world.clock.monotonic())
        house.world.clock.advance(10 * SECOND)
        [again] = (await house.world.outbox.due("email", 10)).waiting
        assert (await house.deliver(again, ways=house.ways)).ended is Ended.ACCEPTED
        assert [hand.id for hand in (*house.first.begun, *house.second.begun)] == [waiting.message.id] * 2

    tell(House(PERHAPS), story)


def test_when_the_claim_is_over_before_the_refusal_came_a_fresh_one_asks_again_at_once() -> None:
    async def story(house: House) -> None:
        waiting = await house.message(await house.customer("ana"), lasts=DAY)

        async def slow() -> None:
            house.world.clock.advance(SECOND)

        house.world.at["provider.hand_off"] = [slow]
        assert (await house.deliver(waiting, ways=house.ways)).ended is Ended.REFUSED_FOR_NOW
        assert house.begun() == (1, 0)
        [again] = (await house.world.outbox.due("email", 10)).waiting
        assert (await house.deliver(again, ways=house.ways)).ended is Ended.ACCEPTED
        assert house.begun() == (1, 1)

    tell(House(DOWN), story)


def test_with_every_way_down_a_message_waits_and_nothing_is_counted_against_anybody() -> None:
    async def story(house: House) -> None:
        waiting, delivered = await house.one()
        assert delivered.ended is Ended.REFUSED_FOR_NOW
        assert house.begun() == (1, 1)
        assert house.status(waiting) is OutboxStatus.PENDING
        assert [made for _, made in house.attention(waiting.message.key)] == [False]
        assert (await house.deliver(waiting, ways=house.ways)).ended is Ended.PACED
        assert house.begun() == (1, 1)

    tell(House(DOWN, DOWN), story)


# ── The house's rules ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("brand", "signs", "refusal"),
    [
        ({"legal": ""}, (ALL_SIGNED, ALL_SIGNED), "no_postal_address"),
        ({}, ("", ""), "mail_unsigned"),
        ({}, ("otra.example", ""), "sender_unaligned"),
    ],
)
def test_marketing_without_what_the_rules_ask_is_a_silence_with_its_name_and_service_goes(brand, signs, refusal: str) -> None:
    async def story(house: House) -> None:
        house.programme = msgspec.structs.replace(house.programme, brand=msgspec.structs.replace(BRAND, **brand))
        house.ways = [way._replace(signs=signs[place]) for place, way in enumerate(house.ways)]
        waiting, delivered = await house.one()
        assert (delivered.ended, delivered.reason) == (Ended.SILENT, refusal)
        assert house.status(waiting) is OutboxStatus.CANCELLED
        assert house.verdicts() == [("silence", refusal)]
        assert house.attention(waiting.message.key) == []
        assert house.begun() == (0, 0)
        assert (await house.one("bruno", purpose=Purpose.SERVICE))[1].ended is Ended.ACCEPTED

    tell(House(TAKEN), story)


def test_marketing_goes_only_by_ways_that_sign_in_the_sender_s_name() -> None:
    async def story(house: House) -> None:
        house.ways = [house.ways[0]._replace(signs="otra.example"), house.ways[1]._replace(signs="tiendanorte.example")]
        await house.one()
        assert house.begun() == (0, 1)
        await house.one("bruno", purpose=Purpose.SERVICE)
        assert house.begun() == (1, 1)

    tell(House(TAKEN), story)


# ── Complaints, and new domains ─────────────────────────────────────────────────────────────────────────────────────


class Watched:
    """What a story says of the sending domain."""

    def __init__(self, brake: Brake = Brake.NONE, group: str = ANY, wait: int = 0) -> None:
        self.held, self.group, self.wait = brake, group, wait
        self.taken: list[tuple[str, str]] = []
        self.back = 0

    def brake(self, workspace: int, sender: str, receiver: str) -> Brake:
        assert (workspace, sender) == (7, "tiendanorte.example")
        return self.held if receiver == self.group else Brake.NONE

    async def may_go(self, workspace: int, sender: str, warm_up: WarmUp, *, marketing: bool) -> int:
        return self.wait if marketing else 0

    def came_back(self, workspace: int, sender: str) -> None:
        self.back += 1

    def accepted(self, workspace: int, sender: str, receiver: str) -> None:
        self.taken.append((sender, receiver))


@pytest.mark.parametrize("group", [ANY, "other"])
def test_a_stopped_domain_s_marketing_waits_for_a_named_reason_and_its_service_messages_go(group: str) -> None:
    async def story(house: House) -> None:
        watched = Watched(Brake.STOP, group)
        waiting = await house.message(await house.customer("ana"), lasts=DAY)
        delivered = await house.deliver(waiting, ways=house.ways, sending=watched)
        assert (delivered.ended, delivered.reason) == (Ended.WAITS, "complaints_high")
        assert house.status(waiting) is OutboxStatus.PENDING
        help_ = await house.message(await house.customer("bruno"), purpose=Purpose.SERVICE, lasts=DAY)
        assert (await house.deliver(help_, ways=house.ways, sending=watched)).ended is Ended.ACCEPTED
        watched.held = Brake.NONE
        house.world.clock.advance(HOUR)
        assert (await house.deliver(waiting, ways=house.ways, sending=watched)).ended is Ended.ACCEPTED

    tell(House(TAKEN), story)


def test_a_message_whose_time_is_over_before_the_brake_is_looked_at_again_falls_silent_by_its_name() -> None:
    async def story(house: House) -> None:
        waiting = await house.message(await house.customer("ana"), lasts=5 * MINUTE)
        delivered = await house.deliver(waiting, ways=house.ways, sending=Watched(Brake.STOP))
        assert (delivered.ended, delivered.reason) == (Ended.SILENT, "complaints_high")
        assert house.verdicts() == [("silence", "complaints_high")]

    tell(House(TAKEN), story)


def test_what_is_over_a_new_domain_s_day_waits_for_the_next_and_is_not_claimed() -> None:
    async def story(house: House) -> None:
        warm = policy(limits=(), warm_up=WarmUp(starts=0, at_most=(1,)))
        house.programme = Programme(workspace=7, public_id="ws_7", version=1, policy=warm, brand=BRAND)
        waiting = await house.message(await house.customer("ana"), lasts=DAY)
        watched = Watched(wait=HOUR)
        delivered = await house.deliver(waiting, ways=house.ways, sending=watched)
        assert (delivered.ended, delivered.wait) == (Ended.PACED, HOUR)
        assert [made for _, made in house.attention(waiting.message.key)] == [False]
        watched.wait = 0
        assert (await house.deliver(waiting, ways=house.ways, sending=watched)).ended is Ended.ACCEPTED
        assert (watched.back, len(watched.taken)) == (0, 1)
        again = await house.message(await house.customer("bruno"), lasts=DAY)
        house.first._answers = [LATER]
        await house.deliver(again, ways=house.ways, sending=watched)
        assert watched.back == 1

    tell(House(TAKEN), story)
