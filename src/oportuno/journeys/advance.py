"""Walking a customer through the journeys: events and time go in, proposals come out.

Every time in here is an event's time or follows from one: where a customer stands depends on what happened, not on when a worker ran.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from oportuno.catalog.product import NO_FACTS, Facts
from oportuno.events.event import Call, Event
from oportuno.journeys.index import Index, Plan, index_of
from oportuno.journeys.journey import Branch, End, Journey, Send, Wait, WaitFor
from oportuno.journeys.propose import proposed
from oportuno.journeys.rule import matches
from oportuno.journeys.walks import (
    EXITED,
    FINISHED,
    GOAL_REACHED,
    HAPPENED,
    LATE_EVENT,
    NOTHING_LEFT,
    RESTORED,
    STEP_VANISHED,
    SWITCHED_OFF,
    Ended,
    Walk,
    Walks,
)
from oportuno.kit.ids import derive
from oportuno.kit.times import Millis
from oportuno.moments.evidence import KINDS, gather
from oportuno.moments.proposal import Proposal
from oportuno.moments.seen import Seen
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

_MOST_MOVES: Final = 64
"""Steps taken for one walk in one go: one that loops goes on in the next step of the engine."""
_MOST_ENDED: Final = 40
"""Journeys whose last end is remembered; beyond it those that no longer exist are forgotten first."""
_LONGEST_REMEMBERED: Final = 100
_MOST_GOING: Final = 20
"""Walks that a customer can be on at one time; a further one does not start."""


def advance(
    draft: Draft, journeys: tuple[Journey, ...], event: Event | None, *, now: Millis, freshness: Millis, facts: Facts = NO_FACTS
) -> list[Proposal]:
    """Take the customer on through the journeys and give what they propose to say.

    With an event, what concerns it: goals and exits end walks, whatever the event's source; starts, restarts and moves need an event that
    speaks and arrived within `freshness` of happening. Without, the timers due at `now`. Proposals name the moment they expire by the
    time their step was reached; one that comes late is decided on present facts.
    """
    if event is None:
        return _look_at_timers(draft, index_of(journeys), now, facts) if draft.has(Walks) else []
    index = index_of(journeys)
    if event.name not in index.concerned or event.call is not Call.TRACK:
        return []
    speaks = event.speaks and event.received - event.at <= freshness
    starters = index.starters.get(event.name, ()) if speaks else ()
    if not starters and not draft.has(Walks):
        return []
    walker = _Walker(draft, index, now, facts)
    walker.run_timers(min(event.at, now))
    walker.listen(event, speaks=speaks)
    for plan in starters:
        walker.start(plan, event)
    return walker.proposals


def next_timer(draft: Draft, journeys: tuple[Journey, ...]) -> Millis | None:  # noqa: ARG001 - part of the agreed signature
    """Give the earliest moment at which a walk of this customer has to be looked at again."""
    if not draft.has(Walks):
        return None
    return min([walk.due for walk in draft.read(Walks).going], default=None)


def let_go_overdue(draft: Draft, journeys: tuple[Journey, ...], *, until: Millis) -> int:
    """End the walks that were due by `until` and may still promote: what they had to say may have been said. Gives how many ended."""
    if not draft.has(Walks):
        return 0
    plans = index_of(journeys).plans
    overdue = [walk for walk in draft.read(Walks).going if walk.due <= until and _promotes(plans.get((walk.journey, walk.version)))]
    if overdue:
        walks = draft.open(Walks)
        walks.going = [walk for walk in walks.going if walk not in overdue]
        for walk in overdue:
            walks.ended[walk.journey] = Ended(started_at=walk.started_at, at=walk.due, how=RESTORED)
    return len(overdue)


def _promotes(plan: Plan | None) -> bool:
    """Say whether a journey says anything that is no service; of one that is gone nobody knows."""
    return plan is None or any(isinstance(step, Send) and step.purpose is not Purpose.SERVICE for step in plan.steps.values())


def _look_at_timers(draft: Draft, index: Index, now: Millis, facts: Facts) -> list[Proposal]:
    for walk in draft.read(Walks).going:
        plan = index.newest.get(walk.journey)
        if walk.due <= now or plan is None or plan.version != walk.version or not plan.active:
            walker = _Walker(draft, index, now, facts)
            walker.run_timers(now)
            return walker.proposals
    return []


def _rememberable(value: object) -> bool:
    """Say whether a property is small enough to go with the walk, and of a kind that a rule can compare."""
    if isinstance(value, str):
        return len(value) <= _LONGEST_REMEMBERED
    return isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**63)


class _Body(msgspec.Struct):
    properties: Any = None


_BODY: Final = msgspec.json.Decoder(_Body)


def _concerns(walk: Walk, event: Event) -> bool:
    """Say whether an exit is meant for this walk: a walk about an order is left by news of that order, or of one that is not named."""
    order = walk.facts.get("order_id")
    if not order:
        return True
    properties = _BODY.decode(event.body).properties
    told = properties.get("order_id") if isinstance(properties, dict) else None
    return not told or str(told) == str(order)


class _Walker:
    """One customer's walks, open for change."""

    def __init__(self, draft: Draft, index: Index, now: Millis, facts: Facts) -> None:
        self.draft = draft
        self.facts = facts
        self.index = index
        self.now = now
        self.walks = draft.open(Walks)
        self.proposals: list[Proposal] = []

    def run_timers(self, until: Millis) -> None:
        """Take every walk whose time is over by `until` to its next steps."""
        for walk in list(self.walks.going):
            plan = self._plan(walk)
            moves = 0
            while plan is not None and walk.due <= until and moves < _MOST_MOVES:
                moves += 1
                at = walk.due
                if isinstance(plan.steps[walk.step], Wait | WaitFor):
                    going = self._go_to(walk, plan, plan.following[walk.step], at)
                else:
                    going = self._go(walk, plan, at)
                if not going:
                    break

    def listen(self, event: Event, *, speaks: bool) -> None:
        """Let an event end walks, or, if it speaks, move them on."""
        for walk in list(self.walks.going):
            plan = self._plan(walk)
            if plan is None or event.at < walk.started_at:
                continue
            step = plan.steps[walk.step]
            if event.name in plan.journey.goal:
                self._end(walk, event.at, GOAL_REACHED)
            elif event.name in plan.journey.exits and _concerns(walk, event):
                self._end(walk, event.at, EXITED)
            elif isinstance(step, WaitFor):
                self._hear(walk, plan, step, event, speaks=speaks)
        for key, ended in self.walks.ended.items():
            newest = self.index.newest.get(key)
            if newest is not None and not ended.closed and event.at >= ended.started_at:
                if event.name in newest.journey.goal:
                    ended.closed = GOAL_REACHED
                elif event.name in newest.journey.exits:
                    ended.closed = EXITED

    def start(self, plan: Plan, event: Event) -> None:
        """Start a walk, unless one is going, it is too soon for another, or the filter does not hold."""
        journey = plan.journey
        going = self.walks.going
        if len(going) >= _MOST_GOING or any(walk.journey == journey.key for walk in going):
            return
        last = self.walks.ended.get(journey.key)
        if last is not None and last.how != NOTHING_LEFT and (journey.reentry is None or event.at < last.at + journey.reentry):
            return
        properties: dict[str, Any] = {}
        if journey.filter is not None or plan.remembers:
            found = _BODY.decode(event.body).properties
            properties = found if isinstance(found, dict) else {}
        if journey.filter is not None and not matches(journey.filter, self.draft, properties, now=self.now):
            return
        walk = Walk(
            journey=journey.key,
            version=journey.version,
            step=plan.first,
            since=event.at,
            due=event.at,
            started_at=event.at,
            h=event.h,
            event=event.name,
            facts={name: properties[name] for name in sorted(plan.remembers) if _rememberable(properties.get(name))},
        )
        self.walks.going.append(walk)
        self._go(walk, plan, event.at)

    def _hear(self, walk: Walk, plan: Plan, step: WaitFor, event: Event, *, speaks: bool) -> None:
        if event.name in step.events:
            if not step.then:
                self._end(walk, event.at, HAPPENED)
            elif speaks:
                self._go_to(walk, plan, step.then, event.at)
            else:
                self._end(walk, event.at, LATE_EVENT)
        elif speaks and event.name in step.restart_on and event.at > walk.since:
            walk.since = event.at
            walk.due = self._over(walk, plan, event.at + step.timeout)

    def _go_to(self, walk: Walk, plan: Plan, step: str, at: Millis) -> bool:
        """Set the walk on a step (empty: past the last) and go on from there. Says whether it is still going."""
        if not step:
            self._end(walk, at, FINISHED)
            return False
        if plan.place[step] <= plan.place[walk.step]:
            walk.round += 1
        walk.step = step
        return self._go(walk, plan, at)

    def _go(self, walk: Walk, plan: Plan, at: Millis) -> bool:
        """Go on from the step the walk stands on until it has to wait. Says whether it is still going."""
        while True:
            walk.since = at
            match plan.steps[walk.step]:
                case Wait(length=length) | WaitFor(timeout=length):
                    walk.due = self._over(walk, plan, at + length)
                    return True
                case Branch() as branch:
                    then = matches(branch.rule, self.draft, walk.facts, now=self.now)
                    following = branch.then if then else branch.otherwise or plan.following[branch.id]
                case Send() as send:
                    if not self._propose(walk, send, at):
                        self._end(walk, at, NOTHING_LEFT)
                        return False
                    following = plan.following[send.id]
                case End():
                    following = ""
            if not following:
                self._end(walk, at, FINISHED)
                return False
            if plan.place[following] <= plan.place[walk.step]:
                walk.round += 1
            walk.step = following

    def _over(self, walk: Walk, plan: Plan, stated: Millis) -> Millis:
        """Say when a wait is over that is stated to end then: never earlier, and for each customer at an own moment of the spread.

        What follows from one instant for many, a change of the catalogue or an import, would otherwise come due in one instant too.
        """
        spread = plan.journey.spread
        if not spread:
            return stated
        key = self.draft.key
        place = derive("spread", key.workspace, key.customer, walk.journey, walk.step)
        return stated + int.from_bytes(place[:8], "big") % (spread + 1)

    def _propose(self, walk: Walk, send: Send, at: Millis) -> bool:
        about = {name: walk.facts[name] for name in sorted(KINDS[send.because].about) if name in walk.facts}
        evidence = gather(self.draft, send.because, Seen(event=walk.event, at=walk.started_at, about=about), self.facts)
        if evidence is None:
            return False
        key = self.draft.key
        parts: list[bytes | str | int] = ["proposal", key.workspace, key.customer, walk.journey, walk.h, send.id]
        if walk.round:
            parts.append(walk.round)
        made = proposed(send, evidence, of=derive(*parts), journey=walk.journey, version=walk.version, at=at, made_at=self.now)
        self.proposals.append(made)
        return True

    def _end(self, walk: Walk, at: Millis, how: str) -> None:
        self.walks.going.remove(walk)
        ended = self.walks.ended
        ended[walk.journey] = Ended(started_at=walk.started_at, at=at, how=how)
        if len(ended) > _MOST_ENDED:
            gone = [key for key in ended if key not in self.index.newest] or list(ended)
            del ended[min(gone, key=lambda key: (ended[key].at, key))]

    def _plan(self, walk: Walk) -> Plan | None:
        """Find the version the walk goes by; None when it ended because there is none."""
        newest = self.index.newest.get(walk.journey)
        if newest is None:
            self._end(walk, self.now, STEP_VANISHED)
            return None
        if not newest.active:
            self._end(walk, self.now, SWITCHED_OFF)
            return None
        if newest.version == walk.version:
            plan: Plan | None = newest
        elif newest.journey.on_publish == "move":
            self._move(walk, newest)
            plan = newest
        else:
            plan = self.index.plans.get((walk.journey, walk.version))
        if plan is None or walk.step not in plan.steps:
            self._end(walk, self.now, STEP_VANISHED)
            return None
        return plan

    def _move(self, walk: Walk, newest: Plan) -> None:
        """Take a walk over to the newest version, its time counted again by that version's step."""
        walk.version = newest.version
        walk.step = newest.journey.moves.get(walk.step, walk.step)
        match newest.steps.get(walk.step):
            case Wait(length=length) | WaitFor(timeout=length):
                walk.due = self._over(walk, newest, walk.since + length)
            case _:
                pass
