"""A program asks for one message to be sent: an order, an account, a recall. Once under its key, whoever asks again and however often.

The key is taken, the gate asked, the words tried and the message written in one transaction under the customer's lock: two programs that
ask with one key at one moment get one message, and one that died before its answer gets the same answer when it asks again.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from oportuno.channels.channel import Channel
from oportuno.consent.answers import granted_purposes
from oportuno.consent.gate import address_of, forbids_listed
from oportuno.consent.refusals import Reason
from oportuno.content.liquid import TemplateFault
from oportuno.decision.at_once import decide_at_once, silent_at_once
from oportuno.decision.decide import ask_of
from oportuno.events.event import Call, Event, Source, Trust
from oportuno.flows.crossing import winner_of
from oportuno.flows.ending import saved
from oportuno.flows.forward import GONE
from oportuno.flows.ports import Arrival, Intake, LaneClass, Programmes, Sighting
from oportuno.flows.programme import Programme
from oportuno.flows.put_in_words import Words
from oportuno.flows.reads import Reads
from oportuno.flows.why import why
from oportuno.flows.work import AskedBefore, Decision, Moved, SendKey, Status, Store, Stored, Work, Writes
from oportuno.kit.faults import BadInput, Conflict, Fault, NotFound, Unavailable
from oportuno.kit.ids import CustomerKey, WorkspaceId, key_of
from oportuno.kit.times import Millis, day_of
from oportuno.moments.proposal import Proposal
from oportuno.moments.sending import Sending, propose_sending
from oportuno.profile.draft import Draft
from oportuno.profile.fold import fold
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Core

KEY: Final = "Idempotency-Key"
"""The header that names a request."""
_TRIES: Final = 100
_BY_ADDRESS: Final = "mailto:"
"""How the user id begins of somebody of whom nothing but an address was told."""


class Whom(msgspec.Struct, frozen=True, kw_only=True):
    """Who it is for: exactly one of these."""

    customer: int = 0
    user: str = ""
    anonymous: str = ""
    address: str = ""
    """An e-mail address, as it is kept in a profile."""


class Sent(NamedTuple):
    """What became of a request to send."""

    message: bytes
    """The message's id; of a silence, the proposal's."""
    key: CustomerKey
    at: Millis
    expires_at: Millis
    silence: Reason | None = None
    """Why it is not sent; None: it is on its way."""
    again: bool = False
    """The same was asked for before: this is the answer of then."""


class KeyReused(Conflict):
    """The idempotency key stands for another request."""

    status = 422


class CustomerErased(NotFound):
    """The customer was forgotten on request."""

    status = 410


class Office(msgspec.Struct, frozen=True, kw_only=True):
    """What sending needs of the world."""

    store: Store
    reads: Reads
    programmes: Programmes
    intake: Intake
    words: Words
    digest_key: bytes
    """The key under which message ids are remembered."""


async def send(whom: Whom, sending: Sending, *, workspace: WorkspaceId, key: str, office: Office) -> Sent:
    """Send, or give the answer that the key stands for.

    Raises KeyReused, BadInput (the template, or what it does with the data), NotFound (nobody has this id), CustomerErased, Conflict
    (``address_elsewhere``), Unavailable (``customer_not_ready``: their first events were not evaluated yet; ask again).
    """
    digest = blake2b(msgspec.json.encode((whom, sending), order="sorted"), digest_size=16).digest()
    async with office.store.work() as work:
        await work.lock([])
        before = await work.asked_before(workspace, key, digest)
    if before is None:
        programme = await office.programmes.programme(workspace)
        _fits(sending, programme)
        customer, introduction = await _find(whom, workspace, office)
        once = _Once(whom, sending, programme, key, digest, introduction, office)
        for _ in range(_TRIES):
            done = await once.try_for(customer)
            match done:
                case Sent():
                    return done
                case Fault():
                    raise done
                case AskedBefore():
                    before = done
                    break
                case _:
                    customer = done
        else:
            raise Moved("customer_moved", "this customer is changed all the time: ask again")
    return await _as_before(before, workspace, office.reads)


async def _as_before(before: AskedBefore, workspace: WorkspaceId, reads: Reads) -> Sent:
    """Give the answer that a key stands for. Raises KeyReused, CustomerErased."""
    if not before.same:
        raise KeyReused("idempotency_key_reused", "this key stands for another request: every message needs a key of its own", place=KEY)
    try:
        found = await why(workspace, before.message, reads=reads)
    except NotFound as fault:
        raise _erased() from fault
    if found.record is not None:
        message = found.record.message
        return Sent(message.id, message.key, message.permitted_at, message.expires_at, again=True)
    key, verdict = found.verdicts[0]
    reason = verdict.reasons[0] if verdict.reasons else None
    return Sent(before.message, key, verdict.at, verdict.proposal.expires_at, reason, again=True)


def _fits(sending: Sending, programme: Programme) -> None:
    """Hold a named message against what may be sent so. Raises BadInput."""
    if not sending.template:
        return
    template = programme.templates.get(sending.template)
    if template is None:
        raise BadInput("message_unknown", "there is no published message with this key", place="template")
    if template.purpose is not Purpose.SERVICE:
        sentence = "this message is written for marketing: only messages of purpose “service” are sent without a yes"
        raise BadInput("message_promotes", sentence, place="template")
    if sending.language and template.wordings and sending.language not in template.wordings:
        raise BadInput("message_language", "the message is not written in this language", place="language")


# ── For whom ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _find(whom: Whom, workspace: WorkspaceId, office: Office) -> tuple[CustomerKey, Event | None]:
    """Find who it is for, and what introduces them where nothing but their address is known.

    Of a bare address: the customer whose user id it is, else one that is named after it. Whoever has it among their traits is not looked
    for: traits are no ids, and two people may share a mailbox.
    """
    if whom.customer:
        return key_of(workspace, whom.customer), None
    if whom.address:
        user = whom.address
        owner = await office.store.find(workspace, "user", user)
        if owner is None:
            user = _BY_ADDRESS + whom.address.lower()
            [owner] = await office.intake.resolve([Sighting(workspace, user, "")])
        key = key_of(workspace, owner)
        return key, await _introduced(key, whom.address, user, office)
    kind, value = ("user", whom.user) if whom.user else ("anonymous", whom.anonymous)
    found = await office.store.find(workspace, kind, value)
    if found is None:
        raise NotFound("customer_unknown", "nobody in this workspace has this id", place=f"{kind}_id")
    return key_of(workspace, found), None


async def _introduced(key: CustomerKey, address: str, user: str, office: Office) -> Event | None:
    """Put the address into the log, unless the customer has one: a profile can be made anew from the log. Old news: it starts nothing.

    It says no more than an address: no consent follows from it.
    """
    row = await office.reads.customer(key)
    if row is not None and (row.status is not Status.ACTIVE or address_of(Draft(key, row.state, row.version), Channel.EMAIL)):
        return None
    now = await office.reads.now()
    told = {"type": "identify", "userId": user, "traits": {"email": address}}
    h = blake2b(address.encode(), key=office.digest_key[:32], digest_size=16, person=key.workspace.to_bytes(8, "big")).digest()
    event = Event(
        key=key,
        lane=0,
        seq=0,
        h=h,
        source=Source.IMPORT,
        call=Call.IDENTIFY,
        name="",
        at=now,
        received=now,
        body=msgspec.json.encode(told),
        trust=Trust.SECRET,
    )
    known = {name: getattr(event, name) for name in ("key", "h", "source", "call", "name", "at", "received", "body", "trust")}
    await office.intake.store([Arrival(**known, day=day_of(now))], [], LaneClass.BULK)
    return event


def _erased() -> CustomerErased:
    return CustomerErased("customer_erased", "this customer was forgotten on request")


# ── Deciding and writing ────────────────────────────────────────────────────────────────────────────────────────────


class _Once(NamedTuple):
    """One request, and what it takes to carry it out."""

    whom: Whom
    sending: Sending
    programme: Programme
    name: str
    digest: bytes
    introduction: Event | None
    office: Office

    async def try_for(self, key: CustomerKey) -> Sent | AskedBefore | Fault | CustomerKey:
        """Try: the answer, what the key stands for meanwhile, what is wrong, or who to look at instead (the same: once more)."""
        try:
            async with self.office.store.work() as work:
                now, rows = await work.lock([key])
                stored = rows[key]
                if stored.status in GONE:
                    return winner_of(key, stored.state)
                if stored.status is Status.ERASED:
                    return _erased()
                before = await work.asked_before(key.workspace, self.name, self.digest)
                if before is not None:
                    return before
                return await self._decided(work, stored, now)
        except Moved:
            return key

    async def _decided(self, work: Work, stored: Stored, now: Millis) -> Sent | Fault:
        draft = Draft(stored.key, stored.state, stored.version)
        draft.granted = granted_purposes(draft, now)
        wrong = self._met(draft)
        if wrong is not None:
            return wrong
        proposal = propose_sending(stored.key, self.sending, named=self.name, now=now)
        verdict, message = decide_at_once(draft, proposal, policy=self.programme.policy, now=now)
        listed = await self._listed(work, draft, proposal) if message is not None else None
        if listed is not None:
            verdict, message = silent_at_once(proposal, listed, now=now), None
        writes = Writes(
            decisions=[Decision(stored.key, verdict)],
            send_keys=[SendKey(stored.key.workspace, self.name, self.digest, proposal.id, now)],
            saves=[saved(draft, stored)] if draft.changed else [],
        )
        if message is None:
            await work.commit(writes)
            return Sent(proposal.id, stored.key, now, proposal.expires_at, verdict.reasons[0])
        try:
            self.office.words(message, self.programme, draft, now)
        except TemplateFault as fault:
            return BadInput(fault.code, fault.sentence, place="data" if self.sending.template else "html")
        writes.messages.append(message)
        await work.commit(writes)
        return Sent(message.id, stored.key, now, message.expires_at)

    async def _listed(self, work: Work, draft: Draft, proposal: Proposal) -> Reason | None:
        """Ask the list of suppressions too: the address may not work whoever's it is. The claim asks it again."""
        found = await work.listed(draft.key.workspace, proposal.channel, address_of(draft, proposal.channel))
        return None if found is None else forbids_listed(draft, ask_of(proposal), found)

    def _met(self, draft: Draft) -> Fault | None:
        """Make sure that the customer is known, and is reached where the request says. Gives what is wrong."""
        if self.introduction is not None and not address_of(draft, Channel.EMAIL):
            fold(draft, msgspec.structs.replace(self.introduction, key=draft.key), currency=self.programme.policy.currency)
        if not draft.has(Core):
            if self.whom.customer:
                return NotFound("customer_unknown", "nobody in this workspace has this id", place="customer")
            return Unavailable("customer_not_ready", "what was told of this customer is not evaluated yet: ask again in a moment")
        address = address_of(draft, Channel.EMAIL)
        if self.whom.address and address.lower() != self.whom.address.lower():
            return Conflict(
                "address_elsewhere", "who has this address as their id is reached at another one: name the customer", place="email"
            )
        return None
