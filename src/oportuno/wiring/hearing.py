"""Hearing back, wired: what a part that hears of messages needs of the world."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from oportuno.wiring import database_url

if TYPE_CHECKING:
    from oportuno.flows.hear_back import HearBack
    from oportuno.settings import Settings

_HEARING_AT_ONCE = 4


@asynccontextmanager
async def hearing_back(settings: Settings) -> AsyncIterator[HearBack]:
    """Wire hearing back to PostgreSQL, on connections of its own. Raises Unavailable."""
    from oportuno.adapters.postgres.connections import CHANGING, Connections
    from oportuno.adapters.postgres.hearings import PostgresHearings
    from oportuno.adapters.postgres.intake import PostgresIntake
    from oportuno.adapters.postgres.store import PostgresStore
    from oportuno.adapters.postgres.workspaces import PostgresProgrammes, PostgresWorkspaces
    from oportuno.flows.hear_back import HearBack

    url = database_url(settings)
    async with AsyncExitStack() as stack:
        intake = await PostgresIntake.open(url, ids_of_one=settings.ids_of_one)
        stack.push_async_callback(intake.close)
        store = await PostgresStore.open(url, name="hearing", size=_HEARING_AT_ONCE)
        stack.push_async_callback(store.close)
        looking = Connections(url, name="hearing looking", most=_HEARING_AT_ONCE)
        changing = Connections(url, name="hearing changing", most=1, plans=CHANGING)
        for connections in (looking, changing):
            stack.push_async_callback(connections.close)
        yield HearBack(
            hearings=PostgresHearings(looking, changing, store.secret),
            store=store,
            programmes=PostgresProgrammes(PostgresWorkspaces(looking)),
            intake=intake,
        )
