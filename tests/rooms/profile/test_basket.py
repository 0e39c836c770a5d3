"""The cart of Tienda Norte."""

from __future__ import annotations

import pytest
from story_of_ana import MORNING, Ana

from oportuno.kit.times import DAY, MINUTE
from oportuno.profile.basket import LINES_AT_MOST
from oportuno.profile.sections import Cart


def _lying(ana: Ana) -> dict[str, int]:
    return {line.product + line.variant: line.quantity for line in ana.draft.read(Cart).standing}


def test_what_ana_puts_in_twice_lies_there_twice() -> None:
    ana = Ana()
    assert ana.does("Product Added", product_id="boots", quantity=2).cart_changed
    ana.does("Product Added", minute=1, product_id="boots")
    assert _lying(ana) == {"boots": 3}


def test_a_line_keeps_price_name_and_links_of_the_latest_telling_and_the_time_of_the_first() -> None:
    ana = Ana()
    ana.does("Product Added", minute=1, product_id="boots", name="Botas", price="59,95", currency="eur", url="https://tienda.example/b")
    ana.does("Product Added", minute=2, product_id="boots", name="Botas rebajadas", price=49.95, currency="EUR", image_url="/b.png")
    (line,) = ana.draft.read(Cart).standing
    assert (line.name, line.price, line.url, line.image) == ("Botas rebajadas", 4995, "", "/b.png")
    assert line.added == MORNING + MINUTE
    assert ana.draft.read(Cart).currency == "EUR"


def test_removing_some_leaves_the_rest_and_removing_without_a_number_leaves_none() -> None:
    ana = Ana()
    ana.does("Product Added", product_id="boots", quantity=3)
    ana.does("Product Removed", minute=1, product_id="boots", quantity=1)
    assert _lying(ana) == {"boots": 2}
    ana.does("Product Removed", minute=2, product_id="boots")
    assert _lying(ana) == {}


def test_two_variants_are_two_lines_and_an_order_takes_both() -> None:
    ana = Ana()
    ana.does("Product Added", product_id="boots", variant="-red")
    ana.does("Product Added", minute=1, product_id="boots", variant="-blue")
    assert _lying(ana) == {"boots-red": 1, "boots-blue": 1}
    ana.does("Product Removed", minute=2, product_id="boots", variant="-red")
    assert _lying(ana) == {"boots-blue": 1}
    assert ana.does("Order Completed", minute=3, order_id="1", products=[{"product_id": "boots"}]).cart_changed
    assert _lying(ana) == {}


def test_an_order_takes_what_was_bought_and_leaves_the_rest() -> None:
    ana = Ana()
    ana.does("Product Added", product_id="boots")
    ana.does("Product Added", minute=1, product_id="tent", held_until="2026-11-22T10:00:00Z")
    assert ana.draft.read(Cart).held_until > 0
    assert ana.does("Order Completed", minute=2, order_id="1", products=[{"product_id": "boots"}]).bought == ("boots",)
    assert _lying(ana) == {"tent": 1}
    assert ana.draft.read(Cart).held_until == 0


def test_an_order_that_does_not_say_what_it_holds_empties_the_cart() -> None:
    ana = Ana()
    ana.does("Product Added", product_id="boots")
    ana.does("Order Completed", minute=1, order_id="1", total=10)
    assert _lying(ana) == {}


@pytest.mark.parametrize("ending", ["Product Removed", "Order Completed"])
def test_a_late_added_does_not_bring_back_what_is_gone(ending: str) -> None:
    ana = Ana()
    ana.does(ending, minute=5, product_id="boots", order_id="1", products=[{"product_id": "boots"}])
    ana.does("Product Added", minute=1, product_id="boots")
    assert _lying(ana) == {}


def test_what_is_added_after_the_order_is_wanted_again() -> None:
    ana = Ana()
    ana.does("Order Completed", minute=5, order_id="1", products=[{"product_id": "boots"}])
    ana.does("Product Added", minute=6, product_id="boots")
    assert _lying(ana) == {"boots": 1}


def test_a_cart_seen_as_a_whole_is_the_whole_cart_and_an_unlisted_one_says_nothing() -> None:
    ana = Ana()
    ana.does("Product Added", product_id="boots")
    ana.does("Cart Viewed", minute=1)
    assert _lying(ana) == {"boots": 1}
    ana.does("Cart Viewed", minute=2, products=[{"product_id": "tent", "quantity": "2"}, {"sku": 77}, {"sku": 77}])
    assert _lying(ana) == {"tent": 2, "77": 2}
    ana.does("Cart Viewed", minute=3, products=[])
    assert _lying(ana) == {}


def test_buying_one_thing_now_leaves_the_rest_of_the_cart() -> None:
    ana = Ana()
    ana.does("Product Added", product_id="boots")
    ana.does("Checkout Started", minute=1, products=[{"product_id": "tent", "quantity": 1}])
    assert _lying(ana) == {"boots": 1, "tent": 1}


def test_what_is_long_gone_leaves_no_trace_even_when_nothing_more_happens_to_the_cart() -> None:
    ana = Ana()
    ana.does("Product Added", product_id="boots", name="Botas")
    ana.does("Order Completed", minute=1, order_id="1", products=[{"product_id": "boots"}])
    assert ana.draft.read(Cart).lines
    ana.does("Products Searched", minute=30, query="tent")
    cart = ana.draft.read(Cart)
    assert (cart.lines, cart.wide) == ([], [])


def test_news_of_the_cart_that_is_too_late_is_named_and_changes_nothing() -> None:
    ana = Ana()
    ana.does("Product Added", minute=30, product_id="boots")
    noticed = ana.does("Product Added", minute=1, product_id="tent")
    assert noticed.faults == ("cart_news_too_late:timestamp",)
    assert _lying(ana) == {"boots": 1}


def test_history_that_is_imported_fills_no_cart() -> None:
    ana = Ana()
    added = {"properties": {"product_id": "boots"}}
    assert not ana.tells(added, name="Product Added", at=0, arrives=30 * DAY).cart_changed
    assert ana.draft.read(Cart).lines == []


def test_a_device_whose_clock_runs_ahead_cannot_shut_the_cart() -> None:
    ana = Ana()
    ana.tells({"properties": {"product_id": "boots"}}, name="Product Added", at=DAY, arrives=MINUTE)
    ana.does("Product Added", minute=2, product_id="tent")
    assert _lying(ana) == {"boots": 1, "tent": 1}


@pytest.mark.parametrize("backwards", [False, True])
def test_a_cart_that_is_too_full_keeps_the_same_lines_in_whatever_order_they_came(*, backwards: bool) -> None:
    ana = Ana()
    minutes = range(LINES_AT_MOST + 10)
    for number in reversed(minutes) if backwards else minutes:
        ana.does("Product Added", minute=number / 10, product_id=f"p{number}")
    assert set(_lying(ana)) == {f"p{number}" for number in range(10, LINES_AT_MOST + 10)}
