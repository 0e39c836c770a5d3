"""A rule holds when it certainly holds. What is closed to us, or not known, decides nothing either way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oportuno.journeys.journey import Rule
from oportuno.journeys.rule import matches
from oportuno.profile.sections import Cart, Core, Line, Orders, Register, Traits

if TYPE_CHECKING:
    from tienda_norte import Cast


def leaf(field: str, op: str, value: object) -> Rule:
    return Rule(op=op, field=field, value=value)  # type: ignore[arg-type]


def no(rule: Rule) -> Rule:
    return Rule(op="not", rules=(rule,))


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        (leaf("cart.count", "at_least", 3), True),
        (leaf("cart.count", "at_least", 4), False),
        (leaf("cart.total", "at_most", 40), True),
        (leaf("cart.total", "at_least", 37.5), True),
        (leaf("cart.total", "is", 37.5), True),
        (leaf("cart.currency", "in", ["USD", "EUR"]), True),
        (leaf("orders.count", "is", 2), True),
        (leaf("trait.country", "is", "ES"), True),
        (leaf("trait.phone", "exists", False), True),
        (leaf("trait.email", "exists", True), True),
        (leaf("trait.size", "is", "M"), True),
        (leaf("event.price", "at_least", 10), True),
        (leaf("event.price", "is", "12"), False),
        (leaf("event.gift", "is", 1), False),
        (leaf("event.gift", "is", True), True),
        (leaf("event.missing", "is", 1), False),
        (no(leaf("event.missing", "is", 1)), False),
        (no(leaf("event.price", "at_least", 100)), True),
        (no(leaf("event.text", "at_least", 1)), False),
    ],
)
def test_rules_read_the_event_and_the_profile(cast: Cast, rule: Rule, holds: bool) -> None:
    ana = cast.ana()
    cart = ana.open(Cart)
    cart.currency = "EUR"
    cart.lines = [Line(product="mug", price=1250, quantity=3), Line(product="coat", price=9900, gone=True)]
    ana.open(Orders).count = 2
    ana.open(Traits).values = {"size": Register(value="M", at=1)}
    ana.open(Core).traits["country"] = Register(value="ES", at=1)
    assert matches(rule, ana, {"price": 12, "gift": True, "text": "ten"}) is holds


def test_what_a_customer_keeps_closed_is_neither_yes_nor_no(cast: Cast) -> None:
    bruno = cast.bruno()
    likes_red = leaf("trait.colour", "is", "red")
    for rule in (likes_red, no(likes_red), leaf("trait.colour", "exists", False), leaf("trait.colour", "exists", True)):
        assert not matches(rule, bruno, {})
    known = leaf("trait.email", "exists", True)
    assert matches(Rule(op="any", rules=(likes_red, known)), bruno, {})
    assert not matches(Rule(op="all", rules=(likes_red, known)), bruno, {})
    assert not matches(no(Rule(op="all", rules=(likes_red, known))), bruno, {})
    assert matches(no(Rule(op="all", rules=(likes_red, no(known)))), bruno, {})


def test_a_cart_with_a_price_unknown_has_no_total(cast: Cast) -> None:
    ana = cast.ana()
    ana.open(Cart).lines = [Line(product="mug", price=None)]
    ana.open(Cart).currency = "EUR"
    assert not matches(leaf("cart.total", "at_least", 0), ana, {})
    assert not matches(no(leaf("cart.total", "at_least", 0)), ana, {})
