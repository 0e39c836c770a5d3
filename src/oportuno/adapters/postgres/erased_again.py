"""Who was forgotten: told to those who keep the list outside, and forgotten again by it after a backup was restored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from oportuno.adapters.erasure_list import ErasureList, Listed
from oportuno.adapters.postgres.backup import installation_of
from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.postgres.database import Connection, read_secret, translated
from oportuno.adapters.postgres.forget import advance, erase
from oportuno.kit.ids import CustomerKey
from oportuno.kit.times import MINUTE, Millis

_SINCE: Final = "SELECT bucket, workspace, customer, asked_at FROM erasures WHERE asked_at >= %s ORDER BY asked_at"
_COMMITS_LATER: Final[Millis] = 10 * MINUTE
"""Who asked earlier may be committed later: so far back everybody is looked at again."""
_FORGOTTEN: Final = "SELECT EXISTS (SELECT FROM erasures WHERE bucket = %s AND workspace = %s AND customer = %s)"
_SHOP: Final = "SELECT EXISTS (SELECT FROM workspaces WHERE workspace = %s)"
_AS_ASKED: Final = "UPDATE erasures SET asked_at = %s WHERE bucket = %s AND workspace = %s AND customer = %s"


class ErasuresNoted:
    """Keeps the list outside in step with the database."""

    def __init__(self, connections: Connections, listed: ErasureList) -> None:
        self._connections = connections
        self._listed = listed
        self._since: Millis = 0

    async def note(self) -> int:
        """Write down who was forgotten since; gives how many. Raises Unavailable, BadInput."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(_SINCE, (self._since,))).fetchall()
        written = self._listed.note(Listed(CustomerKey(*row[:3]), row[3]) for row in rows)
        if rows:
            self._since = max(self._since, rows[-1][3] - _COMMITS_LATER)
        return written


async def installation(connections: Connections) -> str:
    """Name the installation that the database is of. Raises Unavailable."""
    async with connections.lend() as connection:
        return installation_of(await read_secret(connection))


async def forget_again(connection: Connection, listed: Sequence[Listed]) -> int:
    """Forget everybody on the list whom the database still knows, to the end; gives how many. Nobody else may work on it."""
    forgotten = 0
    async with translated():
        for key, asked_at in listed:
            if await _is(connection, _FORGOTTEN, tuple(key)) or not await _is(connection, _SHOP, (key.workspace,)):
                continue
            async with connection.transaction():
                await erase(connection, key)
                await connection.execute(_AS_ASKED, (asked_at, *key))
            forgotten += 1
        while await advance(connection):
            pass
    return forgotten


async def _is(connection: Connection, question: str, values: tuple[int, ...]) -> bool:
    row = await (await connection.execute(question.encode(), values)).fetchone()
    return bool(row and row[0])
