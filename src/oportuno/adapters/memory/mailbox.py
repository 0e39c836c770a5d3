"""The twin of a sandbox's mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oportuno.adapters.memory.ground import Ground
    from oportuno.flows.ports import Letter
    from oportuno.kit.ids import WorkspaceId
    from oportuno.kit.times import Millis


class MemoryMailbox:
    """Letters by workspace and id."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def put(self, letter: Letter) -> None:
        """Keep a letter; the same id twice lies there once, and one to somebody forgotten nowhere."""
        await self._ground.pause("mailbox.put")
        if any(letter.message in job.letters for job in self._ground.tables.erasures.values()):
            return
        self._ground.tables.letters.setdefault((letter.workspace, letter.id), letter)
        await self._ground.pause("mailbox.kept")

    async def letters(self, workspace: WorkspaceId, limit: int, before: Millis | None = None) -> list[Letter]:
        """Give the latest letters, newest first; with `before`, those older than it."""
        await self._ground.pause("mailbox.letters")
        mine = [each for each in self._ground.tables.letters.values() if each.workspace == workspace]
        mine.sort(key=lambda letter: (letter.at, letter.id), reverse=True)
        return [each for each in mine if before is None or each.at < before][:limit]

    async def letter(self, workspace: WorkspaceId, id: bytes) -> Letter | None:  # noqa: A002 - the field's own word
        """Give one letter, or None."""
        await self._ground.pause("mailbox.letter")
        return self._ground.tables.letters.get((workspace, id))
