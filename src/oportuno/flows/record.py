"""What programs with a secret key record for a customer: consents with their proof, wishes, channels that must stay silent, forgetting."""

from __future__ import annotations

from typing import Any

import msgspec

from oportuno.consent.answers import Answered, Consent, Consents, slot
from oportuno.consent.change import answer, choose_cadence, keep_quiet, lift, pause, skip_topic, suppress
from oportuno.consent.confirm import CONFIRMABLE
from oportuno.consent.policy import Policy
from oportuno.consent.refusals import Refusal
from oportuno.consent.wishes import Cadence
from oportuno.decision.at_once import decide_at_once
from oportuno.decision.decide import drop_pending
from oportuno.decision.verdict import Decided
from oportuno.flows.change import Act, Counter, Heard, give_back
from oportuno.flows.crossing import winner_of
from oportuno.flows.forward import GONE
from oportuno.flows.work import Cancel, Decision, LedgerEntry, Status, Writes
from oportuno.kit.ids import CustomerKey, derive
from oportuno.kit.times import Millis
from oportuno.moments.asking import ask_to_confirm
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Core


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """An answer about consent that was given elsewhere, with what proves it."""

    purpose: Purpose
    channel: str
    """A channel, or ``*`` for purposes that are about none."""
    state: Answered
    source: str
    """Where it was given: ``checkout``, ``shop_counter``, ``import`` …"""
    notice: str
    """Version of the wording that was served."""
    language: str
    """In which language it was served."""
    actor: str
    """Who says so: the customer, or the member of staff who took it down."""
    proof: dict[str, Any] = {}
    at: Millis = 0
    """When it was given; 0: now. A moment to come counts as now."""
    expires: Millis = 0


class Wished(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer told somebody about how they want to be spoken to. What is UNSET stays as it was; None takes a wish back."""

    cadence: Cadence | msgspec.UnsetType | None = msgspec.UNSET
    paused_until: Millis | msgspec.UnsetType | None = msgspec.UNSET
    quiet: tuple[int, int] | msgspec.UnsetType | None = msgspec.UNSET
    """Minutes of their day (from, to)."""
    skip_topics: tuple[str, ...] = ()
    hear_topics: tuple[str, ...] = ()
    source: str
    language: str
    actor: str
    proof: dict[str, Any] = {}


class Registry(Counter):
    """Records what others heard."""

    async def record_consent(self, key: CustomerKey, given: Given) -> Heard:
        """Record an answer with its proof, append-only.

        A no to marketing also drops what waits. What is pending sets off the question to confirm it, unless it is old news. A fresh yes
        opens a channel that the customer had left, never one that bounced or complained. An answer older than the current one goes into
        the ledger and changes nothing else; the same answer again, nothing at all.
        Raises NotFound (``customer_gone``) for an erased customer.
        """
        waiting = await self.waiting(key, ()) if given.state is not Answered.GRANTED else {}
        policy = (await self.programmes.programme(key.workspace)).policy

        def act(draft: Draft, now: Millis) -> Act:
            found = draft.read(Consents).answers.get(slot(given.purpose, given.channel))
            # Whoever fills in the form again on another day wants to be asked again; within minutes it is the same request, sent twice.
            anew = given.state is Answered.PENDING and not given.at and found is not None and now - found.at > policy.freshness
            if found is not None and _says_the_same(found, given) and not anew:
                return Act(heard=Heard(at=found.at, changed=False), writes=Writes())
            at = min(given.at, now) if given.at else now
            known = draft.read(Consents).answers.get(slot(given.purpose, given.channel))
            if not given.at and known is not None and given.state in {Answered.WITHDRAWN, Answered.DENIED}:
                # A no said now: a yes dated ahead of a clock that went back must not outlive it.
                at = max(at, known.at)
            writes = Writes(ledger=[_entry(key, given, at)])
            changed = answer(
                draft,
                purpose=given.purpose,
                channel=given.channel,
                state=given.state,
                at=at,
                source=given.source,
                notice=given.notice,
                expires=given.expires,
            )
            if changed and given.purpose is Purpose.MARKETING:
                _follow(draft, given, at, now, writes)
                if given.state is Answered.PENDING and now - at <= policy.freshness:
                    _ask(draft, slot(given.purpose, given.channel), policy, now, writes)
            queued = sum(1 for channel in waiting.values() if channel == given.channel) if writes.cancels else 0
            dropped = queued + sum(decision.verdict.decided is Decided.SILENCE for decision in writes.decisions)
            return Act(heard=Heard(at=at, changed=changed, dropped=dropped), writes=writes)

        return await self.change(key, act, may_be_new=True)

    async def record_wishes(self, key: CustomerKey, wished: Wished) -> Heard:
        """Record wishes; they hold from now on, also for what was already queued. The same wishes again change nothing.

        Raises NotFound (``customer_gone``) for an erased customer.
        """

        def act(draft: Draft, now: Millis) -> Act:
            said = _heed(draft, wished)
            writes = Writes()
            for wish, what in said:
                entry_id = derive(key.workspace, key.customer, "wishes", wish, what, now)
                state = f"{wish} {what}"
                writes.ledger.append(
                    LedgerEntry(key, entry_id, now, "wishes", state, wished.source, "", wished.language, wished.actor, wished.proof)
                )
            return Act(heard=Heard(at=now, changed=bool(said)), writes=writes)

        return await self.change(key, act, may_be_new=True)

    async def suppress_channel(self, key: CustomerKey, channel: str, reason: str, *, actor: str, proof: dict[str, Any]) -> Heard:
        """Stop a channel for a customer whatever their consent: reason ``manual``, ``complaint``, ``hard_bounce`` or ``invalid``."""

        def act(draft: Draft, now: Millis) -> Act:
            changed = suppress(draft, channel, reason, now)
            writes = Writes()
            if changed:
                place = f"suppression/{channel}"
                entry_id = derive(key.workspace, key.customer, place, reason, now)
                writes.ledger.append(LedgerEntry(key, entry_id, now, place, reason, "api", "", "", actor, proof))
                _fall_silent(draft, channel, Refusal.SUPPRESSED, now, writes)
            return Act(heard=Heard(at=now, changed=changed, dropped=len(writes.decisions)), writes=writes)

        return await self.change(key, act, may_be_new=True)

    async def erase(self, key: CustomerKey) -> Heard:
        """Forget a customer everywhere, under every number that they have had. What remains is a tombstone that nothing can fill again."""
        while True:
            async with self.store.work() as work:
                now, rows = await work.lock([key])
                stored = rows[key]
                if stored.status is Status.ERASED:
                    return Heard(at=now, changed=False)
                if stored.status not in GONE:
                    await work.commit(Writes(erasures=[key]))
                    return Heard(at=now, changed=True)
            # They are one with somebody by now: who is left is the person to forget, and takes along whom they took in.
            key = winner_of(key, stored.state)


def _heed(draft: Draft, wished: Wished) -> list[tuple[str, str]]:
    """Change what was wished; give what is different now, in the words of the ledger."""
    said: list[tuple[str, str]] = []
    cadence, until, quiet = wished.cadence, wished.paused_until, wished.quiet
    if cadence is not msgspec.UNSET and choose_cadence(draft, cadence):
        said.append(("cadence", cadence.value if cadence is not None else "none"))
    if until is not msgspec.UNSET and pause(draft, until or 0):
        said.append(("pause", str(until) if until else "none"))
    if quiet is not msgspec.UNSET and keep_quiet(draft, quiet):
        said.append(("quiet", f"{quiet[0]}-{quiet[1]}" if quiet is not None else "none"))
    said += [(f"topic {topic}", "skipped") for topic in wished.skip_topics if skip_topic(draft, topic)]
    said += [(f"topic {topic}", "wanted") for topic in wished.hear_topics if skip_topic(draft, topic, skip=False)]
    return said


def _entry(key: CustomerKey, given: Given, at: Millis) -> LedgerEntry:
    place = slot(given.purpose, given.channel)
    return LedgerEntry(
        key=key,
        id=derive(key.workspace, key.customer, place, given.state.value, at, given.source),
        at=at,
        slot=place,
        state=given.state.value,
        source=given.source,
        notice=given.notice,
        language=given.language,
        actor=given.actor,
        proof=given.proof,
    )


def _says_the_same(found: Consent, given: Given) -> bool:
    """Say whether an answer came a second time, as it does when a program asks again after a time-out."""
    same = (found.state, found.source, found.notice, found.expires) == (given.state, given.source, given.notice, given.expires)
    return same and given.at in {0, found.at}


def _follow(draft: Draft, given: Given, at: Millis, now: Millis, writes: Writes) -> None:
    """Let the channel follow the answer about it."""
    if given.state is Answered.GRANTED:
        closed = draft.read(Consents).suppressed.get(given.channel)
        if closed is not None and closed[0] == "unsubscribed" and closed[1] < at:
            lift(draft, given.channel)
    elif given.state in {Answered.WITHDRAWN, Answered.DENIED}:
        _fall_silent(draft, given.channel, Refusal.CONSENT_WITHDRAWN, now, writes)


def _ask(draft: Draft, place: str, policy: Policy, now: Millis, writes: Writes) -> None:
    """Ask the customer to confirm it, where a message can ask."""
    if place not in CONFIRMABLE or not draft.has(Core):
        return
    verdict, message = decide_at_once(draft, ask_to_confirm(draft, place, policy=policy, now=now), policy=policy, now=now)
    writes.decisions.append(Decision(draft.key, verdict))
    writes.messages += [] if message is None else [message]


def _fall_silent(draft: Draft, channel: str, refusal: Refusal, now: Millis, writes: Writes) -> None:
    """Drop everything promoting that waits for the channel."""
    writes.cancels.append(Cancel(draft.key, (), channel, refusal.value, now))
    verdicts = drop_pending(draft, items=(), refusal=refusal, now=now, channel=channel)
    writes.decisions += [Decision(draft.key, verdict) for verdict in verdicts]
    give_back(draft, lambda _id, touched: touched == channel)
