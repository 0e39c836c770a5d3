"""An engine keeps the list of who was forgotten in step with the database, so that a backup that is restored forgets them again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from oportuno.flows.poison import name_of
from oportuno.settings import Settings

_LOOK: Final = 2.0
_AGAIN: Final = 30.0

_log = structlog.get_logger("noting")


async def note_erasures(settings: Settings, stop: asyncio.Event) -> None:
    """Note who is forgotten until it is asked to stop; every engine may. Does nothing where no place for the list is set."""
    from oportuno.wiring.keeping import noting_erasures

    if settings.erasures_file is None:
        return
    while not stop.is_set():
        try:
            async with noting_erasures(settings, settings.erasures_file) as noted:
                while not stop.is_set():
                    await noted.note()
                    await _rest(stop, _LOOK)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the list must be gone on with: a backup without it remembers too much
            _log.error("erasures_not_noted", fault=name_of(fault), code=getattr(fault, "code", ""))
            await _rest(stop, _AGAIN)


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
