"""The parts of the product as the simulator runs them: the same flows as in the real processes, in loops of plain coroutines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Protocol

from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.postgres.facts import FactsCache
from oportuno.channels.channel import Answer, Outcome, Window
from oportuno.channels.pace import Pace
from oportuno.channels.ways import ALL_SIGNED
from oportuno.content.message import Message, Rendered
from oportuno.entry.simulation.promises import Promises
from oportuno.entry.simulation.town import Crowd, Request
from oportuno.flows.deliver import deliver_one
from oportuno.flows.facts import FactsAtHand
from oportuno.flows.limits import Doorkeeper
from oportuno.flows.merge import merge_once
from oportuno.flows.ports import Feed, Intake, Programmes
from oportuno.flows.programme import Programme
from oportuno.flows.react import Reacted, react_once
from oportuno.flows.recover import recover_once
from oportuno.flows.take_in import TakeIn, take_in
from oportuno.flows.ways import Way
from oportuno.flows.work import Store
from oportuno.kit.faults import Fault, Unavailable
from oportuno.kit.ids import BUCKETS, derive
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft

_DIGEST_KEY: Final = b"simulation" * 3
EVERYWHERE: Final = frozenset(range(BUCKETS))
_REST: Final = 0.5
_ONE_IN: Final = 5
"""Of so many acknowledged requests one is sent again all the same."""
_ENDINGS: Final = {"accepted": 45, "for now": 30, "for good": 10, "taken in silence": 10, "lost in silence": 5}
"""How a hand-off ends, in percent."""


class React(Protocol):
    """The shape of `react_once`, so that a test can plant a bug in its place."""

    def __call__(self, feed: Feed, store: Store, programmes: Programmes, facts: FactsAtHand, *, limit: int) -> Awaitable[Reacted]:
        """React to one batch."""
        ...


@dataclass(frozen=True, slots=True)
class Flows:
    """What is under test."""

    react: React = react_once
    deliver: Callable[..., Awaitable[Any]] = deliver_one


@dataclass(slots=True)
class Parts:
    """Everything a history is played with."""

    world: MemoryWorld
    chance: Random
    promises: Promises
    crowd: Crowd
    flows: Flows
    calm: bool = False
    """At the end of a history providers answer well, so that everything can come to rest."""
    providers: dict[str, Provider] = field(default_factory=dict)

    def provider(self, channel: str) -> Provider:
        """Give the one provider of a channel."""
        return self.providers.setdefault(channel, Provider(self))

    # ── processes ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def engine(self, feed: Feed) -> None:
        """Run the engine's loop: react, and wait when there was nothing."""
        facts = self._facts()
        while True:
            try:
                done = await self.flows.react(feed, self.world.store, self.world.programmes, facts, limit=self.chance.choice((2, 5, 50)))
                crossed = await merge_once(self.world.crossings, self.world.store, self.world.programmes, EVERYWHERE, facts, limit=5)
                # One piece at a time, between two batches: others come in between, and who dies leaves the rest to another.
                forgot = await self.world.erasures.advance()
                if not (done.events or done.told or done.timers or done.moved or forgot) and crossed.idle:
                    await feed.wait(_REST)
            except Unavailable:
                await self.world.clock.sleep(_REST)

    async def deliverer(self, number: int, pace: Pace) -> None:
        """Run one place of a deliverer: what is due goes out, what the dead had in hand is settled."""
        world, facts = self.world, self._facts()
        while True:
            try:
                for channel in ("email", "webhook"):
                    due = await world.outbox.due(channel, 4)
                    for waiting in due.waiting:
                        programme = await world.programmes.programme(waiting.message.key.workspace)
                        await self.flows.deliver(
                            waiting,
                            programme=programme,
                            store=world.store,
                            ways=[Way(channel, self.provider(channel), ALL_SIGNED)],
                            render=_plainly,
                            deliverer=number,
                            clock=world.clock,
                            pace=pace,
                            facts=facts,
                        )
                await recover_once(world.outbox, world.store)
                await world.outbox.wait(_REST)
                await world.clock.sleep(_REST)
            except Unavailable:
                await world.clock.sleep(_REST)

    def _facts(self) -> FactsAtHand:
        """Give a process its own memory of products."""
        return FactsCache(self.world.catalogue, monotonic=self.world.clock.monotonic)

    async def request(self, request: Request, intake: Intake) -> None:
        """Take one request in; whoever sent it keeps it until it is acknowledged."""
        world = self.world
        taking = TakeIn(body=request.body, key=request.key)
        made = iter(range(1, 100))
        try:
            await take_in(
                taking,
                intake=intake,
                keys=world.keys,
                doorkeeper=Doorkeeper(),
                digest_key=_DIGEST_KEY,
                ids=lambda: derive("reject", request.number, next(made)),
                now=world.clock.now,
            )
        except Fault:
            self.crowd.waiting.append(request)
            return
        self.promises.acknowledged(request.ids)
        if self.chance.randrange(_ONE_IN) == 0:
            self.crowd.waiting.append(request)


@dataclass(slots=True)
class Provider:
    """A way out whose network is scripted by chance: it may take a message and never say so."""

    parts: Parts

    async def hand_off(self, message: Message, rendered: Rendered, address: str, window: Window) -> Answer:  # noqa: ARG002 - the port's signature
        """Take, refuse, or leave everybody in the dark."""
        parts = self.parts
        parts.promises.handing_off(message)
        ending = "accepted" if parts.calm else parts.chance.choices(list(_ENDINGS), list(_ENDINGS.values()))[0]
        for _ in range(1 if parts.calm else parts.chance.choice((1, 1, 3, 9))):
            await parts.world.pause("provider.connected")
        if ending in ("accepted", "taken in silence"):
            parts.promises.taken(message)
        await parts.world.pause("provider.heard")
        match ending:
            case "accepted":
                return Answer(outcome=Outcome.ACCEPTED)
            case "for now":
                return Answer(outcome=Outcome.REFUSED_FOR_NOW, detail="421", retry_after=parts.chance.choice((None, 1_000, 60_000)))
            case "for good":
                return Answer(outcome=Outcome.REFUSED_FOR_GOOD, detail="550")
            case _:
                return Answer(outcome=Outcome.UNKNOWN, detail="no answer")


def _plainly(message: Message, programme: Programme, draft: Draft, now: Millis) -> Rendered:  # noqa: ARG001 - the shape of Render
    return Rendered(channel=message.said.channel, language="es", subject=programme.brand.name, text=message.said.template)
