"""From the outbox to a provider, once: pace, claim under the customer's lock, hand off, record what became of it.

The claim is one transaction: lock the customer, ask the gate again, render, mark the message as handing, turn its reservation into a touch.
Rendering happens in it, before anything is marked, so that a fault in a template is a named silence and not a burnt message, and so that
the words come from the very state that the gate has just examined. Only then is the provider spoken to, holding no lock.

    PENDING ──claim──▶ HANDING ──▶ ACCEPTED | REFUSED | UNKNOWN
       │  ▲               │
       │  └── refused for now, void claim, unknown of a service message
       └──▶ EXPIRED | CANCELLED (a silence with its name)

A message that an earlier attempt may have brought to the customer ends as ACCEPTED or UNKNOWN, and as nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from oportuno.attention.ledger import Attention, confirm, release
from oportuno.channels.channel import Answer, Channel, Outcome, Window
from oportuno.channels.pace import Lanes, Pace
from oportuno.channels.ways import domain_of
from oportuno.consent.answers import granted_purposes
from oportuno.consent.gate import examine
from oportuno.consent.permit import Permit
from oportuno.consent.refusals import Reason, Refusal
from oportuno.content.message import Message, Rendered
from oportuno.decision.decide import ask_of, closed_by_now
from oportuno.decision.verdict import verdict_on
from oportuno.flows.crossing import winner_of
from oportuno.flows.ending import doubtful, record, saved
from oportuno.flows.facts import NO_CATALOGUE, FactsAtHand
from oportuno.flows.forward import GONE
from oportuno.flows.hand_off import HandedOff, hand_off
from oportuno.flows.hand_over import hand_over
from oportuno.flows.look_again import offer_gone
from oportuno.flows.ports import Clock
from oportuno.flows.programme import Programme
from oportuno.flows.questions import may_ask
from oportuno.flows.suppressions import against
from oportuno.flows.ways import FREE, Sending, Way, braked, chosen, lane_of, may_take
from oportuno.flows.work import Decision, Moved, MoveMessage, OutboxStatus, Status, Store, Stored, Waiting, Work, Writes
from oportuno.kit.faults import Fault, NotFound, Unavailable
from oportuno.kit.ids import CustomerKey, derive
from oportuno.kit.times import SECOND, Millis
from oportuno.profile.draft import Draft

CLAIM_HOLDS: Final = 0.5
"""Seconds in which a claim's hand-off must begin; later it is void, because the customer may have withdrawn meanwhile.

A message that has no more than this left is not claimed any more: it has expired.
"""
_ON_ITS_WAY: Final = 0.25
"""Seconds before its expiry by which a hand-off must have begun: a busy machine's pause between the last look and the first byte."""
_NEWS_TRAVELS: Final[Millis] = 5 * SECOND
"""How long what was published may take until every process has read it, with room to spare: programmes are a second old at most."""

Render: TypeAlias = Callable[[Message, Programme, Draft, Millis], Rendered]
"""Puts a message into words for this customer at this moment. Raises a Fault when it cannot."""


class Ended(StrEnum):
    """How one attempt to deliver ended."""

    ACCEPTED = "accepted"
    REFUSED_FOR_NOW = "refused_for_now"
    REFUSED_FOR_GOOD = "refused_for_good"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    SILENT = "silent"
    """The gate, or the template, said no: cancelled with its reason."""
    WAITS = "waits"
    """The gate said not yet."""
    PACED = "paced"
    """A lane is closed or used up; nothing was claimed."""
    VOID = "void"
    """The claim came too late for its hand-off to begin in time; taken back."""
    ELSEWHERE = "elsewhere"
    """Somebody else has it, or it is gone."""


class Delivered(NamedTuple):
    """What became of one attempt."""

    ended: Ended
    reason: str = ""
    """A Refusal's value or the answer's detail."""
    wait: Millis = 0
    """For PACED: how long the lane wants."""
    lanes: Lanes | None = None
    """For PACED: the lanes of its hand-off, as far as they are known."""
    decided_ago: Millis | None = None
    """Of a message's first hand-off: how long ago it was decided to speak."""
    event_ago: Millis | None = None
    """And how long ago the event came that began it."""
    tried: tuple[tuple[str, str], ...] = ()
    """By which ways it was handed off in turn, each with its outcome."""


class _Claim(NamedTuple):
    rendered: Rendered
    address: str
    lanes: Lanes
    touch: bytes
    """Under which id this attempt counts against the customer's attention."""
    window: Window
    now: Millis


class _Hands(NamedTuple):
    """What a deliverer works with."""

    render: Render
    deliverer: int
    clock: Clock
    pace: Pace
    leaving: Callable[[], bool]
    sending: Sending


async def deliver_one(
    waiting: Waiting,
    *,
    programme: Programme,
    store: Store,
    ways: Sequence[Way],
    render: Render,
    deliverer: int,
    clock: Clock,
    pace: Pace,
    leaving: Callable[[], bool] = lambda: False,
    facts: FactsAtHand = NO_CATALOGUE,
    sending: Sending = FREE,
) -> Delivered:
    """Try to deliver one message that is due, and record the ending. Says how it ended; raises Unavailable before anything was claimed.

    `ways` are those of its channel, the preferred first. The caller never runs two attempts on one message at once. Once
    `leaving` says so an ending that cannot be written is given up (Unavailable): the message is then abandoned, and settled as unknown.
    """
    message = waiting.message
    fit = may_take(message, programme, ways)
    ruled = fit if isinstance(fit, Reason) else None
    fit = ways if isinstance(fit, Reason) else fit
    way = chosen(fit, pace, clock.monotonic())
    lanes = Lanes(lane_of(way), "", f"workspace {programme.workspace} {message.said.channel}")
    held = pace.wait(lanes, clock.monotonic()) if ruled is None else 0.0
    if held > 0:
        return Delivered(Ended.PACED, wait=_millis(held), lanes=lanes)
    gone = await offer_gone(message, facts)
    warming = await _warm_up(message, programme, sending) if ruled is None and gone is None else 0
    if warming > 0:
        return Delivered(Ended.PACED, wait=warming)
    hands, ended = _Hands(render, deliverer, clock, pace, leaving, sending), None
    try:
        claim = await _claim(waiting, programme, store, hands, lanes, nots=(gone, ruled))
        if isinstance(claim, Delivered):
            return claim
        if isinstance(claim, CustomerKey):
            return Delivered(Ended.WAITS if await hand_over(waiting, claim, store) else Ended.ELSEWHERE, Refusal.MERGING.value)
        if clock.monotonic() >= claim.window.begin_by:
            pace.leave(claim.lanes, clock.monotonic())
            await record(waiting, store, touch=claim.touch, answer=None, deliverer=deliverer, clock=clock, leaving=leaving)
            return Delivered(Ended.VOID)
        ended = await hand_off(
            message, claim.rendered, claim.address, claim.window, way=way, ways=fit, lanes=claim.lanes, pace=pace, clock=clock
        )
    finally:
        _count(message, programme, sending, ended.answer if ended is not None else None)
    told, tried = ended.answer, ended.tried
    await record(waiting, store, touch=claim.touch, answer=told, deliverer=deliverer, clock=clock, leaving=leaving, tried=tried)
    return _told(waiting, claim, ended)


def _told(waiting: Waiting, claim: _Claim, ended: HandedOff) -> Delivered:
    answer, tried = ended.answer, tuple((each.way, each.outcome.value) for each in ended.tried)
    decided_ago, event_ago = (None, None) if waiting.attempts or not ended.begun else _since(waiting.message, claim.now)
    return Delivered(Ended(answer.outcome.value), answer.detail, decided_ago=decided_ago, event_ago=event_ago, tried=tried)


async def _warm_up(message: Message, programme: Programme, sending: Sending) -> Millis:
    warm_up = programme.policy.warm_up
    if warm_up is None or message.said.channel != Channel.EMAIL:
        return 0
    return await sending.may_go(programme.workspace, domain_of(programme.brand.sender), warm_up, marketing=message.marketing)


def _count(message: Message, programme: Programme, sending: Sending, answer: Answer | None) -> None:
    """Count a mail that was taken, or give back its place in the day where it certainly was not."""
    if message.said.channel != Channel.EMAIL:
        return
    if answer is not None and answer.outcome is Outcome.ACCEPTED:
        sending.accepted(programme.workspace, answer.sender, answer.receiver)
    elif programme.policy.warm_up is not None and (answer is None or answer.outcome is not Outcome.UNKNOWN):
        sending.came_back(programme.workspace, domain_of(programme.brand.sender))


async def hold_back(waiting: Waiting, store: Store, wait: Millis) -> bool:
    """Let a paced message stand back for a while, so that those behind it come forward. False: it is elsewhere by now.

    Raises Unavailable with nothing changed.
    """
    message = waiting.message
    async with store.work() as work:
        now, _ = await work.lock([message.key])
        later = min(now + wait, max(now, message.expires_at))
        move = MoveMessage(message.key, message.id, OutboxStatus.PENDING, OutboxStatus.PENDING, now, not_before=later)
        try:
            await work.commit(Writes(moves=[move]))
        except Moved:
            return False
    return True


def destination_of(url: str, address: str) -> str:
    """Name what a hand-off depends on beyond the provider: the webhook's host, or the recipient's domain. Never the address itself."""
    if url:
        return f"host {url.partition('://')[2].partition('/')[0].lower()}"
    return f"domain {address.rpartition('@')[2].lower()}"


def _since(message: Message, now: Millis) -> tuple[Millis, Millis | None]:
    """Say how long ago it was decided to speak, and how long ago the event came that began it, where the evidence knows."""
    began = message.said.because.facts.get("at")
    return max(0, now - message.permitted_at), max(0, now - began) if isinstance(began, int) else None


# ── Claim ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _claim(
    waiting: Waiting, programme: Programme, store: Store, hands: _Hands, lanes: Lanes, *, nots: tuple[Reason | None, Reason | None]
) -> _Claim | Delivered | CustomerKey:
    """Claim a message. Gives the customer to look at instead, when the message is a service one and its own is one with another."""
    message, clock, pace = waiting.message, hands.clock, hands.pace
    entered: Lanes | None = None
    touch = message.id
    try:
        async with store.work() as work:
            asked = clock.monotonic()
            now, rows = await work.lock([message.key])
            if rows[message.key].status in GONE and not message.marketing and now < message.expires_at:
                return winner_of(message.key, rows[message.key].state)
            found = _examine(message, rows[message.key], programme, now=now, render=hands.render, nots=nots)
            if isinstance(found, _Silence):
                return await _fall_silent(work, waiting, found, now)
            draft, stored, permit, rendered = found
            asking = await against(work, message, draft, permit) or await may_ask(work, message, permit.address, programme.policy, now)
            if isinstance(asking, Reason):
                return await _fall_silent(work, waiting, _Silence(asking, draft, stored), now)
            slowed = braked(message, programme, permit.address, hands.sending, now)
            if slowed.reason is not None:
                return await _fall_silent(work, waiting, _Silence(slowed.reason, draft, stored), now)
            lanes = lanes._replace(destination=destination_of(rendered.url, permit.address), brake=slowed.lane)
            held = pace.enter(lanes, clock.monotonic())
            if held > 0:
                return Delivered(Ended.PACED, wait=_millis(held), lanes=lanes)
            entered = lanes
            touch = _touch_of(message, now)
            attention = draft.open(Attention)
            if touch != message.id:
                release(attention, id=message.id)
            said = message.said
            confirm(attention, id=touch, channel=said.channel, now=now, cost=said.cost, service=not message.marketing)
            over = asked + (message.expires_at - now) / 1000
            window = Window(min(clock.monotonic() + CLAIM_HOLDS, over - _ON_ITS_WAY), over)
            move = MoveMessage(
                message.key, message.id, OutboxStatus.PENDING, OutboxStatus.HANDING, now, deliverer=hands.deliverer, in_time=True
            )
            move = move._replace(channel=said.channel, address=permit.address)
            writes = Writes(saves=[saved(draft, stored)], moves=[move], questioned=asking.questioned, links=list(rendered.links))
            await work.commit(writes)
            return _Claim(rendered, permit.address, lanes, touch, window, now)
    except Moved:
        _leave(pace, entered, clock)
        return Delivered(Ended.ELSEWHERE)
    except Unavailable:
        # The commit may have been made or not. Nothing was handed off, so whatever stands there in our name is taken back.
        _leave(pace, entered, clock)
        if entered is None:
            raise
        await record(waiting, store, touch=touch, answer=None, deliverer=hands.deliverer, clock=clock, leaving=hands.leaving)
        return Delivered(Ended.VOID)
    except BaseException:
        _leave(pace, entered, clock)
        raise


class _Silence(NamedTuple):
    """The claim is refused: for good, or (with a later moment in the reason, before expiry) for now."""

    reason: Reason
    draft: Draft | None
    """None: the customer's row may not be written any more."""
    stored: Stored


def _examine(
    message: Message, stored: Stored, programme: Programme, *, now: Millis, render: Render, nots: tuple[Reason | None, Reason | None]
) -> tuple[Draft, Stored, Permit, Rendered] | _Silence:
    expired = Reason(refusal=Refusal.EXPIRED, facts={"expired_at": message.expires_at})
    if stored.status is not Status.ACTIVE or stored.version == 0:
        late = stored.status in GONE and now >= message.expires_at
        return _Silence(expired if late else Reason(refusal=Refusal.CUSTOMER_GONE), None, stored)
    draft = Draft(stored.key, stored.state, stored.version)
    if now + CLAIM_HOLDS * 1000 >= message.expires_at:
        return _Silence(expired, draft, stored)
    closed = closed_by_now(draft, message.said)
    if closed is not None:
        return _Silence(Reason(refusal=closed), draft, stored)
    gone, ruled = nots
    if gone is not None:
        return _Silence(gone, draft, stored)
    draft.granted = granted_purposes(draft, now)
    # A clock that stands before the moment at which this very message was decided has gone back: then only service messages go.
    clock_trusted = now >= message.permitted_at
    permit = examine(draft, ask_of(message.said), policy=programme.policy, now=now, clock_trusted=clock_trusted)
    if ruled is not None and not isinstance(permit, Reason):
        permit = ruled
    if isinstance(permit, Reason):
        return _Silence(permit, draft, stored)
    try:
        rendered = render(message, programme, draft, now)
    except NotFound as fault:
        # What was published with the journey a moment ago may not have been read here yet.
        retry_at = now + SECOND if now < message.permitted_at + _NEWS_TRAVELS else None
        return _Silence(Reason(refusal=Refusal.TEMPLATE_MISSING, facts=_fault_facts(message, fault), retry_at=retry_at), draft, stored)
    except Exception as fault:  # noqa: BLE001 - whatever a template provokes must silence its own message only, by name, and not the loop
        return _Silence(Reason(refusal=Refusal.TEMPLATE_FAULT, facts=_fault_facts(message, fault)), draft, stored)
    return draft, stored, permit, rendered


def _fault_facts(message: Message, fault: Exception) -> dict[str, str]:
    """Keep what helps the marketer. The sentence of a foreign error may quote the customer's data, so only its kind is kept."""
    code, place = (fault.code, fault.place) if isinstance(fault, Fault) else (type(fault).__name__, "")
    return {"template": message.said.template, "code": code, "place": place}


def _touch_of(message: Message, now: Millis) -> bytes:
    """Name this attempt's touch. A service message may be tried again after an unknown ending: each attempt then counts for itself."""
    return message.id if message.marketing else derive(message.id, now)


async def _fall_silent(work: Work, waiting: Waiting, silence: _Silence, now: Millis) -> Delivered:
    message, reason = waiting.message, silence.reason
    later = reason.retry_at if reason.retry_at is not None and now < reason.retry_at < message.expires_at else None
    move = MoveMessage(message.key, message.id, OutboxStatus.PENDING, OutboxStatus.CANCELLED, now, reason=reason.refusal.value)
    if later is not None:
        move = move._replace(status=OutboxStatus.PENDING, not_before=later)
    elif waiting.doubt:
        move = move._replace(status=OutboxStatus.UNKNOWN, answer=doubtful(reason.refusal.value))
    elif reason.refusal is Refusal.EXPIRED:
        move = move._replace(status=OutboxStatus.EXPIRED)
    writes = Writes(moves=[move])
    if silence.draft is not None and later is None and _give_back(silence.draft, message):
        writes.saves.append(saved(silence.draft, silence.stored))
    # Where it may have been said already there is no silence to explain; and of whom was forgotten nothing is written.
    if move.status is not OutboxStatus.UNKNOWN and silence.stored.status is not Status.ERASED:
        writes.decisions.append(Decision(message.key, verdict_on(message, reason, at=now, retry_at=later)))
    await work.commit(writes)
    return Delivered(_ENDS.get(move.status, Ended.SILENT), reason.refusal.value)


_ENDS: Final = {OutboxStatus.PENDING: Ended.WAITS, OutboxStatus.EXPIRED: Ended.EXPIRED, OutboxStatus.UNKNOWN: Ended.UNKNOWN}


# ── Afterwards ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _give_back(draft: Draft, message: Message) -> bool:
    """Release a reservation. A touch that was made stands: an earlier attempt may have reached the customer."""
    if not any(touch.id == message.id and not touch.made for touch in draft.read(Attention).touches):
        return False
    release(draft.open(Attention), id=message.id)
    return True


def _leave(pace: Pace, entered: Lanes | None, clock: Clock) -> None:
    if entered is not None:
        pace.leave(entered, clock.monotonic())


def _millis(seconds: float) -> Millis:
    return max(1, round(seconds * 1000))
