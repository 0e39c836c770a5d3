"""A Maildir folder into which a mail server, or a program that fetches a mailbox, puts mail.

What lies in ``new`` is taken up and moved to ``cur`` only after what it tells is stored: whoever dies in between does it again, which
changes nothing. What is half written lies in ``tmp`` and is nobody's.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import structlog

from oportuno.adapters.mail_in.door import KEPT, Take
from oportuno.kit.faults import Unavailable

_AT_ONCE: Final = 500
_SEEN: Final = ":2,S"

_log = structlog.get_logger("mail_in")


def prepare(folder: Path) -> None:
    """Make what is missing of a folder. Raises Unavailable when it cannot be used."""
    try:
        for name in ("tmp", "new", "cur"):
            (folder / name).mkdir(parents=True, exist_ok=True, mode=0o770)
    except OSError as fault:
        raise Unavailable("mail_folder_unusable", f"the mail folder cannot be used: {fault.strerror}", place=str(folder)) from None


class MailFolder:
    """One folder, which this process empties; others may do so beside it."""

    def __init__(self, folder: Path, take: Take) -> None:
        self._new, self._seen, self._take = folder / "new", folder / "cur", take

    async def empty(self) -> int:
        """Take up what lies there, oldest first, at most 500; says how many were stored. What was not stays, and comes again."""
        return sum([await self._one(path) for path in self._waiting()])

    def _waiting(self) -> list[Path]:
        try:
            with os.scandir(self._new) as found:
                names = sorted(entry.name for entry in found if entry.is_file(follow_symlinks=False) and not entry.name.startswith("."))
        except OSError as fault:
            _log.warning("mail_folder_unreadable", fault=type(fault).__name__)
            return []
        return [self._new / name for name in names[:_AT_ONCE]]

    async def _one(self, path: Path) -> bool:
        try:
            await self._take(_read(path), "")
            self._put_away(path)
        except FileNotFoundError:
            # Somebody else was quicker: what it tells is stored once.
            return False
        except Exception as fault:  # noqa: BLE001 - one that cannot be stored now must not keep those behind it waiting
            _log.warning("mail_not_stored", fault=getattr(fault, "code", type(fault).__name__))
            return False
        return True

    def _put_away(self, path: Path) -> None:
        path.rename(self._seen / (path.name if ":2," in path.name else path.name + _SEEN))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(KEPT)
