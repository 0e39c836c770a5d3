"""The law of the state's size: it is the engine's speed. What an ordinary customer weighs, and what nobody ever exceeds."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
from crowd_of_customers import NORTE, START, Customer
from hypothesis import given, settings
from hypothesis import strategies as st

from oportuno.attention.ledger import Attention, Limit, Touch, room_from
from oportuno.consent.policy import Policy
from oportuno.events.event import Call, Event, Source
from oportuno.flows.step import step
from oportuno.kit.ids import CustomerKey, derive
from oportuno.kit.times import DAY, MINUTE, SECOND, Millis
from oportuno.profile.draft import SIZE_CEILING, Draft, LetGo, Section
from oportuno.profile.interest import Interest
from oportuno.profile.liked import Liked
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Cart, Core, Line, Muted, Orders

P50: Final = 2_048
P99: Final = 4_096
_PAGE_LEAVES: Final = 8_160
"""Bytes of a page of PostgreSQL that one row may fill (`MaxHeapTupleSize`), and our `toast_tuple_target`."""
_COLUMNS: Final = 96
"""The row's header and its other columns, rounded up."""
_CUSTOMERS: Final = 300


def test_half_of_all_customers_weigh_two_kilobytes_at_most_and_one_in_a_hundred_more_than_four() -> None:
    weights = sorted(len(Customer(number).live()) for number in range(_CUSTOMERS))
    p50, p99 = weights[_CUSTOMERS // 2], weights[_CUSTOMERS * 99 // 100]
    print(f"hot state of {_CUSTOMERS} customers: p50 {p50:,} bytes, p99 {p99:,}, largest {weights[-1]:,}")  # noqa: T201 - the law's figures
    assert p50 <= P50, f"p50 is {p50}"
    assert p99 <= P99, f"p99 is {p99}"


def test_the_fullest_state_fits_a_page_with_its_columns() -> None:
    assert SIZE_CEILING + _COLUMNS <= _PAGE_LEAVES


_EAGER = msgspec.structs.replace(
    NORTE,
    policy=Policy(limits=(Limit(at_most=1_000, per=7 * DAY),), quiet=(0, 0), country="ES"),
    journeys=tuple(msgspec.structs.replace(NORTE.journeys[0], key=f"play-{number}", reentry=0) for number in range(30)),
)
_LONG = st.sampled_from(("x", "x" * 79, "ñ" * 120, "靴" * 128, "https://norte.example/" + "p" * 230, "https://norte.example/" + "靴" * 220))
_PRODUCTS = st.integers(0, 400).flatmap(
    lambda number: st.fixed_dictionaries(
        {"product_id": st.sampled_from((f"{number}", f"{number}" + "靴" * 120))},
        optional={"variant": _LONG, "name": _LONG, "url": _LONG, "image_url": _LONG, "price": st.just(1e6), "quantity": st.just(9_999)},
    )
)
_NAMES = ("Product Viewed", "Product Added", "Product Removed", "Cart Viewed", "Checkout Started", "Order Completed", "Order Refunded")


@st.composite
def _something(draw: st.DrawFn) -> dict[str, Any]:
    """One call that tells as much as the door lets through."""
    own: dict[str, Any] = {kind: f"{draw(_LONG)[:120]}{draw(st.integers(0, 30))}" for kind in ("userId", "anonymousId")}
    if draw(st.integers(0, 5)) == 0:
        many = {f"{draw(_LONG)[:50]}{number}": "靴" * 250 for number in range(draw(st.integers(0, 60)))}
        return own | {"traits": {"email": "ñ" * 60 + "@norte.example", "firstName": "靴" * 250, "lastName": "靴" * 250, **many}}
    number = draw(st.integers(0, 50))
    terms = {"currency": draw(st.sampled_from(("EUR", f"{chr(65 + number % 26)}{chr(65 + number // 26)}A"))), "order_id": f"o{number}"}
    listed = draw(st.lists(_PRODUCTS, min_size=0, max_size=60))
    return own | {"event": draw(st.sampled_from(_NAMES)), "properties": {**draw(_PRODUCTS), **terms, "total": 1, "products": listed}}


_DAYS = st.lists(st.tuples(_something(), st.sampled_from((SECOND, MINUTE, 40 * MINUTE, DAY))), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(day=_DAYS)
def test_whatever_happens_no_state_is_above_the_ceiling_and_what_was_let_go_of_is_named(day: list[tuple[dict[str, Any], Millis]]) -> None:
    ana = Customer(1)
    state, at = ana.live() if len(day) % 2 else b"", START + 100 * DAY
    for number, (told, since) in enumerate(day):
        at += since
        before = Draft(ana.key, state, 1)
        outcome = step(before, [_event(ana.key, told, number, at)], programme=_EAGER, now=at)
        state = before.encode()
        assert len(state) <= SIZE_CEILING
        assert before.encode() == state, "writing twice gives the same"
        assert outcome.due_at is None or outcome.due_at >= at - 400 * DAY
        again = Draft(ana.key, state, 1)
        again.granted = frozenset(Purpose)
        for section in (Core, Cart, Orders, Interest, Muted, LetGo):
            again.read(section)


def _event(key: CustomerKey, told: dict[str, Any], number: int, at: Millis) -> Event:
    name = told.get("event", "")
    return Event(
        key=key,
        lane=0,
        seq=number,
        h=derive("heavy", number, at),
        source=Source.LIVE,
        call=Call.TRACK if name else Call.IDENTIFY,
        name=name,
        at=at,
        received=at,
        body=json.dumps(told).encode(),
    )


def _heavy(lines: int, views: int = 0) -> Draft:
    draft = Draft(CustomerKey(0, 1, 1))
    draft.granted = frozenset(Purpose)
    address = "https://norte.example/" + "p" * 150
    draft.open(Core).ids = [("user", "ana", START)]
    told = {"name": "Botas", "url": address, "image": address}
    draft.open(Cart).lines = [Line(product=f"p{n}", added=START, at=START + n, **told) for n in range(lines)]
    draft.open(Interest).products = [Liked(product=f"p{n}", name="Botas" * 8, points=1_000 + n) for n in range(views)]
    return draft


def test_pictures_go_before_addresses_and_the_newest_keeps_them_longest() -> None:
    draft = _heavy(lines=30)
    draft.encode()
    lines = draft.read(Cart).lines
    assert [bool(line.image) for line in lines] == sorted(bool(line.image) for line in lines)
    assert all(line.url for line in lines)
    assert lines[-1].image
    assert draft.read(LetGo).parts == ["cart.images"]


def test_the_largest_section_lets_go_first_and_the_same_state_always_becomes_the_same() -> None:
    first, second = _heavy(lines=40, views=8), _heavy(lines=40, views=8)
    second.read(Cart).lines.reverse()
    first.encode()
    second.encode()
    assert len(first.read(Interest).products) == 8
    assert sorted(first.read(Cart).lines, key=lambda line: line.at) == sorted(second.read(Cart).lines, key=lambda line: line.at)
    assert first.read(LetGo) == second.read(LetGo)


def test_a_state_below_the_ceiling_lets_go_of_nothing() -> None:
    draft = _heavy(lines=10, views=8)
    draft.encode()
    assert not draft.has(LetGo)


def test_a_crowded_memory_of_touches_never_makes_room_for_one_more_than_allowed() -> None:
    limit = Limit(at_most=400, per=7 * DAY)
    touches = [Touch(id=number.to_bytes(16, "big"), at=START + number, channel="email", made=True) for number in range(400)]
    draft = Draft(CustomerKey(0, 1, 1))
    draft.open(Attention).touches = touches
    assert len(draft.encode()) <= SIZE_CEILING
    kept = draft.read(Attention)
    assert len(kept.touches) < 400
    for now in range(START + 400, START + 7 * DAY, DAY):
        assert (room_from(kept, (limit,), now) or 0) > now


def test_every_room_says_how_its_sections_become_smaller_or_keeps_them_small() -> None:
    bounded = {"core", "consents", "let_go"}
    for section in Section.__subclasses__():
        if section.__module__.startswith("oportuno.") and section.title not in bounded:
            assert section.shed is not Section.shed, section.title
