"""What all parts of the twin stand on: the rows, the locks, the clock, and the pause that every port call passes."""

from __future__ import annotations

from types import coroutine
from typing import TYPE_CHECKING, TypeAlias

from oportuno.adapters.memory.clock import HandClock
from oportuno.adapters.memory.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Generator

    from oportuno.flows.work import Writes
    from oportuno.kit.ids import CustomerKey, WorkspaceId
    from oportuno.kit.times import Millis


@coroutine
def _give_way() -> Generator[None, None, None]:
    """Let the others run once: understood by asyncio's loop and by anybody who sends None into the coroutine."""
    yield


Lockable: TypeAlias = "CustomerKey | tuple[WorkspaceId, bytes]"
"""A customer's row, or that of an address."""


class Transaction:
    """Somebody who holds row locks until its end."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.actor = ground.actor
        """Who began it; when that process is killed, its transactions roll back."""
        self.awaits: Lockable | None = None
        """The row it waits for."""
        self.ended = False
        ground.open.append(self)

    def end(self) -> None:
        """Give all locks back; what was not committed never was."""
        self.ended = True
        locks = self.ground.locks
        for key in [key for key, holder in locks.items() if holder is self]:
            del locks[key]
        if self in self.ground.open:
            self.ground.open.remove(self)


class Ground:
    """Rows, locks and clock of one world. Every call of a port pauses before it reads or writes, and again after it wrote."""

    def __init__(self, *, now: Millis, self_moving: bool) -> None:
        self.tables = Tables()
        self.clock = HandClock(self.pause, now=now, self_moving=self_moving)
        self.locks: dict[Lockable, Transaction] = {}
        self.open: list[Transaction] = []
        """Transactions that have not ended."""
        self.actor = ""
        """Who runs now, as the scheduler says; a test need not set it."""
        self.place = ""
        """The pause reached last, for example ``store.commit``."""
        self.minted = 0
        """How many customers were made."""
        self.born = 0
        """How many messages were ever put into the outbox."""

    async def pause(self, place: str) -> None:
        """Stand still at a named place, so that others may run, fail or die."""
        self.place = place
        await _give_way()

    def roll_back(self, actor: str) -> None:
        """End every open transaction of a killed process, as a database does when the connection is gone."""
        for transaction in [each for each in self.open if each.actor == actor]:
            transaction.end()

    def committed(self, actor: str, writes: Writes) -> None:
        """Hear of each commit at the moment it becomes visible. Does nothing here; a checker overrides it."""
