"""What an engine cannot read or write costs its bucket, its workspace or its customer: everybody else is served as if nothing were."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from oportuno.adapters.memory.store import MemoryStore, MemoryWork
from oportuno.adapters.memory.world import MemoryWorld
from oportuno.consent.policy import Policy
from oportuno.entry.worker import Bench, run_worker
from oportuno.events.event import Call, Source
from oportuno.flows import poison
from oportuno.flows.ports import Arrival, LaneClass
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.react import GivenUp, Reacted, react_once
from oportuno.flows.work import Moved, SaveCustomer, Unwritable, Writes
from oportuno.kit.faults import BadInput, Unavailable
from oportuno.kit.ids import CustomerKey, derive, key_of
from oportuno.kit.times import HOUR, MINUTE, day_of
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Core

NORTE, SUR = 7, 8
ANA, BRUNO, CARLA = (key_of(NORTE, number) for number in (4711, 4712, 4713))
DORA = key_of(SUR, 4714)


def tell(story: Callable[[MemoryWorld], Awaitable[None]], world: MemoryWorld | None = None) -> None:
    async def whole() -> None:
        told = world or MemoryWorld()
        for workspace in (NORTE, SUR):
            told.programmes.put(_programme(workspace))
        await story(told)

    asyncio.run(asyncio.wait_for(whole(), 300))


def _programme(workspace: int) -> Programme:
    return Programme(workspace=workspace, public_id=f"ws_{workspace}", version=1, policy=Policy(), brand=Brand(name="Tienda"))


async def visit(world: MemoryWorld, *customers: CustomerKey, words: str = "visit") -> None:
    now = world.clock.now
    arrivals = [
        Arrival(
            key=key, h=derive(words, *key), source=Source.LIVE, call=Call.PAGE, name="", at=now, received=now, body=b"{}", day=day_of(now)
        )
        for key in customers
    ]
    await world.intake.store(arrivals, [], LaneClass.LIVE)


def seen(world: MemoryWorld, key: CustomerKey) -> int:
    """Say how many of a customer's events were folded."""
    row = world.tables.customers.get(key)
    return Draft(key, row.state, row.version).read(Core).events if row is not None and row.state else 0


async def store_newer(world: MemoryWorld, key: CustomerKey) -> None:
    """Leave a state as a release to come writes it."""
    await visit(world, key, words="before")
    await react_once(world.feed(), world.store, world.programmes, limit=100)
    row = world.tables.customers[key]
    row.state = msgspec.msgpack.encode([(title, 99, blob) for title, _, blob in msgspec.msgpack.decode(row.state)])


def test_a_state_of_a_newer_release_costs_its_bucket_and_the_others_go_on() -> None:
    async def story(world: MemoryWorld) -> None:
        await store_newer(world, ANA)
        assert len({ANA.bucket, BRUNO.bucket, DORA.bucket}) == 3
        await visit(world, ANA, BRUNO, DORA)
        feed = world.feed()
        first = await react_once(feed, world.store, world.programmes, limit=100)
        assert (first.given_up, first.events) == (GivenUp(ANA.bucket, "core"), 0)
        assert (await react_once(feed, world.store, world.programmes, limit=100)).events == 2
        assert await react_once(feed, world.store, world.programmes, limit=100) == Reacted()
        assert (seen(world, BRUNO), seen(world, DORA), world.tables.quarantines) == (1, 1, [])
        world.clock.advance(6 * MINUTE)
        assert (await react_once(feed, world.store, world.programmes, limit=100)).given_up == GivenUp(ANA.bucket, "core")

    tell(story)


def test_a_workspace_whose_programme_cannot_be_read_waits_and_the_others_go_on() -> None:
    async def story(world: MemoryWorld) -> None:
        await visit(world, ANA, DORA)
        world.programmes.spoil(NORTE)
        feed = world.feed()
        assert await react_once(feed, world.store, world.programmes, limit=100) == Reacted(left=(NORTE,))
        assert (await react_once(feed, world.store, world.programmes, limit=100)).events == 1
        assert (seen(world, ANA), seen(world, DORA), world.tables.quarantines) == (0, 1, [])
        world.programmes.put(_programme(NORTE))
        world.clock.advance(MINUTE)
        assert (await react_once(feed, world.store, world.programmes, limit=100)).events == 1
        assert seen(world, ANA) == 1

    tell(story)


class PickyWork(MemoryWork):
    """Refuses what is written about some customers, as a database does whose page their rows do not fit."""

    refused: frozenset[CustomerKey] = frozenset()

    def check(self, writes: Writes) -> None:
        for save in writes.saves:
            if save.key in self.refused and save.state:
                raise Unwritable("unwritable", "the database refuses what would be written", place="ProgramLimitExceeded")
        super().check(writes)


def picky(*refused: CustomerKey) -> MemoryWorld:
    world = MemoryWorld()
    world.store = MemoryStore(world, type("Picky", (PickyWork,), {"refused": frozenset(refused)}))
    return world


def test_what_the_database_refuses_costs_one_customers_events_and_the_batch_goes_through() -> None:
    async def story(world: MemoryWorld) -> None:
        await visit(world, ANA, BRUNO, CARLA, DORA)
        done = await react_once(world.feed(), world.store, world.programmes, limit=100)
        assert (done.events, done.quarantined) == (4, 1)
        assert [(each.event.key, each.fault) for each in world.tables.quarantines] == [(BRUNO, "ProgramLimitExceeded")]
        assert [(each.key, each.fault) for each in world.tables.poisoned.values()] == [(BRUNO, "ProgramLimitExceeded")]
        assert [seen(world, key) for key in (ANA, BRUNO, CARLA, DORA)] == [1, 0, 1, 1]
        assert world.tables.customers[BRUNO].due_at == world.clock.now + HOUR
        assert await react_once(world.feed(), world.store, world.programmes, limit=100) == Reacted()

    tell(story, picky(BRUNO))


def test_a_database_that_refuses_everybody_is_waited_for_and_nobody_is_set_aside() -> None:
    async def story(world: MemoryWorld) -> None:
        await visit(world, ANA, BRUNO)
        with pytest.raises(Unavailable) as told:
            await react_once(world.feed(), world.store, world.programmes, limit=100)
        assert told.value.code == "store_refuses"
        assert (world.tables.quarantines, world.tables.customers) == ([], {})

    tell(story, picky(ANA, BRUNO))


def test_a_customer_whose_state_raises_is_named_and_steps_again_after_a_release_mended_it() -> None:
    async def story(world: MemoryWorld) -> None:
        await visit(world, ANA, words="before")
        await react_once(world.feed(), world.store, world.programmes, limit=100)
        row = world.tables.customers[ANA]
        whole, row.state = row.state, b"\x91\xc1"
        await visit(world, ANA, BRUNO)
        assert (await react_once(world.feed(), world.store, world.programmes, limit=100)).quarantined == 1
        [poisoned] = world.tables.poisoned.values()
        assert (poisoned.key, poisoned.version, row.version, row.due_at) == (ANA, 2, 2, world.clock.now + HOUR)
        assert "DecodeError" in poisoned.fault
        assert seen(world, BRUNO) == 1
        row.state = whole
        world.clock.advance(HOUR)
        assert (await react_once(world.feed(), world.store, world.programmes, limit=100)).timers == 1
        assert row.version == poisoned.version + 1

    tell(story)


def test_what_a_step_cannot_encode_is_poison_like_what_it_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    real = poison.step

    def swollen(draft: Draft, events: Any, **more: Any) -> Any:
        outcome = real(draft, events, **more)
        if draft.key == ANA:
            draft.open(Core).events = 2**70
        return outcome

    async def story(world: MemoryWorld) -> None:
        monkeypatch.setattr(poison, "step", swollen)
        await visit(world, ANA, BRUNO)
        assert (await react_once(world.feed(), world.store, world.programmes, limit=100)).quarantined == 1
        assert (list(world.tables.poisoned), seen(world, BRUNO)) == ([ANA], 1)

    tell(story)


def test_a_batch_that_was_read_long_ago_is_read_again() -> None:
    class SleepyStore(MemoryStore):
        """Its machine is stopped between the batch and the locks."""

        asleep = True

        def work(self) -> Any:
            if self.asleep:
                self.asleep = False
                self._ground.clock.advance(HOUR)
            return super().work()

    async def story(world: MemoryWorld) -> None:
        await visit(world, ANA)
        feed, store = world.feed(), SleepyStore(world)
        assert await react_once(feed, store, world.programmes, limit=100) == Reacted(moved=True)
        assert (await react_once(feed, store, world.programmes, limit=100)).events == 1

    tell(story)


class RestlessClock:
    """Notes every pause, and rings the bell after so many."""

    def __init__(self, stop: asyncio.Event, pauses: int) -> None:
        self.pauses: list[float] = []
        self._stop = stop
        self._most = pauses

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) >= self._most:
            self._stop.set()


class LosingWork(MemoryWork):
    """Somebody else is always first."""

    def check(self, writes: Writes) -> None:
        raise Moved("moved", "an offset")


async def work_with(world: MemoryWorld, store: Any, *, pauses: int = 10**6, report: Any = lambda *_, **__: None) -> list[float]:
    """Run an engine until it has evaluated something, or paused so often."""
    stop = asyncio.Event()
    clock = RestlessClock(stop, pauses)

    @asynccontextmanager
    async def bench() -> Any:
        yield Bench(world.feed(), store, world.programmes, clock)

    def observe(done: Reacted, _seconds: float) -> None:
        if done.events:
            stop.set()

    await run_worker(bench, batch=100, stop=stop, observe=observe, report=report)
    return clock.pauses


def test_who_loses_a_race_again_and_again_pauses_longer_each_time() -> None:
    async def story(world: MemoryWorld) -> None:
        await visit(world, ANA)
        pauses = await work_with(world, MemoryStore(world, LosingWork), pauses=10)
        assert pauses == [0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 0.5, 0.5]

    tell(story)


def test_a_fault_that_nobody_foresaw_is_told_by_its_kind_and_the_engine_goes_on() -> None:
    class Broken:
        """What no store does."""

        def __init__(self, world: MemoryWorld) -> None:
            self.faults = [KeyError("ana@example.com"), KeyError("ana@example.com")]
            self.world = world

        def work(self) -> Any:
            if self.faults:
                raise self.faults.pop()
            return self.world.store.work()

    async def story(world: MemoryWorld) -> None:
        await visit(world, ANA)
        told: list[tuple[str, dict[str, Any]]] = []
        await work_with(world, Broken(world), report=lambda event, **facts: told.append((event, facts)))
        assert told == [("engine_lost_database", {"code": "store_refuses"})]
        assert (seen(world, ANA), world.tables.quarantines) == (1, [])

    tell(story)


def test_an_address_that_is_none_ends_an_engine_with_its_sentence() -> None:
    async def story(_world: MemoryWorld) -> None:
        def bench() -> Any:
            raise BadInput("database_address", "the database's address cannot be read", place="DATABASE_URL")

        with pytest.raises(BadInput):
            await run_worker(bench, batch=1, stop=asyncio.Event(), observe=lambda *_: None, report=lambda *_, **__: None)

    tell(story)


def test_nothing_is_decided_earlier_than_by_who_had_the_bucket_before() -> None:
    async def story(world: MemoryWorld) -> None:
        await visit(world, ANA)
        await react_once(world.feed(), world.store, world.programmes, limit=100)
        before = world.clock.now
        world.clock.jump(-HOUR)
        fetched = await world.feed().fetch(100)
        assert (fetched.now, fetched.clock_trusted) == (before, False)

    tell(story)


def test_after_a_leap_ahead_the_clock_is_doubted_until_it_was_steady_for_five_minutes() -> None:
    async def story(world: MemoryWorld) -> None:
        feed = world.feed()
        assert (await feed.fetch(1)).clock_trusted
        world.clock.jump(6 * MINUTE)
        doubts = []
        for _ in range(7):
            doubts.append((await feed.fetch(1)).clock_trusted)
            world.clock.advance(MINUTE)
        assert doubts == [False] * 5 + [True] * 2

    tell(story)


def test_a_state_saved_with_no_bytes_is_nobodys_fault() -> None:
    async def story(world: MemoryWorld) -> None:
        async with world.store.work() as work:
            await work.commit(Writes(saves=[SaveCustomer(ANA, 0, b"", None, due_changed=False)]))
        await visit(world, ANA)
        assert (await react_once(world.feed(), world.store, world.programmes, limit=100)).events == 1
        assert seen(world, ANA) == 1

    tell(story)
