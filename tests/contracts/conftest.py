"""Every story below is told once on each adapter."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from contract_world import Shop, open_memory, open_postgres, open_workspaces, told_on_each

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(scope="module")
def contract_url(postgres_url: str) -> str:
    """The module's database, with workspaces in it."""
    open_workspaces(postgres_url)
    return postgres_url


@asynccontextmanager
async def _in_memory() -> AsyncIterator[tuple[Shop]]:
    async with open_memory() as outside:
        yield (Shop(outside),)


@asynccontextmanager
async def _in_postgres(url: str) -> AsyncIterator[tuple[Shop]]:
    async with open_postgres(url) as outside:
        yield (Shop(outside),)


tell = told_on_each(_in_memory, _in_postgres, url="contract_url")
