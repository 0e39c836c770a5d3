"""What Ana watches: rows that follow what she does, and go when she no longer cares."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from story_of_ana import MORNING, Ana

from oportuno.catalog.item import item_of
from oportuno.catalog.product import Product
from oportuno.kit.times import DAY, MINUTE
from oportuno.profile.draft import Draft
from oportuno.profile.interest import Interest
from oportuno.profile.mute import NOT_INTERESTED, mute
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Cart
from oportuno.profile.watching import Watching, _rank, rewatch, unwatch
from oportuno.profile.wishlist import SAVED_AT_MOST, saved

_BOOTS = item_of("product", "boots")


def _later(ana: Ana) -> None:
    """Store and read again, as between two steps."""
    granted = ana.draft.granted
    ana.draft = Draft(ana.draft.key, ana.draft.encode(), 1)
    ana.draft.granted = granted


def test_a_watch_grows_stronger_from_look_to_wish_to_cart_and_goes_with_the_purchase() -> None:
    ana = Ana(Purpose.PERSONALISATION)
    ana.does("Product Viewed", product_id="boots")
    assert rewatch(ana.draft, MORNING) == [], "one glance is nothing to write to somebody about"
    ana.does("Product Viewed", minute=1, product_id="boots")
    assert rewatch(ana.draft, MORNING) == [(_BOOTS, None, 3)]
    ana.does("Back In Stock Requested", minute=2, product_id="boots")
    assert rewatch(ana.draft, MORNING) == [(_BOOTS, 3, 2)]
    ana.does("Product Added to Wishlist", minute=3, product_id="boots")
    assert rewatch(ana.draft, MORNING) == [(_BOOTS, 2, 1)]
    ana.does("Product Added", minute=4, product_id="boots")
    assert rewatch(ana.draft, MORNING) == [(_BOOTS, 1, 0)]
    ana.does("Order Completed", minute=5, order_id="1", products=[{"product_id": "boots"}])
    assert rewatch(ana.draft, MORNING) == [(_BOOTS, 0, None)]


def test_no_me_interesa_and_a_withdrawn_yes_end_the_watch() -> None:
    ana = Ana(Purpose.PERSONALISATION)
    for product in ("boots", "tent"):
        ana.does("Product Viewed", product_id=product, visible_seconds=70)
    rewatch(ana.draft, MORNING)
    _later(ana)
    mute(ana.draft, ["boots"], NOT_INTERESTED, MORNING)
    assert rewatch(ana.draft, MORNING) == [(_BOOTS, 3, None)]
    _later(ana)
    ana.draft.granted = frozenset({Purpose.SERVICE})
    ana.draft.delete(Interest)
    assert rewatch(ana.draft, MORNING) == [(item_of("product", "tent"), 3, None)]
    assert ana.draft.read(Watching).ranks == {}


def test_favourite_categories_and_brands_are_watched_and_declared_ones_too() -> None:
    ana = Ana(Purpose.PERSONALISATION)
    for minute, category in enumerate(("rain", "wool", "trail", "home")):
        for number in range(4 - minute):
            ana.does("Product Added to Wishlist", minute=minute + number / 9, product_id=f"{category}{number}", category=category)
    ana.does("Interests Declared", minute=9, interests=[{"brand": "Norte"}, "home"])
    rewatch(ana.draft, MORNING)
    ranks = ana.draft.read(Watching).ranks
    assert {name for name in ("rain", "wool", "trail", "home") if ranks.get(item_of("category", name)) == 4} == {
        "rain",
        "wool",
        "trail",
        "home",
    }
    assert ranks[item_of("brand", "Norte")] == 4


def test_nothing_is_judged_when_nothing_that_matters_was_touched_and_faded_watches_go_when_it_is() -> None:
    ana = Ana(Purpose.PERSONALISATION)
    ana.does("Product Viewed", product_id="boots", visible_seconds=70)
    rewatch(ana.draft, MORNING)
    _later(ana)
    ana.does("Home", minute=1)
    assert rewatch(ana.draft, MORNING + 60 * DAY) == []
    assert rewatch(ana.draft, MORNING + 60 * DAY, anyway=True) == [(_BOOTS, 3, None)]


def test_a_cart_that_only_grew_older_is_no_reason_to_judge_anything() -> None:
    ana = Ana(Purpose.PERSONALISATION)
    ana.does("Product Added", product_id="boots")
    rewatch(ana.draft, MORNING)
    _later(ana)
    ana.does("Home", minute=30)
    assert not ana.draft.touched((Cart,))
    assert rewatch(ana.draft, MORNING + 60 * DAY) == []
    _later(ana)
    assert [(line.product, line.young) for line in ana.draft.read(Cart).lines] == [("boots", [])]


def test_a_withdrawn_product_is_not_watched() -> None:
    class Shop:
        def product(self, product: str) -> Product:
            return Product(id=product, withdrawn=True)

    ana = Ana(Purpose.PERSONALISATION)
    ana.does("Product Added", product_id="boots")
    assert rewatch(ana.draft, MORNING, Shop()) == []
    assert rewatch(ana.draft, MORNING) == [(_BOOTS, None, 0)]
    assert unwatch(ana.draft) == [(_BOOTS, 0, None)]


def test_the_wishlist_keeps_the_twenty_saved_last_and_a_removal_without_a_variant_takes_all() -> None:
    ana = Ana()
    for number in range(SAVED_AT_MOST + 4):
        ana.does("Product Added to Wishlist", minute=number / 9, product_id=f"p{number:02}")
    assert [entry.product for entry in saved(ana.draft, MORNING)] == [f"p{number:02}" for number in reversed(range(4, SAVED_AT_MOST + 4))]
    lamp = Ana()
    for variant in ("red", "blue"):
        lamp.does("Product Added to Wishlist", product_id="lamp", variant=variant)
    lamp.does("Product Removed from Wishlist", minute=1, product_id="lamp")
    assert list(saved(lamp.draft, MORNING)) == []
    lamp.does("Back In Stock Requested", minute=2, product_id="lamp")
    assert [entry.kind for entry in saved(lamp.draft, MORNING)] == ["asked"]
    assert list(saved(lamp.draft, MORNING + 181 * DAY)) == []


_DOINGS = st.lists(
    st.tuples(
        st.sampled_from(
            ("Product Viewed", "Product Viewed", "Product Added", "Product Removed", "Product Added to Wishlist", "Order Completed")
        ),
        st.integers(0, 7),
        st.integers(0, 40),
        st.integers(0, 60),
    ),
    min_size=1,
    max_size=40,
)


@given(doings=_DOINGS)
@settings(max_examples=200, deadline=None)
def test_within_a_day_the_short_look_watches_what_a_look_through_everything_would(doings: list[tuple[str, int, int, int]]) -> None:
    ana = Ana(Purpose.PERSONALISATION)
    minute = 0
    for name, number, seconds, later in doings:
        minute += later % 30
        thing = {"product_id": f"p{number}", "category": f"c{number % 5}", "brand": f"b{number % 4}", "visible_seconds": seconds}
        if name == "Order Completed":
            ana.does(name, minute=minute, order_id=str(minute), products=[thing])
        else:
            ana.does(name, minute=minute, **thing)
        now = MORNING + minute * MINUTE
        rewatch(ana.draft, now)
        _later(ana)
        short = ana.draft.read(Watching).ranks
        rewatch(ana.draft, now, anyway=True)
        assert short == ana.draft.read(Watching).ranks
        _later(ana)


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from([0, 1, 31, 32, 33, 257, 1 << 44, (1 << 45) - 1, 0x0101010101]), st.integers(0, 3)))
def test_the_rank_of_a_product_is_read_from_its_own_row_and_from_no_two_halves_of_others(ranks: dict[int, int]) -> None:
    rows = Watching.packed(ranks)
    across = {int.from_bytes(rows[place : place + 6], "big") >> 3 for place in range(max(0, len(rows) - 5))}
    for product in across | ranks.keys() | {7}:
        assert _rank(rows, product) == ranks.get(product)
