"""The addresses at which mail providers post, in PostgreSQL (port MailHooks)."""

from __future__ import annotations

from typing import Any, Final

from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.sealing import Sealer
from oportuno.flows.mail_hooks import MailHook, MailTeller
from oportuno.kit.ids import WorkspaceId
from oportuno.kit.times import DAY, MINUTE

_ONE: Final = "SELECT workspace, id, provider, name, secret, topic, made_at, last_at FROM mail_hooks WHERE id = %s"
_OF: Final = """
SELECT workspace, id, provider, name, secret, topic, made_at, last_at FROM mail_hooks WHERE workspace = %s ORDER BY made_at, id
"""
_PUT: Final = """
INSERT INTO mail_hooks (workspace, id, provider, name, secret, topic, made_at) VALUES (%s, %s, %s, %s, %s, %s, clock_millis())
ON CONFLICT (id) DO UPDATE SET name = excluded.name, secret = excluded.secret, topic = excluded.topic
WHERE mail_hooks.workspace = excluded.workspace
RETURNING workspace, id, provider, name, secret, topic, made_at, last_at
"""
_DROP: Final = "DELETE FROM mail_hooks WHERE workspace = %s AND id = %s RETURNING id"
_HEARD: Final = "UPDATE mail_hooks SET last_at = clock_millis() WHERE id = %s AND (last_at IS NULL OR last_at < clock_millis() - %s)"
# Two topics that ask at once meet in the row's lock: the second sees what the first wrote.
_PIN: Final = "UPDATE mail_hooks SET topic = %s WHERE id = %s AND topic IN ('', %s) RETURNING id"
_FORGET: Final = """
DELETE FROM mail_hook_tokens WHERE (hook, token) IN (
    SELECT hook, token FROM mail_hook_tokens WHERE at < statement_millis() - %s ORDER BY at LIMIT 100 FOR UPDATE SKIP LOCKED
)
"""
_USE: Final = """
INSERT INTO mail_hook_tokens (hook, token, body, at) VALUES (%s, %s, %s, clock_millis())
ON CONFLICT (hook, token) DO UPDATE SET at = mail_hook_tokens.at RETURNING body
"""


class PostgresMailHooks:
    """The port MailHooks on PostgreSQL."""

    def __init__(self, connections: Connections, sealer: Sealer) -> None:
        self._connections = connections
        self._sealer = sealer

    async def hook(self, id: str) -> MailHook | None:  # noqa: A002 - the port's word
        """See the port."""
        row = await self._row(_ONE, (id,))
        return self._hook(row) if row else None

    async def of(self, workspace: WorkspaceId) -> list[MailHook]:
        """See the port."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(_OF, (workspace,))).fetchall()
        return [self._hook(row, listed=True) for row in rows]

    async def put(self, hook: MailHook) -> MailHook:
        """See the port."""
        row = await self._row(_PUT, (hook.workspace, hook.id, hook.provider.value, hook.name, self._sealed(hook), hook.topic))
        return self._hook(row) if row else hook

    async def drop(self, workspace: WorkspaceId, id: str) -> bool:  # noqa: A002 - the port's word
        """See the port."""
        return await self._row(_DROP, (workspace, id)) is not None

    async def heard(self, id: str) -> None:  # noqa: A002 - the port's word
        """See the port."""
        async with self._connections.lend() as connection:
            await connection.execute(_HEARD, (id, MINUTE))

    async def pin(self, id: str, topic: str) -> bool:  # noqa: A002 - the port's word
        """See the port."""
        return await self._row(_PIN, (topic, id, topic)) is not None

    async def first_use(self, id: str, token: bytes, body: bytes) -> bool:  # noqa: A002 - the port's word
        """See the port."""
        async with self._connections.lend() as connection:
            await connection.execute(_FORGET, (DAY,))
            row = await (await connection.execute(_USE, (id, token, body))).fetchone()
        return row is not None and bytes(row[0]) == body

    async def _row(self, statement: str, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
        async with self._connections.lend() as connection:
            found: tuple[Any, ...] | None = await (await connection.execute(statement, given)).fetchone()
        return found

    def _sealed(self, hook: MailHook) -> bytes:
        return self._sealer.seal(hook.secret, place=place_of(hook.workspace, hook.id))

    def _hook(self, row: tuple[Any, ...], *, listed: bool = False) -> MailHook:
        workspace, name_in_address, provider, name, secret, topic, made_at, last_at = row
        needs_none = provider == MailTeller.SES
        opened = b"" if needs_none else self._sealer.opened(bytes(secret), place=place_of(workspace, name_in_address), else_none=listed)
        return MailHook(
            workspace=workspace,
            id=name_in_address,
            provider=MailTeller(provider),
            name=name,
            secret=opened or b"",
            secret_lost=opened is None,
            topic=topic,
            made_at=made_at,
            last_at=last_at,
        )


def place_of(workspace: WorkspaceId, name: str) -> str:
    """Name the place to which an address's secret is sealed."""
    return f"mail_hooks/{workspace}/{name}"
