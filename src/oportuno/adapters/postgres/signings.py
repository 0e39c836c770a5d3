"""What each workspace's identity tokens are held against (port Signings)."""

from __future__ import annotations

from typing import Final

from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.sealing import Sealer
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

    def __init__(self, connections: Connections, sealer: Sealer) -> None:
        self._connections = connections
        self._sealer = sealer

    async def signing(self, workspace: WorkspaceId) -> Signing | None:
        """See the port."""
        async with self._connections.lend() as connection:
            row = await (await connection.execute(_READ, (workspace,))).fetchone()
        if row is None:
            return None
        return Signing(Algorithm(row[0]), self._sealer.open(bytes(row[1]), place=place_of(workspace)), row[2])

    async def set_signing(self, workspace: WorkspaceId, algorithm: Algorithm, key: bytes) -> None:
        """See the port."""
        async with self._connections.lend() as connection:
            await connection.execute(_SET, (workspace, algorithm.value, self._sealer.seal(key, place=place_of(workspace))))

    async def end_signing(self, workspace: WorkspaceId) -> None:
        """See the port."""
        async with self._connections.lend() as connection:
            await connection.execute(_END, (workspace,))


def place_of(workspace: WorkspaceId) -> str:
    """Name the place to which a workspace's key is sealed."""
    return f"signings/{workspace}"
