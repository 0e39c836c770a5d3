"""A loop whose clock a server that hangs turns ahead: whoever waits for it loses patience at once, however slow the machine is.

A story about hanging needs no short time-out of its own, which a slow machine would break before anything hangs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds that a server which hangs turns the clock ahead. Every time-out of the providers in these tests is shorter."""


class HurriedLoop(asyncio.SelectorEventLoop):
    """An ordinary loop, but for its clock."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead

    def turn_ahead(self) -> None:
        self.ahead += PATIENCE


def hang() -> None:
    """Say that from now on nothing will come: time passes for everybody in this loop, if it is a hurried one.

    A moment later, when the other side has begun to wait. If it has not, the story takes as long as a real time-out, and is no less true.
    """
    loop = asyncio.get_running_loop()
    if isinstance(loop, HurriedLoop):
        loop.call_later(0.05, loop.turn_ahead)


def hurry(story: Coroutine[Any, Any, T]) -> T:
    """Tell a story in which at most one server hangs."""
    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        return runner.run(asyncio.wait_for(story, 180 + PATIENCE))
