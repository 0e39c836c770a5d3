"""Sealing what lies in the database anew: what was never sealed, and what was sealed with an older key."""

from __future__ import annotations

from typing import Any, Final, LiteralString, NamedTuple

from oportuno.adapters.postgres.database import Connection, translated
from oportuno.adapters.sealing import Sealer

_AT_ONCE: Final = 100


class _Table(NamedTuple):
    read: LiteralString
    """Gives (workspace, row, secret) after (workspace, row), locked."""
    write: LiteralString
    by_row: bool = True
    """Whether the row has a name of its own beside its workspace."""

    def place(self, name: str, row: tuple[Any, ...]) -> str:
        return f"{name}/{row[0]}/{row[1]}" if self.by_row else f"{name}/{row[0]}"


_TABLES: Final = {
    "hooks": _Table(
        "SELECT workspace, id, secret FROM hooks WHERE (workspace, id) > (%s, %s) ORDER BY workspace, id LIMIT %s FOR UPDATE",
        "UPDATE hooks SET secret = %s WHERE workspace = %s AND id = %s",
    ),
    "mail_hooks": _Table(
        "SELECT workspace, id, secret FROM mail_hooks WHERE (workspace, id) > (%s, %s) ORDER BY workspace, id LIMIT %s FOR UPDATE",
        "UPDATE mail_hooks SET secret = %s WHERE workspace = %s AND id = %s",
    ),
    "providers": _Table(
        "SELECT workspace, id, secrets FROM providers WHERE (workspace, id) > (%s, %s) ORDER BY workspace, id LIMIT %s FOR UPDATE",
        "UPDATE providers SET secrets = %s WHERE workspace = %s AND id = %s",
    ),
    "signings": _Table(
        "SELECT workspace, '', key FROM signings WHERE (workspace, '') > (%s, %s) ORDER BY workspace LIMIT %s FOR UPDATE",
        "UPDATE signings SET key = %s WHERE workspace = %s AND '' = %s",
        by_row=False,
    ),
}
"""Every place of a secret, as the adapter of its table names it when it seals."""


async def reseal_all(connection: Connection, sealer: Sealer) -> dict[str, int]:
    """Seal each secret that is not sealed with the key that seals now; gives how many of which table.

    In pieces, each whole or not at all: stopped and begun again it goes on. Raises Unavailable, at a secret that no key at hand opens too.
    """
    return {name: await _reseal(connection, sealer, name, table) for name, table in _TABLES.items()}


async def _reseal(connection: Connection, sealer: Sealer, name: str, table: _Table) -> int:
    done, after = 0, (-1, "")
    while True:
        async with translated(), connection.transaction():
            rows = await (await connection.execute(table.read, (*after, _AT_ONCE))).fetchall()
            for row in rows:
                stored = bytes(row[2])
                if sealer.is_current(stored):
                    continue
                place = table.place(name, row)
                await connection.execute(table.write, (sealer.seal(sealer.open(stored, place=place), place=place), row[0], row[1]))
                done += 1
        if len(rows) < _AT_ONCE:
            return done
        after = rows[-1][0], rows[-1][1]
