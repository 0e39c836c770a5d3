"""Which column tells what: the mapping of a file, checked before a single row is read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from oportuno.events.bring.fields import ANSWER_PREFIX, PROOF_BESIDE, PROOF_FIELDS, Kind, Shape, shape_of
from oportuno.events.bring.values import Ways
from oportuno.events.touchpoints import ROWS, RowShape
from oportuno.kit.faults import BadInput

_MOST: Final = 200
"""Fields of one mapping."""


def _needed_of(shape: RowShape) -> Iterator[tuple[str]]:
    for column in shape.columns:
        if column.needed and column.place != "timestamp":
            yield (column.name,)


_NEEDED: Final[dict[Kind, tuple[tuple[str, ...], ...]]] = {
    Kind.CUSTOMERS: (("user_id", "anonymous_id"),),
    Kind.EVENTS: (("user_id", "anonymous_id"), ("event",), ("timestamp",)),
    Kind.ORDERS: (("user_id", "anonymous_id"), ("order_id",), ("timestamp",)),
    Kind.PRODUCTS: (("id",),),
    **{Kind(kind): (("user_id", "anonymous_id"), ("timestamp",), *_needed_of(shape)) for kind, shape in ROWS.items()},
}
"""Of each group one field must be told."""


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the rows of a kind of file are read."""

    kind: Kind
    columns: dict[str, str] = {}
    """Field → the heading of its column; of JSON the key, or a path such as ``ecommerce.transaction_id``."""
    fixed: dict[str, str] = {}
    """Field → what holds for every row whose own cell is empty."""
    names: dict[str, str] = {}
    """What stands in the column of `event` → the event's name; an empty name leaves the row out. Empty: as they stand."""
    decimal: Literal[".", ","] = "."
    dates: Literal["ymd", "dmy", "mdy"] = "ymd"
    zone: str = "UTC"
    lower_ids: bool = False
    """Ids are e-mail addresses: written in small letters, so that one person is one."""
    refund_sign: str = ""
    """An order whose number begins with this takes back what another brought."""
    preset: str = ""
    """The preset whose own preparation the rows go through; empty: none."""

    @property
    def ways(self) -> Ways:
        """How numbers and moments are written."""
        return Ways(self.decimal, self.dates, self.zone)

    def told(self, field: str) -> bool:
        """Say whether a field has a column or a fixed value."""
        return field in self.columns or field in self.fixed


def check_mapping(mapping: Mapping, headings: Collection[str] | None) -> None:
    """Refuse a mapping that cannot work: unknown fields or columns, or without what every row needs.

    `headings`: the file's columns; None: not known before reading (JSON lines). Raises BadInput.
    """
    if len(mapping.columns) + len(mapping.fixed) > _MOST:
        raise BadInput("mapping_too_large", f"a mapping has at most {_MOST} fields", place="columns")
    for field in (*mapping.columns, *mapping.fixed):
        if shape_of(mapping.kind, field) is None:
            raise BadInput("mapping_field_unknown", f"“{field[:60]}” is not a field of {mapping.kind.value}", place=field[:60])
    for field, column in mapping.columns.items():
        if headings is not None and column not in headings:
            raise BadInput(
                "mapping_column_unknown", f"the file has no column “{column[:60]}”, which {field} should stand in", place=column[:60]
            )
    for group in _NEEDED[mapping.kind]:
        if not any(mapping.told(field) for field in group):
            raise BadInput("mapping_field_missing", f"no column is known for {' or '.join(group)}: name it", place=group[0])
    try:
        ZoneInfo(mapping.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput("mapping_zone_unknown", "this is no IANA time zone", place="zone") from None


def fitted(mapping: Mapping, headings: Collection[str]) -> Mapping:
    """Give a preset's mapping without the columns that this file does not have."""
    columns = {field: column for field, column in mapping.columns.items() if column in headings}
    return msgspec.structs.replace(mapping, columns=columns)


def answer_fields(mapping: Mapping) -> Iterator[str]:
    """Give the fields of a mapping that are answers about consent."""
    proof = {*PROOF_FIELDS, *PROOF_BESIDE}
    for field in dict.fromkeys((*mapping.columns, *mapping.fixed)):
        if field.startswith(ANSWER_PREFIX) and field not in proof and shape_of(mapping.kind, field) is Shape.ANSWER:
            yield field


def unproven(mapping: Mapping) -> list[str]:
    """Name the proof that a mapping lacks for its answers: without it no yes of the file counts. Empty: nothing lacks, or no answers."""
    if not any(answer_fields(mapping)):
        return []
    return [field for field in PROOF_FIELDS if not mapping.told(field)]
