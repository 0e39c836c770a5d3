"""Orders of Tienda Norte, whatever comes first."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from story_of_ana import Ana

from oportuno.kit.times import DAY, MINUTE
from oportuno.profile.mute import muted
from oportuno.profile.purchases import ORDERS_AT_MOST
from oportuno.profile.sections import Orders
from oportuno.profile.worth import WEB, Rfm, Value, break_points, rfm, value

_BOOTS = [{"product_id": "boots", "price": 50, "quantity": 2}]


def _orders(*news: tuple[str, float, dict[str, Any]]) -> Orders:
    ana = Ana()
    for name, minute, properties in news:
        ana.does(name, minute=minute, currency="EUR", **properties)
    return ana.draft.read(Orders)


def test_a_refund_that_arrives_before_its_order_still_comes_off_it() -> None:
    news: tuple[tuple[str, float, dict[str, Any]], ...] = (
        ("Order Completed", 1, {"order_id": "1", "total": "100.00", "products": _BOOTS}),
        ("Order Updated", 2, {"order_id": "1", "total": 90, "products": _BOOTS}),
        ("Order Refunded", 3, {"order_id": "1", "total": 30}),
        ("Order Completed", 4, {"order_id": "2", "products": _BOOTS}),
        ("Order Cancelled", 5, {"order_id": "2"}),
    )
    outcomes = {repr(_orders(*order)) for order in permutations(news)}
    assert len(outcomes) == 1
    orders = _orders(*news)
    assert (orders.count, orders.totals) == (1, {"EUR": 6000})
    assert [(brief.id, brief.net) for brief in orders.recent] == [("2", 0), ("1", 6000)]


def test_an_order_confirmed_twice_by_a_reloaded_page_is_one_order() -> None:
    orders = _orders(("Order Completed", 1, {"order_id": 7, "total": 10}), ("Order Completed", 2, {"order_id": "7", "total": 10}))
    assert (orders.count, orders.totals) == (1, {"EUR": 1000})


def test_an_update_that_says_nothing_of_money_or_products_leaves_them() -> None:
    orders = _orders(("Order Completed", 1, {"order_id": "1", "total": 10, "products": _BOOTS}), ("Order Updated", 2, {"order_id": "1"}))
    assert (orders.recent[0].total, orders.recent[0].products) == (1000, ["boots"])


def test_an_order_without_a_total_is_worth_its_products() -> None:
    assert _orders(("Order Completed", 1, {"order_id": "1", "products": _BOOTS})).totals == {"EUR": 10000}


def test_a_refund_without_a_sum_gives_everything_back() -> None:
    orders = _orders(("Order Refunded", 2, {"order_id": "1"}), ("Order Completed", 1, {"order_id": "1", "total": 10}))
    assert (orders.count, orders.totals) == (1, {})


def test_an_order_without_an_id_counts_and_says_what_is_missing() -> None:
    ana = Ana()
    noticed = ana.does("Order Completed", total=5, currency="EUR")
    assert noticed.faults == ("property_missing:order_id",)
    assert ana.draft.read(Orders).count == 1


@pytest.mark.parametrize("backwards", [False, True])
def test_only_the_last_orders_are_remembered_but_the_sums_hold_them_all(*, backwards: bool) -> None:
    numbers = range(ORDERS_AT_MOST + 5)
    news = [("Order Completed", n / 10, {"order_id": f"{n:02}", "total": 1}) for n in (reversed(numbers) if backwards else numbers)]
    orders = _orders(*news)
    assert [brief.id for brief in orders.recent] == [f"{n:02}" for n in reversed(numbers[5:])]
    assert (orders.count, orders.totals) == (len(numbers), {"EUR": 100 * len(numbers)})


def test_what_was_bought_is_not_spoken_of_for_thirty_days() -> None:
    ana = Ana()
    ana.does("Order Completed", order_id="1", products=_BOOTS)
    now = ana.draft.read(Orders).last_at
    assert muted(ana.draft, ["tent", "boots"], now + MINUTE) == "bought"
    assert muted(ana.draft, ["tent"], now + MINUTE) is None
    assert muted(ana.draft, ["boots"], now + 31 * 24 * 60 * MINUTE) is None


def test_a_product_that_comes_back_is_worth_what_it_cost_whichever_news_comes_first() -> None:
    news: tuple[tuple[str, float, dict[str, Any]], ...] = (
        ("Order Completed", 1, {"order_id": "1", "products": [*_BOOTS, {"product_id": "socks", "price": 8}]}),
        ("Order Refunded", 2, {"order_id": "1", "products": [{"product_id": "boots"}]}),
        ("Order Refunded", 3, {"order_id": "1", "products": [{"product_id": "boots", "quantity": 5}]}),
    )
    outcomes = {repr(_orders(*order)) for order in permutations(news)}
    assert len(outcomes) == 1
    assert _orders(*news).totals == {"EUR": 800}, "never more comes back than was bought"


def test_how_and_where_it_was_paid_is_the_last_word_and_counts_for_what_ana_is_worth() -> None:
    ana = Ana()
    ana.does("Order Completed", minute=1, order_id="1", total=30, currency="EUR", payment_method="card", store_id="gran-via")
    ana.does("Order Updated", minute=3, order_id="1")
    ana.does("Order Completed", minute=2, order_id="2", total=10, currency="EUR", payment_method="bizum")
    ana.does("Order Refunded", minute=4, order_id="1", total=10)
    worth = value(ana.draft, ana.draft.read(Orders).last_at + 3 * DAY)
    assert (worth.recency_days, worth.frequency, worth.net, worth.average) == (3, 2, {"EUR": 3000}, {"EUR": 1500})
    assert (worth.last_payment, worth.last_place) == ("bizum", WEB)
    assert value(Ana().draft, 0) == Value()


def test_the_fifths_put_the_latest_the_most_frequent_and_the_richest_on_top() -> None:
    crowd = [Value(recency_days=n, frequency=10 - n, net={"EUR": 1_000 - 100 * n}) for n in range(10)]
    points = break_points(crowd, "EUR", 0)
    assert points == break_points(crowd[::-1], "EUR", 0)
    assert rfm(crowd[0], points) == Rfm(recency=5, frequency=5, money=5)
    assert rfm(crowd[-1], points) == Rfm(recency=1, frequency=1, money=1)
    assert rfm(Value(), points) is None
    assert break_points(crowd[:4], "EUR", 0) is None
    assert rfm(crowd[0], None) is None
