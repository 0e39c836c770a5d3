"""Which ids a feed has named already, in 16 bytes or so an id, so that a feed of millions is read in flat memory."""

from __future__ import annotations

from array import array
from hashlib import blake2b
from typing import Final

_FIRST: Final = 1 << 12
_FULL: Final = 0.6
_ONES: Final = (1 << 64) - 1


class Once:
    """A set of texts that remembers 64 bits of each: two texts of ten million are taken for one with a chance of 1 in 400,000."""

    def __init__(self) -> None:
        self._places = array("Q", bytes(8 * _FIRST))
        self._mask = _FIRST - 1
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, text: str) -> bool:
        number = _number(text)
        return self._places[self._find(number)] == number

    def add(self, text: str) -> bool:
        """Remember a text; False: it was there already."""
        number = _number(text)
        place = self._find(number)
        if self._places[place]:
            return False
        self._places[place] = number
        self._count += 1
        if self._count > _FULL * self._mask:
            self._grow()
        return True

    def _find(self, number: int) -> int:
        places, mask = self._places, self._mask
        place = number & mask
        while places[place] and places[place] != number:
            place = (place + 1) & mask
        return place

    def _grow(self) -> None:
        old = self._places
        self._mask = 2 * self._mask + 1
        self._places = array("Q", bytes(8 * (self._mask + 1)))
        for number in old:
            if number:
                self._places[self._find(number)] = number


def _number(text: str) -> int:
    # Never 0, which stands for an empty place.
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") or _ONES
