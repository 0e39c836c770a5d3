"""Whether something answers, asked with little patience and never twice at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from oportuno.kit.faults import Unavailable

PATIENCE: Final = 1.0

T = TypeVar("T")


class Probe(Generic[T]):
    """One question that many ask. Who asks while it is being answered waits for that answer.

    What stays without an answer is not asked again meanwhile: a database that stands still is not heaped with questions.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]], *, patience: float = PATIENCE) -> None:
        self._ask = ask
        self._patience = patience
        self._asking: asyncio.Task[T] | None = None

    async def answer(self) -> T:
        """Give the answer. Raises what asking raises, and Unavailable when patience ends."""
        asking = self._asking
        if asking is None or asking.done():
            asking = self._asking = asyncio.create_task(self._asked())
            asking.add_done_callback(_look)
        # One's own from here on: whoever is woken first may have asked anew by the time the others are.
        done, _ = await asyncio.wait({asking}, timeout=self._patience)
        if not done:
            raise Unavailable("database_gone", "the database does not answer in time")
        return asking.result()

    async def _asked(self) -> T:
        return await self._ask()


def _look(task: asyncio.Task[T]) -> None:
    """Look at a fault that nobody had the patience to hear."""
    if not task.cancelled():
        task.exception()
