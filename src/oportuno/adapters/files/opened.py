"""A file, opened: what it is, what its digest is, and its rows one after the other, never the whole at once."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import IO, Final

import msgspec

from oportuno.adapters.files.csv_rows import CsvWays, csv_lines, sniff
from oportuno.adapters.files.form import FileForm
from oportuno.adapters.files.json_rows import json_lines
from oportuno.adapters.files.parquet_rows import parquet_headings, parquet_lines, parquet_rows
from oportuno.events.bring.rows import Line
from oportuno.kit.faults import BadInput

_PIECE: Final = 256 * 1024
_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_HEAD: Final = 64 * 1024


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a file before its rows are read."""

    path: Path
    form: FileForm
    headings: tuple[str, ...] | None
    """None: JSON lines tell their keys row by row."""
    csv: CsvWays | None
    """How it was taken, and what of that was a guess."""
    whole: int
    """How much there is to read: bytes, of Parquet rows."""
    packed: bool

    @property
    def taken_as(self) -> str:
        """Say in a line how the file is read."""
        packed = ", unpacked by gzip" if self.packed else ""
        return f"{self.csv.sentence if self.csv is not None else self.form.value}{packed}"

    def lines(self, columns: frozenset[str], tell: Callable[[int], None] = lambda _done: None) -> Iterator[Line]:
        """Give the rows. `columns`: those that somebody looks at; `tell` hears how many bytes (of Parquet: rows) were read.

        Raises BadInput when the file cannot be read further.
        """
        if self.form is FileForm.PARQUET:
            yield from parquet_lines(self.path, columns, tell)
            return
        with _open(self.path) as source:
            pieces = _pieces(source, self.packed, tell)
            if self.csv is not None:
                yield from csv_lines(pieces, self.csv)
            else:
                yield from json_lines(pieces)


def open_file(path: Path, *, form: FileForm | None = None, separator: str = "", encoding: str = "") -> Opened:
    """Look at a file. `separator` and `encoding` override what would be guessed. Raises BadInput, Unavailable (``parquet_missing``)."""
    with _open(path) as source:
        head = source.read(4)
        packed = head.startswith(_GZIP)
        if form is None:
            form = FileForm.PARQUET if head == _PARQUET else _form_of(path)
        ways: CsvWays | None = None
        headings: tuple[str, ...] | None = None
        if form is FileForm.CSV:
            source.seek(0)
            beginning = b""
            for piece in _pieces(source, packed, lambda _done: None):
                beginning += piece
                if len(beginning) >= _HEAD:
                    break
            ways = sniff(beginning, separator=separator, encoding=encoding)
            headings = ways.headings
    whole = path.stat().st_size
    if form is FileForm.PARQUET:
        headings, whole = parquet_headings(path), parquet_rows(path)
    return Opened(path=path, form=form, headings=headings, csv=ways, whole=whole, packed=packed)


def digest_of(path: Path) -> str:
    """Give the digest of a file's bytes. Raises BadInput."""
    digest = blake2b(digest_size=16)
    with _open(path) as source:
        while piece := source.read(_PIECE * 4):
            digest.update(piece)
    return digest.hexdigest()


def _form_of(path: Path) -> FileForm:
    names = [each.lower() for each in path.suffixes if each.lower() != ".gz"]
    known = {".csv": FileForm.CSV, ".tsv": FileForm.CSV, ".txt": FileForm.CSV, ".jsonl": FileForm.JSONL, ".ndjson": FileForm.JSONL}
    known |= {".json": FileForm.JSONL, ".parquet": FileForm.PARQUET}
    found = known.get(names[-1]) if names else None
    if found is None:
        raise BadInput("file_form_unknown", "the name does not say what it is: tell it by --format csv, jsonl or parquet", place=str(path))
    return found


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as fault:
        raise BadInput("file_unreadable", f"the file cannot be read: {fault.strerror}", place=str(path)) from fault


def _pieces(source: IO[bytes], packed: bool, tell: Callable[[int], None]) -> Iterator[bytes]:  # noqa: FBT001 - a fact of the file
    stream: IO[bytes] = gzip.GzipFile(fileobj=source) if packed else source  # type: ignore[assignment]  # it reads as a file does
    source.seek(0)
    while True:
        try:
            piece = stream.read(_PIECE)
        except (EOFError, OSError) as fault:
            raise BadInput("file_cut", "the file ends in the middle, or cannot be read further", place=source.name) from fault
        tell(source.tell())
        if not piece:
            return
        yield piece
