"""The twin of what workspaces have laid down."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from oportuno.flows.programme import ProgrammeUnreadable
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
        self._unreadable: set[WorkspaceId] = set()

    def put(self, programme: Programme) -> None:
        """Publish a programme; it is in force at once."""
        self._programmes[programme.workspace] = programme
        self._unreadable.discard(programme.workspace)

    def spoil(self, workspace: WorkspaceId) -> None:
        """Make what a workspace has laid down unreadable, until a programme is put again."""
        self._programmes.pop(workspace, None)
        self._unreadable.add(workspace)

    async def programme(self, workspace: WorkspaceId) -> Programme:
        """Give the programme now in force. Raises NotFound for an unknown workspace, ProgrammeUnreadable for a spoilt one."""
        await self._ground.pause("programmes.programme")
        if workspace in self._unreadable:
            raise ProgrammeUnreadable("programme_unreadable", "what this workspace has laid down cannot be read by this release")
        found = self._programmes.get(workspace)
        if found is None:
            raise NotFound("workspace_unknown", "there is no such workspace")
        return found

    async def all(self) -> Mapping[WorkspaceId, Programme]:
        """Give every workspace's programme."""
        await self._ground.pause("programmes.all")
        return MappingProxyType(self._programmes)
