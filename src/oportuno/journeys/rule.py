"""Matching a rule against one customer. What is not known decides nothing: unknown is neither yes nor no, and so is its opposite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from oportuno.journeys.journey import Branch, Journey, Rule
from oportuno.kit.money import Money, to_decimal
from oportuno.moments.basket import left_lines
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Cart, Core, Orders, Traits

FIELDS: Final = ("cart.count", "cart.total", "cart.currency", "orders.count")
"""The fields with fixed names; beside them `event.<property>` and `trait.<name>`."""
_CORE_TRAITS: Final = frozenset({"email", "phone", "name", "first_name", "last_name", "locale", "timezone", "country"})


class Unknown:
    """The field is closed to us, for want of consent, or cannot be worked out."""


UNKNOWN: Final = Unknown()


def matches(rule: Rule, draft: Draft, event: Mapping[str, Any]) -> bool:
    """Say whether the rule certainly holds. `event` has the properties of the event in question."""
    return _truth(rule, draft, event) is True


def event_fields(journey: Journey) -> frozenset[str]:
    """Name the event properties that the journey's branches ask for: what a walk has to remember of its trigger."""
    rules = [step.rule for step in journey.steps if isinstance(step, Branch)]
    return frozenset(field.removeprefix("event.") for rule in rules for field in _fields(rule) if field.startswith("event."))


def _fields(rule: Rule) -> Iterator[str]:
    if rule.field:
        yield rule.field
    for inner in rule.rules:
        yield from _fields(inner)


def _truth(rule: Rule, draft: Draft, event: Mapping[str, Any]) -> bool | None:
    match rule.op:
        case "all":
            answers = [_truth(inner, draft, event) for inner in rule.rules]
            return False if False in answers else None if None in answers else True
        case "any":
            answers = [_truth(inner, draft, event) for inner in rule.rules]
            return True if True in answers else None if None in answers else False
        case "not":
            inner_answer = _truth(rule.rules[0], draft, event)
            return None if inner_answer is None else not inner_answer
        case _:
            return _leaf(rule, _value(rule.field, draft, event))


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


def _value(field: str, draft: Draft, event: Mapping[str, Any]) -> Any:
    area, _, name = field.partition(".")
    if area == "event":
        return event.get(name)
    if area == "trait":
        return _trait(name, draft)
    if area == "orders":
        return draft.read(Orders).count
    if name == "currency":
        return draft.read(Cart).currency or None
    lines = left_lines(draft)
    if name == "count":
        return sum(line.quantity for line in lines)
    currency = draft.read(Cart).currency
    if not currency or any(line.price is None for line in lines):
        return UNKNOWN
    return to_decimal(Money(minor=sum((line.price or 0) * line.quantity for line in lines), currency=currency))


def _trait(name: str, draft: Draft) -> Any:
    if name in _CORE_TRAITS:
        register = draft.read(Core).traits.get(name)
    elif draft.may(Traits):
        register = draft.read(Traits).values.get(name)
    else:
        return UNKNOWN
    return None if register is None else register.value
