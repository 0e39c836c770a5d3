"""The twin of the addresses at which mail providers post."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from oportuno.kit.times import DAY, MINUTE

if TYPE_CHECKING:
    from oportuno.adapters.memory.ground import Ground
    from oportuno.flows.mail_hooks import MailHook
    from oportuno.kit.ids import WorkspaceId


class MemoryMailHooks:
    """The port MailHooks."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._hooks: dict[str, MailHook] = {}
        self._tokens: dict[tuple[str, bytes], tuple[bytes, int]] = {}

    async def hook(self, id: str) -> MailHook | None:  # noqa: A002 - the port's word
        """Give one, or None."""
        await self._ground.pause("mail_hooks.hook")
        return self._hooks.get(id)

    async def of(self, workspace: WorkspaceId) -> list[MailHook]:
        """Give those of a workspace, oldest first."""
        await self._ground.pause("mail_hooks.of")
        return sorted((hook for hook in self._hooks.values() if hook.workspace == workspace), key=lambda hook: (hook.made_at, hook.id))

    async def put(self, hook: MailHook) -> MailHook:
        """Write one."""
        await self._ground.pause("mail_hooks.put")
        known = self._hooks.get(hook.id)
        made_at, last_at = (known.made_at, known.last_at) if known else (self._ground.clock.now, None)
        self._hooks[hook.id] = msgspec.structs.replace(hook, made_at=made_at, last_at=last_at)
        return self._hooks[hook.id]

    async def drop(self, workspace: WorkspaceId, id: str) -> bool:  # noqa: A002 - the port's word
        """Take one away."""
        await self._ground.pause("mail_hooks.drop")
        if id not in self._hooks or self._hooks[id].workspace != workspace:
            return False
        del self._hooks[id]
        return True

    async def heard(self, id: str) -> None:  # noqa: A002 - the port's word
        """Note that something came."""
        await self._ground.pause("mail_hooks.heard")
        hook, now = self._hooks.get(id), self._ground.clock.now
        if hook is not None and (hook.last_at is None or hook.last_at < now - MINUTE):
            self._hooks[id] = msgspec.structs.replace(hook, last_at=now)

    async def pin(self, id: str, topic: str) -> bool:  # noqa: A002 - the port's word
        """Let a topic post here, if none may yet."""
        await self._ground.pause("mail_hooks.pin")
        hook = self._hooks.get(id)
        if hook is not None and not hook.topic:
            hook = self._hooks[id] = msgspec.structs.replace(hook, topic=topic)
        return hook is not None and hook.topic == topic

    async def first_use(self, id: str, token: bytes, body: bytes) -> bool:  # noqa: A002 - the port's word
        """Note which body a token came with."""
        await self._ground.pause("mail_hooks.first_use")
        now = self._ground.clock.now
        self._tokens = {place: kept for place, kept in self._tokens.items() if kept[1] >= now - DAY}
        return self._tokens.setdefault((id, token), (body, now))[0] == body
