"""Deciding on one service message by itself, outside a step: it neither competes with what waits nor waits itself."""

from __future__ import annotations

from oportuno.consent.confirm import note_asked
from oportuno.consent.gate import examine
from oportuno.consent.policy import Policy
from oportuno.consent.refusals import Reason
from oportuno.content.message import Message, message_from
from oportuno.decision.decide import ask_of
from oportuno.decision.verdict import Decided, Verdict, without_words
from oportuno.kit.times import Millis
from oportuno.moments.proposal import Proposal
from oportuno.profile.draft import Draft


def decide_at_once(draft: Draft, proposal: Proposal, *, policy: Policy, now: Millis) -> tuple[Verdict, Message | None]:
    """Decide: the verdict, and the message if it is to be said. What waits in the state is left as it is."""
    answer = examine(draft, ask_of(proposal), policy=policy, now=now)
    if isinstance(answer, Reason):
        return silent_at_once(proposal, answer, now=now), None
    if proposal.confirms:
        note_asked(draft, proposal.confirms, proposal.id, now)
    return Verdict(proposal=without_words(proposal), decided=Decided.SPEAK, at=now), message_from(answer, proposal)


def silent_at_once(proposal: Proposal, reason: Reason, *, now: Millis) -> Verdict:
    """Give the verdict that it is not said, for a reason that stands outside the customer's state."""
    return Verdict(proposal=without_words(proposal), decided=Decided.SILENCE, reasons=(reason,), at=now)
