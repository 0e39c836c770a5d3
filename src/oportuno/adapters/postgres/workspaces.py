"""Workspaces, keys and definitions in PostgreSQL (ports Workspaces, Keys, Programmes)."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.postgres.signings import place_of
from oportuno.adapters.sealing import Sealer
from oportuno.flows.definitions import Definition, Kind, NewKey, Workspace, programme_from
from oportuno.flows.identity import Algorithm, Signing
from oportuno.flows.open_workspace import hash_key
from oportuno.flows.ports import KeyFacts
from oportuno.flows.programme import Programme, ProgrammeUnreadable
from oportuno.kit.faults import Conflict, NotFound
from oportuno.kit.ids import WorkspaceId

_KEY_SECONDS: Final = 5.0
"""How long an answer about a key may be remembered: so long a revoked key may still work."""
_KEYS_KEPT: Final = 4_096
_PROGRAMME_SECONDS: Final = 1.0

_COLUMNS = "SELECT workspace, public_id, name, timezone, locale, sandbox, version FROM workspaces"
_CREATE = """
INSERT INTO workspaces (public_id, name, timezone, locale, sandbox) VALUES (%s, %s, %s, %s, %s)
RETURNING workspace, public_id, name, timezone, locale, sandbox, version
"""
_ADD_KEY = "INSERT INTO keys (hash, workspace, key_id, secret) VALUES (%s, %s, %s, %s)"
_KEY = """
SELECT workspace, key_id, secret, sandbox, algorithm, signings.key, public_id
FROM keys JOIN workspaces USING (workspace) LEFT JOIN signings USING (workspace) WHERE hash = %s AND revoked_at IS NULL
"""
_DEFINITIONS = """
SELECT kind, key, version, source, compiled FROM definitions WHERE workspace = %s ORDER BY kind, key, version
"""
_RAISE = "UPDATE workspaces SET version = version + 1 WHERE workspace = %s AND version = %s RETURNING version"
_PUBLISH = "INSERT INTO definitions (workspace, kind, key, version, source, compiled) VALUES (%s, %s, %s, %s, %s, %s)"
_VERSIONS = "SELECT workspace, version FROM workspaces"


class PostgresWorkspaces:
    """The port Workspaces."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def create(self, *, public_id: str, name: str, timezone: str, locale: str, sandbox: bool, keys: Sequence[NewKey]) -> Workspace:
        """See the port."""
        async with self._connections.lend() as connection, connection.transaction():
            row = await (await connection.execute(_CREATE, (public_id, name, timezone, locale, sandbox))).fetchone()
            workspace = _workspace(row or ())
            for key in keys:
                await connection.execute(_ADD_KEY, (key.hash, workspace.workspace, key.key_id, key.secret))
        return workspace

    async def workspace(self, id: WorkspaceId) -> Workspace:  # noqa: A002 - the port's word
        """See the port."""
        return await self._one(f"{_COLUMNS} WHERE workspace = %s", id)

    async def every(self) -> list[Workspace]:
        """See the port."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(f"{_COLUMNS} ORDER BY workspace")).fetchall()
        return [_workspace(row) for row in rows]

    async def named(self, public_id: str) -> Workspace:
        """See the port."""
        return await self._one(f"{_COLUMNS} WHERE public_id = %s", public_id)

    async def definitions(self, workspace: WorkspaceId) -> list[Definition]:
        """See the port."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(_DEFINITIONS, (workspace,))).fetchall()
        return [
            Definition(kind=Kind(kind), key=key, version=version, source=source, compiled=bytes(compiled or b""))
            for kind, key, version, source, compiled in rows
        ]

    async def publish(self, workspace: WorkspaceId, added: Sequence[Definition], *, base_version: int) -> int:
        """See the port."""
        async with self._connections.lend() as connection, connection.transaction():
            row = await (await connection.execute(_RAISE, (workspace, base_version))).fetchone()
            if row is None:
                raise Conflict(
                    "definitions_moved", "somebody else published at the same moment; nothing of yours was published: apply again"
                )
            for each in added:
                await connection.execute(_PUBLISH, (workspace, each.kind.value, each.key, each.version, each.source, each.compiled))
        return int(row[0])

    async def versions(self) -> dict[WorkspaceId, int]:
        """Give every workspace's version."""
        async with self._connections.lend() as connection:
            rows = await (await connection.execute(_VERSIONS)).fetchall()
        return dict(rows)

    async def _one(self, statement: str, value: object) -> Workspace:
        async with self._connections.lend() as connection:
            row = await (await connection.execute(statement.encode(), (value,))).fetchone()
        if row is None:
            raise NotFound("workspace_unknown", "there is no such workspace")
        return _workspace(row)


class PostgresKeys:
    """The port Keys. Answers are remembered for a few seconds, unknown keys too, so that guessing costs the database little."""

    def __init__(self, connections: Connections, sealer: Sealer) -> None:
        self._connections = connections
        self._sealer = sealer
        self._known: OrderedDict[bytes, tuple[float, KeyFacts | None]] = OrderedDict()

    async def look_up(self, key: str) -> KeyFacts | None:
        """See the port."""
        digest = hash_key(key)
        now = time.monotonic()
        known = self._known.get(digest)
        if known is not None and now - known[0] < _KEY_SECONDS:
            return known[1]
        async with self._connections.lend() as connection:
            row = await (await connection.execute(_KEY, (digest,))).fetchone()
        facts = KeyFacts(row[0], row[1], row[2], row[3], self._signing(row)) if row else None
        self._known[digest] = now, facts
        self._known.move_to_end(digest)
        while len(self._known) > _KEYS_KEPT:
            self._known.popitem(last=False)
        return facts

    def _signing(self, row: tuple[Any, ...]) -> Signing | None:
        if not row[4]:
            return None
        # A secret key is held against no token: by it the shop tells anew what was sealed with a key that is lost.
        key = self._sealer.opened(bytes(row[5]), place=place_of(row[0]), else_none=row[2])
        return None if key is None else Signing(Algorithm(row[4]), key, row[6])


class PostgresProgrammes:
    """The port Programmes: read again at most once a second, and only what has a new version."""

    def __init__(self, workspaces: PostgresWorkspaces) -> None:
        self._workspaces = workspaces
        self._programmes: dict[WorkspaceId, Programme] = {}
        self._unreadable: dict[WorkspaceId, int] = {}
        """Workspaces whose definitions this release cannot read, with the version that it tried."""
        self._checked = float("-inf")
        self._checking = asyncio.Lock()

    async def programme(self, workspace: WorkspaceId) -> Programme:
        """See the port."""
        found = (await self.all()).get(workspace)
        if found is None and workspace not in self._unreadable:
            # It may have been opened since we looked, and its first events must not be set aside for that.
            async with self._checking:
                await self._refresh()
            found = self._programmes.get(workspace)
        if workspace in self._unreadable:
            raise ProgrammeUnreadable("programme_unreadable", "what this workspace has laid down cannot be read by this release")
        if found is None:
            raise NotFound("workspace_unknown", "there is no such workspace")
        return found

    async def all(self) -> Mapping[WorkspaceId, Programme]:
        """See the port."""
        if time.monotonic() - self._checked >= _PROGRAMME_SECONDS:
            async with self._checking:
                if time.monotonic() - self._checked >= _PROGRAMME_SECONDS:
                    await self._refresh()
        return MappingProxyType(self._programmes)

    async def _refresh(self) -> None:
        versions = await self._workspaces.versions()
        for workspace, version in versions.items():
            known = self._programmes.get(workspace)
            if (known is None or known.version != version) and self._unreadable.get(workspace) != version:
                # The version is read before the definitions: a change in between is read again next time.
                facts = await self._workspaces.workspace(workspace)
                self._read(facts, version, await self._workspaces.definitions(workspace))
        self._checked = time.monotonic()

    def _read(self, facts: Workspace, version: int, definitions: Sequence[Definition]) -> None:
        try:
            self._programmes[facts.workspace] = programme_from(facts, definitions)
        except Exception:  # noqa: BLE001 - what one workspace has laid down must not silence the others
            # Nor does it speak by what it had laid down before: the new version may have forbidden that.
            self._programmes.pop(facts.workspace, None)
            self._unreadable[facts.workspace] = version
        else:
            self._unreadable.pop(facts.workspace, None)


def _workspace(row: tuple[Any, ...]) -> Workspace:
    workspace, public_id, name, timezone, locale, sandbox, version = row
    return Workspace(
        workspace=workspace, public_id=public_id, name=name, timezone=timezone, locale=locale, sandbox=sandbox, version=version
    )
