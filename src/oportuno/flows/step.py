"""One customer, what happened, and one moment: what becomes of it. Pure seen from outside; live, backtest and simulation run this.

This file and `react` are the only ones that know the order: listen to consent, fold, close loops, advance journeys, decide, watch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from oportuno.attention.contacts import count_contact
from oportuno.attention.ledger import Attention, release_about
from oportuno.catalog.product import NO_FACTS, ChangeKind, Facts
from oportuno.consent.answers import Consents, granted_purposes
from oportuno.consent.listen import Told, listen, wishes_to_join
from oportuno.consent.refusals import Refusal
from oportuno.consent.wishes import longest_window
from oportuno.content.message import Message
from oportuno.decision.decide import Overtaken, decide, drop_pending, next_decision
from oportuno.decision.verdict import Verdict
from oportuno.events.event import Event
from oportuno.events.touchpoints import CONTACT_NAMES
from oportuno.flows.fan_out import product_of
from oportuno.flows.programme import Programme
from oportuno.flows.work import LedgerEntry
from oportuno.journeys.advance import advance, next_timer
from oportuno.journeys.heard import hear
from oportuno.journeys.index import index_of
from oportuno.kit.ids import derive
from oportuno.kit.times import Millis
from oportuno.moments.asking import ask_to_confirm
from oportuno.moments.proposal import Proposal
from oportuno.profile.draft import Draft
from oportuno.profile.fold import fold, rest
from oportuno.profile.watching import Rewatched, rewatch

_CHANGES: Final = frozenset(kind.value for kind in ChangeKind)
"""Names that only the catalogue may say: from anybody else such an event is kept and starts nothing."""


class Outcome(msgspec.Struct, kw_only=True):
    """What one step gives: to be committed with the new state, or not at all."""

    verdicts: list[Verdict]
    messages: list[Message]
    cancelled: list[tuple[tuple[str, ...], str]]
    """(items, refusal): cancel what waits in the outbox about any of these items."""
    overtaken: list[Overtaken]
    """Messages in the outbox to cancel, because a better one took their place."""
    due_at: Millis | None
    """The customer's earliest timer after this step."""
    watches: list[Rewatched]
    """What the customer watches from now on, or no longer."""
    ledger: list[LedgerEntry]
    """Answers about consent that the events changed, with what proves them."""


def step(
    draft: Draft, events: Sequence[Event], *, programme: Programme, now: Millis, clock_trusted: bool = True, facts: Facts = NO_FACTS
) -> Outcome:
    """Fold the events into the draft, advance its journeys to `now`, and decide what they propose.

    `events` may be empty: then only timers are looked at. The draft is changed in place; the caller encodes and commits it. `facts` tells
    of the workspace's products as they are now.
    """
    turn = _Turn(draft, programme, now, facts)
    draft.granted = granted_purposes(draft, now)
    for event in sorted(events, key=_by_time) if len(events) > 1 else events:
        if event.of_catalogue:
            turn.hear(event)
        else:
            turn.take(event)
    if not events:
        rest(draft, now)
    turn.advance(None)
    if turn.joining:
        # At the end: the address may have come with the wish, and a later event of the batch may have taken the wish back.
        turn.proposals.append(ask_to_confirm(draft, turn.joining, policy=programme.policy, now=now))
    decided = decide(draft, turn.proposals, policy=programme.policy, now=now, clock_trusted=clock_trusted, facts=facts)
    return Outcome(
        verdicts=turn.verdicts + decided.verdicts,
        messages=decided.messages,
        cancelled=turn.cancelled,
        overtaken=decided.overtaken,
        due_at=_earlier(next_timer(draft, programme.journeys), next_decision(draft)),
        watches=rewatch(draft, now, facts, anyway=turn.withdrawn),
        ledger=turn.ledger,
    )


class _Turn:
    """One step on its way."""

    def __init__(self, draft: Draft, programme: Programme, now: Millis, facts: Facts) -> None:
        self.draft = draft
        self.programme = programme
        self.now = now
        self.facts = facts
        self.proposals: list[Proposal] = []
        self.verdicts: list[Verdict] = []
        self.cancelled: list[tuple[tuple[str, ...], str]] = []
        self.joining = ""
        """The answer that somebody left pending just now, to be asked about."""
        self.withdrawn = False
        """Whether a product was withdrawn, so that the customer's watches are judged anew."""
        self.ledger: list[LedgerEntry] = []

    def take(self, event: Event) -> None:
        """Take in what the customer did."""
        draft, policy = self.draft, self.programme.policy
        told = listen(draft, event)
        if told:
            self.ledger += [_entry(draft, event, each) for each in told if each.anew]
            draft.granted = granted_purposes(draft, self.now)
            self.joining = wishes_to_join(draft, event) or self.joining
        if event.name in CONTACT_NAMES:
            count_contact(draft, event, now=self.now, longest=longest_window(draft.read(Consents), policy.limits))
        folded = fold(draft, event, currency=policy.currency, facts=self.facts, half_life=policy.interest_half_life)
        if folded.bought:
            self.close(folded.bought, Refusal.ITEM_BOUGHT)
        if event.name not in _CHANGES:
            self.advance(event)

    def hear(self, event: Event) -> None:
        """Hear of a change of the catalogue: nothing that the customer did, so nothing is folded."""
        withdrawn = event.name == ChangeKind.WITHDRAWN.value
        if not withdrawn and event.name not in index_of(self.programme.journeys).concerned:
            return
        if not hear(self.draft, event):
            return
        if withdrawn:
            self.withdrawn = True
            self.close((product_of(event.body),), Refusal.ITEM_WITHDRAWN)
            return
        self.advance(event)

    def close(self, items: tuple[str, ...], refusal: Refusal) -> None:
        """Drop what waits about these items, on every channel, and give its places back."""
        draft = self.draft
        # Whatever promotes and waits in the outbox holds a place: without one there is nothing to look for there.
        if draft.has(Attention) and any(not touch.made for touch in draft.read(Attention).touches):
            self.cancelled.append((items, refusal.value))
        self.verdicts += drop_pending(draft, items=items, refusal=refusal, now=self.now)
        if draft.has(Attention) and release_about(draft.read(Attention), items):
            draft.open(Attention)

    def advance(self, event: Event | None) -> None:
        """Take the journeys on."""
        freshness = self.programme.policy.freshness
        self.proposals += advance(self.draft, self.programme.journeys, event, now=self.now, freshness=freshness, facts=self.facts)


def _entry(draft: Draft, event: Event, told: Told) -> LedgerEntry:
    """Give the proof of an answer that an event brought: the event is named, so that the same one proves it once."""
    answer = told.answer
    return LedgerEntry(
        key=draft.key,
        id=derive("heard", draft.key.workspace, draft.key.customer, event.h, told.place),
        at=answer.at,
        slot=told.place,
        state=answer.state.value,
        source=answer.source,
        notice=answer.notice,
        language=told.language,
        actor="customer",
        proof={"event": event.h.hex()},
    )


def _by_time(event: Event) -> tuple[Millis, bytes]:
    return event.at, event.h


def _earlier(one: Millis | None, other: Millis | None) -> Millis | None:
    return one if other is None else other if one is None else min(one, other)
