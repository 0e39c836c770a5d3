"""What each workspace's identity tokens are held against (port Signings)."""

from __future__ import annotations

from typing import Final

from oportuno.adapters.postgres.connections import Connections
from oportuno.flows.identity import Algorithm, Signing
from oportuno.kit.ids import WorkspaceId

_READ: Final = "SELECT algorithm, key, public_id FROM signings JOIN workspaces USING (workspace) WHERE workspace = %s"
_SET: Final = """
INSERT INTO signings (workspace, algorithm, key, changed_at) VALUES (%s, %s, %s, clock_millis())
ON CONFLICT (workspace) DO UPDATE SET algorithm = excluded.algorithm, key = excluded.key, changed_at = excluded.changed_at
"""
_END: Final = "DELETE FROM signings WHERE workspace = %s"


class PostgresSignings:
    """The port Signings on PostgreSQL."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def signing(self, workspace: WorkspaceId) -> Signing | None:
        """See the port."""
        async with self._connections.lend() as connection:
            row = await (await connection.execute(_READ, (workspace,))).fetchone()
        return Signing(Algorithm(row[0]), bytes(row[1]), row[2]) if row else None

    async def set_signing(self, workspace: WorkspaceId, algorithm: Algorithm, key: bytes) -> None:
        """See the port."""
        async with self._connections.lend() as connection:
            await connection.execute(_SET, (workspace, algorithm.value, key))

    async def end_signing(self, workspace: WorkspaceId) -> None:
        """See the port."""
        async with self._connections.lend() as connection:
            await connection.execute(_END, (workspace,))
