"""Whose sightings were looked up lately: flat arrays of numbers, because a dictionary of as many tuples costs ten times the memory.

A sighting is known by two hashes of its ids under the interpreter's own secret, 128 bits together: it is not taken for another one. What
needs the same place as something newer is forgotten; it is then looked up again.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Final

from oportuno.flows.ports import Sighting
from oportuno.kit.ids import CustomerId

PLACES: Final = 1 << 18
"""How many sightings have a place, of 24 bytes each."""


class Remembered:
    """Customers by sighting. Forgets by itself; never gives another one's."""

    def __init__(self, places: int = PLACES) -> None:
        self._most = places
        self.forget()

    def forget(self) -> None:
        """Forget everything."""
        self._lay_out(1)

    def _lay_out(self, places: int) -> None:
        empty = bytes(8 * places)
        self._mask = places - 1
        self._first, self._second, self._customers = array("q", empty), array("q", empty), array("q", empty)

    def look_up(self, sightings: Iterable[Sighting]) -> list[CustomerId]:
        """Give the customer of each sighting, in order; 0 for those not known."""
        firsts, seconds, customers, mask = self._first, self._second, self._customers, self._mask
        found = []
        for workspace, user, anonymous in sightings:
            # As in `_hashes`, written out: a call costs more than it does.
            text = f"{workspace}:{len(user)}:{user}{anonymous}"
            first, second = hash(text), hash("+" + text)
            place = first & mask
            if firsts[place] != first or seconds[place] != second:
                # A second place for each, so that hardly anything is forgotten before the arrays are nearly full.
                place = second & mask
                if firsts[place] != first or seconds[place] != second:
                    found.append(0)
                    continue
            found.append(customers[place])
        return found

    def put(self, sighting: Sighting, customer: CustomerId) -> None:
        """Remember a customer (not 0)."""
        if self._mask + 1 < self._most:
            # Only now: a directory that is asked for one id and dropped never needs them.
            self._lay_out(self._most)
        first, second = _hashes(sighting)
        place, other = first & self._mask, second & self._mask
        here_already = self._first[other] == first and self._second[other] == second
        if here_already or (self._customers[place] and (self._first[place] != first or self._second[place] != second)):
            place = other
        self._first[place], self._second[place], self._customers[place] = first, second, customer

    def drop(self, sighting: Sighting) -> None:
        """Forget one."""
        first, second = _hashes(sighting)
        for place in (first & self._mask, second & self._mask):
            if self._first[place] == first and self._second[place] == second:
                self._first[place] = self._second[place] = self._customers[place] = 0


def _hashes(sighting: Sighting) -> tuple[int, int]:
    workspace, user, anonymous = sighting
    # With the length of the first, no two pairs of ids are written alike.
    text = f"{workspace}:{len(user)}:{user}{anonymous}"
    return hash(text), hash("+" + text)
