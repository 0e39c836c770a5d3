"""The loop of the `engine` process: take a batch, react, wait for news; survive the database's absence; leave cleanly."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, NamedTuple, Protocol

from oportuno.flows.facts import NO_CATALOGUE, FactsAtHand
from oportuno.flows.merge import Crossed
from oportuno.flows.ports import Clock, Feed, Programmes
from oportuno.flows.react import Reacted, react_once
from oportuno.flows.stride import Stride
from oportuno.flows.work import Store
from oportuno.kit.faults import BadInput, Fault, Unavailable

_LONGEST_WAIT: Final = 0.5
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 1.0
"""Seconds: timers go on within ten of them, whoever died, so a database that is back must be found soon."""
_WELL_AFTER: Final = 10.0
_AFTER_A_RACE: Final = 0.005
_LONGEST_RACE: Final = 0.5
"""Seconds: who lost a race, or waited for a row in vain, tries again after a pause that doubles as long as it goes on losing."""
_BATCHES_BETWEEN_COLLECTIONS: Final = 2_000
_CROSSED_AT_ONCE: Final = 500
_CROSSING_MOMENT: Final = 0.1
_FEWEST_CROSSED: Final = 16
_BETWEEN_CROSSINGS: Final = 0.1
_WITHOUT_NEWS: Final = 1.0
"""Seconds between two looks for what waits between customers: where news of it comes, a look without news only finds what was missed."""
_COMPANY: Final = 2.0
"""Seconds after its last event in which an engine takes no more of what waits between customers than fits in a moment."""


class Bench(NamedTuple):
    """What a worker works with while its connections live."""

    feed: Feed
    store: Store
    programmes: Programmes
    clock: Clock
    facts: FactsAtHand = NO_CATALOGUE
    cross: Callable[[int], Awaitable[Crossed]] | None = None
    """Does what waits between customers, at most so many of each kind."""
    stirred: Callable[[], bool] | None = None
    """Says whether there was news of that since it was last asked; None: nobody tells."""


class Report(Protocol):
    """Told of what an engine cannot go on with: by its name, and by numbers and names of ours, never by a fault's text."""

    def __call__(self, event: str, **facts: Any) -> None:
        """Hear of it."""
        ...


async def run_worker(
    open_bench: Callable[[], AbstractAsyncContextManager[Bench]],
    *,
    batch: int,
    stop: asyncio.Event,
    observe: Callable[[Reacted, float], None],
    report: Report,
) -> None:
    """React until `stop` is set, whatever happens to the database or is found in it.

    `observe` hears of every round and its seconds, `report` of a database lost, a bucket given up, a workspace left alone, and of any other
    fault by its kind.
    """
    _calm_the_collector()
    pause = _FIRST_PAUSE
    while not stop.is_set():
        began = time.monotonic()
        try:
            async with open_bench() as bench:
                await _react_until(bench, batch=batch, stop=stop, observe=observe, report=report)
        except (Unavailable, OSError) as fault:
            report("engine_lost_database", code=fault.code if isinstance(fault, Fault) else type(fault).__name__)
        except BadInput:
            raise
        except Exception as fault:  # noqa: BLE001 - an engine that ended for it would end for it again; its text may hold what a customer said
            report("engine_fault", fault=fault.code if isinstance(fault, Fault) else type(fault).__name__)
        else:
            continue
        if time.monotonic() - began > _WELL_AFTER:
            pause = _FIRST_PAUSE
        await _rest(stop, pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def _react_until(bench: Bench, *, batch: int, stop: asyncio.Event, observe: Callable[[Reacted, float], None], report: Report) -> None:
    rounds, since_full = 0, 0
    race = _AFTER_A_RACE
    crossing = _Crossing(bench)
    while not stop.is_set():
        began = time.perf_counter()
        done = await react_once(bench.feed, bench.store, bench.programmes, bench.facts, limit=batch)
        observe(done, time.perf_counter() - began)
        _report(done, report)
        if done.moved:
            await bench.clock.sleep(race)
            race = min(race * 2, _LONGEST_RACE)
            continue
        race = _AFTER_A_RACE
        rounds += 1
        since_full += 1
        busy = await crossing.go_on(company=bool(done.events or done.told))
        idle = not (busy or done.events or done.told or done.timers or done.given_up or done.left)
        if since_full >= _BATCHES_BETWEEN_COLLECTIONS:
            # What outlived a small collection is never looked at by another: an engine that rests now and then needs whole ones as well.
            gc.collect()
            rounds, since_full = 0, 0
        elif idle and rounds > 1:
            gc.collect(1)
            rounds = 0
        if idle:
            await bench.feed.wait(_LONGEST_WAIT)


class _Crossing:
    """Looks between customers when there is news, now and then without, and at once again as long as there is something to do."""

    def __init__(self, bench: Bench) -> None:
        self._cross = bench.cross
        self._stirred = bench.stirred
        self._clock = bench.clock
        self._stride = Stride(moment=_CROSSING_MOMENT, fewest=_FEWEST_CROSSED)
        self._next = 0.0
        self._company_until = 0.0

    async def go_on(self, *, company: bool) -> bool:
        """Do one round if it is time; says whether there was something to do. `company`: events came meanwhile, and may come again."""
        began = self._clock.monotonic()
        if company:
            self._company_until = began + _COMPANY
        if self._cross is None:
            return False
        if self._stirred is not None and self._stirred():
            self._next = began
        if began < self._next:
            return False
        done = await self._cross(self._stride.limit(_CROSSED_AT_ONCE, company=began < self._company_until))
        self._stride.took(max(done.exported, done.joined, done.done, done.events), self._clock.monotonic() - began)
        if done.idle or done.moved:
            self._next = began + (_BETWEEN_CROSSINGS if done.moved or self._stirred is None else _WITHOUT_NEWS)
        return not (done.idle or done.moved)


def _report(done: Reacted, report: Report) -> None:
    if done.given_up is not None:
        report("bucket_given_up", bucket=done.given_up.bucket, section=done.given_up.section)
    for workspace in done.left:
        report("workspace_left", workspace=workspace)


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
