"""kill -9 at every point of a merge, and two engines at once: nothing is lost, nothing counts twice, nobody is left on the way."""

from __future__ import annotations

from random import Random

import pytest
from merge_world import EVERYWHERE, Norte

from oportuno.entry.simulation.scheduler import Scheduler
from oportuno.flows.crossing import Kind, Stage
from oportuno.flows.merge import merge_once
from oportuno.flows.react import react_once
from oportuno.flows.undo import undo
from oportuno.flows.work import Moved, Status
from oportuno.kit.faults import Conflict, Unavailable
from oportuno.kit.ids import CustomerKey, key_of
from oportuno.profile.sections import Core

_MOST = 4_000


def run(coroutine):
    """Run a coroutine of the twin to its end."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as end:
        return end.value


async def engine(norte: Norte) -> None:
    """Work as an engine does, until nothing is left."""
    feed, world = norte.world.feed(), norte.world
    rest = 0
    while rest < 3:
        try:
            done = await react_once(feed, world.store, world.programmes, limit=3)
            crossed = await merge_once(world.crossings, world.store, world.programmes, EVERYWHERE, limit=5)
        except Unavailable:
            continue
        rest = rest + 1 if not (done.events or done.moved) and crossed.idle else 0
        await world.pause("engine.turn")


def people(norte: Norte) -> list[CustomerKey]:
    """Ana, who is known, and two devices of nobody; each has looked at two things."""

    async def come() -> list[CustomerKey]:
        for ids in ({"userId": "ana"}, {"anonymousId": "tablet"}, {"anonymousId": "laptop"}):
            for product in ("boots", "tent"):
                await norte.looks(product, **ids)
        return [await norte.who("ana"), await norte.who(anonymous="tablet"), await norte.who(anonymous="laptop")]

    return run(come())


async def log_in(norte: Norte) -> None:
    """Ana logs in on both devices, and both go on under their own ids, one of them by a writer who has not heard."""
    for device in ("tablet", "laptop"):
        await norte.looks("lamp", userId="ana", anonymousId=device)
        await norte.looks("map", anonymousId=device)


def check(norte: Norte, keys: list[CustomerKey], events: int) -> None:
    tables = norte.world.tables
    assert [row.status for row in tables.customers.values()].count(Status.MERGING) == 0
    assert norte.draft(keys[0]).read(Core).events == events
    for key in keys[1:]:
        assert tables.customers[key].status is Status.FORWARDED
    assert {row.merge.stage for row in tables.crossed.merges.values()} == {Stage.DONE}
    assert not [posted for posted in tables.crossed.inbox.values() if posted.kind is not Kind.KEPT]
    assert not tables.quarantines


def played(seed: int, kill_at: int, engines: int = 1) -> tuple[Norte, list[CustomerKey], int]:
    """Play the story in an order drawn by the seed; after so many steps an engine dies, and another takes over."""
    norte = Norte()
    keys = people(norte)
    scheduler = Scheduler(norte.world, Random(seed))
    for number in range(engines):
        scheduler.start(f"engine {number}", f"p{number}", engine(norte))
    shop = scheduler.start("shop", "shop", log_in(norte))
    steps = 0
    while scheduler.actors and steps < _MOST:
        steps += 1
        if steps == kill_at:
            scheduler.kill("p0")
            scheduler.start("engine again", "again", engine(norte))
        scheduler.resume(scheduler.chance.choice(scheduler.runnable()))
    assert shop.ended
    assert shop.fault is None
    scheduler.end()
    run(engine(norte))
    return norte, keys, steps


def test_an_engine_may_die_at_any_point_of_a_merge() -> None:
    _, _, steps = played(seed=1, kill_at=0)
    for kill_at in range(1, steps):
        norte, keys, _ = played(seed=kill_at, kill_at=kill_at)
        check(norte, keys, 10)


@pytest.mark.parametrize("seed", range(40))
def test_two_engines_may_do_the_same_merge(seed: int) -> None:
    norte, keys, _ = played(seed=seed, kill_at=60, engines=2)
    check(norte, keys, 10)


@pytest.mark.parametrize("seed", range(40))
def test_what_comes_while_a_merge_is_undone_reaches_who_it_names(seed: int) -> None:
    norte = Norte()
    keys = people(norte)
    world = norte.world
    run(engine(norte))
    run(log_in(norte))
    run(engine(norte))
    [last, *_] = sorted((row.merge for row in world.tables.crossed.merges.values()), key=lambda m: (m.joined_at, m.id), reverse=True)
    device = "tablet" if last.loser == keys[1] else "laptop"

    codes: list[str] = []

    async def take_back() -> None:
        while True:
            try:
                await undo(7, last.id, crossings=world.crossings, store=world.store, programmes=world.programmes)
            except (Moved, Unavailable):
                continue
            except Conflict as refused:
                codes.append(refused.code)
            return

    async def go_on() -> None:
        for _ in range(3):
            await norte.looks("map", anonymousId=device)
            await norte.looks("map", userId="ana")

    scheduler = Scheduler(world, Random(seed))
    for name, coroutine in (("undo", take_back()), ("shop", go_on()), ("one", engine(norte)), ("two", engine(norte))):
        scheduler.start(name, name, coroutine)
    steps = 0
    while scheduler.actors and steps < _MOST:
        steps += 1
        if steps == 30:
            scheduler.kill("one")
        scheduler.resume(scheduler.chance.choice(scheduler.runnable()))
    scheduler.end()
    run(take_back())
    run(engine(norte))
    tables = world.tables
    assert codes == ["merge_undone"]
    assert tables.customers[last.loser].status is Status.ACTIVE
    # Two looks of its own before, one without a user id since, and three more.
    assert norte.draft(last.loser).read(Core).events == 6
    assert norte.draft(keys[0]).read(Core).events == 10 - 3 + 3
    assert run(world.store.find(7, "anonymous", device)) == last.loser.customer
    assert key_of(7, last.loser.customer) == last.loser
