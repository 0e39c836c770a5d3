"""How a process tells what it counted: every few seconds, and once more when it leaves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import structlog

from oportuno.flows.tallies import Sums, Tallies
from oportuno.kit.faults import Unavailable

_EVERY: Final = 5.0
_LAST_WORD: Final = 2.0

_log = structlog.get_logger("telling")

OpenTallies = Callable[[], AbstractAsyncContextManager[Tallies]]


class Teller:
    """One process's voice. What cannot be told is told later; counts nobody heard when the process was killed are lost."""

    def __init__(self, part: str, open_tallies: OpenTallies, *, says: Callable[[], dict[str, Any]] = dict, every: float = _EVERY) -> None:
        self.sums = Sums()
        self.says = says
        self._part = part
        self._open = open_tallies
        self._every = every
        self._process = 0

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[Sums]:
        """Tell as long as the block runs, and a last time at its end. Never raises, and never holds up the work for long."""
        stop = asyncio.Event()
        voice = asyncio.create_task(self._tell_until(stop))
        try:
            yield self.sums
        finally:
            stop.set()
            await asyncio.wait({voice}, timeout=_LAST_WORD)
            voice.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await voice

    async def _tell_until(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                async with self._open() as tallies:
                    while not stop.is_set():
                        await self._tell(tallies)
                        await _rest(stop, self._every)
                    await self._tell(tallies)
                    await tallies.leave(self._process)
            except (Unavailable, OSError):
                await _rest(stop, self._every)
            except Exception as fault:  # noqa: BLE001 - what is counted must never end what is done
                _log.warning("telling_failed", fault=type(fault).__name__)
                await _rest(stop, self._every)

    async def _tell(self, tallies: Tallies) -> None:
        taken = self.sums.take()
        try:
            self._process = await tallies.tell(self._part, self._process, taken, self.says())
        except BaseException:
            self.sums.put_back(taken)
            raise


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
