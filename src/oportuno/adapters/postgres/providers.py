"""The providers that workspaces hand their mail to, in PostgreSQL (port Providers). Secrets are sealed to their row."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import structlog
from psycopg.types.json import Jsonb

from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.sealing import Sealer
from oportuno.flows.providers import OwnProvider, Signing
from oportuno.kit.faults import Fault
from oportuno.kit.ids import WorkspaceId

_OF: Final = """
SELECT workspace, id, place, kind, name, settings, secrets, signs, made_at, changed_at FROM providers
WHERE workspace = %s ORDER BY place, id
"""
_SIGNING: Final = "SELECT kind, signs FROM providers WHERE workspace = %s ORDER BY place, id"
_EVERY: Final = """
SELECT workspace, id, place, kind, name, settings, secrets, signs, made_at, changed_at FROM providers ORDER BY workspace, place, id
"""
_PUT: Final = """
INSERT INTO providers (workspace, id, place, kind, name, settings, secrets, signs, made_at, changed_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, clock_millis(), clock_millis())
ON CONFLICT (id) DO UPDATE SET place = excluded.place, name = excluded.name, settings = excluded.settings, secrets = excluded.secrets,
    signs = excluded.signs, changed_at = greatest(excluded.changed_at, providers.changed_at + 1)
WHERE providers.workspace = excluded.workspace
RETURNING workspace, id, place, kind, name, settings, secrets, signs, made_at, changed_at
"""
_DROP: Final = "DELETE FROM providers WHERE workspace = %s AND id = %s RETURNING id"
_TEXTS: Final = msgspec.msgpack.Decoder(dict[str, str])

log = structlog.get_logger("providers")


class PostgresProviders:
    """The port Providers on PostgreSQL."""

    def __init__(self, connections: Connections, sealer: Sealer) -> None:
        self._connections = connections
        self._sealer = sealer

    async def signing(self, workspace: WorkspaceId) -> list[Signing]:
        """See the port."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(_SIGNING, (workspace,))).fetchall()
        return [Signing(*row) for row in rows]

    async def of(self, workspace: WorkspaceId) -> list[OwnProvider]:
        """See the port."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(_OF, (workspace,))).fetchall()
        return [self._provider(row, listed=True) for row in rows]

    async def every(self) -> list[OwnProvider]:
        """See the port."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(_EVERY)).fetchall()
        found = []
        for row in rows:
            try:
                found.append(self._provider(row))
            except Fault as fault:
                log.warning("provider_unreadable", workspace=row[0], code=fault.code)
        return found

    async def put(self, provider: OwnProvider) -> OwnProvider:
        """See the port."""
        place = place_of(provider.workspace, provider.id)
        secrets = self._sealer.seal(msgspec.msgpack.encode(provider.secrets), place=place)
        given = (provider.workspace, provider.id, provider.place, provider.kind, provider.name, Jsonb(provider.settings), secrets)
        async with self._connections.lend() as connection:
            row = await (await connection.execute(_PUT, (*given, provider.signs))).fetchone()
        return self._provider(row) if row else provider

    async def drop(self, workspace: WorkspaceId, id: str) -> bool:  # noqa: A002 - the port's word
        """See the port."""
        async with self._connections.lend() as connection:
            return await (await connection.execute(_DROP, (workspace, id))).fetchone() is not None

    def _provider(self, row: tuple[Any, ...], *, listed: bool = False) -> OwnProvider:
        workspace, name_of_row, place, kind, name, settings, secrets, signs, made_at, changed_at = row
        opened = self._sealer.opened(bytes(secrets), place=place_of(workspace, name_of_row), else_none=listed)
        return OwnProvider(
            workspace=workspace,
            id=name_of_row,
            place=place,
            kind=kind,
            name=name,
            settings=dict(settings),
            secrets={} if opened is None else _TEXTS.decode(opened),
            secrets_lost=opened is None,
            signs=signs,
            made_at=made_at,
            changed_at=changed_at,
        )


def place_of(workspace: WorkspaceId, name: str) -> str:
    """Name the place to which a provider's secrets are sealed."""
    return f"providers/{workspace}/{name}"
