"""The customer answers: «ya lo compré», «no me interesa», leaving, taking it back; and what programs with a secret key record for them.

Each is one unit of work under the customer's lock, valid the moment it is committed, also for what was already queued. Doing it twice is
doing it once. Nothing here happens because somebody opened a link.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

import msgspec

from oportuno.attention.ledger import Attention, release
from oportuno.channels.channel import Channel
from oportuno.consent.answers import Answered, Consents, granted_purposes, slot
from oportuno.consent.change import answer, lift, skip_topic, suppress
from oportuno.consent.refusals import Refusal
from oportuno.content.links import LinkFacts
from oportuno.decision.decide import drop_pending, next_decision
from oportuno.flows.ports import (
    Cancel,
    Decision,
    LedgerEntry,
    Moved,
    OutboxStatus,
    Programmes,
    SaveCustomer,
    Status,
    Store,
    Stored,
    Writes,
)
from oportuno.flows.reads import MessageRecord, Reads
from oportuno.journeys.advance import next_timer
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import CustomerKey, derive
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft
from oportuno.profile.mute import BOUGHT, NOT_INTERESTED, mute, unmute
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Muted

NOTICE: Final = "pages-1"
"""Version of the wording on our own pages; raised when their words change their meaning."""
_TRIES: Final = 5
_LOOKED_AT: Final = 100
"""Messages of a customer that are looked through for what waits."""


class Verb(StrEnum):
    """What a customer can say about the items of a message."""

    BOUGHT = "bought"
    NOT_INTERESTED = "not_interested"


class Scope(StrEnum):
    """How much a customer leaves."""

    CHANNEL = "channel"
    """Marketing by the channel of the message: what the button of a mail program means (RFC 8058)."""
    ALL = "all"
    """Marketing by every channel."""
    TOPIC = "topic"
    """Only the topic of the message."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer did."""

    at: Millis
    """Since when it holds: of an answer given before, that earlier moment. An undo names it."""
    changed: bool
    """False: it was so already."""
    dropped: int = 0
    """How many messages and proposals that waited were dropped because of it."""


class _Act(msgspec.Struct, kw_only=True):
    """What a change of the draft entails."""

    heard: Heard
    writes: Writes


_Change = Callable[[Draft, Millis], _Act]
_VERBS: Final = {Verb.BOUGHT: (BOUGHT, Refusal.ITEM_BOUGHT), Verb.NOT_INTERESTED: (NOT_INTERESTED, Refusal.ITEM_NOT_WANTED)}


class Desk:
    """Where customers' answers are taken: the ports they need, together."""

    def __init__(self, *, store: Store, reads: Reads, programmes: Programmes) -> None:
        self.store = store
        self.reads = reads
        self.programmes = programmes

    async def message(self, facts: LinkFacts) -> MessageRecord:
        """Give the message that a link stood in.

        Raises NotFound (``message_gone``) when it is kept no longer, was erased with its customer, or is not this customer's.
        """
        record = await self.reads.message(facts.workspace, facts.message)
        if record is None or record.message.key != facts.key:
            raise NotFound("message_gone", "this message is not kept any more")
        return record

    async def answer_item(self, facts: LinkFacts, verb: Verb, *, language: str = "") -> Heard:
        """Say no more of the message's items, on any channel, and drop whatever waits about them."""
        record = await self.message(facts)
        items = record.message.said.items
        reason, refusal = _VERBS[verb]
        waiting = await self._waiting(facts.key, items)

        def act(draft: Draft, now: Millis) -> _Act:
            known = draft.read(Muted).items
            already = [since for item in items if item in known for why, since in [known[item]] if why in {reason, NOT_INTERESTED}]
            if items and len(already) == len(items):
                return _Act(heard=Heard(at=max(already), changed=False), writes=Writes())
            mute(draft, items, reason, now)
            verdicts = drop_pending(draft, items=items, refusal=refusal, now=now)
            gone = _release(draft, lambda touch_id, _channel: touch_id in waiting)
            writes = Writes(
                decisions=[Decision(facts.key, verdict) for verdict in verdicts],
                cancels=[Cancel(facts.key, items, "", refusal.value, now, marketing_only=False)] if items else [],
                ledger=[_entry(facts.key, now, f"item/{item}", reason, language, facts.message) for item in items],
            )
            del gone
            return _Act(heard=Heard(at=now, changed=bool(items), dropped=len(verdicts) + len(waiting)), writes=writes)

        return await self._change(facts.key, act)

    async def unsubscribe(self, facts: LinkFacts, scope: Scope, *, one_click: bool = False, language: str = "") -> Heard:
        """Leave: by this message's channel, by every channel, or its topic only. What promotes and waits is cancelled with it."""
        said = (await self.message(facts)).message.said
        if scope is Scope.TOPIC and said.topic:
            return await self._leave_topic(facts, said.topic, language)
        waiting = await self._waiting(facts.key, ())
        source = "one_click" if one_click else "preference_link"

        def act(draft: Draft, now: Millis) -> _Act:
            channels = _channels_of(draft, said.channel if scope is Scope.CHANNEL else "")
            consents = draft.read(Consents)
            done = [_left_at(consents, channel) for channel in channels]
            if all(done):
                return _Act(heard=Heard(at=max(at for at in done if at), changed=False), writes=Writes())
            at = max([now, *(consents.answers[slot(Purpose.MARKETING, channel)].at for channel in channels if _known(consents, channel))])
            writes = Writes()
            for channel in channels:
                _leave(draft, channel, at, source)
                writes.ledger.append(_entry(facts.key, at, slot(Purpose.MARKETING, channel), "withdrawn", language, facts.message, source))
                writes.cancels.append(Cancel(facts.key, (), channel, Refusal.CONSENT_WITHDRAWN.value, now))
                verdicts = drop_pending(draft, items=(), refusal=Refusal.CONSENT_WITHDRAWN, now=now, channel=channel)
                writes.decisions += [Decision(facts.key, verdict) for verdict in verdicts]
            _release(draft, lambda _id, channel: channel in channels)
            queued = sum(1 for channel in waiting.values() if channel in channels)
            return _Act(heard=Heard(at=at, changed=True, dropped=len(writes.decisions) + queued), writes=writes)

        return await self._change(facts.key, act)

    async def undo(self, facts: LinkFacts, *, language: str = "") -> Heard:
        """Take back the answer that the link names by its moment; whatever was said since stands. What was dropped does not come back."""
        said = (await self.message(facts)).message.said

        def act(draft: Draft, now: Millis) -> _Act:
            writes = Writes()
            known = draft.read(Muted).items
            back = [item for item in said.items if item in known and known[item][1] == facts.since]
            if back:
                unmute(draft, back)
                writes.ledger += [_entry(facts.key, now, f"item/{item}", "undone", language, facts.message) for item in back]
            for channel in _channels_of(draft, ""):
                if _come_back(draft, channel, facts.since, now):
                    writes.ledger.append(_entry(facts.key, now, slot(Purpose.MARKETING, channel), "granted", language, facts.message, "undo"))
            changed = bool(writes.ledger)
            if not changed and said.topic and skip_topic(draft, said.topic, skip=False):
                writes.ledger.append(_entry(facts.key, now, "wishes", f"topic {said.topic} wanted", language, facts.message))
                changed = True
            return _Act(heard=Heard(at=now, changed=changed), writes=writes)

        return await self._change(facts.key, act)

    # ── For programs with a secret key ──────────────────────────────────────────────────────────────────────────────

    async def record_consent(
        self,
        key: CustomerKey,
        *,
        purpose: Purpose,
        channel: str,
        state: Answered,
        source: str,
        notice: str,
        language: str,
        actor: str,
        proof: dict[str, Any],
        at: Millis = 0,
        expires: Millis = 0,
    ) -> Heard:
        """Record an answer that was given elsewhere, with what proves it. `at` 0: now; a moment to come counts as now.

        A no to marketing also drops what waits. A fresh yes opens a channel that the customer had left, never one that bounced or complained.
        An answer older than the current one goes into the ledger and changes nothing else.
        """
        waiting = await self._waiting(key, ()) if state is not Answered.GRANTED else {}

        def act(draft: Draft, now: Millis) -> _Act:
            moment = min(at, now) if at else now
            entry = LedgerEntry(
                key=key,
                id=derive(key.workspace, key.customer, slot(purpose, channel), state.value, moment, source),
                at=moment,
                slot=slot(purpose, channel),
                state=state.value,
                source=source,
                notice=notice,
                language=language,
                actor=actor,
                proof=proof,
            )
            writes = Writes(ledger=[entry])
            changed = answer(
                draft, purpose=purpose, channel=channel, state=state, at=moment, source=source, notice=notice, expires=expires
            )
            if changed and purpose is Purpose.MARKETING:
                self._follow(draft, key, channel, state, moment, now, writes)
            queued = sum(1 for name in waiting.values() if name == channel) if writes.cancels else 0
            return _Act(heard=Heard(at=moment, changed=changed, dropped=len(writes.decisions) + queued), writes=writes)

        return await self._change(key, act, may_be_new=True)

    async def suppress_channel(self, key: CustomerKey, channel: str, reason: str, *, actor: str, proof: dict[str, Any]) -> Heard:
        """Stop a channel for a customer whatever their consent: reason ``manual``, ``complaint``, ``hard_bounce`` or ``invalid``."""

        def act(draft: Draft, now: Millis) -> _Act:
            changed = suppress(draft, channel, reason, now)
            writes = Writes()
            if changed:
                entry_id = derive(key.workspace, key.customer, f"suppression/{channel}", reason, now)
                writes.ledger.append(LedgerEntry(key, entry_id, now, f"suppression/{channel}", reason, "api", "", "", actor, proof))
                writes.cancels.append(Cancel(key, (), channel, Refusal.SUPPRESSED.value, now))
                verdicts = drop_pending(draft, items=(), refusal=Refusal.SUPPRESSED, now=now, channel=channel)
                writes.decisions += [Decision(key, verdict) for verdict in verdicts]
                _release(draft, lambda _id, touched: touched == channel)
            return _Act(heard=Heard(at=now, changed=changed, dropped=len(writes.decisions)), writes=writes)

        return await self._change(key, act, may_be_new=True)

    async def erase(self, key: CustomerKey) -> Heard:
        """Forget a customer everywhere. What remains is a tombstone that nothing can fill again."""
        async with self.store.work() as work:
            now, rows = await work.lock([key])
            if rows[key].status is Status.ERASED:
                return Heard(at=now, changed=False)
            await work.commit(Writes(erasures=[key]))
            return Heard(at=now, changed=True)

    # ── How it is done ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _leave_topic(self, facts: LinkFacts, topic: str, language: str) -> Heard:
        def act(draft: Draft, now: Millis) -> _Act:
            changed = skip_topic(draft, topic)
            entries = [_entry(facts.key, now, "wishes", f"topic {topic} skipped", language, facts.message)] if changed else []
            return _Act(heard=Heard(at=now, changed=changed), writes=Writes(ledger=entries))

        return await self._change(facts.key, act)

    @staticmethod
    def _follow(draft: Draft, key: CustomerKey, channel: str, state: Answered, at: Millis, now: Millis, writes: Writes) -> None:
        """Let a channel follow the answer about it."""
        if state is Answered.GRANTED:
            closed = draft.read(Consents).suppressed.get(channel)
            if closed is not None and closed[0] == "unsubscribed" and closed[1] < at:
                lift(draft, channel)
        elif state in {Answered.WITHDRAWN, Answered.DENIED}:
            writes.cancels.append(Cancel(key, (), channel, Refusal.CONSENT_WITHDRAWN.value, now))
            verdicts = drop_pending(draft, items=(), refusal=Refusal.CONSENT_WITHDRAWN, now=now, channel=channel)
            writes.decisions += [Decision(key, verdict) for verdict in verdicts]
            _release(draft, lambda _id, touched: touched == channel)

    async def _waiting(self, key: CustomerKey, items: tuple[str, ...]) -> dict[bytes, str]:
        """Give the promoting messages that wait about any of the items (without items: all), with their channels.

        Read before the lock: it says which reservations to give back and how many to speak of; what is cancelled, the commit decides.
        """
        records = await self.reads.messages(key, before=None, limit=_LOOKED_AT)
        return {
            record.message.id: record.message.said.channel
            for record in records
            if record.status is OutboxStatus.PENDING
            and (record.message.marketing or items)
            and (not items or not set(items).isdisjoint(record.message.said.items))
        }

    async def _change(self, key: CustomerKey, act: _Change, *, may_be_new: bool = False) -> Heard:
        """Change a customer under the lock. Raises NotFound (``customer_gone``) when erased or, unless they may be new, unknown."""
        programme = await self.programmes.programme(key.workspace)
        for attempt in range(_TRIES):
            try:
                async with self.store.work() as work:
                    now, rows = await work.lock([key])
                    stored = rows[key]
                    if stored.status is not Status.ACTIVE or (stored.version == 0 and not may_be_new):
                        raise NotFound("customer_gone", "there is no such customer any more")
                    draft = Draft(key, stored.state, stored.version)
                    draft.granted = granted_purposes(draft, now)
                    done = act(draft, now)
                    if draft.changed:
                        done.writes.saves.append(_save(draft, stored, _due(draft, programme.journeys)))
                    if draft.changed or done.writes.ledger:
                        await work.commit(done.writes)
                    return done.heard
            except Moved:
                # Only a customer without a row yet can be overtaken here: two may find nothing to lock.
                if attempt == _TRIES - 1:
                    raise
        raise NotFound("customer_gone", "there is no such customer any more")


def _due(draft: Draft, journeys: Any) -> Millis | None:
    moments = [moment for moment in (next_timer(draft, journeys), next_decision(draft)) if moment is not None]
    return min(moments, default=None)


def _save(draft: Draft, stored: Stored, due_at: Millis | None) -> SaveCustomer:
    return SaveCustomer(stored.key, stored.version, draft.encode(), due_at, due_changed=due_at != stored.due_at)


def _entry(
    key: CustomerKey, at: Millis, place: str, state: str, language: str, message: bytes, source: str = "preference_link"
) -> LedgerEntry:
    return LedgerEntry(
        key=key,
        id=derive(key.workspace, key.customer, place, state, at, message),
        at=at,
        slot=place,
        state=state,
        source=source,
        notice=NOTICE,
        language=language,
        actor="customer",
        proof={"message": message.hex()},
    )


def _release(draft: Draft, concerned: Callable[[bytes, str], bool]) -> int:
    """Give back reservations, never touches that were made; says how many."""
    found = [touch.id for touch in draft.read(Attention).touches if not touch.made and concerned(touch.id, touch.channel)]
    if found:
        attention = draft.open(Attention)
        for touch_id in found:
            release(attention, id=touch_id)
    return len(found)


def _channels_of(draft: Draft, only: str) -> list[str]:
    """Give the channels that leaving is about: one, or every channel we have or were ever answered about."""
    if only:
        return [only]
    prefix = f"{Purpose.MARKETING}/"
    answered = {place.removeprefix(prefix) for place in draft.read(Consents).answers if place.startswith(prefix)}
    return sorted({channel.value for channel in Channel} | answered)


def _known(consents: Consents, channel: str) -> bool:
    return slot(Purpose.MARKETING, channel) in consents.answers


def _left_at(consents: Consents, channel: str) -> Millis:
    """Say since when a channel is left; 0 when it is not."""
    found = consents.answers.get(slot(Purpose.MARKETING, channel))
    return found.at if found is not None and found.state in {Answered.WITHDRAWN, Answered.DENIED} and channel in consents.suppressed else 0


def _leave(draft: Draft, channel: str, at: Millis, source: str) -> None:
    """Note the no. It is *withdrawn* where there was a yes, which an undo may bring back, and *denied* where there was none."""
    found = draft.read(Consents).answers.get(slot(Purpose.MARKETING, channel))
    if found is None or found.state is not Answered.WITHDRAWN:
        had = found is not None and found.state is Answered.GRANTED
        state = Answered.WITHDRAWN if had else Answered.DENIED
        notice = found.notice if found is not None and had else NOTICE
        answer(draft, purpose=Purpose.MARKETING, channel=channel, state=state, at=at, source=source, notice=notice)
    suppress(draft, channel, "unsubscribed", at)


def _come_back(draft: Draft, channel: str, since: Millis, now: Millis) -> bool:
    """Undo a leaving of exactly that moment; says whether a yes holds again."""
    consents = draft.read(Consents)
    if consents.suppressed.get(channel) == ("unsubscribed", since):
        lift(draft, channel)
    found = consents.answers.get(slot(Purpose.MARKETING, channel))
    if found is None or found.state is not Answered.WITHDRAWN or found.at != since:
        return False
    return answer(
        draft,
        purpose=Purpose.MARKETING,
        channel=channel,
        state=Answered.GRANTED,
        at=max(now, since + 1),
        source="undo",
        notice=found.notice,
    )
