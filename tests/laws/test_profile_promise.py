"""The promise of the fold: the same events give the same profile, byte for byte, in any order that is at most `LATENESS` late."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from profile_events import ANA, happened, live_through

from oportuno.events.event import LATENESS, Call, Event
from oportuno.kit.times import DAY, HOUR, MINUTE
from oportuno.profile.declared import Declared
from oportuno.profile.draft import Draft
from oportuno.profile.interest import Interest
from oportuno.profile.liked import PRODUCTS_AT_MOST
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Cart, Core, Muted, Orders, Traits
from oportuno.profile.wishlist import Wishlist

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
    "Product Added to Wishlist",
    "Product Removed from Wishlist",
    "Back In Stock Requested",
    "Product List Viewed",
    "Interests Declared",
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
        "category": st.sampled_from(("Rain", "Wool")),
        "brand": st.just("Norte"),
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
        "store_id": st.sampled_from(("s1", "s2")),
        "payment_method": st.sampled_from(("card", "cash")),
        "category": st.sampled_from(("Rain", "Wool")),
        "interests": st.sampled_from((["Rain"], [{"brand": "Norte"}], [], "Wool", [7])),
    },
)
_TRAITS = st.dictionaries(
    st.sampled_from(("email", "locale", "timezone", "firstName", "size", "club", "interests")),
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


_MANY = PRODUCTS_AT_MOST * 3
_BROWSING = (
    "Product Viewed",
    "Product Viewed",
    "Product Viewed",
    "Product Clicked",
    "Product Added",
    "Product Added to Wishlist",
    "Product List Viewed",
    "Order Completed",
    "Product Removed from Wishlist",
)


@st.composite
def _weeks(draw: st.DrawFn) -> list[tuple[Event, int]]:
    """Some weeks of browsing more things than are remembered: bursts of a few minutes, hours or days apart, around midnights too."""
    weeks: list[tuple[Event, int]] = []
    at = draw(st.integers(0, 3)) * 8 * HOUR
    for burst in range(draw(st.integers(2, 6))):
        first = draw(st.integers(0, _MANY))
        for number in range(draw(st.integers(1, 20))):
            product = (first + draw(st.integers(0, 12))) % _MANY
            told: dict[str, Any] = {"product_id": f"p{product:02}", "category": f"c{product % 20}", "brand": f"b{product % 15}"}
            told |= {"price": 2**product % 977, "currency": "EUR", "visible_seconds": product}
            if draw(st.booleans()):
                told["name"] = draw(st.sampled_from(("Botas", "Botas de invierno")))
            kind = draw(st.sampled_from(_BROWSING))
            when = at + draw(st.integers(0, 24)) * MINUTE
            listed = {"products": [{"product_id": told["product_id"], "category": told["category"]}]}
            event = happened(kind, when, 100 * burst + number, properties=told | listed)
            weeks.append((event, draw(st.sampled_from((0, 0, 0, 1, 5, 10))) * MINUTE))
        at += draw(st.sampled_from((30 * MINUTE, 50 * MINUTE, 7 * HOUR, DAY, 8 * DAY, 31 * DAY)))
    return weeks


@settings(max_examples=300, deadline=None)
@given(weeks=_weeks())
def test_interest_fades_ranks_and_forgets_the_same_in_whatever_order_its_news_arrives(weeks: list[tuple[Event, int]]) -> None:
    assert live_through(_in_arrival(weeks)) == live_through(_in_time(weeks))


@settings(max_examples=200, deadline=None)
@given(weeks=_weeks(), again=st.data())
def test_a_look_told_twice_within_lateness_counts_once(weeks: list[tuple[Event, int]], again: st.DataObject) -> None:
    once = _in_arrival(weeks)
    place = again.draw(st.integers(0, len(once) - 1))
    until = max(i for i, event in enumerate(once) if max(e.at for e in once[: i + 1]) <= once[place].at + LATENESS or i == place)
    twice = [*once[: until + 1], once[place], *once[until + 1 :]]
    first, second = Draft(ANA, live_through(once)), Draft(ANA, live_through(twice))
    first.granted = second.granted = frozenset(Purpose)
    for section in (Interest, Wishlist):
        assert first.read(section) == second.read(section)


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
    for section in (Cart, Wishlist, Orders, Interest, Declared, Muted, Traits):
        assert first.read(section) == second.read(section)
    assert first.read(Core).traits == second.read(Core).traits
    assert first.read(Core).ids == second.read(Core).ids
