"""The twin of the addresses at which shops' systems post."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from oportuno.kit.times import MINUTE

if TYPE_CHECKING:
    from oportuno.adapters.memory.ground import Ground
    from oportuno.flows.hooks import Hook
    from oportuno.kit.ids import WorkspaceId


class MemoryHooks:
    """The port Hooks."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._hooks: dict[str, Hook] = {}

    async def hook(self, id: str) -> Hook | None:  # noqa: A002 - the port's word
        """Give one, or None."""
        await self._ground.pause("hooks.hook")
        return self._hooks.get(id)

    async def of(self, workspace: WorkspaceId) -> list[Hook]:
        """Give those of a workspace, oldest first."""
        await self._ground.pause("hooks.of")
        return sorted((hook for hook in self._hooks.values() if hook.workspace == workspace), key=lambda hook: (hook.made_at, hook.id))

    async def put(self, hook: Hook) -> Hook:
        """Write one."""
        await self._ground.pause("hooks.put")
        known = self._hooks.get(hook.id)
        made_at, last_at = (known.made_at, known.last_at) if known else (self._ground.clock.now, None)
        self._hooks[hook.id] = msgspec.structs.replace(hook, made_at=made_at, last_at=last_at)
        return self._hooks[hook.id]

    async def drop(self, workspace: WorkspaceId, id: str) -> bool:  # noqa: A002 - the port's word
        """Take one away."""
        await self._ground.pause("hooks.drop")
        if id not in self._hooks or self._hooks[id].workspace != workspace:
            return False
        del self._hooks[id]
        return True

    async def heard(self, id: str) -> None:  # noqa: A002 - the port's word
        """Note that something came."""
        await self._ground.pause("hooks.heard")
        hook, now = self._hooks.get(id), self._ground.clock.now
        if hook is not None and (hook.last_at is None or hook.last_at < now - MINUTE):
            self._hooks[id] = msgspec.structs.replace(hook, last_at=now)
