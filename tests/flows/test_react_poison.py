"""An event that raises costs itself: not its customer's other events, and not the time of everybody who is locked with them."""

from __future__ import annotations

import asyncio
from typing import Any

from oportuno.adapters.memory.world import MemoryWorld
from oportuno.consent.policy import Policy
from oportuno.events.event import Call, Source
from oportuno.flows.ports import Arrival, LaneClass
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.react import react_once
from oportuno.kit.ids import derive, key_of
from oportuno.kit.times import day_of
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Core

ANA = key_of(7, 4711)
MANY = 400


class Watched(Programme, frozen=True, kw_only=True):
    """A programme that notes how often somebody asked for its policy: a step does, some times for each event."""

    asked: list[int] = []

    def __getattribute__(self, name: str) -> Any:
        if name == "policy":
            super().__getattribute__("asked").append(1)
        return super().__getattribute__(name)


def arrival(world: MemoryWorld, number: int, body: Any) -> Arrival:
    now = world.clock.now
    return Arrival(
        key=ANA,
        h=derive(number),
        source=Source.LIVE,
        call=Call.PAGE,
        name="",
        at=now - MANY + number,
        received=now,
        body=body,
        day=day_of(now),
    )


def test_one_poisonous_event_among_hundreds_is_found_by_halves() -> None:
    async def story() -> None:
        world = MemoryWorld()
        norte = Watched(workspace=7, public_id="ws_norte", version=1, policy=Policy(), brand=Brand(name="Tienda Norte"))
        world.programmes.put(norte)
        bodies: list[Any] = [b'{"type":"page","userId":"ana"}'] * MANY
        bodies[MANY - 20] = None
        await world.intake.store([arrival(world, number, body) for number, body in enumerate(bodies)], [], LaneClass.LIVE)

        done = await react_once(world.feed(), world.store, world.programmes, limit=1_000)

        assert (done.events, done.quarantined) == (MANY, 1)
        async with world.store.work() as work:
            _, rows = await work.lock([ANA])
        assert Draft(ANA, rows[ANA].state, rows[ANA].version).read(Core).last_seen == world.clock.now - 1
        steps = len(norte.asked) / MANY / 2
        assert steps < 25, f"as much work as {steps:.0f} steps with all events"

    asyncio.run(story())
