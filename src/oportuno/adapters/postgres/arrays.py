"""Arrays as PostgreSQL reads them, written whole: psycopg writes lists element by element in Python, which was a third of a batch's CPU.

Each class names the type of its elements; an instance is given as a parameter (`%b`) where the statement says the array's type. None has no
place in them: a statement that needs NULL takes a value that stands for it.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable
from typing import Final

from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEADER: Final = struct.Struct(">iiiii")
_LENGTH: Final = struct.Struct(">i")


class Int2s(tuple[int, ...]):
    """smallint[]."""

    __slots__ = ()


class Int4s(tuple[int, ...]):
    """integer[]."""

    __slots__ = ()


class Int8s(tuple[int, ...]):
    """bigint[]."""

    __slots__ = ()


class Byteas(tuple[bytes, ...]):
    """bytea[]."""

    __slots__ = ()


class Tids(tuple[bytes, ...]):
    """tid[]: places of rows, as a binary result gives them."""

    __slots__ = ()


class Texts(tuple[str, ...]):
    """text[]."""

    __slots__ = ()


class _Integers(Dumper):
    format = Format.BINARY
    code: str
    size: int
    element: int

    def dump(self, obj: tuple[int, ...]) -> Buffer:
        numbers = array(self.code, obj)
        if sys.byteorder == "little":
            numbers.byteswap()
        raw, size, step = numbers.tobytes(), self.size, self.size + 4
        # Each element is its length and its bytes: written as columns of bytes, so that the loop over elements is in C.
        out = bytearray(step * len(obj))
        out[3::step] = bytes((size,)) * len(obj)
        for place in range(size):
            out[4 + place :: step] = raw[place::size]
        return _head(self.element, len(obj)) + bytes(out)


class _Int2s(_Integers):
    oid, code, size, element = 1005, "h", 2, 21


class _Int4s(_Integers):
    oid, code, size, element = 1007, "i", 4, 23


class _Int8s(_Integers):
    oid, code, size, element = 1016, "q", 8, 20


class _Byteas(Dumper):
    format = Format.BINARY
    oid = 1001

    def dump(self, obj: tuple[bytes, ...]) -> Buffer:
        return _head(17, len(obj)) + _joined(obj)


class _Tids(Dumper):
    format = Format.BINARY
    oid = 1010

    def dump(self, obj: tuple[bytes, ...]) -> Buffer:
        return _head(27, len(obj)) + _joined(obj)


class _Texts(Dumper):
    format = Format.BINARY
    oid = 1009

    def dump(self, obj: tuple[str, ...]) -> Buffer:
        return _head(25, len(obj)) + _joined([text.encode() for text in obj])


def _head(element: int, count: int) -> bytes:
    return _HEADER.pack(1, 0, element, count, 1) if count else _HEADER.pack(0, 0, element, 0, 0)[:12]


def _joined(values: Iterable[bytes]) -> bytes:
    parts = list(values)
    out: list[bytes] = [b""] * (2 * len(parts))
    out[0::2] = map(_LENGTH.pack, map(len, parts))
    out[1::2] = parts
    return b"".join(out)


def register_arrays(context: AdaptContext) -> None:
    """Make a connection know these classes."""
    if context.adapters is not None:
        for given, dumper in ((Int2s, _Int2s), (Int4s, _Int4s), (Int8s, _Int8s), (Byteas, _Byteas), (Tids, _Tids), (Texts, _Texts)):
            context.adapters.register_dumper(given, dumper)
