"""Journeys prepared for walking: which events concern which, and what follows on what. Made once per set of journeys."""

from __future__ import annotations

from typing import Final

from oportuno.journeys.journey import Journey, Send, Step, WaitFor
from oportuno.journeys.rule import event_fields
from oportuno.moments.evidence import KINDS


class Plan:
    """One version of a journey, ready to walk."""

    __slots__ = ("active", "first", "following", "journey", "place", "remembers", "steps", "version")

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.version = journey.version
        self.active = journey.active
        self.steps: dict[str, Step] = {step.id: step for step in journey.steps}
        self.place = {step.id: place for place, step in enumerate(journey.steps)}
        ids = [step.id for step in journey.steps]
        self.first = ids[0]
        self.following = dict(zip(ids, [*ids[1:], ""], strict=True))
        """step → the one after it; empty after the last."""
        self.remembers = event_fields(journey).union(*(KINDS[step.because].about for step in journey.steps if isinstance(step, Send)))
        """Properties of the trigger that a walk takes along: for its branches, and for the evidence of what it says."""


class Index:
    """All journeys of a workspace, by what concerns them."""

    __slots__ = ("concerned", "newest", "plans", "starters")

    def __init__(self, journeys: tuple[Journey, ...]) -> None:
        self.plans = {(journey.key, journey.version): Plan(journey) for journey in journeys}
        self.newest: dict[str, Plan] = {}
        for plan in sorted(self.plans.values(), key=lambda plan: plan.version):
            self.newest[plan.journey.key] = plan
        self.starters: dict[str, tuple[Plan, ...]] = {}
        """Event name → the newest, active versions that it starts."""
        for plan in self.newest.values():
            if plan.active:
                for name in plan.journey.trigger:
                    self.starters[name] = (*self.starters.get(name, ()), plan)
        self.concerned = frozenset(name for journey in journeys for name in _names(journey))
        """Every event name that any version listens to: all others cost nothing."""


def _names(journey: Journey) -> set[str]:
    names = {*journey.trigger, *journey.goal, *journey.exits}
    for step in journey.steps:
        if isinstance(step, WaitFor):
            names.update(step.events, step.restart_on)
    return names


_KNOWN: Final[dict[int, tuple[tuple[Journey, ...], Index]]] = {}
"""By identity of the tuple, which is kept beside it so that its identity stays its own."""
_MOST_KNOWN: Final = 1024


def index_of(journeys: tuple[Journey, ...]) -> Index:
    """Give the index of these journeys, made when it is first asked for."""
    found = _KNOWN.get(id(journeys))
    if found is not None and found[0] is journeys:
        return found[1]
    if len(_KNOWN) >= _MOST_KNOWN:
        _KNOWN.clear()
    index = Index(journeys)
    _KNOWN[id(journeys)] = (journeys, index)
    return index
