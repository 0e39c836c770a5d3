"""What one name of another vocabulary means in ours: a table's row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from oportuno.events.commerce import Commerce

Words: TypeAlias = dict[str, tuple[str, ...]]
"""Our property → theirs, the first that is there counts. ``[]`` after a name: the first text of a list."""


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What an event of another vocabulary means."""

    event: Commerce
    told: Words = {}
    """Properties of the event itself."""
    lists: tuple[str, ...] = ()
    """Their names of the list of products."""
    line: Words = {}
    """Properties of each product in it."""
    one: bool = False
    """Ours is about one product, told in the properties themselves: a list with a single one is told so."""
    marks: tuple[str, ...] = ()
    """Properties of which one must be there: a name that a shop may use itself is only understood in that company."""
    fixed: Mapping[str, str] = {}
    """What the name says by itself."""
    by: str = ""
    """A property whose word says which of `cases` is meant."""
    cases: Mapping[str, Commerce] = {}
