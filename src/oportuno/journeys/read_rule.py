"""Reading and writing a rule: ``{field: cart.total, at_least: 20}``, and all, any, not of such."""

from __future__ import annotations

from typing import Any, Final, Literal, cast

from oportuno.journeys.field import FIELDS, INTERESTS, is_field
from oportuno.journeys.journey import Rule
from oportuno.kit.yaml_lines import Part, nearest

_LEAVES: Final = ("is", "in", "at_least", "at_most", "exists")
_GROUPS: Final = ("all", "any", "not")
_Leaf = Literal["is", "in", "at_least", "at_most", "exists"]
_MOST_RULES: Final = 50
_LARGEST: Final = 1e15


def read_rule(part: Part) -> Rule:
    """Read a rule tree. Raises BadInput, with the line."""
    table = part.table((*_GROUPS, "field", *_LEAVES))
    words = [word for word in (*_GROUPS, *_LEAVES) if word in table]
    if len(words) != 1:
        raise part.fault("rule_unfit", f"a rule has exactly one of {', '.join((*_GROUPS, *_LEAVES))}")
    word = words[0]
    inner = table.need(word)
    if word in _GROUPS:
        if "field" in table:
            raise table.need("field").fault("rule_unfit", f"“field” does not go with “{word}”")
        return _group(word, inner)
    field = table.need("field")
    return Rule(op=cast("_Leaf", word), field=_field(field), value=_value(word, inner))


def write_rule(rule: Rule) -> dict[str, Any]:
    """Give the plain values that `read_rule` reads the rule from."""
    if rule.op == "not":
        return {"not": write_rule(rule.rules[0])}
    if rule.op in {"all", "any"}:
        return {rule.op: [write_rule(inner) for inner in rule.rules]}
    return {"field": rule.field, rule.op: rule.value}


def _group(word: str, inner: Part) -> Rule:
    if word == "not":
        return Rule(op="not", rules=(read_rule(inner),))
    rules = tuple(read_rule(part) for part in inner.parts())
    if not 1 <= len(rules) <= _MOST_RULES:
        raise inner.fault("rule_unfit", f"“{word}” has from 1 to {_MOST_RULES} rules")
    return Rule(op="all" if word == "all" else "any", rules=rules)


def _field(part: Part) -> str:
    field = part.text()
    if is_field(field):
        return field
    interests = tuple(f"interest.{kind}.<name>" for kind in INTERESTS)
    near = nearest(field, (*FIELDS, *interests))
    hint = f"did you mean “{near}”?" if near else f"known are {', '.join((*FIELDS, *interests))}, event.<property>, trait.<name>"
    raise part.fault("field_unknown", f"the field “{field[:60]}” is not known; {hint}")


def _value(word: str, part: Part) -> Any:
    if word == "exists":
        return part.flag()
    if word in {"at_least", "at_most"}:
        number = part.number(-_LARGEST, _LARGEST)
        plain = part.plain()
        return plain if isinstance(plain, int) else number
    value = part.plain()
    if word == "in":
        if not isinstance(value, list) or not value:
            raise part.fault("rule_unfit", "“in” has a list of values")
        if any(not _scalar(one) for one in value):
            raise part.fault("rule_unfit", "each value of “in” is a text, a number, true or false")
    elif not _scalar(value):
        raise part.fault("rule_unfit", "“is” has a text, a number, true or false")
    return value


def _scalar(value: object) -> bool:
    return isinstance(value, (str, int, float, bool))
