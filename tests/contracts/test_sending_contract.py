"""The contract of what a program's request leaves behind: what its key stands for, and how each hand-off ended."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import pytest
from contract_world import Shop, message

from oportuno.channels.channel import Answer, Outcome
from oportuno.consent.policy import Policy
from oportuno.content.message import Rendered
from oportuno.flows import send
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.reads import VOID, Attempt
from oportuno.flows.work import AskedBefore, MoveMessage, OutboxStatus, SendKey, Writes
from oportuno.kit.times import HOUR
from oportuno.moments.sending import Sending

PENDING, HANDING, ACCEPTED = OutboxStatus.PENDING, OutboxStatus.HANDING, OutboxStatus.ACCEPTED


class Office(NamedTuple):
    """What sending needs, over one adapter, with a workspace that has laid down nothing."""

    shop: Shop

    def of(self) -> send.Office:
        shop = self.shop
        laid_down = Programme(
            workspace=shop.workspace,
            public_id=f"ws_{shop.workspace}",
            version=1,
            policy=Policy(timezone="Europe/Madrid"),
            brand=Brand(name="Tienda Norte", sender="hola@tiendanorte.example"),
        )

        class Laid:
            async def programme(self, _workspace: int) -> Programme:
                return laid_down

            async def all(self) -> dict[int, Programme]:
                return {shop.workspace: laid_down}

        return send.Office(
            store=shop.store,
            reads=shop.outside.reads,
            programmes=Laid(),
            intake=shop.intake,
            words=lambda message, _programme, _draft, _now: Rendered(channel=message.said.channel, language="es"),
            digest_key=b"k" * 32,
        )

    async def ask(self, key: str, text: str = "Sale mañana.", address: str = "ana@example.com") -> send.Sent:
        sending = Sending(basis="contract", channel="email", subject="Tu pedido", text=text, lasts=HOUR)
        return await send.send(send.Whom(address=address), sending, workspace=self.shop.workspace, key=key, office=self.of())


async def asked(shop: Shop, key: str, digest: bytes = b"d" * 16) -> AskedBefore | None:
    async with shop.store.work() as work:
        await work.lock([])
        return await work.asked_before(shop.workspace, key, digest)


async def noted(shop: Shop, key: str, word: str, digest: bytes = b"d" * 16) -> AskedBefore | bytes:
    """Ask under a key, and take it where nobody has."""
    async with shop.store.work() as work:
        now, _ = await work.lock([])
        before = await work.asked_before(shop.workspace, key, digest)
        if before is not None:
            return before
        said = message(shop.key(1), word, now=now)
        await work.commit(Writes(messages=[said], send_keys=[SendKey(shop.workspace, key, digest, said.id, now)]))
        return said.id


def test_a_key_stands_for_what_was_first_asked_for_under_it(tell):
    async def story(shop: Shop):
        assert await asked(shop, "order-1") is None
        first = await noted(shop, "order-1", "hello")
        assert await asked(shop, "order-1") == AskedBefore(first, same=True)
        assert await asked(shop, "order-1", b"other" + bytes(11)) == AskedBefore(first, same=False)
        assert await asked(shop, "order-2") is None

    tell(story)


def test_a_key_of_one_shop_means_nothing_in_another(tell):
    async def story(shop: Shop):
        await noted(shop, "order-1", "hello")
        assert await asked(Shop(shop.outside), "order-1") is None

    tell(story)


def test_of_many_who_ask_at_once_under_one_key_one_takes_it(tell):
    async def story(shop: Shop):
        found = await asyncio.gather(*(noted(shop, "order-1", f"word {number}") for number in range(12)))
        taken = [each for each in found if isinstance(each, bytes)]
        assert len(taken) == 1
        assert {each for each in found if not isinstance(each, bytes)} == {AskedBefore(taken[0], same=True)}
        assert await shop.waiting() == taken

    tell(story)


def test_each_hand_off_leaves_how_it_ended(tell):
    async def story(shop: Shop):
        ana, now, number = shop.key(1), await shop.now(), await shop.outside.start_deliverer()
        said = message(ana, "hello", now=now, marketing=False)
        await shop.write(messages=[said])
        claim = MoveMessage(ana, said.id, PENDING, HANDING, now, deliverer=number)
        first = Answer(outcome=Outcome.REFUSED_FOR_NOW, detail="smtp 421", way="smtp one")
        second = Answer(outcome=Outcome.UNKNOWN, detail="reset", way="smtp two")
        await shop.write(moves=[claim])
        await shop.write(moves=[MoveMessage(ana, said.id, HANDING, PENDING, now + 1, not_before=now, answer=second, tried=(first, second))])
        await shop.write(moves=[claim._replace(at=now + 2)])
        await shop.write(moves=[MoveMessage(ana, said.id, HANDING, PENDING, now + 3, not_before=now, reason="void")])
        await shop.write(moves=[claim._replace(at=now + 4)])
        taken = Answer(outcome=Outcome.ACCEPTED, way="smtp two")
        await shop.write(moves=[MoveMessage(ana, said.id, HANDING, ACCEPTED, now + 5, answer=taken)])
        assert await shop.outside.reads.attempts(shop.workspace, said.id) == [
            Attempt(n=1, claimed_at=now, ended_at=now + 1, way="smtp one", outcome="refused_for_now", detail="smtp 421"),
            Attempt(n=1, claimed_at=now, ended_at=now + 1, way="smtp two", outcome="unknown", detail="reset"),
            Attempt(n=2, claimed_at=now + 2, ended_at=now + 3, outcome=VOID, detail="void"),
            Attempt(n=3, claimed_at=now + 4, ended_at=now + 5, way="smtp two", outcome="accepted"),
        ]
        assert await shop.outside.reads.attempts(shop.workspace + 100_000, said.id) == []

    tell(story)


def test_of_a_forgotten_customer_no_hand_off_is_remembered(tell):
    async def story(shop: Shop):
        ana, now = shop.key(1), await shop.now()
        said = message(ana, "hello", now=now)
        await shop.save(ana, 0)
        await shop.write(messages=[said])
        await shop.write(moves=[MoveMessage(ana, said.id, PENDING, HANDING, now)])
        refused = Answer(outcome=Outcome.REFUSED_FOR_GOOD, detail="550 no ana@correo.example here")
        await shop.write(moves=[MoveMessage(ana, said.id, HANDING, OutboxStatus.REFUSED, now + 1, answer=refused)])
        await shop.write(erasures=[ana])
        assert await shop.outside.reads.attempts(shop.workspace, said.id) == []
        while await shop.outside.erasures.advance():
            pass
        assert await shop.outside.reads.attempts(shop.workspace, said.id) == []

    tell(story)


def test_of_many_who_send_at_once_under_one_key_to_somebody_new_one_is_heard_and_all_are_told_of_it(tell):
    async def story(shop: Shop):
        office = Office(shop)
        await shop.customer("somebody else")  # its ingester connects when it is first asked, and not twice at once
        sent = await asyncio.gather(*(office.ask("order-1") for _ in range(12)))
        assert {(each.message, each.key, each.at, each.expires_at, each.silence) for each in sent} == {sent[0][:5]}
        assert [each.again for each in sent].count(False) == 1
        assert await shop.waiting() == [sent[0].message]
        assert len(await shop.outside.reads.verdicts(sent[0].key, before=None, limit=50)) == 1
        with pytest.raises(send.KeyReused):
            await office.ask("order-1", "Sale hoy.")

    tell(story)


def test_many_who_send_at_once_under_keys_of_their_own_reach_one_and_the_same_person(tell):
    async def story(shop: Shop):
        office = Office(shop)
        await shop.customer("somebody else")  # its ingester connects when it is first asked, and not twice at once
        sent = await asyncio.gather(*(office.ask(f"order-{number}", address="Ana@example.com") for number in range(8)))
        assert len({each.message for each in sent}) == 8
        assert len({each.key for each in sent}) == 1
        assert sorted(await shop.waiting()) == sorted(each.message for each in sent)

    tell(story)


def test_the_address_that_a_request_tells_stands_in_the_log_too_and_starts_nothing(tell):
    async def story(shop: Shop):
        sent = await Office(shop).ask("order-1")
        [event] = await shop.outside.reads.events(sent.key, before=None, limit=9)
        assert (event.source.name, b"ana@example.com" in event.body) == ("IMPORT", True)
        await Office(shop).ask("order-2")
        assert len(await shop.outside.reads.events(sent.key, before=None, limit=9)) == 1

    tell(story)
