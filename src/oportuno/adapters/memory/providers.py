"""The twins of workspaces' providers and of how their sending domains stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from oportuno.channels.brake import ANY
from oportuno.flows.providers import DomainStanding, Signing

if TYPE_CHECKING:
    from oportuno.adapters.memory.ground import Ground
    from oportuno.flows.providers import OwnProvider, Release
    from oportuno.kit.ids import WorkspaceId


class MemoryProviders:
    """The port Providers."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._providers: dict[str, OwnProvider] = {}

    async def signing(self, workspace: WorkspaceId) -> list[Signing]:
        """Say what those of a workspace sign."""
        return [Signing(each.kind, each.signs) for each in await self.of(workspace)]

    async def of(self, workspace: WorkspaceId) -> list[OwnProvider]:
        """Give those of a workspace, in their order."""
        return [each for each in await self.every() if each.workspace == workspace]

    async def every(self) -> list[OwnProvider]:
        """Give those of every workspace."""
        await self._ground.pause("providers.every")
        return sorted(self._providers.values(), key=lambda each: (each.workspace, each.place, each.id))

    async def put(self, provider: OwnProvider) -> OwnProvider:
        """Write one."""
        await self._ground.pause("providers.put")
        known, now = self._providers.get(provider.id), self._ground.clock.now
        if known is not None and known.workspace != provider.workspace:
            return provider
        made_at, changed_at = (known.made_at, max(now, known.changed_at + 1)) if known else (now, now)
        self._providers[provider.id] = msgspec.structs.replace(provider, made_at=made_at, changed_at=changed_at)
        return self._providers[provider.id]

    async def drop(self, workspace: WorkspaceId, id: str) -> bool:  # noqa: A002 - the port's word
        """Take one away."""
        await self._ground.pause("providers.drop")
        if id not in self._providers or self._providers[id].workspace != workspace:
            return False
        del self._providers[id]
        return True


class MemoryDomainStandings:
    """The port DomainStandings, on what a test puts there."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.known: dict[tuple[WorkspaceId, str, str], tuple[int, int]] = {}
        """(workspace, domain, receivers) → (accepted, complaints)."""
        self.released: list[Release] = []

    async def of(self, workspace: WorkspaceId) -> list[DomainStanding]:
        """Give a workspace's sending domains."""
        await self._ground.pause("standings.of")
        mine = {(domain, receivers): counts for (of, domain, receivers), counts in self.known.items() if of == workspace}
        for domain in {domain for domain, _ in mine}:
            parts = [counts for (of, _), counts in mine.items() if of == domain]
            mine[domain, ANY] = (sum(taken for taken, _ in parts), sum(complaints for _, complaints in parts))
        return [
            DomainStanding(domain=domain, receivers=receivers, accepted=taken, complaints=complaints)
            for (domain, receivers), (taken, complaints) in sorted(mine.items())
        ]

    async def release(self, release: Release) -> None:
        """Let a domain go."""
        await self._ground.pause("standings.release")
        self.released.append(release)
        for (workspace, domain, receivers), (taken, _) in list(self.known.items()):
            if (workspace, domain) == (release.workspace, release.domain) and release.receivers in (receivers, ANY):
                self.known[workspace, domain, receivers] = taken, 0
