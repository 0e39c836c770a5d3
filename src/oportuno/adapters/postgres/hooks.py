"""The addresses at which shops' systems post, in PostgreSQL (port Hooks)."""

from __future__ import annotations

from typing import Any, Final

from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.sealing import Sealer
from oportuno.events.hooks.post import Platform
from oportuno.flows.hooks import Hook
from oportuno.kit.ids import WorkspaceId
from oportuno.kit.times import MINUTE

_ONE: Final = "SELECT workspace, id, platform, name, secret, notice, language, made_at, last_at FROM hooks WHERE id = %s"
_OF: Final = """
SELECT workspace, id, platform, name, secret, notice, language, made_at, last_at FROM hooks WHERE workspace = %s ORDER BY made_at, id
"""
_PUT: Final = """
INSERT INTO hooks (workspace, id, platform, name, secret, notice, language, made_at) VALUES (%s, %s, %s, %s, %s, %s, %s, clock_millis())
ON CONFLICT (id) DO UPDATE SET name = excluded.name, secret = excluded.secret, notice = excluded.notice, language = excluded.language
WHERE hooks.workspace = excluded.workspace
RETURNING workspace, id, platform, name, secret, notice, language, made_at, last_at
"""
_DROP: Final = "DELETE FROM hooks WHERE workspace = %s AND id = %s RETURNING id"
_HEARD: Final = "UPDATE hooks SET last_at = clock_millis() WHERE id = %s AND (last_at IS NULL OR last_at < clock_millis() - %s)"


class PostgresHooks:
    """The port Hooks on PostgreSQL."""

    def __init__(self, connections: Connections, sealer: Sealer) -> None:
        self._connections = connections
        self._sealer = sealer

    async def hook(self, id: str) -> Hook | None:  # noqa: A002 - the port's word
        """See the port."""
        async with self._connections.lend() as connection:
            row = await (await connection.execute(_ONE, (id,))).fetchone()
        return self._hook(row) if row else None

    async def of(self, workspace: WorkspaceId) -> list[Hook]:
        """See the port."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(_OF, (workspace,))).fetchall()
        return [self._hook(row, listed=True) for row in rows]

    async def put(self, hook: Hook) -> Hook:
        """See the port."""
        given = (hook.workspace, hook.id, hook.platform.value, hook.name, self._sealed(hook), hook.notice, hook.language)
        async with self._connections.lend() as connection:
            row = await (await connection.execute(_PUT, given)).fetchone()
        return self._hook(row) if row else hook

    async def drop(self, workspace: WorkspaceId, id: str) -> bool:  # noqa: A002 - the port's word
        """See the port."""
        async with self._connections.lend() as connection:
            return await (await connection.execute(_DROP, (workspace, id))).fetchone() is not None

    async def heard(self, id: str) -> None:  # noqa: A002 - the port's word
        """See the port."""
        async with self._connections.lend() as connection:
            await connection.execute(_HEARD, (id, MINUTE))

    def _sealed(self, hook: Hook) -> bytes:
        return self._sealer.seal(hook.secret, place=place_of(hook.workspace, hook.id))

    def _hook(self, row: tuple[Any, ...], *, listed: bool = False) -> Hook:
        workspace, name_in_address, platform, name, secret, notice, language, made_at, last_at = row
        opened = self._sealer.opened(bytes(secret), place=place_of(workspace, name_in_address), else_none=listed)
        return Hook(
            workspace=workspace,
            id=name_in_address,
            platform=Platform(platform),
            name=name,
            secret=opened or b"",
            secret_lost=opened is None,
            notice=notice,
            language=language,
            made_at=made_at,
            last_at=last_at,
        )


def place_of(workspace: WorkspaceId, name: str) -> str:
    """Name the place to which an address's secret is sealed."""
    return f"hooks/{workspace}/{name}"
