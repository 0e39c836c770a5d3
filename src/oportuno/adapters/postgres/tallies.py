"""What processes counted and tell of themselves, in two small tables. Sums are added to, so that they never fall, whoever dies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from oportuno.adapters.postgres.connections import Connections
from oportuno.flows.tallies import SILENT_AFTER, Counted, Living, Sum
from oportuno.kit.times import DAY

# In one order, so that two who tell at once do not wait for each other.
_ADD: Final = """
INSERT INTO part_sums (part, name, labels, amount)
SELECT %s, name, labels, amount FROM unnest(%s::text[], %s::text[], %s::float8[]) AS told(name, labels, amount) ORDER BY name, labels
ON CONFLICT (part, name, labels) DO UPDATE SET amount = part_sums.amount + excluded.amount
"""
_SAY: Final = "UPDATE parts SET at = clock_millis(), says = %s WHERE process = %s RETURNING process"
_BORN: Final = "INSERT INTO parts (part, at, says) VALUES (%s, clock_millis(), %s) RETURNING process"
_LONG_DEAD: Final = "DELETE FROM parts WHERE at < clock_millis() - %s"
_LEAVE: Final = "DELETE FROM parts WHERE process = %s"
_SUMS: Final = "SELECT part, name, labels, amount FROM part_sums ORDER BY part, name, labels"
_LIVING: Final = "SELECT part, says FROM parts WHERE at > clock_millis() - %s ORDER BY process"


class PostgresTallies:
    """The port Tallies on PostgreSQL."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def tell(self, part: str, process: int, sums: Mapping[Counted, float], says: Mapping[str, Any]) -> int:
        """See the port."""
        said = msgspec.json.encode(says).decode()
        async with self._connections.lend() as connection, connection.transaction():
            if sums:
                words = [(name, msgspec.json.encode(dict(labels)).decode(), float(amount)) for (name, labels), amount in sums.items()]
                await connection.execute(_ADD, (part, *map(list, zip(*words, strict=True))))
            row = await (await connection.execute(_SAY, (said, process))).fetchone()
            if row is None:
                await connection.execute(_LONG_DEAD, (DAY,))
                row = await (await connection.execute(_BORN, (part, said))).fetchone()
        return int(row[0]) if row else 0

    async def leave(self, process: int) -> None:
        """See the port."""
        async with self._connections.lend() as connection:
            await connection.execute(_LEAVE, (process,))

    async def sums(self) -> list[Sum]:
        """See the port."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(_SUMS)).fetchall()
        return [Sum(part, Counted(name, _labels(labels)), amount) for part, name, labels, amount in rows]

    async def living(self) -> list[Living]:
        """See the port."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(_LIVING, (SILENT_AFTER,))).fetchall()
        return [Living(part=part, says=says) for part, says in rows]


def _labels(text: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(msgspec.json.decode(text, type=dict[str, str]).items()))
