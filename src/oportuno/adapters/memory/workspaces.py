"""The twin of workspaces, their keys and what they have laid down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from oportuno.flows.definitions import Definition, Kind, NewKey, Workspace, programme_from
from oportuno.flows.ports import KeyFacts
from oportuno.kit.faults import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oportuno.adapters.memory.world import MemoryWorld
    from oportuno.kit.ids import WorkspaceId


class MemoryWorkspaces:
    """The port Workspaces. What is published here is at once in force in the world's programmes."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world
        self._workspaces: dict[WorkspaceId, Workspace] = {}
        self._definitions: dict[WorkspaceId, list[Definition]] = {}

    async def create(self, *, public_id: str, name: str, timezone: str, locale: str, sandbox: bool, keys: Sequence[NewKey]) -> Workspace:
        """Make a workspace with its keys."""
        await self._world.pause("workspaces.create")
        number = len(self._workspaces) + 1
        made = Workspace(workspace=number, public_id=public_id, name=name, timezone=timezone, locale=locale, sandbox=sandbox)
        self._workspaces[number] = made
        self._definitions[number] = []
        self._world.keys.audiences[number] = public_id
        for key in keys:
            self._world.keys.put_hashed(key.hash, KeyFacts(number, key.key_id, key.secret, sandbox))
        self._world.programmes.put(programme_from(made, []))
        return made

    async def workspace(self, id: WorkspaceId) -> Workspace:  # noqa: A002 - the port's word
        """Give one workspace. Raises NotFound."""
        await self._world.pause("workspaces.workspace")
        return self._one(self._workspaces.get(id))

    async def every(self) -> list[Workspace]:
        """Give every workspace, oldest first."""
        await self._world.pause("workspaces.every")
        return list(self._workspaces.values())

    async def named(self, public_id: str) -> Workspace:
        """Give the workspace with this public id. Raises NotFound."""
        await self._world.pause("workspaces.named")
        return self._one(next((each for each in self._workspaces.values() if each.public_id == public_id), None))

    async def definitions(self, workspace: WorkspaceId) -> list[Definition]:
        """Give every published version, by kind, key and version."""
        await self._world.pause("workspaces.definitions")
        return sorted(self._definitions.get(workspace, []), key=lambda each: (each.kind, each.key, each.version))

    async def publish(self, workspace: WorkspaceId, added: Sequence[Definition], *, base_version: int) -> int:
        """Publish new versions together. Raises Conflict, and publishes nothing, unless the workspace still stands at `base_version`."""
        await self._world.pause("workspaces.publish")
        standing = self._one(self._workspaces.get(workspace))
        if standing.version != base_version:
            raise Conflict("definitions_moved", "somebody else published at the same moment; nothing of yours was published: apply again")
        raised = self._workspaces[workspace] = msgspec.structs.replace(standing, version=base_version + 1)
        self._definitions[workspace] += added
        for each in added:
            if each.kind is Kind.TRACKING_PLAN:
                self._world.plans.put(workspace, each.compiled)
        try:
            programme = programme_from(raised, self._definitions[workspace])
        except Exception:  # noqa: BLE001 - as on PostgreSQL: this workspace falls silent, and no other
            self._world.programmes.spoil(workspace)
        else:
            self._world.programmes.put(programme)
        return raised.version

    def _one(self, found: Workspace | None) -> Workspace:
        if found is None:
            raise NotFound("workspace_unknown", "there is no such workspace")
        return found
