"""Google Merchant feeds as XML (RSS 2.0 or Atom), read piece by piece. Documents that declare types or entities are refused unread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final
from xml.parsers import expat

from oportuno.catalog.feed_rows import Read
from oportuno.catalog.feed_text import FeedBroken, cut
from oportuno.catalog.merchant import our_word, read_merchant
from oportuno.catalog.row import ProductRow, RowFault
from oportuno.kit.times import Millis

_ITEMS: Final = frozenset({"item", "entry"})
_LONGEST: Final = 10_000
_DEEPEST: Final = 100
_ENDED_EARLY: Final = frozenset(
    {expat.errors.codes[each] for each in (expat.errors.XML_ERROR_NO_ELEMENTS, expat.errors.XML_ERROR_UNCLOSED_TOKEN)}
    | {expat.errors.codes[each] for each in (expat.errors.XML_ERROR_PARTIAL_CHAR, expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION)}
)


class _Items:
    """Collects the items of a document as it is parsed. Only an item's own children count: a shipping price is no price."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.done: list[tuple[int, dict[str, Any]]] = []
        self._depth = 0
        self._item_depth = 0
        self._line = 0
        self._fields: dict[str, Any] = {}
        self._word = ""
        self._parts: list[str] = []
        self._length = 0

    def _refuse(self, *_declared: object) -> None:
        line = self.parser.CurrentLineNumber
        raise FeedBroken("xml_declares", "a feed that declares a document type or entities is not read", place=f"line {line}")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise FeedBroken(
                "xml_too_deep", f"elements are nested more than {_DEEPEST} deep", place=f"line {self.parser.CurrentLineNumber}"
            )
        local = name.rpartition(" ")[2]
        if not self._item_depth:
            if local in _ITEMS:
                self._item_depth, self._line, self._fields = self._depth, self.parser.CurrentLineNumber, {}
        elif self._depth == self._item_depth + 1:
            self._word = our_word(local)
            # In Atom the address stands in an attribute.
            self._parts = [attributes["href"]] if self._word == "url" and "href" in attributes else []
            self._length = 0

    def _text(self, text: str) -> None:
        if self._word and self._depth == self._item_depth + 1 and self._length < _LONGEST:
            self._length += len(text)
            self._parts.append(text)

    def _end(self, _name: str) -> None:
        if self._item_depth and self._depth == self._item_depth + 1 and self._word:
            value = "".join(self._parts).strip()
            if self._word == "categories":
                self._fields.setdefault("categories", []).append(" > ".join(part.strip() for part in value.split(">")))
            else:
                self._fields.setdefault(self._word, value)
            self._word = ""
        elif self._depth == self._item_depth:
            self.done.append((self._line, self._fields))
            self._item_depth = 0
        self._depth -= 1


def read_xml(chunks: Iterable[bytes], *, currency: str, now: Millis) -> Iterator[Read]:
    """Read a feed. Raises FeedBroken; the items before the fault came out."""
    items = _Items()
    for chunk in chunks:
        fault = _parse(items, chunk)
        for line, fields in items.done:
            yield _read(fields, line, currency, now)
        items.done.clear()
        if fault is not None:
            raise fault
    fault = _parse(items, b"", last=True)
    if fault is not None:
        raise fault


def _parse(items: _Items, chunk: bytes, *, last: bool = False) -> FeedBroken | None:
    try:
        items.parser.Parse(chunk, last)
    except expat.ExpatError as fault:
        line: int = fault.lineno
        if last and fault.code in _ENDED_EARLY:
            return cut(line)
        return FeedBroken("xml_malformed", f"this is not XML: {expat.ErrorString(fault.code)}", place=f"line {line}")
    except FeedBroken as fault:
        return fault
    return None


def _read(fields: dict[str, Any], line: int, currency: str, now: Millis) -> ProductRow | RowFault:
    try:
        return read_merchant(fields, currency=currency, now=now, line=line)
    except RowFault as fault:
        return fault.on_line(line)
