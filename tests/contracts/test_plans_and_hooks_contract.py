"""The contracts of tracking plans, and of the addresses at which shops' systems post, told on each adapter."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
import pytest
from contract_world import told_on_each

from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.memory.workspaces import MemoryWorkspaces
from oportuno.adapters.mjml import Mrml
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.database import connect
from oportuno.adapters.postgres.hooks import PostgresHooks
from oportuno.adapters.postgres.housekeeping import keep_house
from oportuno.adapters.postgres.plans import PostgresTrackingPlans
from oportuno.adapters.postgres.workspaces import PostgresWorkspaces
from oportuno.adapters.sealing import Sealer
from oportuno.events.hooks.post import Platform
from oportuno.events.plan import Unknown, Violation
from oportuno.flows.apply import apply
from oportuno.flows.definitions import PLAN_KEY, Definition, Kind
from oportuno.flows.hooks import Hook
from oportuno.flows.open_workspace import open_workspace
from oportuno.flows.tracking_plan import LISTED_AT_MOST, Times
from oportuno.kit.times import DAY

PLAN = "tracking_plan:\n  unknown: {unknown}\n  events:\n    Cart Viewed:\n"


class Outside(NamedTuple):
    workspaces: Any
    plans: Any
    """Makes what reads plans anew, as another process would."""
    hooks: Any
    now: Any

    async def open(self) -> int:
        opened = await open_workspace(
            "Tienda Norte", timezone="Europe/Madrid", locale="es", sandbox=False, workspaces=self.workspaces, chance=secrets.token_bytes
        )
        return opened.workspace.workspace

    async def lay_down(self, workspace: int, unknown: str) -> None:
        files = {"tracking-plan.yaml": PLAN.format(unknown=unknown)}
        await apply(files, workspace=workspace, workspaces=self.workspaces, compiler=Mrml())


@asynccontextmanager
async def _memory():
    world = MemoryWorld()

    async def now() -> int:
        return world.clock.now

    yield (Outside(MemoryWorkspaces(world), lambda: world.plans, world.hooks, now),)


@asynccontextmanager
async def _postgres(url):
    connections = Connections(url, name="contract", plans=CHANGING)

    async def now() -> int:
        async with connections.lend() as connection:
            row = await (await connection.execute("SELECT clock_millis()")).fetchone()
        return row[0]

    hooks = PostgresHooks(connections, Sealer(lambda: [b"k" * 32]))
    yield (Outside(PostgresWorkspaces(connections), lambda: PostgresTrackingPlans(connections, connections), hooks, now),)
    await connections.close()


tell = told_on_each(_memory, _postgres)


def violation(event: str = "Cart Veiwed", **changes) -> Violation:
    return msgspec.structs.replace(Violation(event=event, path="", rule="unknown_event"), **changes)


def test_a_plan_that_was_laid_down_is_what_events_are_held_against_and_the_newest_holds(tell):
    async def story(outside):
        norte, other = await outside.open(), await outside.open()
        assert await outside.plans().checker(norte) is None
        await outside.lay_down(norte, "warn")
        assert (await outside.plans().checker(norte)).plan.unknown is Unknown.WARN
        await outside.lay_down(norte, "block")
        assert (await outside.plans().checker(norte)).plan.unknown is Unknown.BLOCK
        assert await outside.plans().checker(other) is None

    tell(story)


def test_violations_add_up_and_each_is_listed_once_with_its_last_example(tell):
    async def story(outside):
        norte, plans, now = await outside.open(), outside.plans(), await outside.now()
        price = violation("Order Completed", path="products[].price", rule="type", expected="number")
        await plans.note(norte, {violation(): Times(times=2, blocked=0, first_at=now - 50, last_at=now - 40, example="")})
        await plans.note(
            norte,
            {
                violation(): Times(times=1, blocked=1, first_at=now - 10, last_at=now - 10, example="rej_1"),
                price: Times(times=3, blocked=0, first_at=now - 20, last_at=now - 20, example="m-1"),
            },
        )
        await plans.note(norte, {violation(): Times(times=1, blocked=0, first_at=now - 90, last_at=now - 90, example="")})
        assert await plans.violations(norte, limit=10) == [
            (violation(), Times(times=4, blocked=1, first_at=now - 90, last_at=now - 10, example="rej_1")),
            (price, Times(times=3, blocked=0, first_at=now - 20, last_at=now - 20, example="m-1")),
        ]
        assert [each for each, _ in await plans.violations(norte, limit=1)] == [violation()]
        assert await plans.violations(await outside.open(), limit=10) == []

    tell(story)


def test_what_was_not_seen_for_a_month_is_not_listed(tell):
    async def story(outside):
        norte, plans, now = await outside.open(), outside.plans(), await outside.now()
        old = now - 31 * DAY
        await plans.note(norte, {violation(): Times(times=1, blocked=0, first_at=old, last_at=old)})
        assert await plans.violations(norte, limit=10) == []

    tell(story)


def test_the_list_has_an_end_and_what_stands_in_it_still_counts(tell):
    async def story(outside):
        norte, plans, now = await outside.open(), outside.plans(), await outside.now()
        once = Times(times=1, blocked=0, first_at=now, last_at=now)
        many = {violation(f"E{number:05}"): once for number in range(LISTED_AT_MOST)}
        await plans.note(norte, many)
        await plans.note(norte, {violation("one too many"): once, violation("E00000"): once})
        listed = dict(await plans.violations(norte, limit=LISTED_AT_MOST + 10))
        assert len(listed) == LISTED_AT_MOST
        assert violation("one too many") not in listed
        assert listed[violation("E00000")].times == 2

    tell(story)


def test_a_plan_that_cannot_be_read_is_none(tell):
    async def story(outside):
        norte = await outside.open()
        broken = Definition(kind=Kind.TRACKING_PLAN, key=PLAN_KEY, version=1, source="tracking_plan:\n", compiled=b"\xc1")
        await outside.workspaces.publish(norte, [broken], base_version=1)
        assert await outside.plans().checker(norte) is None

    tell(story)


def hook(workspace: int, word: str = "hook_1", **changes) -> Hook:
    made = Hook(workspace=workspace, id=f"{word}_{workspace}", platform=Platform.SHOPIFY, name="Tienda", secret=b"\x00hush", notice="v1")
    return msgspec.structs.replace(made, **changes)


def test_an_address_is_found_by_its_name_and_belongs_to_its_workspace(tell):
    async def story(outside):
        norte, other, hooks = await outside.open(), await outside.open(), outside.hooks
        first, second = await hooks.put(hook(norte)), await hooks.put(hook(norte, "hook_2", platform=Platform.WOOCOMMERCE))
        assert await hooks.hook(first.id) == first
        assert (first.secret, first.last_at, first.made_at > 0) == (b"\x00hush", None, True)
        assert [each.id for each in await hooks.of(norte)] == [first.id, second.id]
        assert await hooks.of(other) == []
        assert not await hooks.drop(other, first.id)
        assert await hooks.drop(norte, first.id)
        assert not await hooks.drop(norte, first.id)
        assert await hooks.hook(first.id) is None

    tell(story)


def test_an_address_that_is_changed_stays_where_it_was(tell):
    async def story(outside):
        norte, hooks = await outside.open(), outside.hooks
        first = await hooks.put(hook(norte))
        await hooks.heard(first.id)
        changed = await hooks.put(hook(norte, secret=b"new", name="Otra", notice="", language=""))
        assert (changed.made_at, changed.last_at is not None) == (first.made_at, True)
        assert await hooks.hook(first.id) == changed
        assert (changed.secret, changed.name, changed.notice) == (b"new", "Otra", "")

    tell(story)


def test_that_something_came_is_noted_once_a_minute(tell):
    async def story(outside):
        norte, hooks = await outside.open(), outside.hooks
        first = await hooks.put(hook(norte))
        await hooks.heard(first.id)
        heard = (await hooks.hook(first.id)).last_at
        await hooks.heard(first.id)
        assert (await hooks.hook(first.id)).last_at == heard
        await hooks.heard("hook_of_nobody")

    tell(story)


@pytest.mark.postgres
def test_the_house_lets_go_of_violations_that_nobody_saw_for_a_month(postgres_url):
    async def story():
        async with _postgres(postgres_url) as (outside,):
            norte, plans, now = await outside.open(), outside.plans(), await outside.now()
            for name, at in (("old", now - 31 * DAY), ("new", now - 29 * DAY)):
                await plans.note(norte, {violation(name): Times(times=1, blocked=0, first_at=at, last_at=at)})
            connection = await connect(postgres_url, name="house")
            await keep_house(connection, dedupe_days=30)
            found = await (await connection.execute("SELECT event FROM plan_violations WHERE workspace = %s", (norte,))).fetchall()
            await connection.close()
            assert found == [("new",)]

    asyncio.run(asyncio.wait_for(story(), 300))
