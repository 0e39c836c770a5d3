"""The tracking plan: which events there are and what they carry, as the shop lays it down, and where what came does not fit it.

Each event has a JSON Schema (2020-12) for its properties. A schema is data that somebody wrote, so it can neither reach anything nor take
long: references lead only to its own ``$defs`` and never in a circle, regular expressions are matched in linear time, and a schema that
unfolds into thousands of parts is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from oportuno.events.plan_schema import GREATEST_REGEX, read_schema
from oportuno.kit.yaml_lines import Part, read_yaml

if TYPE_CHECKING:
    import jsonschema_rs

_WORDS: Final = ("mode", "unknown", "events", "identify")
_EVENT_WORDS: Final = ("mode", "properties", "description")
_IDENTIFY_WORDS: Final = ("mode", "traits", "description")
IDENTIFY: Final = "identify"
"""Under this name what `identify` calls carry stands in the list."""
_MOST_EVENTS: Final = 500
_NAME_AT_MOST: Final = 200
MOST_OF_ONE: Final = 10
"""Violations told of one event."""
_SAID_AT_MOST: Final = 200
_PATH_AT_MOST: Final = 200


class Mode(StrEnum):
    """What becomes of an event that does not fit."""

    WARN = "warn"
    """It is stored, and the violation is listed."""
    BLOCK = "block"
    """It is a reject, which can be replayed once the plan or the sender was mended."""


class Unknown(StrEnum):
    """What becomes of an event that the plan does not name."""

    IGNORE = "ignore"
    WARN = "warn"
    BLOCK = "block"


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the plan."""

    mode: Mode
    schema: Any
    """JSON Schema of its properties: an object, or true for anything."""


class TrackingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a workspace laid down about its events."""

    unknown: Unknown = Unknown.WARN
    events: Mapping[str, Planned] = {}
    identify: Planned | None = None
    """What `identify` calls may say of a person; None: whatever they like."""


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which an event does not fit its plan. Never holds a value that was sent."""

    event: str
    path: str
    """Where: ``products[].price``; empty for the event as a whole."""
    rule: str
    """The keyword of the schema that says so, or ``unknown_event``."""
    expected: str = ""
    """What was expected, in the words of the schema."""
    blocks: bool = False


UNKNOWN_EVENT: Final = "unknown_event"


def read_plan(text: str) -> TrackingPlan:
    """Read a plan. Raises BadInput with the line on anything that is not one, or that could cost more than it should."""
    table = read_yaml(text).table(("tracking_plan",), needed=("tracking_plan",)).need("tracking_plan").table(_WORDS, needed=("events",))
    mode = _mode(table.get("mode"), Mode.WARN)
    unknown = table.get("unknown")
    pairs = table.need("events").pairs()
    if len(pairs) > _MOST_EVENTS:
        raise table.need("events").fault("list_too_long", f"a plan has at most {_MOST_EVENTS} events")
    events = {}
    for name, part in pairs:
        if not name.strip() or len(name) > _NAME_AT_MOST:
            raise part.fault("name_malformed", f"the name of an event has 1 to {_NAME_AT_MOST} characters")
        events[name] = _read_event(part, mode)
    identify = table.get(IDENTIFY)
    return TrackingPlan(
        unknown=Unknown(unknown.choice(list(Unknown))) if unknown is not None else Unknown.WARN,
        events=events,
        identify=_read_event(identify, mode, _IDENTIFY_WORDS, "traits") if identify is not None else None,
    )


def _read_event(part: Part, mode: Mode, words: tuple[str, ...] = _EVENT_WORDS, carried: str = "properties") -> Planned:
    if part.plain() is None:
        return Planned(mode=mode, schema=True)
    told = part.table(words)
    schema = told.get(carried)
    return Planned(mode=_mode(told.get("mode"), mode), schema=read_schema(schema) if schema is not None else True)


def _mode(part: Part | None, otherwise: Mode) -> Mode:
    return Mode(part.choice(list(Mode))) if part is not None else otherwise


# ── Holding events against it ───────────────────────────────────────────────────────────────────────────────────────


class _Told(msgspec.Struct):
    properties: Any = None
    traits: Any = None


_TOLD: Final = msgspec.json.Decoder(_Told)


class Checker:
    """Holds events against a plan; each schema is made ready when its first event comes, and kept."""

    def __init__(self, plan: TrackingPlan) -> None:
        self.plan = plan
        self._ready: dict[str, jsonschema_rs.Validator] = {}

    def check(self, name: str, body: bytes) -> tuple[Violation, ...]:
        """Say where a track call that decodes does not fit; empty when it does, or when the plan does not care."""
        planned = self.plan.events.get(name)
        if planned is None:
            if self.plan.unknown is Unknown.IGNORE:
                return ()
            return (Violation(event=name, path="", rule=UNKNOWN_EVENT, blocks=self.plan.unknown is Unknown.BLOCK),)
        if planned.schema is True:
            return ()
        return self._held(name, planned, _TOLD.decode(body).properties)

    def check_traits(self, body: bytes) -> tuple[Violation, ...]:
        """Say where an identify call that decodes does not fit; empty when it does, or when the plan does not care."""
        planned = self.plan.identify
        if planned is None or planned.schema is True:
            return ()
        return self._held("", planned, _TOLD.decode(body).traits)

    def _held(self, name: str, planned: Planned, told: Any) -> tuple[Violation, ...]:
        """Hold what was told against what was planned; without a name it is told of a person."""
        validator = self._ready.get(name) or self._make_ready(name, planned.schema)
        carried = {} if told is None else told
        if validator.is_valid(carried):
            return ()
        blocks = planned.mode is Mode.BLOCK
        found: dict[Violation, None] = {}
        for error in islice(validator.iter_errors(carried), MOST_OF_ONE):
            for path, rule, expected in _said(error):
                found[Violation(event=name or IDENTIFY, path=path, rule=rule, expected=expected, blocks=blocks)] = None
        return tuple(found)[:MOST_OF_ONE]

    def _make_ready(self, name: str, schema: Any) -> jsonschema_rs.Validator:
        self._ready[name] = validator = make_validator(schema)
        return validator


def make_validator(schema: Any) -> jsonschema_rs.Validator:
    """Make a schema ready. Raises jsonschema_rs.ValidationError when it is none."""
    # Imported late: only a workspace with a plan needs it.
    from jsonschema_rs import Draft202012Validator, RegexOptions

    return Draft202012Validator(schema, validate_formats=True, pattern_options=RegexOptions(size_limit=GREATEST_REGEX), offline=True)


def _said(error: jsonschema_rs.ValidationError) -> list[tuple[str, str, str]]:
    """Give (path, rule, what was expected) of one error; for missing and unexpected properties their own paths."""
    path, kind = _path(error.instance_path), error.kind
    value = kind.value
    match kind.name:
        case "required":
            return [(_under(path, str(value)), "required", "")]
        case "additionalProperties" | "unevaluatedProperties":
            return [(_under(path, name), "additionalProperties", "") for name in value[:MOST_OF_ONE]]
        case "type":
            return [(path, "type", _cut(" / ".join(str(each) for each in value)))]
        case "enum":
            return [(path, "enum", _cut(", ".join(str(each) for each in value)))]
        case "const" | "format" | "pattern" | "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf":
            return [(path, kind.name, _cut(str(value)))]
        case "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties":
            return [(path, kind.name, str(value))]
        case _:
            return [(path, kind.name, "")]


def _path(parts: list[str | int]) -> str:
    text = ""
    for part in parts:
        text = f"{text}[]" if isinstance(part, int) else _under(text, part)
    return text


def _under(path: str, name: str) -> str:
    return f"{path}.{name}"[:_PATH_AT_MOST] if path else name[:_PATH_AT_MOST]


def _cut(text: str) -> str:
    return text if len(text) <= _SAID_AT_MOST else f"{text[: _SAID_AT_MOST - 1]}…"


# ── In words ────────────────────────────────────────────────────────────────────────────────────────────────────────

_SENTENCES: Final[dict[str, tuple[str, str]]] = {
    UNKNOWN_EVENT: ("the tracking plan does not know this event", "el plan de seguimiento no conoce este evento"),
    "required": ("“{path}” is missing", "falta «{path}»"),
    "additionalProperties": ("the plan does not know “{path}”", "el plan no conoce «{path}»"),
    "type": ("“{path}” is not of the type {expected}", "«{path}» no es del tipo {expected}"),
    "enum": ("“{path}” is none of {expected}", "«{path}» no es ninguno de estos: {expected}"),
    "const": ("“{path}” is not {expected}", "«{path}» no es {expected}"),
    "format": ("“{path}” is not written as a {expected}", "«{path}» no está escrito como {expected}"),
    "pattern": ("“{path}” does not match {expected}", "«{path}» no encaja con {expected}"),
    "minimum": ("“{path}” is less than {expected}", "«{path}» es menor que {expected}"),
    "maximum": ("“{path}” is more than {expected}", "«{path}» es mayor que {expected}"),
    "exclusiveMinimum": ("“{path}” is not more than {expected}", "«{path}» no es mayor que {expected}"),
    "exclusiveMaximum": ("“{path}” is not less than {expected}", "«{path}» no es menor que {expected}"),
    "multipleOf": ("“{path}” is not a multiple of {expected}", "«{path}» no es múltiplo de {expected}"),
    "minLength": ("“{path}” has fewer than {expected} characters", "«{path}» tiene menos de {expected} caracteres"),
    "maxLength": ("“{path}” has more than {expected} characters", "«{path}» tiene más de {expected} caracteres"),
    "minItems": ("“{path}” has fewer than {expected} entries", "«{path}» tiene menos de {expected} elementos"),
    "maxItems": ("“{path}” has more than {expected} entries", "«{path}» tiene más de {expected} elementos"),
    "uniqueItems": ("an entry stands twice in “{path}”", "un elemento se repite en «{path}»"),
}
_OTHERWISE: Final = ("“{path}” does not fit the plan", "«{path}» no encaja con el plan")


def sentence_of(violation: Violation, language: str) -> str:
    """Say a violation in English, or in Spanish for ``es``."""
    place = 1 if language == "es" else 0
    words = _SENTENCES.get(violation.rule, _OTHERWISE)[place]
    whole = "traits" if violation.event == IDENTIFY else "properties"
    return words.format(path=violation.path or whole, expected=violation.expected)
