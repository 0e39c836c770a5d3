"""Files on their way out: no cell of a CSV is ever a formula to the spreadsheet that opens it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, Final, Self

import msgspec

from oportuno.kit.faults import BadInput

_LIVE: Final = frozenset("=+-@\t\r")


def still(cell: Any) -> str:
    """Write a cell so that nobody's spreadsheet runs it: a quote goes before ``= + - @``, tab and return at its start."""
    if cell is None:
        return ""
    if isinstance(cell, dict | list):
        text = msgspec.json.encode(cell).decode()
    elif isinstance(cell, bool):
        text = "true" if cell else "false"
    else:
        text = str(cell)
    return "'" + text if text[:1] in _LIVE and text else text


class JsonLinesOut:
    """A file of JSON lines that is made when its first row comes."""

    def __init__(self, path: Path, headings: Sequence[str]) -> None:
        self._path = path
        self._headings = headings
        self._file: IO[bytes] | None = None

    def begin(self) -> None:
        """Make the file, though no row may come. Raises BadInput when it cannot be written."""
        try:
            self._file = self._file or self._path.open("wb")
        except OSError as refusal:
            raise _unwritable(self._path) from refusal

    def put(self, cells: Iterable[Any]) -> None:
        """Write a row. Raises BadInput when the file cannot be written."""
        self.begin()
        try:
            if self._file is not None:
                self._file.write(msgspec.json.encode(dict(zip(self._headings, cells, strict=True))) + b"\n")
        except OSError as refusal:
            raise _unwritable(self._path) from refusal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ended: object) -> None:
        _close(self._file, self._path)


def _unwritable(path: Path) -> BadInput:
    return BadInput("file_unwritable", "the file cannot be written", place=str(path))


def _close(file: IO[Any] | None, path: Path) -> None:
    """Write what is still held back, and close. Raises BadInput when it cannot be written."""
    try:
        if file is not None:
            file.close()
    except OSError as refusal:
        raise _unwritable(path) from refusal


class CsvOut:
    """A CSV file that is made when its first row comes."""

    def __init__(self, path: Path, headings: Sequence[str]) -> None:
        self._path = path
        self._headings = headings
        self._file: IO[str] | None = None
        self._writer: Any = None

    def begin(self) -> None:
        """Make the file, with its headings, though no row may come. Raises BadInput when it cannot be written."""
        try:
            if self._file is None:
                self._file = self._path.open("w", encoding="utf-8", newline="")
                self._writer = csv.writer(self._file)
                self._writer.writerow([still(heading) for heading in self._headings])
        except OSError as refusal:
            raise _unwritable(self._path) from refusal

    def put(self, cells: Iterable[Any]) -> None:
        """Write a row. Raises BadInput when the file cannot be written."""
        self.begin()
        try:
            self._writer.writerow([still(cell) for cell in cells])
        except OSError as refusal:
            raise _unwritable(self._path) from refusal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ended: object) -> None:
        _close(self._file, self._path)
