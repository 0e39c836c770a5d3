"""Every story below is told once on each adapter."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from contract_world import Shop, open_memory

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ADAPTERS = ["memory"]


@pytest.fixture(params=ADAPTERS)
def tell(request: pytest.FixtureRequest) -> Callable[[Callable[[Shop], Awaitable[None]]], None]:
    """Give the teller: it opens an adapter, gives the story a shop there, and runs it to its end."""

    def teller(story: Callable[[Shop], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with open_memory() as outside:
                await story(Shop(outside))

        asyncio.run(asyncio.wait_for(whole(), 60))

    return teller
