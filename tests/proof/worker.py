"""One engine of the proofs: the real feed, store and flow on PostgreSQL, with the journal beside. Killed at will.

Arguments: url, batch, ``fixed`` (all buckets are its own) or ``leased``, and perhaps ``cross=N``: it merges too, and kills itself at the
N-th moment before or after a commit of a merge's step (0: never).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).parent))

from crowd import POISON
from journal import JournalStore, Notes
from plays import programme

from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.postgres.database import DECIDING
from oportuno.adapters.postgres.feed import PostgresFeed
from oportuno.adapters.postgres.merges import PostgresCrossings
from oportuno.adapters.postgres.store import PostgresStore
from oportuno.adapters.system_clock import SystemClock
from oportuno.entry.worker import Bench, run_worker
from oportuno.flows import poison
from oportuno.flows.merge import Crossed, merge_once
from oportuno.flows.programme import Programme
from oportuno.kit.ids import BUCKETS

AT_ONCE = 10
"""Merges and inbox rows of one round."""


class OneProgramme:
    """Every workspace has the same plays."""

    async def programme(self, workspace: int) -> Programme:
        return programme(workspace)

    async def all(self) -> Mapping[int, Programme]:
        return {}


def watch_steps(notes: Notes) -> None:
    """Have every step noted as it was last taken, and let poison raise."""
    real = poison.step

    def noted(draft: Any, events: Any, *, programme: Programme, now: int, clock_trusted: bool = True, **more: Any) -> Any:
        if any(event.name == POISON for event in events):
            raise ValueError(POISON)
        outcome = real(draft, events, programme=programme, now=now, clock_trusted=clock_trusted, **more)
        ordered = sorted(events, key=lambda e: (e.at, e.h))
        notes.steps[draft.key] = (draft.version, now, clock_trusted, [event.h for event in ordered])
        return outcome

    poison.step = noted


async def main(url: str, batch: int, *, leased: bool, cross: int | None = None) -> None:
    notes = Notes()
    notes.die_at = cross or 0
    watch_steps(notes)

    @asynccontextmanager
    async def open_bench() -> AsyncIterator[Bench]:
        feed = await PostgresFeed.open(url, buckets=None if leased else range(BUCKETS))
        store = await PostgresStore.open(url, name="engine store", size=1, plans=DECIDING)
        looking = Connections(url, name="engine looks")
        crossings, journal, programmes = PostgresCrossings(looking, store.secret), JournalStore(store, notes), OneProgramme()

        async def merge(limit: int) -> Crossed:
            # Whoever is to die does a few at a time: the more commits, the more moments to die at.
            return await merge_once(crossings, journal, programmes, feed.owned, limit=AT_ONCE if cross else limit)  # type: ignore[arg-type] - twins

        try:
            yield Bench(feed=feed, store=journal, programmes=programmes, clock=SystemClock(), cross=None if cross is None else merge)  # type: ignore[arg-type] - twins
        finally:
            await feed.close()
            await store.close()
            await looking.close()

    print("ready", flush=True)
    await run_worker(open_bench, batch=batch, stop=asyncio.Event(), observe=lambda *_: None, report=lambda *_, **__: None)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        moments = [int(word.removeprefix("cross=")) for word in sys.argv[4:] if word.startswith("cross=")]
        runner.run(main(sys.argv[1], int(sys.argv[2]), leased=sys.argv[3] == "leased", cross=moments[0] if moments else None))
