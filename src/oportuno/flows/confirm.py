"""Double opt-in: was it really they who asked for news? One link, one page, and only its button makes a yes."""

from __future__ import annotations

import msgspec

from oportuno.consent.answers import Answered, Consents
from oportuno.consent.change import answer, lift
from oportuno.consent.confirm import NOTICE, SOURCE, mark_of, proof_of
from oportuno.consent.gate import address_of
from oportuno.content.links import LinkFacts
from oportuno.content.message import Message
from oportuno.flows.answer import UNSUBSCRIBED, Desk, masked
from oportuno.flows.change import Act, Heard
from oportuno.flows.work import LedgerEntry, Writes
from oportuno.kit.faults import Conflict
from oportuno.kit.ids import derive
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """A question whether it was really they who asked for news, and how it stands."""

    state: str
    """``pending``; ``granted``: confirmed already; ``denied``: the last word was a no; ``elsewhere``: their address is another by now;
    empty: the message asks nothing."""
    email: str = ""
    """The address it is about, masked."""
    at: Millis = 0
    """Since when it stands as it does."""
    cadence: str = ""
    """How often at most they will hear from us, as they chose."""


async def asking(desk: Desk, facts: LinkFacts) -> Asking:
    """Say how a question to confirm stands. Changes nothing. Raises NotFound."""
    record = await desk.message(facts)
    return _asking(record.message, await desk.look(record.message.key))


async def confirm(desk: Desk, facts: LinkFacts, *, yes: bool, language: str = "") -> Heard:
    """Confirm that it was they who asked, or say that it was not.

    Raises NotFound, and Conflict (``confirm_overtaken``) when there is nothing to confirm with this link any more. A yes holds for the
    address to which the question was sent, and opens a channel that they had left before they asked.
    """
    message = (await desk.message(facts)).message
    said = message.said

    def act(draft: Draft, now: Millis) -> Act:
        stands = _asking(message, draft)
        state = Answered.GRANTED if yes else Answered.DENIED
        if stands.state == state:
            return Act(heard=Heard(at=stands.at, changed=False), writes=Writes())
        if stands.state != Answered.PENDING:
            raise Conflict("confirm_overtaken", "there is nothing to confirm with this link any more")
        at = max(now, stands.at + 1)
        entry = LedgerEntry(
            key=draft.key,
            id=derive(facts.workspace, facts.customer, said.confirms, state.value, at, facts.message),
            at=at,
            slot=said.confirms,
            state=state.value,
            source=SOURCE,
            notice=NOTICE,
            language=language,
            actor="customer",
            proof=proof_of(draft.read(Consents), said.confirms, facts.message, said.context["address"]),
        )
        answer(draft, purpose=Purpose.MARKETING, channel=said.channel, state=state, at=at, source=SOURCE, notice=NOTICE)
        closed = draft.read(Consents).suppressed.get(said.channel)
        if yes and closed is not None and closed[0] == UNSUBSCRIBED:
            lift(draft, said.channel)
        return Act(heard=Heard(at=at, changed=True), writes=Writes(ledger=[entry]))

    return await desk.change(message.key, act)


def _asking(message: Message, draft: Draft) -> Asking:
    said = message.said
    if not said.confirms:
        return Asking(state="")
    consents = draft.read(Consents)
    found, address = consents.answers.get(said.confirms), address_of(draft, said.channel)
    shown = Asking(state="denied", email=masked(address), at=found.at if found is not None else 0, cadence=consents.cadence)
    if found is None or found.state in {Answered.DENIED, Answered.WITHDRAWN}:
        return shown
    if found.state is Answered.PENDING and mark_of(message.key, address) != said.context.get("address"):
        return Asking(state="elsewhere")
    return msgspec.structs.replace(shown, state=found.state.value)
