"""What brings files in and out needs of PostgreSQL, opened together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from oportuno.adapters.postgres.catalogue_around import PostgresCatalogue
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.holdings import PostgresHoldings
from oportuno.adapters.postgres.imports import PostgresImports
from oportuno.adapters.postgres.intake import PostgresIntake
from oportuno.adapters.postgres.reads import PostgresReads
from oportuno.adapters.postgres.standing import PostgresStandings
from oportuno.adapters.postgres.store import PostgresStore
from oportuno.adapters.postgres.suppressions import PostgresSuppressions
from oportuno.adapters.postgres.workspaces import PostgresProgrammes, PostgresWorkspaces
from oportuno.flows.record import Registry


@dataclass(frozen=True, kw_only=True)
class ImportParts:
    """The ports of an import, while their connections live."""

    workspaces: PostgresWorkspaces
    programmes: PostgresProgrammes
    catalogue: PostgresCatalogue
    imports: PostgresImports
    intake: PostgresIntake
    reads: PostgresReads
    registry: Registry
    store: PostgresStore
    suppressions: PostgresSuppressions
    holdings: PostgresHoldings
    standings: PostgresStandings
    digest_key: bytes
    """Under which message ids are remembered."""


@asynccontextmanager
async def importing(url: str, *, ids_of_one: int, digest_key: Callable[[bytes], bytes]) -> AsyncIterator[ImportParts]:
    """Connect. `digest_key` gives that key of the installation's secret. Raises Unavailable."""
    async with AsyncExitStack() as stack:
        connections = Connections(url, name="import", most=2, plans=CHANGING)
        stack.push_async_callback(connections.close)
        intake = await PostgresIntake.open(url, ids_of_one=ids_of_one)
        stack.push_async_callback(intake.close)
        store = await PostgresStore.open(url, name="import", size=1)
        stack.push_async_callback(store.close)
        imports = PostgresImports(url, connections)
        stack.push_async_callback(imports.close)
        workspaces = PostgresWorkspaces(connections)
        programmes, reads = PostgresProgrammes(workspaces), PostgresReads(connections, connections)
        yield ImportParts(
            workspaces=workspaces,
            programmes=programmes,
            catalogue=PostgresCatalogue(connections),
            imports=imports,
            intake=intake,
            reads=reads,
            registry=Registry(store=store, reads=reads, programmes=programmes),
            store=store,
            suppressions=PostgresSuppressions(connections, connections, store.secret),
            holdings=PostgresHoldings(connections),
            standings=PostgresStandings(connections),
            digest_key=digest_key(intake.secret),
        )
