"""JSON lines: one object a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from oportuno.events.bring.rows import Line
from oportuno.events.bring.values import Unfit
from oportuno.kit.faults import BadInput

_LONGEST: Final = 1024 * 1024
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


def json_lines(pieces: Iterable[bytes]) -> Iterator[Line]:
    """Give the rows. Raises BadInput `json_list`, `line_too_long`; a line that is no object is broken, its neighbours are not."""
    number = 0
    for at, raw in enumerate(_cut(pieces), 1):
        text = raw.strip().removeprefix(b"\xef\xbb\xbf")
        if not text:
            continue
        if not number and text.startswith(b"["):
            raise BadInput("json_list", "this is a JSON list: one object a line is expected (JSON lines)", place="line 1")
        number += 1
        try:
            cells = _decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield Line(number, {}, at, Unfit("row_malformed", f"line {at} is not a JSON object", place=f"line {at}"))
        else:
            yield Line(number, cells, at)


def _cut(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > _LONGEST:
            raise BadInput("line_too_long", f"a line has more than {_LONGEST // 1024} KB")
        yield from whole
    if rest:
        yield rest
