"""Outlines of JSON: where items begin and end, without reading what is inside them.

The fast reader gives up on a whole batch when one item holds a lone surrogate, a NaN or ten thousand brackets. This slow one needs
only strings and brackets that close, so that the neighbours of a bad item go through. Linear in the length, never recursive.
"""

from __future__ import annotations

import re
from typing import Final

from oportuno.kit.faults import BadInput

# Possessive quantifiers, and an optional closing quote: an open string must be seen once, not tried again from every quote inside it.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|[\[\]{},:]', re.DOTALL)
_CLOSES: Final = {b"]": b"[", b"}": b"{"}
_BLANK: Final = b" \t\r\n"


def deeper_than(raw: bytes, ceiling: int) -> bool:
    """Say whether brackets nest deeper than the ceiling. Cheap for anything with few brackets."""
    if raw.count(b"[") + raw.count(b"{") <= ceiling:
        return False
    depth = 0
    for token in _TOKEN.findall(raw):
        if token in b"[{":
            depth += 1
            if depth > ceiling:
                return True
        elif token in b"]}":
            depth -= 1
    return False


def split_array(raw: bytes) -> list[bytes]:
    """Cut an array into the texts of its elements, in order. Raises BadInput when it is not an array by its outline."""
    return [raw[start:end].strip(_BLANK) for start, end, _ in _cut(raw, b"[")]


def split_object(raw: bytes) -> list[tuple[bytes, bytes]]:
    """Cut an object into its (key, value) texts, in order, repeated keys included.

    Raises BadInput when it is not an object by its outline.
    """
    members = []
    for start, end, colon in _cut(raw, b"{"):
        if colon < 0:
            raise _unreadable(start)
        members.append((raw[start:colon].strip(_BLANK), raw[colon + 1 : end].strip(_BLANK)))
    return members


def _cut(raw: bytes, opening: bytes) -> list[tuple[int, int, int]]:
    """Give (start, end, first colon or -1) of each part between the commas of the outermost bracket."""
    first = len(raw) - len(raw.lstrip(_BLANK))
    if raw[first : first + 1] != opening:
        raise _unreadable(first)
    parts: list[tuple[int, int, int]] = []
    stack: list[bytes] = []
    start, colon = first + 1, -1
    for match in _TOKEN.finditer(raw, first):
        token = match.group()
        if token in _CLOSES:
            if stack.pop() != _CLOSES[token]:
                raise _unreadable(match.start())
            if not stack:
                return _finish(raw, parts, (start, match.start(), colon))
        elif token in (b"[", b"{"):
            stack.append(token)
        elif token == b":":
            colon = match.start() if len(stack) == 1 and colon < 0 else colon
        elif token == b",":
            if len(stack) == 1:
                parts.append((start, match.start(), colon))
                start, colon = match.end(), -1
        elif token == b'"' or not token.endswith(b'"'):
            raise _unreadable(match.start())
    raise _unreadable(len(raw))


def _finish(raw: bytes, parts: list[tuple[int, int, int]], last: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    start, end, _ = last
    if raw[end + 1 :].strip(_BLANK):
        raise _unreadable(end + 1)
    return [*parts, last] if parts or raw[start:end].strip(_BLANK) else []


def _unreadable(position: int) -> BadInput:
    return BadInput("body_unreadable", f"the body cannot be read as a JSON object: it breaks at byte {position}", place=f"byte {position}")
