"""The profile as the API shows it."""

from __future__ import annotations

import json

from story_of_ana import MORNING, Ana

from oportuno.kit.times import HOUR
from oportuno.profile.purposes import Purpose
from oportuno.profile.view import picture


def _live(ana: Ana) -> None:
    ana.says(email="ana@example.com", size="M")
    ana.does("Product Viewed", minute=1, product_id="boots", name="Botas", visible_seconds=5)
    ana.does(
        "Product Added", minute=2, product_id="boots", name="Botas", price=59.95, currency="EUR", quantity=2, held_until="2026-11-21T09:30Z"
    )
    ana.does("Order Completed", minute=1, order_id="o-1", total="7,50", currency="EUR", products=[{"product_id": "lamp"}])


def test_the_picture_of_ana_shows_everything_in_plain_words() -> None:
    ana = Ana(Purpose.PERSONALISATION)
    _live(ana)
    shown = picture(ana.draft, MORNING + HOUR)
    assert json.loads(json.dumps(shown)) == shown
    assert shown["closed"] == []
    assert shown["customer"]["traits"] == {"email": "ana@example.com"}
    assert shown["customer"]["first_seen"].endswith("Z")
    assert shown["traits"] == {"size": "M"}
    assert shown["cart"]["total"] == {"amount": "119.90", "currency": "EUR"}
    assert shown["cart"]["lines"][0]["price"] == {"amount": "59.95", "currency": "EUR"}
    assert shown["orders"]["totals"] == [{"amount": "7.50", "currency": "EUR"}]
    assert shown["views"][0]["seconds"] == 5
    assert [mute["item"] for mute in shown["muted"]] == ["lamp"]


def test_the_picture_of_carla_names_what_is_closed_and_does_not_show_it() -> None:
    carla = Ana()
    _live(carla)
    shown = picture(carla.draft, MORNING)
    assert shown["closed"] == ["traits", "views", "declared"]
    assert "traits" not in shown
    assert "views" not in shown


def test_a_hold_that_is_over_is_not_shown_as_one() -> None:
    ana = Ana()
    _live(ana)
    assert picture(ana.draft, MORNING + 48 * HOUR)["cart"]["held_until"] is None


def test_an_empty_profile_is_a_picture_too() -> None:
    shown = picture(Ana().draft, MORNING)
    assert shown["customer"]["first_seen"] is None
    assert shown["cart"]["total"] == {"amount": "0.00", "currency": None}
