"""The twin of what workspaces have laid down."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from oportuno.kit.faults import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oportuno.adapters.memory.world import MemoryWorld
    from oportuno.flows.programme import Programme
    from oportuno.kit.ids import WorkspaceId


class MemoryProgrammes:
    """Programmes by workspace; `put` publishes one."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world
        self._programmes: dict[WorkspaceId, Programme] = {}

    def put(self, programme: Programme) -> None:
        """Publish a programme; it is in force at once."""
        self._programmes[programme.workspace] = programme

    async def programme(self, workspace: WorkspaceId) -> Programme:
        """Give the programme now in force. Raises NotFound for an unknown workspace."""
        await self._world.pause("programmes.programme")
        found = self._programmes.get(workspace)
        if found is None:
            raise NotFound("workspace_unknown", "there is no such workspace")
        return found

    async def all(self) -> Mapping[WorkspaceId, Programme]:
        """Give every workspace's programme."""
        await self._world.pause("programmes.all")
        return MappingProxyType(self._programmes)
