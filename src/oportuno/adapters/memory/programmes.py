"""The twin of what workspaces have laid down."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from oportuno.kit.faults import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oportuno.adapters.memory.ground import Ground
    from oportuno.flows.programme import Programme
    from oportuno.kit.ids import WorkspaceId


class MemoryProgrammes:
    """Programmes by workspace; `put` publishes one."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._programmes: dict[WorkspaceId, Programme] = {}

    def put(self, programme: Programme) -> None:
        """Publish a programme; it is in force at once."""
        self._programmes[programme.workspace] = programme

    async def programme(self, workspace: WorkspaceId) -> Programme:
        """Give the programme now in force. Raises NotFound for an unknown workspace."""
        await self._ground.pause("programmes.programme")
        found = self._programmes.get(workspace)
        if found is None:
            raise NotFound("workspace_unknown", "there is no such workspace")
        return found

    async def all(self) -> Mapping[WorkspaceId, Programme]:
        """Give every workspace's programme."""
        await self._ground.pause("programmes.all")
        return MappingProxyType(self._programmes)
