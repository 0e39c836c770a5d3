"""A tracking plan is read with its lines, holds events against what was laid down, and cannot be made to reach out or to take long."""

from __future__ import annotations

import json

import pytest

from oportuno.events.plan import Checker, Mode, Unknown, Violation, read_plan, sentence_of
from oportuno.kit.faults import BadInput

NORTE = """\
tracking_plan:
  mode: warn
  unknown: warn
  events:
    Order Completed:
      mode: block
      description: What the till and the shop send.
      properties:
        type: object
        required: [order_id, products]
        additionalProperties: false
        properties:
          order_id: {type: string, pattern: "^[A-Z]-[0-9]+$"}
          total: {type: number, minimum: 0}
          currency: {enum: [EUR, GBP]}
          products:
            type: array
            items: {$ref: "#/$defs/line"}
        $defs:
          line:
            type: object
            required: [product_id]
            properties:
              price: {type: number}
    Cart Viewed:
"""


def held(name: str, properties) -> list[tuple[str, str, str]]:
    body = json.dumps({"type": "track", "event": name, "properties": properties}).encode()
    return [(each.path, each.rule, each.expected) for each in Checker(read_plan(NORTE)).check(name, body)]


def schema(text: str) -> str:
    inside = "\n".join(f"        {line}" for line in text.strip().splitlines())
    return f"tracking_plan:\n  events:\n    Cart Viewed:\n      properties:\n{inside}\n"


def fault_of(text: str) -> BadInput:
    with pytest.raises(BadInput) as told:
        read_plan(text)
    return told.value


def test_a_plan_says_what_becomes_of_each_event():
    plan = read_plan(NORTE)
    assert {name: planned.mode for name, planned in plan.events.items()} == {"Order Completed": Mode.BLOCK, "Cart Viewed": Mode.WARN}
    assert plan.unknown is Unknown.WARN


def test_an_order_that_fits_is_no_violation():
    assert (
        held("Order Completed", {"order_id": "T-1", "total": 50, "currency": "EUR", "products": [{"product_id": "p1", "price": 50}]}) == []
    )


def test_every_way_in_which_an_order_does_not_fit_is_told_with_its_path():
    told = {"order_id": "1", "total": -1, "currency": "USD", "products": [{"price": "ana@example.com"}, {"price": "carla"}], "ana": 1}
    assert set(held("Order Completed", told)) == {
        ("order_id", "pattern", "^[A-Z]-[0-9]+$"),
        ("total", "minimum", "0"),
        ("currency", "enum", "EUR, GBP"),
        ("products[].product_id", "required", ""),
        ("products[].price", "type", "number"),
        ("ana", "additionalProperties", ""),
    }


def test_no_violation_ever_shows_what_was_sent():
    told = held(
        "Order Completed", {"order_id": "ana@example.com", "total": "ana@example.com", "currency": "ana@example.com", "products": {}}
    )
    assert told
    assert "ana" not in str(told)


@pytest.mark.parametrize("properties", [None, {}])
def test_an_event_without_properties_lacks_what_is_required(properties):
    assert ("order_id", "required", "") in held("Order Completed", properties)


def test_an_event_without_a_schema_fits_whatever_it_carries():
    assert held("Cart Viewed", {"what": ["ever"]}) == []


def test_an_event_that_the_plan_does_not_name_is_told_or_blocked_or_nobodys_business():
    body = b'{"event":"Cart Veiwed"}'
    for word, told in {"warn": [False], "block": [True], "ignore": []}.items():
        found = Checker(read_plan(NORTE.replace("unknown: warn", f"unknown: {word}"))).check("Cart Veiwed", body)
        assert [each.blocks for each in found] == told
        assert all(each.rule == "unknown_event" for each in found)


def test_a_violation_is_a_sentence_in_both_languages():
    missing = Violation(event="Order Completed", path="order_id", rule="required")
    assert (sentence_of(missing, "en"), sentence_of(missing, "es")) == ("“order_id” is missing", "falta «order_id»")
    odd = Violation(event="Order Completed", path="", rule="oneOf")
    assert (sentence_of(odd, "en"), sentence_of(odd, "es")) == ("“properties” does not fit the plan", "«properties» no encaja con el plan")


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("type: object\nrequried: [a]", 6, "required"),
        ("properties:\n  a: {type: strin}", 6, "type"),
        ("properties:\n  a:\n    minLength: x", 7, "minLength"),
        ("items: {$ref: 'http://127.0.0.1/schema.json'}", 5, "$defs"),
        ("items: {$ref: 'file:///etc/passwd'}", 5, "$defs"),
        ("$id: https://tiendanorte.example/plan", 5, "keyword"),
        ("$dynamicRef: '#a'", 5, "keyword"),
        ("$ref: '#/$defs/nobody'", 5, "nowhere"),
        ("$ref: '#/$defs/a'\n$defs:\n  a: {anyOf: [{$ref: '#/$defs/b'}]}\n  b: {$ref: '#/$defs/a'}", 5, "circle"),
        ("properties:\n  a: {pattern: '(?=.*a)b'}", 6, "regular expression"),
        ("properties:\n  a: {pattern: '(a)\\1'}", 6, "regular expression"),
        ("properties:\n  a: {pattern: '((a{100}){100}){100}'}", 6, "regular expression"),
        ("7", 5, "names with values"),
    ],
)
def test_a_schema_that_is_none_or_is_hostile_is_refused_with_its_line(text, line, word):
    told = fault_of(schema(text))
    assert told.place == f"line {line}"
    assert word in told.sentence


def test_a_schema_that_unfolds_into_a_million_parts_is_refused_at_once():
    levels = "\n".join(f"  d{n}: {{anyOf: [{{$ref: '#/$defs/d{n - 1}'}}, {{$ref: '#/$defs/d{n - 1}'}}]}}" for n in range(1, 60))
    told = fault_of(schema(f"$ref: '#/$defs/d59'\n$defs:\n  d0: {{type: string}}\n{levels}"))
    assert "unfolds" in told.sentence


def test_a_regular_expression_that_others_would_choke_on_is_matched_all_the_same():
    checker = Checker(read_plan(schema("properties:\n  a: {pattern: '^(a+)+$'}")))
    # One that tries every way would not come back within the age of the universe.
    body = json.dumps({"properties": {"a": "a" * 30_000 + "!"}}).encode()
    assert [each.rule for each in checker.check("Cart Viewed", body)] == ["pattern"]


@pytest.mark.parametrize("inside", ["events: 7", "mood: warn\n  events: {}", "mode: strict\n  events: {}", "mode: warn"])
def test_a_plan_that_is_none_is_refused_with_a_line(inside):
    assert fault_of(f"tracking_plan:\n  {inside}\n").place.startswith("line ")


def test_a_file_of_something_else_is_no_plan():
    assert fault_of("plan: {}\n").code == "word_unknown"
