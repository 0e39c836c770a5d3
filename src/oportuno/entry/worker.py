"""The loop of the `engine` process: take a batch, react, wait for news; survive the database's absence; leave cleanly."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, NamedTuple

from oportuno.flows.ports import Feed, Programmes
from oportuno.flows.react import Reacted, react_once
from oportuno.flows.work import Store
from oportuno.kit.faults import Unavailable

_LONGEST_WAIT: Final = 0.5
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 1.0
"""Seconds: timers go on within ten of them, whoever died, so a database that is back must be found soon."""
_BATCHES_BETWEEN_COLLECTIONS: Final = 2_000


class Bench(NamedTuple):
    """What a worker works with while its connections live."""

    feed: Feed
    store: Store
    programmes: Programmes


async def run_worker(
    open_bench: Callable[[], AbstractAsyncContextManager[Bench]],
    *,
    batch: int,
    stop: asyncio.Event,
    observe: Callable[[Reacted, float], None],
    report: Callable[[str], None],
) -> None:
    """React until `stop` is set. `observe` hears of every round and its seconds, `report` of a database lost and found."""
    _calm_the_collector()
    pause = _FIRST_PAUSE
    while not stop.is_set():
        try:
            async with open_bench() as bench:
                pause = _FIRST_PAUSE
                await _react_until(bench, batch=batch, stop=stop, observe=observe)
        except (Unavailable, OSError):
            report("engine_lost_database")
            await _rest(stop, pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


async def _react_until(bench: Bench, *, batch: int, stop: asyncio.Event, observe: Callable[[Reacted, float], None]) -> None:
    rounds = 0
    while not stop.is_set():
        began = time.perf_counter()
        done = await react_once(bench.feed, bench.store, bench.programmes, limit=batch)
        observe(done, time.perf_counter() - began)
        rounds += 1
        idle = not (done.events or done.timers or done.moved)
        if rounds >= _BATCHES_BETWEEN_COLLECTIONS or (idle and rounds > 1):
            gc.collect(1 if idle else 2)
            rounds = 0
        if idle:
            await bench.feed.wait(_LONGEST_WAIT)


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def _calm_the_collector() -> None:
    # States are decoded by the hundred and freed at once; the cyclic collector would look at each in vain (38 → 26 µs a decode).
    gc.collect()
    gc.freeze()
    gc.disable()
