"""CSV as the world writes it: RFC 4180, with any separator and in the encodings that spreadsheets choose."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from oportuno.events.bring.rows import Line
from oportuno.events.bring.values import Unfit
from oportuno.kit.faults import BadInput

SEPARATORS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
ENCODINGS: Final = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1")
LONGEST_CELL: Final = 1024 * 1024
_MOST_COLUMNS: Final = 2_000
_UTF16: Final = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class CsvWays(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is cut into rows."""

    separator: str
    encoding: str
    headings: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Say how the file was taken."""
        return f"CSV in {self.encoding}, a {SEPARATORS.get(self.separator, repr(self.separator))} between {len(self.headings)} columns"


def sniff(beginning: bytes, *, separator: str = "", encoding: str = "") -> CsvWays:
    """Say how a file is to be cut, from its beginning; what is given counts. Raises BadInput."""
    taken = encoding.lower() or _encoding_of(beginning)
    if taken not in ENCODINGS:
        raise BadInput("csv_encoding_unknown", f"the encodings that are read: {', '.join(ENCODINGS)}", place="encoding")
    text = codecs.getincrementaldecoder(taken)(errors="replace").decode(beginning)
    if not text.strip():
        raise BadInput("file_empty", "there is nothing in the file", place="line 1")
    if separator and len(separator) != 1:
        raise BadInput("separator_unfit", "one sign stands between columns: , ; | or tab", place="separator")
    sign = separator or max(SEPARATORS, key=lambda each: _columns(text, each))
    headings = tuple(cell.strip() for cell in _first_row(text, sign))
    if len(headings) > _MOST_COLUMNS:
        raise BadInput("columns_too_many", f"a file has at most {_MOST_COLUMNS} columns", place="line 1")
    named = [heading for heading in headings if heading]
    if len(set(named)) != len(named):
        twice = next(heading for heading in named if named.count(heading) > 1)
        raise BadInput("column_twice", f"two columns are called “{twice[:60]}”", place="line 1")
    return CsvWays(separator=sign, encoding=taken, headings=headings)


def csv_lines(pieces: Iterable[bytes], ways: CsvWays) -> Iterator[Line]:
    """Give the rows behind the first. A row with more or fewer cells than columns is broken; its neighbours are not.

    Raises BadInput `encoding_broken`, `quote_open`.
    """
    csv.field_size_limit(LONGEST_CELL)
    taken: list[str] = []
    reader = csv.reader(_noted(_texts(pieces, ways.encoding), taken), delimiter=ways.separator, strict=True)
    headings, width, number = ways.headings, len(ways.headings), 0
    seen_first = False
    while True:
        taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            if "unexpected end" in str(fault):
                raise BadInput("quote_open", "a quote is opened and never closed", place=f"line {reader.line_num}") from fault
            number += 1
            broken = Unfit(
                "row_malformed", f"the quotes of line {reader.line_num} are not as CSV wants them", place=f"line {reader.line_num}"
            )
            yield Line(number, {}, reader.line_num, broken, "".join(taken))
            continue
        if not any(cells):
            continue
        if not seen_first:
            seen_first = True
            continue
        number += 1
        if len(cells) == width:
            yield Line(number, dict(zip(headings, cells, strict=True)), reader.line_num)
        else:
            sentence = f"line {reader.line_num} has {len(cells)} cells, and the first line {width} columns"
            broken = Unfit("row_columns", sentence, place="")
            yield Line(number, dict(zip(headings, cells, strict=False)), reader.line_num, broken, "".join(taken))


def _noted(texts: Iterable[str], taken: list[str]) -> Iterator[str]:
    """Give lines on, and note which the reader has taken of them for one row."""
    for text in texts:
        taken.append(text)
        yield text


def _texts(pieces: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Decode and cut into lines, their ends kept, so that a line's end within quotes stays what it is."""
    decoder = codecs.getincrementaldecoder(encoding)()
    rest, line = "", 0
    for final, piece in _with_last(pieces):
        try:
            text = rest + decoder.decode(piece, final)
        except UnicodeDecodeError as fault:
            sentence = f"the text is not {encoding} throughout: name another encoding, such as cp1252"
            raise BadInput("encoding_broken", sentence, place=f"behind line {line}") from fault
        lines = _split(text)
        rest = ""
        if lines and not final and not (lines[-1].endswith("\n")):
            rest = lines.pop()
        if len(rest) > LONGEST_CELL:
            raise BadInput("line_too_long", f"a line has more than {LONGEST_CELL // 1024} KB", place=f"behind line {line}")
        line += len(lines)
        yield from lines


def _split(text: str) -> list[str]:
    """Cut at newlines alone: Unicode knows more ends of lines than CSV does."""
    *whole, rest = text.split("\n")
    lines = [each + "\n" for each in whole]
    return [*lines, rest] if rest else lines


def _with_last(pieces: Iterable[bytes]) -> Iterator[tuple[bool, bytes]]:
    for piece in pieces:
        yield False, piece
    yield True, b""


def _encoding_of(head: bytes) -> str:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head[:2] in _UTF16:
        return _UTF16[head[:2]]
    sample = head[:256]
    if sample[1::2].count(0) > len(sample) // 4:
        return "utf-16-le"
    if sample[0::2].count(0) > len(sample) // 4:
        return "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _columns(text: str, separator: str) -> int:
    return len(_first_row(text, separator))


def _first_row(text: str, separator: str) -> list[str]:
    try:
        return next((row for row in csv.reader(_split(text), delimiter=separator) if any(row)), [])
    except csv.Error:
        return []
