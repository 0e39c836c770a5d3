"""A whole file of customers, events, orders or what happened between people, read by its mapping: the one way from rows to calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from oportuno.events.bring.between_people import TouchpointReader
from oportuno.events.bring.fields import Kind
from oportuno.events.bring.mapping import Mapping
from oportuno.events.bring.orders import OrderReader
from oportuno.events.bring.presets import find_preset
from oportuno.events.bring.presets.preset import Preset
from oportuno.events.bring.rows import Brought, Line, read_rows
from oportuno.events.touchpoints import ROWS


class Once(Protocol):
    """A set that says whether a text is new."""

    def add(self, text: str) -> bool:
        """Remember a text; False: it was there already."""
        ...


def preset_of(mapping: Mapping) -> Preset | None:
    """Give the preset whose preparation the rows go through. Raises BadInput ``preset_unknown``."""
    return find_preset(mapping.kind, mapping.preset) if mapping.preset else None


def columns_needed(mapping: Mapping) -> frozenset[str]:
    """Name the columns that are looked at; the others need not even be unpacked."""
    preset = preset_of(mapping)
    return frozenset(mapping.columns.values()) | (preset.reads | preset.perhaps if preset is not None else frozenset())


def prepared(lines: Iterable[Line], mapping: Mapping) -> Iterable[Line]:
    """Give the rows as the mapping reads them."""
    preset = preset_of(mapping)
    prepare = preset.prepare if preset is not None else None
    if prepare is None:
        return lines
    return (line if line.broken is not None else line._replace(cells=prepare(line.cells)) for line in lines)


def calls_of(lines: Iterable[Line], mapping: Mapping, once: Once) -> Iterator[Brought]:
    """Make the calls of a file. `once`: an empty set, which the numbers of orders, receipts and returns go through."""
    rows = prepared(lines, mapping)
    if mapping.kind.value in ROWS:
        return TouchpointReader(mapping, once).read(rows)
    return OrderReader(mapping, once).read(rows) if mapping.kind is Kind.ORDERS else read_rows(rows, mapping)
