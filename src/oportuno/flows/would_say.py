"""What would be said to a customer now, and why, or which silence: the engine's own step on the state as it stands. Nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from oportuno.catalog.product import Facts
from oportuno.consent.answers import granted_purposes
from oportuno.decision.decide import decide
from oportuno.decision.pending import Held, Pending
from oportuno.decision.verdict import Decided, Verdict
from oportuno.flows.facts import FactsAtHand
from oportuno.flows.programme import Programme
from oportuno.flows.step import step
from oportuno.flows.work import Stored
from oportuno.journeys.at_once import propose_now
from oportuno.journeys.journey import Journey
from oportuno.kit.faults import NotFound, Unavailable
from oportuno.kit.times import Millis
from oportuno.moments.proposal import Proposal
from oportuno.profile.draft import Draft

_ROUNDS: Final = 3
"""How often it is decided anew because a product had to be fetched first."""
_BEST_FIRST: Final = (Decided.SPEAK, Decided.WAIT, Decided.SILENCE)


class Asked(NamedTuple):
    """What is asked about. With neither: whatever is due at this moment."""

    journey: str = ""
    """What this journey would say if its first word were due now; with items alone, each active one's."""
    items: tuple[str, ...] = ()
    """Only what is about one of these products."""


class Would(NamedTuple):
    """What would be."""

    at: Millis
    verdicts: list[Verdict]
    """The best first: what would be said, what would wait, what would not be said."""
    waiting: list[Held]
    """What would wait in the customer's state afterwards, those from before included."""
    nothing_left: list[str]
    """Journeys that were asked about and have nothing to speak about."""


async def would_say(stored: Stored | None, asked: Asked, programme: Programme, facts: FactsAtHand, *, now: Millis) -> Would:
    """Decide on a copy of the customer's state and give what came of it.

    Raises NotFound (``journey_unknown``), and Unavailable (``customer_not_ready``) for somebody whom the engine has not met yet.
    """
    if stored is None:
        raise Unavailable("customer_not_ready", "what was told of this customer is not evaluated yet: ask again in a moment")
    journeys = _concerned(asked, programme)
    await facts.refresh()
    for last in range(_ROUNDS):
        known = facts.for_workspace(stored.key.workspace)
        found = _decided(stored, asked, journeys, programme=programme, facts=known, now=now)
        if not known.missing or last == _ROUNDS - 1:
            break
        await facts.load(known.missing)
    return found


def _concerned(asked: Asked, programme: Programme) -> list[Journey] | None:
    """Give the journeys that are asked about in their newest version; None: nobody asks about any."""
    if not asked.journey and not asked.items:
        return None
    newest: dict[str, Journey] = {}
    for each in sorted(programme.journeys, key=lambda journey: journey.version):
        newest[each.key] = each
    if not asked.journey:
        return [each for each in newest.values() if each.active]
    if asked.journey not in newest:
        raise NotFound("journey_unknown", "there is no such journey in this workspace")
    return [newest[asked.journey]]


def _decided(stored: Stored, asked: Asked, journeys: Sequence[Journey] | None, *, programme: Programme, facts: Facts, now: Millis) -> Would:
    draft = Draft(stored.key, stored.state, stored.version)
    draft.granted = granted_purposes(draft, now)
    nothing_left: list[str] = []
    if journeys is None:
        verdicts = step(draft, [], programme=programme, now=now, facts=facts).verdicts
    else:
        proposals: list[Proposal] = []
        for journey in journeys:
            found = [propose_now(draft, journey, item=item, now=now, facts=facts) for item in asked.items or ("",)]
            about = {each.id: each for each in found if each is not None and _is_about(each.items, asked.items)}
            proposals += about.values()
            nothing_left += [] if about else [journey.key]
        verdicts = decide(draft, proposals, policy=programme.policy, now=now, facts=facts).verdicts
    waiting = list(draft.read(Pending).held) if draft.has(Pending) else []
    return Would(now, sorted(verdicts, key=lambda verdict: _BEST_FIRST.index(verdict.decided)), waiting, nothing_left)


def _is_about(items: tuple[str, ...], asked: tuple[str, ...]) -> bool:
    return not asked or not set(items).isdisjoint(asked)
