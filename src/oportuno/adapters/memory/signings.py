"""The twin of what workspaces' identity tokens are held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oportuno.flows.identity import Signing

if TYPE_CHECKING:
    from oportuno.adapters.memory.ground import Ground
    from oportuno.adapters.memory.keys import MemoryKeys
    from oportuno.flows.identity import Algorithm
    from oportuno.kit.ids import WorkspaceId


class MemorySignings:
    """The port Signings; the keys of a workspace tell of it from the same moment on."""

    def __init__(self, ground: Ground, keys: MemoryKeys) -> None:
        self._ground = ground
        self._keys = keys

    async def signing(self, workspace: WorkspaceId) -> Signing | None:
        """Give it, or None."""
        await self._ground.pause("signings.signing")
        return self._keys.signings.get(workspace)

    async def set_signing(self, workspace: WorkspaceId, algorithm: Algorithm, key: bytes) -> None:
        """Ask for tokens from now on."""
        await self._ground.pause("signings.set_signing")
        self._keys.signings[workspace] = Signing(algorithm, key, self._keys.audiences.get(workspace, f"ws_{workspace}"))

    async def end_signing(self, workspace: WorkspaceId) -> None:
        """Ask for tokens no more."""
        await self._ground.pause("signings.end_signing")
        self._keys.signings.pop(workspace, None)
