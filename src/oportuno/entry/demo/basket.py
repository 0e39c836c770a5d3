"""The shop's own basket: it lies in a cookie that the service needs, and is kept aside for an hour after the last thing put in."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from oportuno.kit.times import HOUR, Millis

COOKIE: Final = "tn_basket"
KEPT: Final[Millis] = HOUR
_MOST: Final = 20
"""Pieces of one product."""
_LINES: Final = 30
_MOMENT: Final = re.compile(r"[0-9]{1,15}")
_FORM: Final = re.compile(r"([0-9]{1,12}[A-Z]{0,2})x([0-9]{1,2})")


class Basket(msgspec.Struct, frozen=True, kw_only=True):
    """Products and how many of each, oldest first, and until when they are kept aside (0: they are not)."""

    lines: dict[str, int] = {}
    held_until: Millis = 0

    @property
    def pieces(self) -> int:
        """How many pieces lie in it."""
        return sum(self.lines.values())

    def changed(self, product: str, what: str, *, now: Millis) -> Basket:
        """Give the basket after ``add``, ``more``, ``less`` or ``remove``; anything else leaves it as it is."""
        lines = dict(self.lines)
        had = lines.get(product, 0)
        if what in {"add", "more"} and (had or len(lines) < _LINES):
            lines[product] = min(had + 1, _MOST)
        elif what == "less" and had > 1:
            lines[product] = had - 1
        elif what in {"less", "remove"}:
            lines.pop(product, None)
        else:
            return self
        return Basket(lines=lines, held_until=now + KEPT if lines else 0)


def read_basket(text: str) -> Basket:
    """Read a basket from its cookie; what cannot be read is an empty one."""
    lines, _, held = text.partition("_")
    found = {product: min(int(count), _MOST) for product, count in _FORM.findall(lines) if int(count)}
    kept = int(held) if _MOMENT.fullmatch(held) else 0
    return Basket(lines=dict(list(found.items())[:_LINES]), held_until=kept)


def write_basket(basket: Basket) -> str:
    """Write a basket as a cookie's value."""
    return ".".join(f"{product}x{count}" for product, count in basket.lines.items()) + f"_{basket.held_until}"
