"""What became of a file, in lines for people."""

from __future__ import annotations

from collections.abc import Mapping as Words
from collections.abc import Sequence

import msgspec

from oportuno.adapters.files.opened import Opened
from oportuno.entry.bringing.asked import Asked
from oportuno.events.bring.mapping import Mapping, answer_fields, unproven
from oportuno.events.bring.presets import PRESETS
from oportuno.events.bring.read import preset_of
from oportuno.flows.bring_in import Told
from oportuno.flows.ports_imports import ImportRecord, ImportTally


def taken_as(opened: Opened, mapping: Mapping) -> list[str]:
    """Say how a file is taken, before a row is read."""
    preset = preset_of(mapping)
    lines = [f"{opened.path.name}: {opened.taken_as}"]
    lines += [f"note: {preset.says}"] if preset is not None else []
    lacking = unproven(mapping)
    if lacking:
        named = ", ".join(mapping.columns.get(field, field) for field in answer_fields(mapping))
        lines.append(f"refused: a yes in {named} counts for nothing without {', '.join(lacking)}; a no is heard, and the rows come in")
    return lines


def mapped(opened: Opened, mapping: Mapping) -> list[str]:
    """Say which column tells what, and which tell nothing."""
    lines = [f"  {field:<16} ← {column}" for field, column in mapping.columns.items()]
    lines += [f"  {field:<16} = {value}" for field, value in mapping.fixed.items()]
    if opened.headings is not None and preset_of(mapping) is None:
        unused = [heading for heading in opened.headings if heading and heading not in mapping.columns.values()]
        lines += [f"  not taken: {', '.join(unused)}"] if unused else []
    return lines


def became(told: Told, asked: Asked) -> list[str]:
    """Say what became of the rows."""
    if told.already:
        return [f"this file was brought in before: {counts(told.tally)}"]
    lines = [f"  {body.decode()}" for body in told.shown]
    lines += [f"went on behind row {told.resumed_at}"] if told.resumed_at else []
    lines.append(("would be: " if asked.dry else "") + counts(told.tally))
    lines += [f"  {code}: {count}" for code, count in sorted(told.tally.reasons.items())]
    if told.tally.refused:
        lines.append(f"the refused rows, their lines and reasons: {asked.refused}")
    return lines


def counts(tally: ImportTally) -> str:
    """Say a tally in a line."""
    words = [_many(tally.rows, "row"), f"{_many(tally.events, 'event')} stored"]
    words += [f"{tally.known} known before"] if tally.known else []
    words += [f"{_many(tally.answers, 'answer')} about consent"] if tally.answers else []
    words += [f"{tally.unproven} without their proof left out"] if tally.unproven else []
    words += [f"{_many(tally.left_out, 'row')} left out by the mapping"] if tally.left_out else []
    return ", ".join([*words, f"{_many(tally.refused, 'row')} refused"])


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def listed(records: Sequence[ImportRecord], mappings: Words[str, bytes]) -> list[str]:
    """List presets, remembered mappings and imports."""
    lines = [f"preset   {each.kind.value:<10} {each.key:<18} {each.says}" for each in PRESETS]
    for name, raw in mappings.items():
        lines.append(f"mapping  {msgspec.json.decode(raw, type=Mapping).kind.value:<10} {name}")
    for each in records:
        state = "done" if each.finished_at is not None else f"stopped behind row {each.position}"
        lines.append(f"import   {each.kind:<10} {each.name}: {state}; {counts(each.tally)}")
    return lines
