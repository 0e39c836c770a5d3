"""Finding a person in what could not be read: which ids an event tells, and whether bytes that became no event name any of them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any, Final

import msgspec

_ID_FIELDS: Final = ("userId", "anonymousId", "previousId")
_CONTACTS: Final = ("email", "phone")
LONG_ENOUGH: Final = 6
"""Characters from which a trace is looked for inside longer texts too; a shorter one would be found in half the words there are."""
_DECODE: Final = msgspec.json.Decoder().decode


def traces_in(body: bytes) -> set[str]:
    """Give what names a person in an event's body: ids and contact points. Empty when the body cannot be read."""
    try:
        call = _DECODE(body)
    except (msgspec.DecodeError, RecursionError):
        return set()
    if not isinstance(call, dict):
        return set()
    context = call.get("context")
    places = [call.get("traits"), context.get("traits") if isinstance(context, dict) else None, call.get("properties")]
    found = [call.get(name) for name in _ID_FIELDS]
    found += [place.get(name) for place in places if isinstance(place, dict) for name in _CONTACTS]
    return {str(value) for value in found if _is_word(value)}


def names_any(raw: bytes, traces: Collection[str]) -> bool:
    """Say whether bytes name a person by any of the traces.

    What reads as JSON is searched value by value: a text that is the trace, or contains it as a word of its own when it is long enough; a
    number only where the field's name ends in «id». Anything else is searched as text, in UTF-8 and as JSON escapes it.
    """
    wanted = {trace.casefold() for trace in traces if trace.strip()}
    if not wanted:
        return False
    inside = _inside(wanted)
    try:
        item = _DECODE(raw)
        return any(_told(name, value, wanted, inside) for name, value in _leaves(item))
    except (msgspec.DecodeError, RecursionError):
        return _written(raw, wanted)


def _told(name: str, value: Any, wanted: set[str], inside: re.Pattern[str] | None) -> bool:
    if not isinstance(value, str):
        return name.casefold().endswith("id") and str(value) in wanted
    text = value.casefold()
    return text in wanted or (inside is not None and inside.search(text) is not None)


def _leaves(item: Any) -> Iterator[tuple[str, Any]]:
    """Give every name and every value, each with the name of the field it stands in."""
    waiting: list[tuple[str, Any]] = [("", item)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            yield from (("", key) for key in value)
            waiting += value.items()
        elif isinstance(value, list):
            waiting += [(name, inner) for inner in value]
        elif _is_word(value):
            yield name, value


def _written(raw: bytes, wanted: set[str]) -> bool:
    text = raw.decode("utf-8", "replace").casefold()
    for trace in wanted:
        for spelling in {trace, json.dumps(trace)[1:-1].casefold()}:
            bounded = rf"(?<!\w){re.escape(spelling)}(?!\w)" if len(trace) >= LONG_ENOUGH else rf'"{re.escape(spelling)}"'
            if re.search(bounded, text):
                return True
    return False


def _inside(wanted: set[str]) -> re.Pattern[str] | None:
    long = sorted(re.escape(trace) for trace in wanted if len(trace) >= LONG_ENOUGH)
    return re.compile(rf"(?<!\w)(?:{'|'.join(long)})(?!\w)") if long else None


def _is_word(value: Any) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""
