"""Files whose layout is known: the exports of shop systems, and the public data sets that people try things out with."""

from __future__ import annotations

from typing import Final

from oportuno.events.bring.fields import Kind
from oportuno.events.bring.presets.data_sets import DATA_SETS
from oportuno.events.bring.presets.ga4 import GA4
from oportuno.events.bring.presets.preset import Preset
from oportuno.events.bring.presets.shops import SHOPS
from oportuno.kit.faults import BadInput

PRESETS: Final[tuple[Preset, ...]] = (*SHOPS, *GA4, *DATA_SETS)


def find_preset(kind: Kind, key: str) -> Preset:
    """Give a preset by its kind and key. Raises BadInput ``preset_unknown``."""
    for preset in PRESETS:
        if preset.kind is kind and preset.key == key:
            return preset
    known = ", ".join(preset.key for preset in PRESETS if preset.kind is kind)
    raise BadInput("preset_unknown", f"the presets for {kind.value} are: {known or 'none'}", place="preset")
