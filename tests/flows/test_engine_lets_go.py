"""An engine that works and rests in turn lets go of everything it once held: its memory does not creep upwards."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from oportuno.adapters.memory.feed import MemoryFeed
from oportuno.adapters.memory.world import MemoryWorld
from oportuno.entry.worker import Bench, run_worker

ENOUGH_ROUNDS = 5_000


class Ring(list[Any]):
    """Something that only the collector can free, because it holds itself."""

    def __init__(self) -> None:
        super().__init__()
        self.append(self)


class RestingFeed:
    """The feed of a quiet shop. It holds a ring through an engine's first rests, and lets go of it later."""

    def __init__(self, feed: MemoryFeed, stop: asyncio.Event) -> None:
        self._feed, self._stop = feed, stop
        self._held: list[Ring] = []
        self._ring: weakref.ref[Ring] | None = None
        self.rests = 0

    @property
    def gone(self) -> bool:
        """Whether what was held is freed."""
        return self._ring is not None and self._ring() is None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._feed, name)

    async def wait(self, _seconds: float) -> None:
        """Rest no time at all; stop the engine when the ring is gone, or after so many rests that it never will be."""
        self.rests += 1
        if self._ring is None:
            # Only now: what is there when an engine begins stays for good.
            ring = Ring()
            self._held.append(ring)
            self._ring = weakref.ref(ring)
        if self.rests == 10:
            self._held.clear()
        if self.gone or self.rests == ENOUGH_ROUNDS:
            self._stop.set()


def test_what_outlived_the_small_collections_of_an_engine_that_rests_now_and_then_is_freed_in_the_end() -> None:
    async def story() -> RestingFeed:
        world, stop = MemoryWorld(), asyncio.Event()
        feed = RestingFeed(world.feed(), stop)

        @asynccontextmanager
        async def bench() -> AsyncIterator[Bench]:
            yield Bench(feed, world.store, world.programmes, world.clock)

        await run_worker(bench, batch=100, stop=stop, observe=lambda *_: None, report=lambda *_, **__: None)
        return feed

    feed = asyncio.run(asyncio.wait_for(story(), 120))
    assert feed.rests > 10
    assert feed.gone
    assert feed.rests < ENOUGH_ROUNDS
