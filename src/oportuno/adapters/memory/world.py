"""The whole outside in memory. One object holds the rows, the locks and the clock; the ports are views of it."""

from __future__ import annotations

from types import coroutine
from typing import TYPE_CHECKING

from oportuno.adapters.memory.clock import START, HandClock
from oportuno.adapters.memory.feed import MemoryFeed
from oportuno.adapters.memory.intake import MemoryIntake
from oportuno.adapters.memory.outbox import MemoryOutbox
from oportuno.adapters.memory.programmes import MemoryProgrammes
from oportuno.adapters.memory.store import MemoryStore, MemoryWork
from oportuno.adapters.memory.tables import Tables
from oportuno.kit.ids import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from oportuno.flows.ports import Writes
    from oportuno.kit.ids import CustomerKey
    from oportuno.kit.times import Millis


@coroutine
def _give_way() -> Generator[None, None, None]:
    """Let the others run once: understood by asyncio's loop and by anybody who sends None into the coroutine."""
    yield


class MemoryWorld:
    """Every port in memory, sharing one set of rows.

    `world = MemoryWorld()` is enough for a test; `.intake`, `.store`, `.feed()`, `.outbox`, `.programmes` and `.clock` are the ports,
    and `.tables` holds the rows to look at afterwards. Every call of a port passes `pause` before it reads or writes anything, and again
    after it wrote: at each pause a scheduler may run others, throw Unavailable into the caller, or kill it for good.
    """

    def __init__(self, *, now: Millis = START, self_moving: bool = True) -> None:
        self.tables = Tables()
        self.clock = HandClock(self.pause, now=now, self_moving=self_moving)
        self.locks: dict[CustomerKey, MemoryWork] = {}
        self.works: set[MemoryWork] = set()
        """Transactions that are open now."""
        self.new_work: type[MemoryWork] = MemoryWork
        self.actor = ""
        """Who runs now, as the scheduler says; a test need not set it."""
        self.place = ""
        """The pause reached last, for example ``store.commit``."""
        self.minted = 0
        self.latest_now: Millis = 0
        """The latest wall time that any feed gave out."""
        self.intake = MemoryIntake(self)
        self.store = MemoryStore(self)
        self.outbox = MemoryOutbox(self)
        self.programmes = MemoryProgrammes(self)
        self._deliverers = 0

    async def pause(self, place: str) -> None:
        """Stand still at a named place, so that others may run, fail or die."""
        self.place = place
        await _give_way()

    def feed(self, buckets: Iterable[int] = range(BUCKETS)) -> MemoryFeed:
        """Give one more worker its feed; workers may own the same buckets."""
        return MemoryFeed(self, frozenset(buckets))

    def ingester(self) -> MemoryIntake:
        """Give one more ingester, with lanes of its own."""
        return MemoryIntake(self)

    def start_deliverer(self) -> int:
        """Bring a deliverer to life and give its number."""
        self._deliverers += 1
        self.tables.deliverers.add(self._deliverers)
        return self._deliverers

    def stop_deliverer(self, number: int) -> None:
        """Let a deliverer die: what it was handing is abandoned."""
        self.tables.deliverers.discard(number)

    def roll_back(self, actor: str) -> None:
        """End every open transaction of a killed process, as a database does when the connection is gone."""
        for work in [work for work in self.works if work.actor == actor]:
            work.end()
            self.works.discard(work)

    def committed(self, actor: str, writes: Writes) -> None:
        """Hear of each commit, at the moment it becomes visible. Does nothing; a checker may override it."""
