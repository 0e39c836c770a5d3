"""Every story below is told once on each adapter."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from contract_world import Shop, open_memory, open_postgres, open_workspaces

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@pytest.fixture(scope="module")
def contract_url(postgres_url: str) -> str:
    """The module's database, with workspaces in it."""
    open_workspaces(postgres_url)
    return postgres_url


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def tell(request: pytest.FixtureRequest) -> Callable[[Callable[[Shop], Awaitable[None]]], None]:
    """Give the teller: it opens an adapter, gives the story a shop there, and runs it to its end."""
    url = request.getfixturevalue("contract_url") if request.param == "postgres" else ""

    def teller(story: Callable[[Shop], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with open_postgres(url) if url else open_memory() as outside:
                await story(Shop(outside))

        asyncio.run(asyncio.wait_for(whole(), 300))

    return teller
