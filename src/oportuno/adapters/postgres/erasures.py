"""Who asked to be forgotten, on PostgreSQL."""

from __future__ import annotations

from typing import Any, Final

from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.postgres.forget import advance
from oportuno.flows.forget import Erasure
from oportuno.flows.reads import Spot
from oportuno.kit.ids import CustomerKey, WorkspaceId

_COLUMNS: Final = "SELECT bucket, workspace, customer, asked_at, done_at, place FROM erasures"
_ONE: Final = f"{_COLUMNS} WHERE bucket = %s AND workspace = %s AND customer = %s"
_LATEST: Final = f"{_COLUMNS} WHERE workspace = %s AND (asked_at, customer) < (%s, %s) ORDER BY asked_at DESC, customer DESC LIMIT %s"
_EVER: Final = 2**62
_ANY_OPEN: Final = "SELECT EXISTS (SELECT 1 FROM erasures WHERE done_at IS NULL)"


class PostgresErasures:
    """The port Erasures. `connections` must be allowed to write if a second pass is to be done."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def advance(self) -> bool:
        """See the port."""
        async with self._connections.lend() as connection:
            # Asked alone first: looking every few seconds must cost next to nothing.
            row = await (await connection.execute(_ANY_OPEN)).fetchone()
            return bool(row and row[0]) and await advance(connection)

    async def erasure(self, key: CustomerKey) -> Erasure | None:
        """See the port."""
        async with self._connections.lend() as connection:
            row = await (await connection.execute(_ONE.encode(), tuple(key))).fetchone()
        return None if row is None else _erasure(row)

    async def erasures(self, workspace: WorkspaceId, *, before: Spot | None, limit: int) -> list[Erasure]:
        """See the port."""
        at, customer = (_EVER, _EVER) if before is None else (before.at, min(int.from_bytes(before.tie[:8], "big"), _EVER * 2 - 1))
        async with self._connections.lend() as connection:
            cursor = await connection.execute(_LATEST.encode(), (workspace, at, customer, limit))
            return [_erasure(row) for row in await cursor.fetchall()]


def _erasure(row: tuple[Any, ...]) -> Erasure:
    bucket, workspace, customer, asked_at, done_at, place = row
    return Erasure(key=CustomerKey(bucket, workspace, customer), asked_at=asked_at, done_at=done_at, place=place)
