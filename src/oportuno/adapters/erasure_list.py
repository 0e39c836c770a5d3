"""Who was forgotten, in a file outside the database and its backups: whoever restores an old backup forgets them again by it.

A line a customer: numbers that lead to nobody once the database has forgotten them. It only ever grows.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from oportuno.kit.faults import BadInput, Unavailable
from oportuno.kit.ids import CustomerKey
from oportuno.kit.times import Millis

_FIRST: Final = "oportuno-erasures 1 "


class Listed(NamedTuple):
    """Somebody on the list."""

    key: CustomerKey
    asked_at: Millis


class ErasureList:
    """The list of one installation. Any number of processes may write it."""

    def __init__(self, path: Path, installation: str) -> None:
        self._path = path
        self._installation = installation
        self._known: set[CustomerKey] | None = None

    def note(self, erased: Iterable[Listed]) -> int:
        """Write down those who are not on it yet, and give how many; they are on the disk when this returns.

        Raises Unavailable ``erasures_unwritten``, BadInput ``erasures_list_other``.
        """
        if self._known is None:
            self._known = {listed.key for listed in read_list(self._path, self._installation)} if self._path.exists() else set()
        fresh = [listed for listed in erased if listed.key not in self._known]
        if not fresh and self._path.exists():
            return 0
        try:
            self._append(fresh)
        except OSError as fault:
            raise Unavailable("erasures_unwritten", "the list of erasures cannot be written", place=str(self._path)) from fault
        self._known.update(listed.key for listed in fresh)
        return len(fresh)

    def _append(self, fresh: list[Listed]) -> None:
        with open(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as out:  # noqa: PTH123 - by its descriptor
            fcntl.flock(out, fcntl.LOCK_EX)
            end = out.seek(0, os.SEEK_END)
            text = "" if end else f"{_FIRST}{self._installation}\n"
            if end:
                out.seek(end - 1)
                # Whoever died within a line left it without its end.
                text = "" if out.read(1) == b"\n" else "\n"
            text += "".join(f"{each.key.workspace} {each.key.bucket} {each.key.customer} {each.asked_at}\n" for each in fresh)
            out.write(text.encode())
            out.flush()
            os.fsync(out.fileno())


def read_list(path: Path, installation: str) -> list[Listed]:
    """Read a list; a line that was not written to its end is left out.

    Raises BadInput ``erasures_list_unreadable``, and ``erasures_list_other`` when it is of another installation.
    """
    try:
        first, *lines = path.read_text(encoding="ascii").split("\n")
    except (OSError, ValueError) as fault:
        raise BadInput("erasures_list_unreadable", "the list of erasures cannot be read", place=str(path)) from fault
    if not first.startswith(_FIRST):
        raise BadInput("erasures_list_unreadable", "this is no list of erasures", place=str(path))
    if first.removeprefix(_FIRST) != installation:
        raise BadInput("erasures_list_other", "this list of erasures is of another installation", place=str(path))
    return [listed for listed in map(_listed, lines) if listed is not None]


def _listed(line: str) -> Listed | None:
    words = line.split(" ")
    if len(words) != 4 or not all(word.isdigit() for word in words):  # noqa: PLR2004 - the words of a line
        return None
    workspace, bucket, customer, asked_at = map(int, words)
    return Listed(CustomerKey(bucket, workspace, customer), asked_at)
