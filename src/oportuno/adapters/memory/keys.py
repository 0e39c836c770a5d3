"""The twin of the keys that programs show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oportuno.flows.open_workspace import hash_key
from oportuno.flows.ports import KeyFacts

if TYPE_CHECKING:
    from oportuno.adapters.memory.ground import Ground
    from oportuno.flows.identity import Signing
    from oportuno.kit.ids import WorkspaceId


class MemoryKeys:
    """Keys by their hash, as they are stored; `put` hands one out."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._keys: dict[bytes, KeyFacts] = {}
        self.signings: dict[WorkspaceId, Signing] = {}
        """What the identity tokens of each workspace are held against."""
        self.audiences: dict[WorkspaceId, str] = {}
        """Each workspace's public id."""

    def put(self, key: str, facts: KeyFacts) -> None:
        """Let a key stand for something from now on."""
        self.put_hashed(hash_key(key), facts)

    def put_hashed(self, digest: bytes, facts: KeyFacts) -> None:
        """Let the key with this hash stand for something from now on."""
        self._keys[digest] = facts

    async def look_up(self, key: str) -> KeyFacts | None:
        """Say what a key stands for; None when there is no such key."""
        await self._ground.pause("keys.look_up")
        facts = self._keys.get(hash_key(key))
        return facts._replace(signing=self.signings.get(facts.workspace)) if facts is not None else None
