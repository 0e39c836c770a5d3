"""Feeds as bytes: which encoding they are in, and their lines, without ever holding the whole."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import Final

from oportuno.kit.faults import BadInput

LONGEST_LINE: Final = 1024 * 1024
_HEAD: Final = 64


class Note(str):
    """Something that was assumed or left out while a feed was read, as a sentence."""

    __slots__ = ()


class FeedBroken(BadInput):
    """A feed ends in the middle, or cannot be read further. What was whole before stands."""


def cut(line: int) -> FeedBroken:
    """Say that a feed ends in the middle."""
    return FeedBroken("feed_cut", "the feed ends in the middle: what came whole before was read", place=f"line {line}")


def decoded(chunks: Iterable[bytes]) -> Iterator[str | Note]:
    """Decode UTF-8 or UTF-16; bytes that are no UTF-8 in a text without other signs are taken for Windows-1252, and that is said.

    Raises FeedBroken `encoding_broken` when neither fits.
    """
    source = iter(chunks)
    head = b""
    for chunk in source:
        head += chunk
        if len(head) >= _HEAD:
            break
    name = _encoding_of(head)
    decoder, plain = codecs.getincrementaldecoder(name)(), not head.startswith(codecs.BOM_UTF8)
    line = 1
    for chunk in _chain(head, source):
        waiting = decoder.getstate()[0]
        try:
            text = decoder.decode(chunk)
        except UnicodeDecodeError as fault:
            if name != "utf-8-sig" or not plain or not fault.object[: fault.start].isascii():
                raise _unreadable(line) from fault
            name, decoder = "cp1252", codecs.getincrementaldecoder("cp1252")()
            yield Note("the text is not UTF-8: it was taken for Windows-1252 (cp1252)")
            try:
                text = decoder.decode(waiting + chunk)
            except UnicodeDecodeError as worse:
                raise _unreadable(line) from worse
        plain = plain and text.isascii()
        line += text.count("\n")
        yield text
    if decoder.getstate()[0]:
        raise cut(line)


def lines(pieces: Iterable[str | Note]) -> Iterator[str | Note]:
    """Cut decoded text into lines, each with its end as a plain newline; the last one perhaps without.

    Raises FeedBroken `line_too_long`.
    """
    rest = ""
    for piece in pieces:
        if isinstance(piece, Note):
            yield piece
            continue
        text = rest + piece
        held = "\r" if text.endswith("\r") else ""  # perhaps the first half of a line's end
        text = text[: len(text) - len(held)]
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        *whole, rest = text.split("\n")
        for each in whole:
            yield each + "\n"
        rest += held
        if len(rest) > LONGEST_LINE:
            raise FeedBroken("line_too_long", f"a line has more than {LONGEST_LINE // 1024} KB")
    if rest.endswith("\r"):
        yield rest[:-1] + "\n"
    elif rest:
        yield rest


def _encoding_of(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # Without a mark: text of western languages has a zero in every other byte.
    if head[1:_HEAD:2].count(0) > len(head[:_HEAD]) // 4:
        return "utf-16-le"
    if head[0:_HEAD:2].count(0) > len(head[:_HEAD]) // 4:
        return "utf-16-be"
    return "utf-8-sig"


def _chain(head: bytes, source: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from source


def _unreadable(line: int) -> FeedBroken:
    return FeedBroken("encoding_broken", "the text is neither UTF-8 nor UTF-16 nor Windows-1252 throughout", place=f"line {line}")
