"""The twin of what Amazon SNS has at addresses of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oportuno.kit.faults import Unavailable

if TYPE_CHECKING:
    from oportuno.adapters.memory.ground import Ground


class MemoryNotary:
    """The port Notary: what stands in `certificates` is there, and what was followed stands in `confirmed`."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.certificates: dict[str, bytes] = {}
        self.confirmed: list[str] = []

    async def certificate(self, url: str) -> bytes:
        """Give a signing certificate."""
        await self._ground.pause("notary.certificate")
        if url not in self.certificates:
            raise Unavailable("sns_unreachable", "nothing answers there")
        return self.certificates[url]

    async def confirm(self, url: str) -> None:
        """Follow a link."""
        await self._ground.pause("notary.confirm")
        self.confirmed.append(url)
