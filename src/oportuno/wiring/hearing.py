"""Hearing back, wired: what a part that hears of messages needs of the world."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from oportuno.wiring import database_url

if TYPE_CHECKING:
    from oportuno.adapters.postgres.connections import Connections
    from oportuno.adapters.sealing import Sealer
    from oportuno.flows.click import Clicks
    from oportuno.flows.hear_back import HearBack, Hearings
    from oportuno.flows.mail_hooks import MailHooks, Notary
    from oportuno.flows.suppressions import Suppressions
    from oportuno.settings import Settings

_HEARING_AT_ONCE = 4
_AGAIN_AT_ONCE = 1_000


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


class Told(NamedTuple):
    """What the HTTP side hears by, and shows of what was heard."""

    hearings: Hearings
    suppressions: Suppressions
    clicks: Clicks
    mail_hooks: MailHooks
    notary: Notary


def told(looking: Connections, changing: Connections, secret: bytes, sealer: Sealer, stack: AsyncExitStack) -> Told:
    """Wire what is told of messages to PostgreSQL, on connections that are open."""
    from oportuno.adapters.postgres.clicks import PostgresClicks
    from oportuno.adapters.postgres.hearings import PostgresHearings
    from oportuno.adapters.postgres.mail_hooks import PostgresMailHooks
    from oportuno.adapters.postgres.suppressions import PostgresSuppressions
    from oportuno.wiring.mail_hooks import notary

    return Told(
        hearings=PostgresHearings(looking, changing, secret),
        suppressions=PostgresSuppressions(looking, changing, secret),
        clicks=PostgresClicks(looking, changing),
        mail_hooks=PostgresMailHooks(changing, sealer),
        notary=notary(stack),
    )


async def hear_early(settings: Settings) -> int:
    """Hear again what came before its hand-off was written down; says how many found their message. Raises Unavailable."""
    from oportuno.flows.hear_back import hear_early_ones

    async with hearing_back(settings) as ear:
        async with ear.store.work() as work:
            now, _ = await work.lock([])
        return await hear_early_ones(ear, now=now, limit=_AGAIN_AT_ONCE)
