"""One history: steps of people, workers, crashes and bad clocks, drawn from one seed; then all comes to rest and is counted."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from hashlib import blake2b
from itertools import count
from random import Random
from typing import Any, Final

import msgspec

from oportuno.adapters.memory import MemoryWorld
from oportuno.channels.pace import Pace
from oportuno.entry.simulation.parts import Flows, Parts
from oportuno.entry.simulation.promises import Promises
from oportuno.entry.simulation.scheduler import Actor, Scheduler
from oportuno.entry.simulation.shelf import Shopkeeper
from oportuno.entry.simulation.town import PEOPLE, PROGRAMME, SECRET_KEY, WORKSPACE, WRITE_KEY, Crowd
from oportuno.entry.simulation.writers import Writers
from oportuno.flows.ports import KeyFacts
from oportuno.flows.work import OutboxStatus, Writes
from oportuno.kit.times import DAY, HOUR, MINUTE, SECOND, Millis

ENGINES: Final = ("engine-1", "engine-2")
DELIVERERS: Final = ("deliverer-1", "deliverer-2")
_LAPSES: Final[tuple[Millis, ...]] = (50, 200, 400, 600, SECOND, SECOND, 5 * SECOND, MINUTE, 31 * MINUTE, 2 * HOUR, 8 * HOUR)
_JUMPS: Final[tuple[Millis, ...]] = (-10 * MINUTE, -2 * SECOND, 2 * SECOND, 20 * MINUTE)
_TO_REST: Final[tuple[Millis, ...]] = (SECOND, MINUTE, 31 * MINUTE, 6 * HOUR, DAY, DAY, 8 * DAY)
_HAPPENINGS: Final = {"nothing": 51, "shelf": 6, "join": 1, "request": 14, "wish": 10, "time": 10, "crash": 3, "connection": 5}
"""What comes from outside in a step, and how often."""
_TIMES: Final = {"lapse": 60, "edge": 30, "jump": 10}
_WISHES: Final = {"no": 3, "leave": 3, "stop": 1, "mute": 3, "yes": 6, "erase": 1}
_NOES: Final = {"no": 3, "leave": 3, "stop": 1, "mute": 2}
_REQUESTS: Final = {"new": 1, "again": 1}
_MOST_TURNS: Final = 20_000


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one history."""

    seed: int
    steps: int
    """How many were made before it ended, or before a promise broke."""
    turns: int
    """Awaits that were passed."""
    digest: str
    """Of everything that happened, in order: the same seed gives the same."""
    breaches: tuple[str, ...] = ()
    messages: int = 0
    accepted: int = 0
    crashes: int = 0


class SimulatedWorld(MemoryWorld):
    """The twin, with a checker that hears of each commit."""

    def __init__(self) -> None:
        super().__init__(self_moving=False)
        self.heard: list[Callable[[str, Writes], None]] = []
        self.passing: list[Callable[[str, str], None]] = []

    async def pause(self, place: str) -> None:
        """Stand still; the checker looks before anybody can change anything."""
        for look in self.passing:
            look(self.actor, place)
        await super().pause(place)

    def committed(self, actor: str, writes: Writes) -> None:
        """Tell the checker."""
        for hear in self.heard:
            hear(actor, writes)


class History:
    """One town, its workers and its weather."""

    def __init__(self, seed: int, *, flows: Flows | None = None, world: SimulatedWorld | None = None) -> None:
        self.seed = seed
        self.chance = Random(seed)  # noqa: S311 - chance that can be repeated, not a secret
        self.world = world or SimulatedWorld()
        self.scheduler = Scheduler(self.world, self.chance)
        self.promises = Promises(self.world, PROGRAMME)
        self.crowd = Crowd(self.chance)
        self.parts = Parts(self.world, self.chance, self.promises, self.crowd, flows or Flows())
        self.writers = Writers.at(self.world, self.chance, self.promises)
        self.shopkeeper = Shopkeeper(self.world, self.chance)
        self.steps = self.turns = self.crashes = self.requests = 0
        self.trace: list[str] | None = None
        """Set to a list, it receives a line for every await that was passed."""
        self._names = count(1)
        self._digest = blake2b(digest_size=16)
        self._numbers: dict[str, int] = {}
        self._intakes = {name: self.world.ingester() for name in ("api-1", "api-2")}
        self.world.heard += [self._note_commit, self.promises.committed]
        self.world.passing.append(self.promises.passing)
        self.world.programmes.put(PROGRAMME)
        self.world.keys.put(WRITE_KEY, KeyFacts(WORKSPACE, "w1", secret=False))
        self.world.keys.put(SECRET_KEY, KeyFacts(WORKSPACE, "s1", secret=True))

    def play(self, steps: int) -> Told:
        """Make the steps, let everything come to rest, and tell what became of it. Stops at the first breach."""
        self._open_shop()
        for self.steps in range(1, steps + 1):
            self._step()
            self.promises.check_rows()
            if self.promises.breaches:
                break
        else:
            self._come_to_rest()
        self.scheduler.end()
        rows = list(self.world.tables.messages.values())
        return Told(
            seed=self.seed,
            steps=self.steps,
            turns=self.turns,
            digest=self._digest.hexdigest(),
            breaches=tuple(dict.fromkeys(self.promises.breaches)),
            messages=len(rows),
            accepted=sum(story.taken for story in self.promises.stories.values()),
            crashes=self.crashes,
        )

    # ── beginning ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _open_shop(self) -> None:
        """Everybody says who they are; Ana and Bruno say yes, Carla says nothing."""
        self._drive(self.parts.request(self.crowd.introduce(self.world.clock.now), self._intakes["api-1"]))
        self._drive(self.shopkeeper.open())
        for process in ENGINES + DELIVERERS:
            self._start_process(process)
        for _ in range(30):
            self._turn(self.scheduler.runnable()[0])
        for user in ("ana", "bruno"):
            self._writer("yes", user)
        while any(actor.process == "writers" for actor in self.scheduler.actors):
            self._turn(self.scheduler.runnable()[-1])

    def _drive(self, coroutine: Coroutine[Any, Any, None]) -> None:
        actor = self.scheduler.start("setup", "setup", coroutine)
        while not actor.ended:
            self.scheduler.resume(actor)

    def _start_process(self, process: str) -> None:
        """Start an engine, or a deliverer with two places, as new."""
        if process in ENGINES:
            self.scheduler.start(f"{process}.{next(self._names)}", process, self.parts.engine(self.world.feed()))
            return
        number = self._numbers[process] = self.world.start_deliverer()
        self.scheduler.start(f"{process}.{next(self._names)}", process, self.parts.deliverer(number, Pace()))

    def _writer(self, kind: str, user: str) -> None:
        name = f"writer.{next(self._names)}"
        self.scheduler.start(name, "writers", self.writers.write(name, kind, user))

    # ── steps ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _step(self) -> None:
        match self._draw(_HAPPENINGS):
            case "request":
                self._bring_request()
            case "wish":
                self._bring_wish()
            case "time":
                self._let_time_pass()
            case "shelf":
                self.scheduler.start(f"shop.{next(self._names)}", "shop", self.shopkeeper.change())
            case "join":
                self.scheduler.start(f"staff.{next(self._names)}", "staff", self.writers.join())
            case "crash":
                self._crash()
            case "connection":
                self._lose_connection()
        for _ in range(self.chance.choice((1, 2, 3))):
            self._burst(self.chance.choice((1, 1, 2, 4, 8)))

    def _draw(self, odds: dict[str, int]) -> str:
        return self.chance.choices(list(odds), list(odds.values()))[0]

    def _burst(self, length: int) -> None:
        ready = self.scheduler.runnable()
        if not ready:
            self.world.clock.advance(self.chance.choice((50, 500)))
            return
        self._run(self.chance.choice(ready), length)

    def _run(self, actor: Actor, length: int) -> None:
        for _ in range(length):
            self._turn(actor)
            if actor.ended or actor not in self.scheduler.runnable():
                return

    def _turn(self, actor: Actor) -> None:
        self.turns += 1
        self.scheduler.resume(actor)
        self._note(actor.name, actor.place)
        if actor.fault is not None:
            self.promises.breach("a flow raised", f"{actor.process}: {type(actor.fault).__name__}: {actor.fault}")

    def _note(self, *words: str) -> None:
        line = f"{self.steps} {self.world.clock.now} {' '.join(words)}"
        self._digest.update(f"{line}\n".encode())
        if self.trace is not None:
            self.trace.append(line)

    def _note_commit(self, actor: str, writes: Writes) -> None:
        """Put what a commit did into the digest: the same seed must give the same states, not only the same order."""
        states = [blake2b(save.state, digest_size=6).hexdigest() for save in writes.saves]
        messages = [message.id.hex()[:12] for message in writes.messages]
        moves = [f"{move.id.hex()[:12]}:{move.status.name}" for move in writes.moves]
        verdicts = [f"{decision.verdict.decided.value}" for decision in writes.decisions]
        self._note(actor, "commits", *states, *messages, *moves, *verdicts)

    def _bring_request(self) -> None:
        waiting = self.crowd.waiting
        if waiting and self._draw(_REQUESTS) == "again":
            request = waiting.pop(self.chance.randrange(len(waiting)))
        else:
            request = self.crowd.send(self.world.clock.now)
        process = self.chance.choice(("api-1", "api-2"))
        name = f"{process}.{next(self._names)}"
        self.scheduler.start(name, process, self._remember(request, process))

    async def _remember(self, request: Any, process: str) -> None:
        """A client whose connection breaks sends again: also when the process died in the middle."""
        try:
            await self.parts.request(request, self._intakes[process])
        except GeneratorExit:
            self.crowd.waiting.append(request)
            raise

    def _bring_wish(self) -> None:
        """Somebody changes their mind; half of the time somebody to whom a message is on its way, and then it is a no."""
        tables = self.world.tables
        on_its_way = {row.message.key.customer for row in tables.messages.values() if row.status is OutboxStatus.HANDING}
        hot = [name for name in PEOPLE if tables.identities.get((WORKSPACE, "user", name)) in on_its_way]
        if hot and self.chance.randrange(2) == 0:
            self._writer(self._draw(_NOES), self.chance.choice(hot))
            self._run(self.scheduler.actors[-1], 12)
        else:
            self._writer(self._draw(_WISHES), self.chance.choice(PEOPLE))

    def _let_time_pass(self) -> None:
        match self._draw(_TIMES):
            case "jump":
                self.world.clock.jump(self.chance.choice(_JUMPS))
            case "edge":
                self._go_to_an_edge()
            case _:
                self.world.clock.advance(self.chance.choice(_LAPSES))

    def _go_to_an_edge(self) -> None:
        """Let time pass until just before something ends or begins: faults live there."""
        tables, now = self.world.tables, self.world.clock.now
        edges = [row.message.expires_at for row in tables.messages.values() if row.status in (OutboxStatus.PENDING, OutboxStatus.HANDING)]
        edges += [row.not_before for row in tables.messages.values() if row.status is OutboxStatus.PENDING]
        edges += [row.due_at for row in tables.customers.values() if row.due_at is not None]
        ahead = [edge - now for edge in edges if edge > now]
        if ahead:
            self.world.clock.advance(max(1, self.chance.choice(ahead) - self.chance.choice((0, 1, 100, 300, 450))))

    def _crash(self) -> None:
        process = self.chance.choice((*ENGINES, *DELIVERERS, *DELIVERERS, *self._intakes))
        self.crashes += 1
        self.scheduler.kill(process)
        self._note("killed", process)
        if process in self._intakes:
            self._intakes[process] = self.world.ingester()
            return
        if process in self._numbers:
            self.world.stop_deliverer(self._numbers[process])
        self._start_process(process)

    def _lose_connection(self) -> None:
        exposed = [actor for actor in self.scheduler.actors if self.scheduler.may_fail(actor)]
        if exposed:
            actor = self.chance.choice(exposed)
            self.scheduler.fail(actor)
            self._note("lost", actor.name, actor.place)
            if actor.fault is not None:
                self.promises.breach("a flow raised", f"{actor.process}: {type(actor.fault).__name__}: {actor.fault}")

    # ── rest ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _come_to_rest(self) -> None:
        """No more news: whatever was sent arrives, all timers come, and everything that waits is decided."""
        self.parts.calm = True
        while self.crowd.waiting:
            request = self.crowd.waiting.pop()
            self.scheduler.start(f"api-1.{next(self._names)}", "api-1", self._remember(request, "api-1"))
            self._settle()
        for length in _TO_REST:
            for _ in range(3):
                self._settle()
                self.world.clock.advance(SECOND)
            self.world.clock.advance(length)
            if self.promises.breaches:
                return
        self._settle()
        self.promises.check_end()

    def _settle(self) -> None:
        """Run everybody in turn until all of them sleep."""
        for _ in range(_MOST_TURNS):
            ready = self.scheduler.runnable()
            if not ready:
                return
            for actor in ready:
                if not actor.ended:
                    self._turn(actor)
        self.promises.breach("it comes to rest", "the workers never fall idle")
