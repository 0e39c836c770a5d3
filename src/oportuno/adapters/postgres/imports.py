"""Imports in PostgreSQL: a lane of their own, in which a file's progress moves with its events or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.postgres.intake import LaneWriter
from oportuno.flows.ports import Arrival, LaneClass
from oportuno.flows.ports_imports import ImportRecord, ImportTally, Step, counted_on
from oportuno.kit.ids import WorkspaceId
from oportuno.kit.times import Millis

_BEGIN: Final = """
INSERT INTO imports (workspace, id, name, kind, mapping, begun_at, moved_at) VALUES (%s, %s, %s, %s, %s, clock_millis(), clock_millis())
ON CONFLICT (workspace, id) DO NOTHING
"""
_COLUMNS: Final = "id, name, kind, mapping, position, tally, begun_at, moved_at, finished_at"
_ONE: Final = f"SELECT {_COLUMNS}, clock_millis() FROM imports WHERE workspace = %s AND id = %s"  # noqa: S608 - our own columns
_EVERY: Final = f"SELECT {_COLUMNS} FROM imports WHERE workspace = %s ORDER BY moved_at DESC, id LIMIT %s"  # noqa: S608 - the same
_STEP: Final = """
UPDATE imports SET position = %s, tally = %s, moved_at = clock_millis(), finished_at = CASE WHEN %s THEN clock_millis() END
WHERE workspace = %s AND id = %s AND position = %s AND finished_at IS NULL
"""
_KEEP: Final = """
INSERT INTO mappings (workspace, name, mapping, kept_at) VALUES (%s, %s, %s, clock_millis())
ON CONFLICT (workspace, name) DO UPDATE SET mapping = excluded.mapping, kept_at = excluded.kept_at
"""
_MAPPINGS: Final = "SELECT name, mapping FROM mappings WHERE workspace = %s ORDER BY name"


class PostgresImports:
    """The port Imports."""

    def __init__(self, url: str, connections: Connections) -> None:
        self._connections = connections
        self._writer = LaneWriter(url, LaneClass.BULK)
        self._one_at_a_time = asyncio.Lock()

    async def begin(self, workspace: WorkspaceId, record: ImportRecord) -> tuple[ImportRecord, Millis]:
        """See the port."""
        async with self._connections.lend() as connection:
            await connection.execute(_BEGIN, (workspace, record.id, record.name, record.kind, record.mapping))
            row = await (await connection.execute(_ONE.encode(), (workspace, record.id))).fetchone()
        if row is None:  # pragma: no cover - nobody deletes imports
            raise AssertionError
        return _record(row), int(row[9])

    async def bring(self, workspace: WorkspaceId, arrivals: Sequence[Arrival], step: Step) -> int | None:
        """See the port."""

        def parameters(new: int) -> tuple[object, ...]:
            tally = counted_on(step.tally, len(arrivals), new)
            return step.position, msgspec.msgpack.encode(tally), step.finished, workspace, step.id, step.since

        async with self._one_at_a_time:
            return await self._writer.write_beside(list(arrivals), _STEP, parameters)

    async def every(self, workspace: WorkspaceId, *, limit: int) -> list[ImportRecord]:
        """See the port."""
        async with self._connections.lend() as connection:
            cursor = await connection.execute(_EVERY.encode(), (workspace, limit))
            return [_record(row) for row in await cursor.fetchall()]

    async def keep_mapping(self, workspace: WorkspaceId, name: str, mapping: bytes) -> None:
        """See the port."""
        async with self._connections.lend() as connection:
            await connection.execute(_KEEP, (workspace, name, mapping))

    async def mappings(self, workspace: WorkspaceId) -> dict[str, bytes]:
        """See the port."""
        async with self._connections.lend() as connection:
            cursor = await connection.execute(_MAPPINGS, (workspace,))
            return {name: bytes(mapping) for name, mapping in await cursor.fetchall()}

    async def close(self) -> None:
        """Leave the lane."""
        await self._writer.close()


def _record(row: tuple[object, ...]) -> ImportRecord:
    id_, name, kind, mapping, position, tally, begun, moved, finished = row[:9]
    return msgspec.convert(
        {
            "id": id_,
            "name": name,
            "kind": kind,
            "mapping": mapping,
            "position": position,
            "tally": msgspec.msgpack.decode(tally, type=ImportTally) if isinstance(tally, bytes) and tally else ImportTally(),
            "begun_at": begun,
            "moved_at": moved,
            "finished_at": finished,
        },
        ImportRecord,
    )
