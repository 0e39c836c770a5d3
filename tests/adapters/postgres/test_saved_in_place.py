"""Whoever is locked is saved where their row stands: after others moved it, beside others, and never over what others wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from oportuno.adapters.postgres.database import Patience
from oportuno.adapters.postgres.store import PostgresStore
from oportuno.flows.work import Moved, SaveCustomer, Writes
from oportuno.kit.ids import CustomerKey, key_of

_LONG = 4_000
"""Bytes of a state of which only one fits beside another on a page: the next version of the row goes elsewhere."""
_PATIENT = Patience(lock=100.0, idle=100.0, whole=110.0)
pytestmark = pytest.mark.postgres


def _keys(workspace: int, count: int) -> list[CustomerKey]:
    return sorted(key_of(workspace, number + 1) for number in range(count))


async def _save(store: PostgresStore, keys: list[CustomerKey], state: bytes) -> None:
    async with store.work() as work:
        _, rows = await work.lock(keys)
        await work.commit(Writes(saves=[SaveCustomer(key, rows[key].version, state, None, due_changed=False) for key in keys]))


async def _states(store: PostgresStore, keys: list[CustomerKey]) -> list[tuple[int, bytes]]:
    async with store.work() as work:
        _, rows = await work.lock(keys)
    return [(rows[key].version, rows[key].state) for key in keys]


def _told(url: str, story: Callable[[PostgresStore], Awaitable[None]]) -> None:
    async def whole() -> None:
        store = await PostgresStore.open(url, name="places", size=8, patience=_PATIENT)
        try:
            await story(store)
        finally:
            await store.close()

    asyncio.run(asyncio.wait_for(whole(), 120))


def test_a_row_that_moves_with_every_save_is_found_again_each_time(postgres_url: str) -> None:
    async def story(store: PostgresStore) -> None:
        keys = _keys(7_001, 9)
        for turn in range(12):
            await _save(store, keys, bytes([turn]) * _LONG)
        assert await _states(store, keys) == [(12, bytes([11]) * _LONG)] * 9

    _told(postgres_url, story)


def test_of_many_who_save_the_same_customers_at_once_each_waits_for_the_row_as_the_last_one_left_it(postgres_url: str) -> None:
    keys = _keys(7_002, 5)

    async def add(store: PostgresStore, first: int) -> None:
        async with store.work() as work:
            # In whatever order they are named: they are locked in one, or two of these would wait for each other.
            _, rows = await work.lock(keys[first:] + keys[:first])
            saves = [SaveCustomer(key, rows[key].version, rows[key].state + b"x" * 200, None, due_changed=False) for key in keys]
            await work.commit(Writes(saves=saves))

    async def story(store: PostgresStore) -> None:
        await _save(store, keys, b"")
        await asyncio.gather(*(add(store, number % 5) for number in range(24)))
        assert await _states(store, keys) == [(25, b"x" * 4_800)] * 5

    _told(postgres_url, story)


def test_what_was_locked_and_let_go_of_is_not_believed_to_stand_there_still(postgres_url: str) -> None:
    async def story(store: PostgresStore) -> None:
        [ana] = _keys(7_003, 1)
        await _save(store, [ana], b"one")

        async def come_late() -> None:
            async with store.work() as work:
                _, rows = await work.lock([ana])
                late = Writes(saves=[SaveCustomer(ana, rows[ana].version, b"late", None, due_changed=False)])
                await work.rehearse(late)
                await _save(store, [ana], b"two")
                await work.commit(late)

        with pytest.raises(Moved):
            await come_late()
        assert await _states(store, [ana]) == [(2, b"two")]

    _told(postgres_url, story)


def test_a_row_of_somebody_else_is_never_written_whatever_place_is_named(postgres_url: str) -> None:
    async def story(store: PostgresStore) -> None:
        ana, bruno = _keys(7_004, 2)
        await _save(store, [ana, bruno], b"own")

        async def mistake() -> None:
            async with store.work() as work:
                await work.lock([ana, bruno])
                work._places[ana] = work._places[bruno]
                await work.commit(Writes(saves=[SaveCustomer(ana, 1, b"not hers", None, due_changed=False)]))

        with pytest.raises(Moved):
            await mistake()
        assert await _states(store, [ana, bruno]) == [(1, b"own")] * 2

    _told(postgres_url, story)
