"""The loop that settles clicks: beside every engine, a look every other second."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import structlog

from oportuno.flows.click import Counted
from oportuno.settings import Settings
from oportuno.wiring.clicks import settling

_LOOK: Final = 2.0
_AFTER_A_FAULT: Final = 5.0

_log = structlog.get_logger("clicks")


async def settle_until(settings: Settings, stop: asyncio.Event, *, counted: Counted) -> None:
    """Settle clicks until stopped; `counted` hears of each. Any number may do it at once: what one has told, told again does nothing."""
    while not stop.is_set():
        try:
            async with settling(settings, counted) as settle:
                while not stop.is_set():
                    swept = await settle()
                    if swept.left:
                        _log.warning("clicks_wait", count=len(swept.left))
                    await _rest(stop, _AFTER_A_FAULT if swept.left else _LOOK)
        except Exception as fault:  # noqa: BLE001 - what could not be settled is found again
            _log.warning("clicks_not_settled", fault=type(fault).__name__)
            await _rest(stop, _AFTER_A_FAULT)


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
