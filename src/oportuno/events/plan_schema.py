"""Reading a JSON Schema out of a plan: every keyword is known, and what could reach out or take long is refused, with its line."""

from __future__ import annotations

import re
from typing import Any, Final

from oportuno.kit.faults import BadInput
from oportuno.kit.yaml_lines import Part, nearest

GREATEST_REGEX: Final = 256 * 1024
"""Bytes that one regular expression may take when it is made ready: without it ``(a{1000}){1000}`` takes a gigabyte."""
MOST_PARTS: Final = 2_000
"""Schemas within a schema, each reference counted as what it leads to."""

_MANY: Final = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})
"""Keywords with names and schemas."""
_ONE: Final = frozenset(
    {"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "unevaluatedProperties", "unevaluatedItems"}
)
_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_PLAIN: Final = frozenset(
    "type enum const required minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern format minItems"
    " maxItems uniqueItems minContains maxContains minProperties maxProperties dependentRequired title description default examples"
    " deprecated $comment $ref".split()
)
KEYWORDS: Final = _MANY | _ONE | _LISTS | _PLAIN
_MOST_DEFS: Final = 100
_REF: Final = re.compile(r"#/\$defs/([A-Za-z0-9_.-]{1,100})")


def read_schema(part: Part) -> Any:
    """Read a schema as plain values. Raises BadInput with the line."""
    reader = _Reader()
    reader.read(part)
    reader.follow(part)
    schema = part.plain()
    _try(part, schema)
    return schema


class _Reader:
    """Looks at every schema within a schema."""

    def __init__(self) -> None:
        self._defs: dict[str, tuple[int, list[str]]] = {}
        """Name → how many schemas stand in it, and which names it refers to."""
        self._refs: list[str] = []
        self._count = 0

    def read(self, part: Part, *, outermost: bool = True) -> None:
        """Read one schema and those inside it."""
        self._count += 1
        if isinstance(part.plain(), bool):
            return
        for keyword, value in part.pairs():
            if keyword not in KEYWORDS:
                near = nearest(keyword, KEYWORDS)
                hint = f"; did you mean “{near}”?" if near else ""
                raise value.fault("plan_schema", f"“{keyword[:60]}” is no keyword of a schema here{hint}")
            if keyword == "$defs":
                self._read_defs(value, outermost=outermost)
            elif keyword in _MANY:
                for _, inner in value.pairs():
                    self.read(inner, outermost=False)
            elif keyword in _ONE:
                self.read(value, outermost=False)
            elif keyword in _LISTS:
                for inner in value.parts():
                    self.read(inner, outermost=False)
            elif keyword == "$ref":
                found = _REF.fullmatch(value.text())
                if found is None:
                    raise value.fault("plan_schema", "a reference leads into the schema's own $defs: “#/$defs/<name>”")
                self._refs.append(found.group(1))

    def _read_defs(self, value: Part, *, outermost: bool) -> None:
        if not outermost:
            raise value.fault("plan_schema", "“$defs” stand on the outermost level of an event's schema")
        if len(value.pairs()) > _MOST_DEFS:
            raise value.fault("plan_schema", f"a schema has at most {_MOST_DEFS} $defs")
        for name, inner in value.pairs():
            count, refs = self._count, self._refs
            self._count, self._refs = 0, []
            self.read(inner, outermost=False)
            self._defs[name] = self._count, self._refs
            self._count, self._refs = count, refs

    def follow(self, part: Part) -> None:
        """Follow every reference. Raises BadInput when one leads nowhere or in a circle, or when the whole unfolds into too much."""
        sizes: dict[str, int] = {}

        def size_of(name: str, above: tuple[str, ...]) -> int:
            if name in above:
                raise part.fault("plan_schema", f"the reference “{name}” leads in a circle")
            if name not in self._defs:
                raise part.fault("plan_schema", f"the reference “{name}” leads nowhere: there is no such name in $defs")
            if name not in sizes:
                count, refs = self._defs[name]
                sizes[name] = count + sum(size_of(each, (*above, name)) for each in refs)
            return sizes[name]

        whole = self._count + sum(size_of(name, ()) for name in [*self._refs, *self._defs])
        if whole > MOST_PARTS:
            raise part.fault("plan_schema", f"the schema unfolds into {min(whole, 10**9)} parts: at most {MOST_PARTS} are allowed")


def _try(part: Part, schema: Any) -> None:
    """Make the schema ready once, so that what is wrong with it is told with its line."""
    from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError

    try:
        Draft202012Validator(schema, validate_formats=True, pattern_options=RegexOptions(size_limit=GREATEST_REGEX), offline=True)
    except ValidationError as fault:
        place, at = part, list(fault.instance_path)
        for word in at:
            inner = _inside(place, word)
            if inner is None:
                break
            place = inner
        where = ".".join(str(word) for word in at)
        raise place.fault("plan_schema", _why(where)) from fault
    except ValueError as fault:
        raise part.fault("plan_schema", _why("")) from fault


def _why(where: str) -> str:
    if where.endswith("pattern") or "patternProperties" in where:
        return "this regular expression cannot be used: it looks around, refers back, or is too large"
    return f"“{where[:100]}” is not as JSON Schema wants it" if where else "this is not a JSON Schema"


def _inside(part: Part, word: str | int) -> Part | None:
    try:
        if isinstance(word, int):
            parts = part.parts()
            return parts[word] if word < len(parts) else None
        return dict(part.pairs()).get(word)
    except BadInput:
        return None
