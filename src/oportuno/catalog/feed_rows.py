"""Feeds that go line by line: CSV in its many forms, and JSON lines."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec

from oportuno.catalog.feed_text import FeedBroken, Note, cut, decoded, lines
from oportuno.catalog.merchant import MERCHANT, our_word, read_merchant
from oportuno.catalog.reading import LARGEST, read_row
from oportuno.catalog.row import ProductRow, RowFault
from oportuno.kit.times import Millis

Read: TypeAlias = ProductRow | RowFault | Note
"""What comes out of a feed, in its order."""

_BETWEEN: Final = ("\t", ";", ",", "|")
_decode: Final = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


class _Lines:
    """Lines for csv.reader, which knows nothing of notes; remembers whether the last line had an end."""

    def __init__(self, source: Iterator[str | Note]) -> None:
        self._source = source
        self.notes: list[Note] = []
        self.ended = True

    def __iter__(self) -> Iterator[str]:
        for each in self._source:
            if isinstance(each, Note):
                self.notes.append(each)
            else:
                self.ended = each.endswith("\n")
                yield each


def read_csv(chunks: Iterable[bytes], *, currency: str, now: Millis) -> Iterator[Read]:
    """Read CSV or TSV: which sign stands between the columns is seen in the first line. Raises FeedBroken."""
    source = _Lines(lines(decoded(chunks)))
    text = iter(source)
    heading = next((line for line in text if line.strip()), None)
    if heading is None:
        raise FeedBroken("feed_empty", "there is nothing in the feed", place="line 1")
    between = max(_BETWEEN, key=lambda sign: len({our_word(name) for name in _cells(heading, sign)} - {""}))
    columns = [our_word(name) for name in _cells(heading, between)]
    yield from _about_columns(columns, _cells(heading, between))
    merchant = bool(set(columns).intersection(MERCHANT))
    reader = csv.reader(text, delimiter=between, strict=True)
    last: RowFault | None = None
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as fault:
            if "unexpected end" in str(fault):
                raise cut(reader.line_num + 1) from fault
            yield RowFault("row_malformed", "the quotes or the length of a field are not as CSV wants them", line=reader.line_num + 1)
            continue
        if last is not None:
            yield last
            last = None
        line = reader.line_num + 1
        if not cells or not any(cells):
            continue
        if len(cells) != len(columns):
            # Held back: if nothing follows and the line has no end, the feed was cut here.
            last = RowFault("row_columns", f"the row has {len(cells)} columns and the first line {len(columns)}", line=line)
            continue
        fields = {name: cell for name, cell in zip(columns, cells, strict=True) if name}
        yield _read(fields, line, currency, now, merchant=merchant)
    if last is not None:
        if not source.ended:
            raise cut(last.line)
        yield last
    yield from source.notes


def read_jsonl(chunks: Iterable[bytes], *, currency: str, now: Millis) -> Iterator[Read]:
    """Read one JSON object a line. Raises FeedBroken."""
    number = 0
    for line in lines(decoded(chunks)):
        if isinstance(line, Note):
            yield line
            continue
        number += 1
        if not line.strip():
            continue
        if number == 1 and line.lstrip().startswith("["):
            raise FeedBroken("feed_format", "this is a JSON list: one object a line is expected (JSON lines)", place="line 1")
        try:
            fields = _decode(line)
        except (msgspec.DecodeError, RecursionError):
            if not line.endswith("\n"):
                raise cut(number) from None
            yield RowFault("row_malformed", "the line is not a JSON object", line=number)
            continue
        if len(line) > LARGEST:
            yield RowFault("row_too_large", f"the row has more than {LARGEST // 1024} KB", line=number)
            continue
        words = {word: value for name, value in fields.items() if (word := our_word(name))}
        yield _read(words, number, currency, now, merchant=not words.keys().isdisjoint(MERCHANT))


def _read(fields: dict[str, Any], line: int, currency: str, now: Millis, *, merchant: bool) -> ProductRow | RowFault:
    try:
        if not merchant:
            return read_row(fields, currency=currency, strict=False, line=line)
        return read_merchant(fields, currency=currency, now=now, line=line)
    except RowFault as fault:
        return fault.on_line(line)


def _cells(line: str, between: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=between), [])
    except csv.Error:
        return []


def _about_columns(columns: list[str], written: list[str]) -> Iterator[Note]:
    if "id" not in columns:
        raise FeedBroken("columns_missing", "the first line names the columns, and one of them is id", place="line 1")
    twice = {name for name in columns if name and columns.count(name) > 1}
    if twice:
        raise FeedBroken("columns_twice", f"two columns mean the same: {', '.join(sorted(twice))}", place="line 1")
    unknown = [told.strip()[:60] for told, name in zip(written, columns, strict=True) if not name]
    if unknown:
        yield Note(f"these columns are not used: {', '.join(unknown[:50])}")
