"""What somebody asked for: a file, what is in it, and how it is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from oportuno.adapters.files.form import FileForm
from oportuno.adapters.files.opened import Opened
from oportuno.events.bring.fields import Kind, suggest
from oportuno.events.bring.mapping import Mapping, check_mapping, fitted
from oportuno.events.bring.presets import find_preset
from oportuno.kit.faults import BadInput, NotFound


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """An import as it was asked for. Empty is not told."""

    kind: Kind
    file: Path
    preset: str = ""
    mapping: str = ""
    """The name of a remembered one."""
    columns: tuple[str, ...] = ()
    """FIELD=COLUMN"""
    fixed: tuple[str, ...] = ()
    """FIELD=VALUE"""
    remember: str = ""
    form: FileForm | None = None
    separator: str = ""
    encoding: str = ""
    decimal: str = ""
    dates: str = ""
    zone: str = ""
    dry: bool = False
    name: str = ""
    refused: Path


def chosen_mapping(asked: Asked, opened: Opened, remembered: dict[str, bytes], *, zone: str) -> Mapping:
    """Give the mapping: a remembered one, a preset's, or what the headings suggest; what was said on top of it counts.

    `zone`: of the workspace. Raises BadInput, NotFound (``mapping_unknown``).
    """
    mapping = _beginning(asked, opened, remembered, zone)
    ways: dict[str, Any] = {
        "columns": mapping.columns | _pairs(asked.columns, "column"),
        "fixed": mapping.fixed | _pairs(asked.fixed, "fixed"),
        "decimal": asked.decimal or mapping.decimal,
        "dates": asked.dates or mapping.dates,
        "zone": asked.zone or mapping.zone,
    }
    mapping = msgspec.structs.replace(mapping, **ways)
    prepared = bool(mapping.preset) and find_preset(mapping.kind, mapping.preset).prepare is not None
    check_mapping(mapping, None if prepared else opened.headings)
    return mapping


def _beginning(asked: Asked, opened: Opened, remembered: dict[str, bytes], zone: str) -> Mapping:
    if asked.mapping:
        if asked.mapping not in remembered:
            raise NotFound("mapping_unknown", "no mapping is remembered under this name", place="mapping")
        found = msgspec.json.decode(remembered[asked.mapping], type=Mapping)
        if found.kind is not asked.kind:
            raise BadInput("mapping_other_kind", f"this mapping is one of {found.kind.value}", place="mapping")
        return found
    if not asked.preset:
        return Mapping(kind=asked.kind, columns=suggest(asked.kind, opened.headings or ()), zone=zone)
    preset = find_preset(asked.kind, asked.preset)
    found = preset.mapping if preset.mapping.zone != "UTC" else msgspec.structs.replace(preset.mapping, zone=zone)
    if opened.headings is None or preset.prepare is not None:
        missing = sorted(preset.reads - set(opened.headings or preset.reads))
        if missing:
            raise BadInput("preset_other_file", f"a file of {preset.key} has a column “{missing[0]}”", place=missing[0])
        return found
    return fitted(found, opened.headings)


def _pairs(told: Sequence[str], place: str) -> dict[str, str]:
    pairs = {}
    for each in told:
        field, sign, value = each.partition("=")
        if not sign or not field.strip():
            raise BadInput("pair_expected", "FIELD=COLUMN or FIELD=VALUE is expected", place=place)
        pairs[field.strip()] = value.strip()
    return pairs
