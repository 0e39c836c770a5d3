"""Matching a rule against one customer. What is not known decides nothing: unknown is neither yes nor no, and so is its opposite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from oportuno.journeys.field import UNKNOWN, value_of
from oportuno.journeys.journey import Branch, Journey, Rule
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft


def matches(rule: Rule, draft: Draft, event: Mapping[str, Any], *, now: Millis) -> bool:
    """Say whether the rule certainly holds at a moment. `event` has the properties of the event in question."""
    return _Asked(draft, event, now).truth(rule) is True


def event_fields(journey: Journey) -> frozenset[str]:
    """Name the event properties that the journey's branches ask for: what a walk has to remember of its trigger."""
    rules = [step.rule for step in journey.steps if isinstance(step, Branch)]
    return frozenset(field.removeprefix("event.") for rule in rules for field in _fields(rule) if field.startswith("event."))


def of_event_alone(rule: Rule) -> bool:
    """Say whether a rule asks only what the event itself tells: then it holds for everybody or for nobody."""
    return all(field.startswith("event.") for field in _fields(rule))


def _fields(rule: Rule) -> Iterator[str]:
    if rule.field:
        yield rule.field
    for inner in rule.rules:
        yield from _fields(inner)


class _Asked(NamedTuple):
    """Whom and what a rule is asked about."""

    draft: Draft
    event: Mapping[str, Any]
    now: Millis

    def truth(self, rule: Rule) -> bool | None:
        """Say whether a rule holds; None: that is not known."""
        match rule.op:
            case "all":
                answers = [self.truth(inner) for inner in rule.rules]
                return False if False in answers else None if None in answers else True
            case "any":
                answers = [self.truth(inner) for inner in rule.rules]
                return True if True in answers else None if None in answers else False
            case "not":
                inner_answer = self.truth(rule.rules[0])
                return None if inner_answer is None else not inner_answer
            case _:
                return _leaf(rule, value_of(rule.field, self.draft, self.event, self.now))


def _leaf(rule: Rule, value: Any) -> bool | None:
    if value is UNKNOWN:
        return None
    if rule.op == "exists":
        return (value is not None) is bool(rule.value)
    if value is None:
        return None
    if rule.op == "is":
        return _same(value, rule.value)
    if rule.op == "in":
        return any(_same(value, wanted) for wanted in rule.value)
    left, right = _number(value), _number(rule.value)
    if left is None or right is None:
        return None
    return left >= right if rule.op == "at_least" else left <= right


def _same(value: object, wanted: object) -> bool:
    left, right = _number(value), _number(wanted)
    if left is not None and right is not None:
        return left == right
    return type(value) is type(wanted) and value == wanted


def _number(value: object) -> Decimal | int | None:
    if type(value) is int:
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    return number if number.is_finite() else None
