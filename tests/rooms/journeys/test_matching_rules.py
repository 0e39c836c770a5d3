"""A rule holds when it certainly holds. What is closed to us, or not known, decides nothing either way."""

from __future__ import annotations

from typing import Any

import pytest
from tienda_norte import Cast

from oportuno.journeys.journey import Rule
from oportuno.journeys.rule import matches
from oportuno.kit.times import DAY, HOUR
from oportuno.profile.draft import Draft
from oportuno.profile.fold import fold
from oportuno.profile.sections import Cart, Core, Line, Orders, Register, Traits

NOON = Cast.saturday


def leaf(field: str, op: str, value: object) -> Rule:
    return Rule(op=op, field=field, value=value)  # type: ignore[arg-type]


def holds_now(rule: Rule, draft: Draft, event: dict[str, Any]) -> bool:
    return matches(rule, draft, event, now=NOON)


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
    assert holds_now(rule, ana, {"price": 12, "gift": True, "text": "ten"}) is holds


def test_what_a_customer_keeps_closed_is_neither_yes_nor_no(cast: Cast) -> None:
    bruno = cast.bruno()
    likes_red = leaf("trait.colour", "is", "red")
    for rule in (likes_red, no(likes_red), leaf("trait.colour", "exists", False), leaf("trait.colour", "exists", True)):
        assert not holds_now(rule, bruno, {})
    known = leaf("trait.email", "exists", True)
    assert holds_now(Rule(op="any", rules=(likes_red, known)), bruno, {})
    assert not holds_now(Rule(op="all", rules=(likes_red, known)), bruno, {})
    assert not holds_now(no(Rule(op="all", rules=(likes_red, known))), bruno, {})
    assert holds_now(no(Rule(op="all", rules=(likes_red, no(known)))), bruno, {})


def test_a_cart_with_a_price_unknown_has_no_total(cast: Cast) -> None:
    ana = cast.ana()
    ana.open(Cart).lines = [Line(product="mug", price=None)]
    ana.open(Cart).currency = "EUR"
    assert not holds_now(leaf("cart.total", "at_least", 0), ana, {})
    assert not holds_now(no(leaf("cart.total", "at_least", 0)), ana, {})


def lives(cast: Cast, draft: Draft, name: str, at: int = NOON - HOUR, **properties: Any) -> None:
    fold(draft, cast.event(draft, name, at, properties=properties))


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        (leaf("wishlist.count", "is", 2), True),
        (leaf("orders.net", "at_least", 71.2), True),
        (leaf("orders.net", "at_least", 71.21), False),
        (leaf("orders.currency", "is", "EUR"), True),
        (leaf("interest.product.coat", "at_least", 0.5), True),
        (leaf("interest.product.mug", "is", 0), True),
        (leaf("interest.category.coats", "at_least", 0.5), True),
        (leaf("interest.brand.Faro", "at_least", 0.5), True),
        (leaf("interest.brand.faro", "exists", True), True),
    ],
)
def test_rules_read_what_ana_saved_bought_and_looked_at(cast: Cast, rule: Rule, holds: bool) -> None:
    ana = cast.ana()
    for product in ("coat", "hat", "mug"):
        lives(cast, ana, "Product Added to Wishlist", NOON - DAY - len(product), product_id=product)
    lives(cast, ana, "Product Removed from Wishlist", product_id="mug")
    lives(cast, ana, "Back In Stock Requested", product_id="boots")
    lives(cast, ana, "Order Completed", order_id="1", total=90, currency="EUR")
    lives(cast, ana, "Order Refunded", order_id="1", total=18.8, currency="EUR")
    lives(cast, ana, "Product Viewed", product_id="coat", brand="Faro", category="coats")
    assert holds_now(rule, ana, {}) is holds


def test_an_interest_fades_and_the_rule_with_it(cast: Cast) -> None:
    ana, rule = cast.ana(), leaf("interest.product.coat", "at_least", 0.9)
    lives(cast, ana, "Product Viewed", product_id="coat")
    assert matches(rule, ana, {}, now=NOON)
    assert not matches(rule, ana, {}, now=NOON + 30 * DAY)


@pytest.mark.parametrize("op", ["at_least", "at_most", "exists"])
def test_bruno_who_said_no_to_personalisation_has_no_interest_that_anybody_may_ask_for(cast: Cast, op: str) -> None:
    bruno, rule = cast.bruno(), leaf("interest.product.coat", op, op == "exists" or 0)
    lives(cast, bruno, "Product Viewed", product_id="coat")
    assert not holds_now(rule, bruno, {})
    assert not holds_now(no(rule), bruno, {})


def test_who_never_bought_is_worth_nothing_yet_and_two_currencies_are_not_added_up(cast: Cast) -> None:
    ana, dora = cast.ana(), cast.dora()
    assert holds_now(leaf("orders.net", "is", 0), dora, {})
    assert holds_now(leaf("orders.currency", "exists", False), dora, {})
    for number, currency in enumerate(("EUR", "USD")):
        lives(cast, ana, "Order Completed", NOON - HOUR + number, order_id=currency, total=20, currency=currency)
    for field in ("orders.net", "orders.currency"):
        assert not holds_now(leaf(field, "exists", True), ana, {})
        assert not holds_now(no(leaf(field, "exists", True)), ana, {})
