"""A deterministic loop for plain coroutines. Flows await only ports, so every await is a place to stop at, to fail at, or to die at."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from oportuno.adapters.memory import MemoryWorld
from oportuno.kit.faults import Unavailable
from oportuno.kit.times import Millis

_ASLEEP: Final = "clock.asleep"
_BLOCKED: Final = "store.blocked"
_MAY_FAIL: Final = ("store.", "feed.", "outbox.", "intake.", "programmes.", "keys.", "reads.", "catalogue.")


@dataclass(slots=True, eq=False)
class Actor:
    """One coroutine that somebody runs: a worker's loop, a request in flight, a writer."""

    name: str
    process: str
    """Who dies together."""
    coroutine: Coroutine[Any, Any, None]
    place: str = "start"
    since: Millis = 0
    """For a sleeper: the monotonic time at which it last looked at the clock."""
    ended: bool = False
    fault: Exception | None = None


@dataclass(slots=True)
class Scheduler:
    """Runs actors one await at a time, in an order drawn from one source of chance."""

    world: MemoryWorld
    chance: Random
    actors: list[Actor] = field(default_factory=list)
    graveyard: list[Coroutine[Any, Any, None]] = field(default_factory=list)
    """What was killed inside a `finally` that awaits: kept asleep, as a killed process never runs it."""

    def start(self, name: str, process: str, coroutine: Coroutine[Any, Any, None]) -> Actor:
        """Let one more actor take part."""
        actor = Actor(name, process, coroutine)
        self.actors.append(actor)
        return actor

    def runnable(self) -> list[Actor]:
        """Give those who can get on: not asleep at a clock that stands still, not waiting for a row that is still locked."""
        waits = {work.actor: work.awaits for work in self.world.open if work.awaits is not None}
        elapsed = self.world.clock.elapsed
        return [
            actor
            for actor in self.actors
            if not (actor.place == _ASLEEP and actor.since == elapsed)
            and not (actor.place == _BLOCKED and waits.get(actor.name) in self.world.locks)
        ]

    def resume(self, actor: Actor, fault: Exception | None = None) -> None:
        """Run one actor to its next await, or to its end; with a fault, raise that at the await where it stands."""
        self.world.actor = actor.name
        try:
            if fault is not None:
                self.world.roll_back(actor.name)
                actor.coroutine.throw(fault)
            else:
                actor.coroutine.send(None)
        except StopIteration:
            actor.ended = True
        except Exception as left_over:  # noqa: BLE001 - whatever a flow lets out is a finding, told with the seed that reproduces it
            actor.ended, actor.fault = True, left_over
        actor.place, actor.since = self.world.place, self.world.clock.elapsed
        if actor.ended:
            self.actors.remove(actor)
            self.world.roll_back(actor.name)

    def may_fail(self, actor: Actor) -> bool:
        """Say whether the actor stands where a lost connection would show."""
        return actor.place.startswith(_MAY_FAIL)

    def fail(self, actor: Actor) -> None:
        """Let the actor's store be gone at the await where it stands: what was being committed may be there or not."""
        self.resume(actor, Unavailable("database_gone", "the database does not answer"))

    def kill(self, process: str) -> list[Actor]:
        """End a process as kill -9 does: none of its code runs any more, its transactions roll back. Gives who died."""
        dead = [actor for actor in self.actors if actor.process == process]
        for actor in dead:
            self.actors.remove(actor)
            self.world.roll_back(actor.name)
            self._bury(actor.coroutine)
        return dead

    def end(self) -> None:
        """Kill everybody who is left."""
        for process in sorted({actor.process for actor in self.actors}):
            self.kill(process)

    def _bury(self, coroutine: Coroutine[Any, Any, None]) -> None:
        try:
            coroutine.close()
        except RuntimeError:
            self.graveyard.append(coroutine)
