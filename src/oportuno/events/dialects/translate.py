"""From another vocabulary into ours, once, at the door.

Their properties stay as they are and ours stand beside them, so that nothing that was sent is lost; the name they used is kept in
``context.oportuno``. An event that cannot be understood, because what its name needs is not there, stays what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from oportuno.events.dialects import braze, ga4, klaviyo
from oportuno.events.dialects.meaning import Meaning, Words

DIALECTS: Final[Mapping[str, Mapping[str, Meaning]]] = {"ga4": ga4.NAMES, "klaviyo": klaviyo.NAMES, "braze": braze.NAMES}
FOREIGN: Final[dict[str, tuple[str, Meaning]]] = {
    name: (dialect, meaning) for dialect, names in DIALECTS.items() for name, meaning in names.items()
}
"""Every foreign name that is understood: the dialect, and what it means. None of them is a name of ours."""
_FIRST: Final = "[]"
_DECODE: Final = msgspec.json.Decoder(dict[str, Any]).decode
_ENCODE: Final = msgspec.json.Encoder().encode


def in_our_words(name: str, body: bytes) -> tuple[str, bytes]:
    """Give an event's name and body in our vocabulary; both as they were when the event cannot be understood.

    `name` is one of `FOREIGN`, and `body` a track call that decodes.
    """
    call = _DECODE(body)
    told = our_properties(name, call.get("properties") or {})
    if told is None:
        return name, body
    ours, properties = told
    context = call.get("context") or {}
    kept = context.get("oportuno")
    said = {"event": name, "dialect": FOREIGN[name][0]}
    call["event"], call["properties"] = ours, properties
    call["context"] = context | {"oportuno": (kept | said) if isinstance(kept, dict) else said}
    return ours, _ENCODE(call)


def our_properties(name: str, properties: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Give our name of an event, and its properties with ours beside them; None when it cannot be understood."""
    found = FOREIGN.get(name)
    if found is None:
        return None
    meaning = found[1]
    if meaning.marks and not any(_there(properties.get(mark)) for mark in meaning.marks):
        return None
    event, one = meaning.event, meaning.one
    said = properties.get(meaning.by) if meaning.by else None
    if isinstance(said, str) and said in meaning.cases:
        event, one = meaning.cases[said], True
    ours = dict(properties)
    for word, value in meaning.fixed.items():
        ours.setdefault(word, value)
    _add(ours, meaning.told)
    lines = _lines(properties, meaning)
    if lines is not None and one and len(lines) == 1 and isinstance(lines[0], dict):
        ours = lines[0] | ours
    elif lines is not None:
        ours["products"] = lines
    return event.value, ours


def _lines(properties: Mapping[str, Any], meaning: Meaning) -> list[Any] | None:
    for name in meaning.lists:
        listed = properties.get(name)
        if isinstance(listed, list):
            lines = []
            for each in listed:
                line = dict(each) if isinstance(each, dict) else each
                if isinstance(line, dict):
                    _add(line, meaning.line)
                lines.append(line)
            return lines
    return None


def _add(told: dict[str, Any], words: Words) -> None:
    """Put our words beside theirs, where ours are not there already."""
    for ours, theirs in words.items():
        if ours in told:
            continue
        for name in theirs:
            value = told.get(name.removesuffix(_FIRST))
            if name.endswith(_FIRST) and isinstance(value, list):
                value = next((each for each in value if isinstance(each, str)), None)
            if value is not None and value != "":
                told[ours] = value
                break


def _there(value: Any) -> bool:
    return value is not None and value != ""
