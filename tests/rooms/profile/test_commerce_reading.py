"""What clients really send, and how much of it can be used."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from story_of_ana import MORNING, Ana

from oportuno.events.commerce import KINDS, Commerce, Reading, read_call
from oportuno.events.event import Call, Event, Source
from oportuno.events.lenient import read_amount
from oportuno.kit.ids import key_of
from oportuno.profile.purposes import Purpose


def _read(name: str, told: Any, *, currency: str = "") -> Reading:
    body = told if isinstance(told, bytes) else json.dumps({"properties": told}).encode()
    event = Event(
        key=key_of(1, 1),
        lane=1,
        seq=1,
        h=bytes(16),
        source=Source.LIVE,
        call=Call.TRACK,
        name=name,
        at=MORNING,
        received=MORNING,
        body=body,
    )
    return read_call(event, currency=currency)


def test_every_name_of_the_specification_is_known_and_three_of_our_own() -> None:
    assert len(Commerce) == 28 + 3
    assert all(_read(kind.value, {}).kind is kind for kind in Commerce)
    assert KINDS.get("product added") is None
    assert _read("Loyalty Points Burnt", {"product_id": "boots"}).kind is None


def test_numbers_as_text_and_ids_as_numbers_are_understood() -> None:
    (item,) = _read("Product Added", {"product_id": 4711, "price": "19.9", "quantity": "2", "currency": " eur "}).items
    assert (item.product, item.price, item.quantity) == ("4711", 1990, 2)
    (item,) = _read("Product Added", {"product_id": "", "sku": 12.0}).items
    assert (item.product, item.price, item.quantity) == ("12", None, None)


@pytest.mark.parametrize(
    ("sent", "currency", "minor"),
    [
        (12, "EUR", 1200),
        (12, "JPY", 12),
        (1.005, "EUR", 100),
        (0.1 + 0.2, "EUR", 30),
        (12.3456, "KWD", 12346),
        ("19,99", "EUR", 1999),
        ("1.234,56", "EUR", 123456),
        ("1,234.56", "EUR", 123456),
        ("1.234.567", "EUR", 123456700),
        ("1 234,5", "EUR", 123450),
        ("free", "EUR", None),
        (-1, "EUR", None),
        ("-1.234,56", "EUR", None),
        (True, "EUR", None),
        (1e300, "EUR", None),
        ([1], "EUR", None),
        ("NaN", "EUR", None),
        ("1e400", "EUR", None),
    ],
)
def test_an_amount_is_read_exactly_or_not_at_all(sent: object, currency: str, minor: int | None) -> None:
    faults: list[str] = []
    assert read_amount(sent, currency, faults, "price") == minor
    assert faults == ([] if minor is not None else ["amount_malformed:price"])


@settings(max_examples=300, deadline=None)
@given(cents=st.integers(0, 10**10))
def test_a_price_with_two_decimals_is_those_cents_however_it_is_sent(cents: int) -> None:
    text = f"{cents // 100}.{cents % 100:02}"
    assert read_amount(text, "EUR", []) == read_amount(float(text), "EUR", []) == read_amount(text.replace(".", ","), "EUR", []) == cents


def test_amounts_without_a_currency_are_in_the_one_given_and_an_unknown_one_is_named() -> None:
    assert _read("Order Completed", {"order_id": 1, "total": 500}, currency="JPY").total == 500
    reading = _read("Order Completed", {"order_id": 1, "revenue": 5, "currency": "pesetas"})
    assert (reading.total, reading.currency, reading.faults) == (500, "", ("currency_unknown:currency",))


def test_one_bad_product_does_not_spoil_its_neighbours() -> None:
    products = [{"product_id": "boots"}, "tent", {"name": "no id"}, None, {"product_id": "lamp", "price": "cheap", "quantity": -1}]
    reading = _read("Cart Viewed", {"products": products})
    assert [item.product for item in reading.items] == ["boots", "lamp"]
    assert set(reading.faults) == {
        "object_expected:products[1]",
        "property_missing:products[1].product_id",
        "object_expected:products[3]",
        "amount_malformed:products[2].price",
        "quantity_malformed:products[2].quantity",
    }


@pytest.mark.parametrize(
    "body", [b'{"properties": []}', b'{"properties": {"products": 7}, "context": "x"}', b"[]", b"7", b"{", b'{"traits":[1]}']
)
def test_a_call_of_the_wrong_shape_is_used_as_far_as_it_goes_and_says_so(body: bytes) -> None:
    reading = _read("Cart Viewed", body)
    assert reading.kind is Commerce.CART_VIEWED
    assert reading.faults
    assert not reading.listed


def test_null_parts_are_no_fault() -> None:
    assert _read("Product List Viewed", b'{"properties":null,"context":null,"traits":null}').faults == ()


def test_a_link_that_is_not_of_the_web_stays_out() -> None:
    (item,) = (reading := _read("Product Added", {"product_id": 1, "url": "javascript:alert(1)", "image_url": "//cdn.example/a.png"})).items
    assert (item.url, item.image) == ("", "//cdn.example/a.png")
    assert reading.faults == ("link_malformed:url",)


def test_what_an_event_of_its_kind_must_tell_is_missed() -> None:
    assert _read("Products Searched", {}).faults == ("property_missing:query",)
    assert _read("Coupon Applied", {"coupon_name": "NORTE10"}).faults == ()
    assert _read("Promotion Clicked", {"promotion_id": 3}).promotion == "3"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
_NAMES = (
    "product_id sku variant name price quantity url image_url products currency order_id total coupon query held_until cart_id "
    "visible_seconds email phone locale timezone country address"
).split()
_PARTS = st.dictionaries(st.sampled_from(_NAMES), _JSON, max_size=4)


@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from([*KINDS, "", "Own"]),
    call=st.sampled_from(Call),
    parts=st.tuples(_PARTS, _PARTS, _PARTS),
    products=st.lists(_PARTS, max_size=2),
)
def test_nothing_that_a_client_sends_makes_the_fold_fail(name: str, call: Call, parts: tuple[Any, Any, Any], products: list[Any]) -> None:
    ana = Ana(Purpose.PERSONALISATION)
    properties, traits, context = parts
    body = {
        "properties": {"products": products, "product_id": "boots", **properties},
        "traits": traits,
        "context": context,
        "userId": traits,
    }
    ana.tells(json.dumps(body).encode(), name=name, call=call)
    state = ana.draft.encode()
    assert type(ana.draft)(ana.draft.key, state).encode() == state
