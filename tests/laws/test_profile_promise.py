"""The promise of the fold: the same events give the same profile, byte for byte, in any order that is at most `LATENESS` late."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from profile_events import ANA, happened, live_through

from oportuno.events.event import LATENESS, Call, Event
from oportuno.kit.times import MINUTE
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Cart, Core, Muted, Orders, Traits, Views

_PRODUCTS = ("boots", "tent", "lamp")
_KINDS = (
    "Product Viewed",
    "Product Clicked",
    "Product Added",
    "Product Added",
    "Product Removed",
    "Cart Viewed",
    "Checkout Started",
    "Order Completed",
    "Order Updated",
    "Order Refunded",
    "Order Cancelled",
    "identify",
    "A name of the shop's own",
)

_DETAILS = st.fixed_dictionaries(
    {},
    optional={
        "variant": st.sampled_from(("red", "blue")),
        "name": st.sampled_from(("Botas", "Botas de invierno")),
        "price": st.sampled_from((10, "12.50", 7.25)),
        "quantity": st.integers(1, 3),
        "url": st.just("https://tienda.example/p"),
        "image_url": st.sampled_from(("/a.png", "/b.png")),
    },
)
_LISTED = st.lists(st.tuples(st.sampled_from(_PRODUCTS), _DETAILS), max_size=3)
_TERMS = st.fixed_dictionaries(
    {},
    optional={
        "currency": st.sampled_from(("EUR", "USD")),
        "total": st.sampled_from((5, 19.99, "30")),
        "held_until": st.sampled_from((1_795_260_000, 1_795_270_000)),
        "cart_id": st.sampled_from(("c1", "c2")),
        "visible_seconds": st.floats(0, 90),
    },
)
_TRAITS = st.dictionaries(
    st.sampled_from(("email", "locale", "timezone", "firstName", "size", "club")),
    st.sampled_from(("ana@example.com", "es-ES", "Europe/Madrid", "Ana", None, "M")),
    max_size=4,
)


@st.composite
def _event(draw: st.DrawFn, number: int) -> Event:
    kind = draw(st.sampled_from(_KINDS))
    # Seconds on a coarse grid, so that some events happen at the very same time.
    at = draw(st.integers(0, 90)) * MINUTE // 2
    context = draw(st.sampled_from(({}, {"locale": "en-GB"}, {"locale": "es-ES", "timezone": "Atlantic/Canary"})))
    if kind == "identify":
        return happened("", at, number, call=Call.IDENTIFY, traits=draw(_TRAITS), context=context)
    told: dict[str, Any] = {**draw(_TERMS), "order_id": draw(st.sampled_from(("o1", "o2", "o3")))}
    if kind.startswith("Product "):
        told |= {"product_id": draw(st.sampled_from(_PRODUCTS)), **draw(_DETAILS)}
    elif draw(st.booleans()) or draw(st.booleans()):
        told["products"] = [{"product_id": product, **details} for product, details in draw(_LISTED)]
    return happened(kind, at, number, properties=told, context=context, anonymousId=draw(st.sampled_from(("a1", "a2"))))


@st.composite
def _day(draw: st.DrawFn) -> list[tuple[Event, int]]:
    """Events of one morning, each with how late it comes."""
    count = draw(st.integers(1, 14))
    return [(draw(_event(number)), draw(st.integers(0, LATENESS))) for number in range(count)]


def _in_time(day: list[tuple[Event, int]]) -> list[Event]:
    return [event for event, _ in sorted(day, key=lambda entry: (entry[0].at, entry[0].h))]


def _in_arrival(day: list[tuple[Event, int]]) -> list[Event]:
    return [event for event, late in sorted(day, key=lambda entry: (entry[0].at + entry[1], entry[0].h))]


@settings(max_examples=400, deadline=None)
@given(day=_day(), granted=st.sampled_from((frozenset(Purpose), frozenset({Purpose.SERVICE}))))
def test_the_same_morning_leaves_the_same_bytes_in_whatever_order_it_arrives(
    day: list[tuple[Event, int]], granted: frozenset[Purpose]
) -> None:
    assert live_through(_in_arrival(day), granted) == live_through(_in_time(day), granted)


@st.composite
def _cart_day(draw: st.DrawFn) -> list[tuple[Event, int]]:
    """A morning about the cart alone, so crowded that changes of one line overtake each other all the time."""
    day = []
    for number in range(draw(st.integers(2, 8))):
        kind = draw(st.sampled_from(("Product Added", "Product Removed", "Cart Viewed", "Order Completed", "Product Viewed")))
        told: dict[str, Any] = {"product_id": "boots", **draw(_DETAILS)}
        if kind in {"Cart Viewed", "Order Completed"}:
            told = {
                "products": [{"product_id": product, **draw(_DETAILS)} for product in draw(st.sampled_from(((), ("boots",), ("tent",))))]
            }
        day.append((happened(kind, draw(st.integers(0, 25)) * MINUTE, number, properties=told), draw(st.integers(0, 10)) * MINUTE))
    return day


@settings(max_examples=600, deadline=None)
@given(day=_cart_day())
def test_a_cart_ends_the_same_in_whatever_order_its_news_arrives(day: list[tuple[Event, int]]) -> None:
    assert live_through(_in_arrival(day)) == live_through(_in_time(day))


@settings(max_examples=200, deadline=None)
@given(day=_day(), again=st.data())
def test_an_event_told_twice_within_lateness_buys_adds_and_says_nothing_twice(day: list[tuple[Event, int]], again: st.DataObject) -> None:
    once = _in_arrival(day)
    # The second telling comes right behind a later event, at most ten minutes after the first one happened.
    place = again.draw(st.integers(0, len(once) - 1))
    until = max(i for i, event in enumerate(once) if max(e.at for e in once[: i + 1]) <= once[place].at + LATENESS or i == place)
    twice = [*once[: until + 1], once[place], *once[until + 1 :]] if until >= place else once
    first, second = Draft(ANA, live_through(once)), Draft(ANA, live_through(twice))
    first.granted = second.granted = frozenset(Purpose)
    for section in (Cart, Orders, Muted, Traits):
        assert first.read(section) == second.read(section)
    assert first.read(Core).traits == second.read(Core).traits
    assert first.read(Core).ids == second.read(Core).ids
    assert [view.product for view in first.read(Views).products] == [view.product for view in second.read(Views).products]
