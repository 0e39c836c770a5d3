"""Customers whose mail was accepted, and what is told of it: the stage of the stories about hearing back, on any adapter."""

from __future__ import annotations

from typing import Any

from contract_world import Shop, message

from oportuno.channels.channel import Answer, Outcome
from oportuno.channels.hearing import Hearing, Proof, What
from oportuno.consent.answers import Answered, Consent, Consents, slot
from oportuno.consent.policy import Policy
from oportuno.consent.reach import Silenced
from oportuno.content.message import Message
from oportuno.flows.hear_back import HearBack, HeardAs, hear_back
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.work import MoveMessage, OutboxStatus, SaveCustomer
from oportuno.kit.faults import Unavailable
from oportuno.kit.ids import CustomerKey, derive
from oportuno.kit.times import DAY
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Core, Register

PENDING, HANDING, ACCEPTED = OutboxStatus.PENDING, OutboxStatus.HANDING, OutboxStatus.ACCEPTED
ANA = "ana@correo.example"


class OneProgramme:
    """Every workspace has laid down the same."""

    async def programme(self, workspace: int) -> Programme:
        return Programme(workspace=workspace, public_id=f"ws_{workspace}", version=1, policy=Policy(), brand=Brand(name="Tienda Norte"))

    async def all(self) -> dict[int, Programme]:
        return {}


def ear_of(shop: Shop) -> HearBack:
    return HearBack(hearings=shop.outside.hearings, store=shop.store, programmes=OneProgramme(), intake=shop.intake)


async def heard(shop: Shop, hearing: Hearing) -> HeardAs:
    """Tell of it until it is stored, as whoever tells must."""
    while True:
        try:
            return await hear_back(hearing, ear_of(shop))
        except Unavailable:
            continue


async def known(shop: Shop, name: str = "ana", address: str = ANA) -> CustomerKey:
    """A customer who said yes to marketing by e-mail."""
    key, now = await shop.customer(user=name), await shop.now()
    draft = Draft(key)
    draft.open(Core).traits["email"] = Register(value=address, at=now)
    draft.open(Consents).answers[slot(Purpose.MARKETING, "email")] = Consent(state=Answered.GRANTED, at=now - DAY)
    await shop.write(saves=[SaveCustomer(key, 0, draft.encode(), None, due_changed=False)])
    return key


async def sent(shop: Shop, key: CustomerKey, *, ref: str = "", address: str = ANA) -> Message:
    """A mail that the provider has accepted, and knows by `ref`."""
    now = await shop.now()
    mail = message(key, f"cesta {ref}", now=now)
    await shop.write(messages=[mail])
    await shop.write(moves=[MoveMessage(key, mail.id, PENDING, HANDING, now, channel="email", address=address)])
    answer = Answer(outcome=Outcome.ACCEPTED, provider_ref=ref)
    await shop.write(moves=[MoveMessage(key, mail.id, HANDING, ACCEPTED, now, answer=answer)])
    return mail


async def told(shop: Shop, mail: Message | None, what: What, **more: Any) -> Hearing:
    facts = {"id": derive(what.value, shop.workspace, mail.id if mail else b""), "what": what, "source": "ses", "at": await shop.now()}
    return Hearing(**{**facts, "proof": Proof.SIGNED, "message": mail.id if mail else b"", **more})


async def drafted(shop: Shop, key: CustomerKey) -> Draft:
    row = await shop.read(key)
    return Draft(key, row.state, row.version)


async def list_of(shop: Shop, address: str = ANA) -> Silenced | None:
    async with shop.store.work() as work:
        return await work.listed(shop.workspace, "email", address)
