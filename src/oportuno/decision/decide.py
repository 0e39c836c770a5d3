"""Deciding on proposals: speak, wait or stay silent. The best one first, and at most one promoting message at a time."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from oportuno.attention.easing import settle
from oportuno.attention.ledger import Attention, Touch, forget_old, reserve, weaker
from oportuno.catalog.product import NO_FACTS, Facts
from oportuno.consent.answers import Consents
from oportuno.consent.confirm import note_asked
from oportuno.consent.gate import Ask, examine
from oportuno.consent.permit import Permit
from oportuno.consent.policy import Policy
from oportuno.consent.refusals import Reason, Refusal
from oportuno.consent.wishes import longest_window
from oportuno.content.message import Message, message_from
from oportuno.content.said import Said
from oportuno.decision.pending import Held, Pending
from oportuno.decision.verdict import Decided, Verdict
from oportuno.journeys.walks import EXITED, GOAL_REACHED, Walks
from oportuno.kit.times import DAY, HOUR, MINUTE, Millis
from oportuno.moments.evidence import freshen, lean
from oportuno.moments.proposal import Proposal
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Core

_MOST_HELD: Final = 10
_HELD_BYTES: Final = 3_200
"""What all that waits may take of the state. One that waits takes about 300."""
_MOST_SAID: Final = 30
_REMEMBER_SAID: Final[Millis] = 30 * DAY
_AFTER_BETTER: Final[Millis] = HOUR
"""When a better proposal was just spoken, the others are looked at again after this."""
_WAKING: Final[Millis] = 10 * MINUTE
"""Over so long those are spread who waited for the same end of quiet hours, and over a tenth of the time that is left at most."""
_FULL: Final = frozenset({Refusal.LIMIT_REACHED, Refusal.CADENCE_REACHED})
"""Refusals that may pass when a weaker message gives its place."""
_CLOSINGS: Final = {GOAL_REACHED: Refusal.GOAL_REACHED, EXITED: Refusal.EXITED}


class Overtaken(NamedTuple):
    """A message whose place a better one took."""

    id: bytes
    journey: str
    """Of the better one."""
    step: str


class Decisions(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided in one go."""

    verdicts: list[Verdict]
    messages: list[Message]
    overtaken: list[Overtaken] = []
    """Messages that were spoken before, that nobody has claimed, and whose place went to a better one: to be cancelled with this commit."""


def ask_of(said: Said, *, live: bool = True) -> Ask:
    """Put the question that the gate answers about something to say."""
    return Ask(
        id=said.id,
        channel=said.channel,
        purpose=said.purpose,
        topic=said.topic,
        items=said.items,
        cost=said.cost,
        expires_at=said.expires_at,
        confirms=said.confirms,
        live=live,
    )


def decide(
    draft: Draft, proposals: list[Proposal], *, policy: Policy, now: Millis, clock_trusted: bool = True, facts: Facts = NO_FACTS
) -> Decisions:
    """Decide on new proposals and on the waiting ones whose time has come, best worth first.

    What is spoken gets its place in the rolling limits reserved until it expires. What waits is kept in the state and decided again on the
    facts of that time. A proposal that waits on for the same reason gets no further verdict.
    """
    decisions = Decisions(verdicts=[], messages=[])
    if not proposals and not draft.has(Pending):
        return decisions
    pending = draft.read(Pending)
    known = {held.proposal.id for held in pending.held}
    fresh = [Held(proposal=proposal, retry_at=0) for proposal in proposals if proposal.id not in known]
    due = [held for held in pending.held if held.retry_at <= now or closed_by_now(draft, held.proposal) is not None]
    if not fresh and not due:
        return decisions
    pending = draft.open(Pending)
    pending.held = [held for held in pending.held if held not in due]
    turn = _Turn(draft, pending, policy, now, decisions, clock_trusted=clock_trusted, facts=facts)
    for held in sorted(fresh + due, key=_best_first):
        turn.take(held)
    turn.keep_within_bounds()
    return decisions


def closed_by_now(draft: Draft, said: Said) -> Refusal | None:
    """Say whether the goal or an exit of its walk came after it was proposed, so that saying it would be needless."""
    ended = draft.read(Walks).ended.get(said.journey) if draft.has(Walks) else None
    if ended is None or ended.started_at != said.because.facts.get("at"):
        return None
    return _CLOSINGS.get(ended.closed or ended.how)


def drop_pending(draft: Draft, *, items: tuple[str, ...], refusal: Refusal, now: Millis, channel: str = "") -> list[Verdict]:
    """Drop what waits about any of the items, on every channel; without items everything that promotes, on `channel` if one is named."""
    if not draft.has(Pending):
        return []
    dropped = [held for held in draft.read(Pending).held if _concerned(held.proposal, items, channel)]
    if not dropped:
        return []
    pending = draft.open(Pending)
    pending.held = [held for held in pending.held if held not in dropped]
    reason = Reason(refusal=refusal, facts={"items": list(items)} if items else {})
    return [Verdict(proposal=held.proposal, decided=Decided.SILENCE, reasons=(reason,), at=now) for held in dropped]


def drop_overdue(draft: Draft, *, refusal: Refusal, until: Millis, now: Millis) -> list[Verdict]:
    """Drop what promotes, waits, and was to be decided again by `until`."""
    if not draft.has(Pending):
        return []
    held = draft.read(Pending).held
    dropped = [each for each in held if each.retry_at <= until and each.proposal.purpose is not Purpose.SERVICE]
    if not dropped:
        return []
    draft.open(Pending).held = [each for each in held if each not in dropped]
    reason = Reason(refusal=refusal)
    return [Verdict(proposal=each.proposal, decided=Decided.SILENCE, reasons=(reason,), at=now) for each in dropped]


def next_decision(draft: Draft) -> Millis | None:
    """Give the earliest moment at which a waiting proposal is decided again."""
    if not draft.has(Pending):
        return None
    return min([held.retry_at for held in draft.read(Pending).held], default=None)


class _Turn:
    """One go over the candidates."""

    def __init__(
        self, draft: Draft, pending: Pending, policy: Policy, now: Millis, decisions: Decisions, *, clock_trusted: bool, facts: Facts
    ) -> None:
        self.draft = draft
        self.pending = pending
        self.policy = policy
        self.now = now
        self.decisions = decisions
        self.clock_trusted = clock_trusted
        self.facts = facts
        self.winner: Proposal | None = None
        """The promoting message spoken in this go."""

    def take(self, held: Held) -> None:
        """Decide on one proposal."""
        closed = closed_by_now(self.draft, held.proposal)
        if closed is not None:
            self._fall_silent(held.proposal, Reason(refusal=closed))
            return
        if any(said == held.proposal.id for said, _ in self.pending.said):
            self._fall_silent(held.proposal, Reason(refusal=Refusal.ALREADY_SAID))
            return
        proposal = freshen(self.draft, held.proposal, self.facts) if held.retry_at else held.proposal
        if proposal is None:
            self._fall_silent(held.proposal, Reason(refusal=Refusal.NOTHING_LEFT))
            return
        answer = examine(self.draft, ask_of(proposal), policy=self.policy, now=self.now, clock_trusted=self.clock_trusted)
        promotes = proposal.purpose is not Purpose.SERVICE
        if isinstance(answer, Reason) and promotes and self.winner is None and proposal.not_before <= self.now:
            answer = self._take_over(proposal, answer)
        if isinstance(answer, Reason):
            self._hold(held, proposal, *self._reasons(answer))
        elif promotes and self.winner is not None:
            self._hold(held, proposal, self._beaten(self.now + _AFTER_BETTER))
        elif proposal.not_before > self.now:
            self.pending.held.append(Held(proposal=lean(proposal), retry_at=proposal.not_before))
        else:
            self._speak(answer, proposal)
            self.winner = proposal if promotes else self.winner

    def keep_within_bounds(self) -> None:
        """Let go of the least worthy when more wait than the state should carry, and of old ids of what was said."""
        kept: list[Held] = []
        room = _HELD_BYTES
        for held in sorted(self.pending.held, key=_best_first):
            room -= len(msgspec.msgpack.encode(held))
            if room >= 0 and len(kept) < _MOST_HELD:
                kept.append(held)
            else:
                self._fall_silent(held.proposal, Reason(refusal=Refusal.BETTER_PROPOSAL, facts={"waiting": len(kept)}))
        self.pending.held = kept
        self.pending.said = [(said, at) for said, at in self.pending.said if at > self.now - _REMEMBER_SAID][-_MOST_SAID:]

    def _take_over(self, proposal: Proposal, refused: Reason) -> Permit | Reason:
        """Ask again without the places of weaker messages that nobody has claimed, as few and as weak as do. Refused still: all stay."""
        attention = self.draft.read(Attention)
        kept = attention.touches
        yielding: list[Touch] = []
        answer: Permit | Reason = refused
        for touch in weaker(attention, worth=proposal.worth, now=self.now):
            if not isinstance(answer, Reason) or answer.refusal not in _FULL:
                break
            yielding.append(touch)
            answer = self._ask_without(yielding, kept, proposal)
        if isinstance(answer, Reason):
            attention.touches = kept
            return refused
        for touch in reversed(yielding[:-1]):
            fewer = [each for each in yielding if each is not touch]
            spared = self._ask_without(fewer, kept, proposal)
            if not isinstance(spared, Reason):
                yielding, answer = fewer, spared
        self.draft.open(Attention).touches = [touch for touch in kept if touch not in yielding]
        self.decisions.overtaken.extend(Overtaken(touch.id, proposal.journey, proposal.step) for touch in yielding)
        return answer

    def _ask_without(self, yielding: list[Touch], kept: list[Touch], proposal: Proposal) -> Permit | Reason:
        self.draft.read(Attention).touches = [touch for touch in kept if touch not in yielding]
        return examine(self.draft, ask_of(proposal), policy=self.policy, now=self.now, clock_trusted=self.clock_trusted)

    def _speak(self, permit: Permit, proposal: Proposal) -> None:
        if permit.marketing:
            attention = self.draft.open(Attention)
            settle(attention, seen=self.draft.read(Core).last_seen, now=self.now)
            forget_old(attention, now=self.now, longest=longest_window(self.draft.read(Consents), self.policy.limits))
            reserve(
                attention,
                id=proposal.id,
                channel=proposal.channel,
                now=self.now,
                until=proposal.expires_at,
                cost=proposal.cost,
                items=proposal.items,
                worth=proposal.worth,
            )
        if proposal.confirms:
            note_asked(self.draft, proposal.confirms, proposal.id, self.now)
        self.pending.said.append((proposal.id, self.now))
        self.decisions.messages.append(message_from(permit, proposal))
        self.decisions.verdicts.append(Verdict(proposal=proposal, decided=Decided.SPEAK, at=self.now))

    def _reasons(self, reason: Reason) -> tuple[Reason, ...]:
        if reason.refusal is Refusal.LIMIT_REACHED and self.winner is not None:
            return self._beaten(reason.retry_at), reason
        return (reason,)

    def _beaten(self, retry_at: Millis | None) -> Reason:
        facts = {"journey": self.winner.journey, "step": self.winner.step} if self.winner is not None else {}
        return Reason(refusal=Refusal.BETTER_PROPOSAL, facts=facts, retry_at=retry_at)

    def _hold(self, held: Held, proposal: Proposal, *reasons: Reason) -> None:
        """Wait, if the reason may pass before the moment does; a clock that we do not trust decides nothing for good."""
        first = reasons[0]
        retry_at = first.retry_at
        if retry_at is None or (retry_at >= proposal.expires_at and first.refusal is not Refusal.CLOCK_UNSURE):
            self._fall_silent(proposal, *reasons)
            return
        if first.refusal is Refusal.QUIET_HOURS:
            retry_at = _apart(retry_at, proposal)
        retry_at = max(retry_at, self.now + 1)
        self.pending.held.append(Held(proposal=lean(proposal), retry_at=retry_at, refusal=first.refusal.value))
        if held.refusal != first.refusal.value:
            verdict = Verdict(proposal=proposal, decided=Decided.WAIT, reasons=reasons, at=self.now, retry_at=retry_at)
            self.decisions.verdicts.append(verdict)

    def _fall_silent(self, proposal: Proposal, *reasons: Reason) -> None:
        self.decisions.verdicts.append(Verdict(proposal=proposal, decided=Decided.SILENCE, reasons=reasons, at=self.now))


def _apart(morning: Millis, proposal: Proposal) -> Millis:
    """Give each proposal a moment of its own soon after the quiet hours: a whole town's end in one instant."""
    room = min(_WAKING, (proposal.expires_at - morning) // 10)
    return morning + int.from_bytes(proposal.id[:8], "big") % (room + 1)


def _best_first(held: Held) -> tuple[float, Millis, bytes]:
    return -held.proposal.worth, held.proposal.made_at, held.proposal.id


def _concerned(proposal: Proposal, items: tuple[str, ...], channel: str) -> bool:
    if items:
        return not set(items).isdisjoint(proposal.items)
    return proposal.purpose is not Purpose.SERVICE and channel in {"", proposal.channel}
