"""The twin of a sandbox's mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from oportuno.flows.ports import Letter
    from oportuno.kit.ids import WorkspaceId
    from oportuno.kit.times import Millis


class MemoryMailbox:
    """Letters in memory. `pause` is where others may run, as everywhere in the twin."""

    def __init__(self, pause: Callable[[str], Awaitable[None]]) -> None:
        self._pause = pause
        self._letters: dict[tuple[WorkspaceId, bytes], Letter] = {}

    async def put(self, letter: Letter) -> None:
        """Keep a letter; the same id twice lies there once."""
        await self._pause("mailbox.put")
        self._letters.setdefault((letter.workspace, letter.id), letter)

    async def letters(self, workspace: WorkspaceId, limit: int, before: Millis | None = None) -> list[Letter]:
        """Give the latest letters, newest first."""
        await self._pause("mailbox.letters")
        mine = [letter for letter in self._letters.values() if letter.workspace == workspace and (before is None or letter.at < before)]
        return sorted(mine, key=lambda letter: (letter.at, letter.id), reverse=True)[:limit]

    async def letter(self, workspace: WorkspaceId, id: bytes) -> Letter | None:  # noqa: A002 - the field's own word
        """Give one letter, or None."""
        await self._pause("mailbox.letter")
        return self._letters.get((workspace, id))
