"""Files on their way out: no cell of a CSV is ever a formula to the spreadsheet that opens it."""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
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


class _Out(ABC):
    """A file that is made when its first row comes."""

    def __init__(self, path: Path, headings: Sequence[str]) -> None:
        self._path = path
        self._headings = headings
        self._file: IO[Any] | None = None

    def begin(self) -> None:
        """Make the file, though no row may come. Raises BadInput when it cannot be written."""
        with _told_of(self._path):
            if self._file is None:
                self._file = self._open()

    def put(self, cells: Iterable[Any]) -> None:
        """Write a row. Raises BadInput when the file cannot be written."""
        self.begin()
        with _told_of(self._path):
            self._write(cells)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ended: object) -> None:
        # What is still held back is written here.
        with _told_of(self._path):
            if self._file is not None:
                self._file.close()

    @abstractmethod
    def _open(self) -> IO[Any]: ...

    @abstractmethod
    def _write(self, cells: Iterable[Any]) -> None: ...


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Name the file that cannot be written."""
    try:
        yield
    except OSError as refusal:
        raise BadInput("file_unwritable", "the file cannot be written", place=str(path)) from refusal


class JsonLinesOut(_Out):
    """A file of JSON lines."""

    def _open(self) -> IO[bytes]:
        return self._path.open("wb")

    def _write(self, cells: Iterable[Any]) -> None:
        if self._file is not None:
            self._file.write(msgspec.json.encode(dict(zip(self._headings, cells, strict=True))) + b"\n")


class CsvOut(_Out):
    """A CSV file, its headings first."""

    _writer: Any = None

    def _open(self) -> IO[str]:
        # Kept at once: a file whose headings cannot be written is closed all the same.
        self._file = file = self._path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(file)
        self._writer.writerow([still(heading) for heading in self._headings])
        return file

    def _write(self, cells: Iterable[Any]) -> None:
        self._writer.writerow([still(cell) for cell in cells])
