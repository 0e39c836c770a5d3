"""The contract of questions to confirm: one address is asked as often as the policy allows, however many strangers name it."""

from __future__ import annotations

import asyncio

from contract_world import Shop

from oportuno.adapters.system_clock import SystemClock
from oportuno.attention.ledger import Limit
from oportuno.channels.channel import Answer, Outcome
from oportuno.channels.pace import Pace
from oportuno.consent.answers import Answered, Consent, Consents
from oportuno.consent.confirm import MARKETING_EMAIL
from oportuno.consent.policy import Policy
from oportuno.content.message import Rendered
from oportuno.decision.at_once import decide_at_once
from oportuno.flows.deliver import Delivered, Ended, deliver_one
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.ways import Way
from oportuno.flows.work import SaveCustomer
from oportuno.kit.times import DAY
from oportuno.moments.asking import ask_to_confirm
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Core, Register

VICTIM = "carla@cliente.example"
_ROUNDS = 40


class Postbox:
    """A provider that remembers what came; `away` times it is not there."""

    def __init__(self, away: int = 0) -> None:
        self.addresses: list[str] = []
        self.away = away

    async def hand_off(self, message, rendered, address, window):
        if self.away:
            self.away -= 1
            return Answer(outcome=Outcome.REFUSED_FOR_NOW, retry_after=0)
        self.addresses.append(address.lower())
        return Answer(outcome=Outcome.ACCEPTED)


class House:
    """The shop, its policy, and a deliverer."""

    def __init__(self, shop: Shop, deliverer: int, postbox: Postbox, policy: Policy) -> None:
        self.shop = shop
        self.deliverer = deliverer
        self.postbox = postbox
        self.programme = Programme(
            workspace=shop.workspace, public_id=f"ws_{shop.workspace}", version=1, policy=policy, brand=Brand(name="Tienda Norte")
        )

    async def named(self, number: int, address: str = VICTIM) -> bytes:
        """Let a stranger leave an address and ask for news; gives the question that the engine decides on."""
        key, now = self.shop.key(number), await self.shop.now()
        draft = Draft(key)
        draft.open(Core).traits["email"] = Register(value=address, at=now, h=b"h")
        draft.open(Consents).answers[MARKETING_EMAIL] = Consent(state=Answered.PENDING, at=now, source="browser")
        policy = self.programme.policy
        _, message = decide_at_once(draft, ask_to_confirm(draft, MARKETING_EMAIL, policy=policy, now=now), policy=policy, now=now)
        assert message is not None
        await self.shop.write(saves=[SaveCustomer(key, 0, draft.encode(), None, due_changed=False)], messages=[message])
        return message.id

    async def deliver_all(self) -> list[Delivered]:
        """Try all that waits at once, and again what comes back, until nothing waits."""
        ended: list[Delivered] = []
        for _ in range(_ROUNDS):
            due = await self.shop.outbox.due("email", 10_000)
            mine = [each for each in due.waiting if each.message.key.workspace == self.shop.workspace]
            if not mine:
                return ended
            ended += await asyncio.gather(*(self._deliver(waiting) for waiting in mine))
        raise AssertionError("messages wait for ever")

    async def _deliver(self, waiting):
        return await deliver_one(
            waiting,
            programme=self.programme,
            store=self.shop.store,
            ways=[Way("postbox", self.postbox)],
            render=lambda message, _programme, _draft, _now: Rendered(channel=message.said.channel, language="es", subject="¿Eres tú?"),
            deliverer=self.deliverer,
            clock=SystemClock(),
            pace=Pace(),
        )


async def house(shop: Shop, *, away: int = 0, at_most: int = 2) -> House:
    policy = Policy(quiet=(0, 0), timezone="Europe/Madrid", confirm_limit=Limit(at_most=at_most, per=7 * DAY))
    return House(shop, await shop.outside.start_deliverer(), Postbox(away), policy)


def test_fifty_strangers_who_name_one_address_get_it_two_mails_and_each_silence_has_its_name(tell):
    async def story(shop: Shop):
        norte = await house(shop)
        spellings = (VICTIM, VICTIM.upper(), "Carla@Cliente.Example")
        for number in range(50):
            await norte.named(number, spellings[number % 3])
        ended = await norte.deliver_all()
        assert norte.postbox.addresses == [VICTIM, VICTIM]
        silent = [each for each in ended if each.ended is Ended.SILENT]
        assert len(silent) == 48
        assert {each.reason for each in silent} == {"asked_enough"}
        verdicts = [await shop.outside.reads.verdicts(shop.key(number), before=None, limit=9) for number in range(50)]
        refused = [one.verdict.reasons[0] for several in verdicts for one in several if one.verdict.reasons]
        assert [reason.refusal.value for reason in refused] == ["asked_enough"] * 48
        assert all(VICTIM not in repr(reason).lower() for reason in refused)

    tell(story)


def test_another_address_is_asked_all_the_same(tell):
    async def story(shop: Shop):
        norte = await house(shop)
        for number in range(4):
            await norte.named(number)
        await norte.named(9, "dora@cliente.example")
        await norte.deliver_all()
        assert sorted(norte.postbox.addresses) == [VICTIM, VICTIM, "dora@cliente.example"]

    tell(story)


def test_a_question_that_had_to_be_tried_again_counts_once(tell):
    async def story(shop: Shop):
        norte = await house(shop, away=3)
        await norte.named(1)
        await norte.deliver_all()
        assert norte.postbox.addresses == [VICTIM]
        await norte.named(2)
        await norte.named(3)
        await norte.deliver_all()
        assert norte.postbox.addresses == [VICTIM, VICTIM]

    tell(story)
