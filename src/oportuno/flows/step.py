"""One customer, what happened, and one moment: what becomes of it. Pure seen from outside; live, backtest and simulation run this.

This file and `react` are the only ones that know the order: listen to consent, fold, close loops, advance journeys, decide.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from oportuno.attention.ledger import Attention, release_about
from oportuno.consent.answers import granted_purposes
from oportuno.consent.listen import listen
from oportuno.consent.refusals import Refusal
from oportuno.content.message import Message
from oportuno.decision.decide import decide, drop_pending, next_decision
from oportuno.decision.verdict import Verdict
from oportuno.events.event import Event
from oportuno.flows.programme import Programme
from oportuno.journeys.advance import advance, next_timer
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft
from oportuno.profile.fold import fold


class Outcome(msgspec.Struct, kw_only=True):
    """What one step gives: to be committed with the new state, or not at all."""

    verdicts: list[Verdict]
    messages: list[Message]
    cancelled: list[tuple[tuple[str, ...], str]]
    """(items, refusal): cancel what waits in the outbox about any of these items."""
    due_at: Millis | None
    """The customer's earliest timer after this step."""


def step(draft: Draft, events: Sequence[Event], *, programme: Programme, now: Millis, clock_trusted: bool = True) -> Outcome:
    """Fold the events into the draft, advance its journeys to `now`, and decide what they propose.

    `events` may be empty: then only timers are looked at. The draft is changed in place; the caller encodes and commits it.
    """
    verdicts: list[Verdict] = []
    cancelled: list[tuple[tuple[str, ...], str]] = []
    proposals = []
    draft.granted = granted_purposes(draft, now)
    for event in sorted(events, key=_by_time) if len(events) > 1 else events:
        if listen(draft, event):
            draft.granted = granted_purposes(draft, now)
        folded = fold(draft, event, currency=programme.policy.currency)
        if folded.bought:
            cancelled.append((folded.bought, Refusal.ITEM_BOUGHT.value))
            verdicts += drop_pending(draft, items=folded.bought, refusal=Refusal.ITEM_BOUGHT, now=now)
            if draft.has(Attention) and release_about(draft.read(Attention), folded.bought):
                draft.open(Attention)
        proposals += advance(draft, programme.journeys, event, now=now, freshness=programme.policy.freshness)
    proposals += advance(draft, programme.journeys, None, now=now, freshness=programme.policy.freshness)
    decided = decide(draft, proposals, policy=programme.policy, now=now, clock_trusted=clock_trusted)
    return Outcome(
        verdicts=verdicts + decided.verdicts,
        messages=decided.messages,
        cancelled=cancelled,
        due_at=_earlier(next_timer(draft, programme.journeys), next_decision(draft)),
    )


def _by_time(event: Event) -> tuple[Millis, bytes]:
    return event.at, event.h


def _earlier(one: Millis | None, other: Millis | None) -> Millis | None:
    return one if other is None else other if one is None else min(one, other)
