"""What is known of a layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from oportuno.events.bring.fields import Kind
from oportuno.events.bring.mapping import Mapping as RowMapping


class Preset(NamedTuple):
    """A layout under the name of whoever writes it."""

    key: str
    kind: Kind
    says: str
    """What one should know before taking it, in English."""
    dice: str
    """The same in Spanish."""
    mapping: RowMapping
    prepare: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    """Gives the cells in the shape that the mapping reads; None: they are so already."""
    reads: frozenset[str] = frozenset()
    """Columns that `prepare` must have."""
    perhaps: frozenset[str] = frozenset()
    """Columns that it looks at if they are there."""
