"""What customers care about: scores that fade, looks that are counted, and why."""

from __future__ import annotations

import pytest
from story_of_ana import MORNING, Ana

from oportuno.catalog.product import Product
from oportuno.events.event import LATENESS, Call, Event, Source
from oportuno.kit.times import DAY, HOUR, MINUTE
from oportuno.profile.declared import Declared
from oportuno.profile.fading import fade
from oportuno.profile.fold import fold, rest
from oportuno.profile.interest import Interest
from oportuno.profile.liked import PRODUCTS_AT_MOST
from oportuno.profile.purposes import Purpose
from oportuno.profile.scores import looks, scores

_BOOTS = {"product_id": "boots", "name": "Botas", "category": "Calzado", "brand": "Norte", "price": 59.95, "currency": "EUR"}


def _curious() -> Ana:
    return Ana(Purpose.PERSONALISATION)


def _scored(ana: Ana, now: int = MORNING) -> dict[tuple[str, str], float]:
    return {(score.kind, score.name): score.score for score in scores(ana.draft, now)}


def test_a_look_of_half_a_minute_counts_twice_for_product_category_brand_and_price_band() -> None:
    ana = _curious()
    ana.does("Product Viewed", **_BOOTS, visible_seconds=30)
    two = pytest.approx(1.99)
    assert _scored(ana) == {("product", "boots"): two, ("category", "Calzado"): two, ("brand", "Norte"): two, ("band", "EUR5000"): two}


def test_after_a_half_life_interest_is_worth_half_and_after_many_nothing() -> None:
    ana = _curious()
    ana.does("Product Added", **_BOOTS)
    assert _scored(ana, MORNING + 14 * DAY)["product", "boots"] == pytest.approx(2, rel=0.01)
    ana.does("Product Viewed", minute=60 * 24 * 400, product_id="tent")
    ana.does("Product Viewed", minute=60 * 24 * 400 + 60, product_id="tent")
    assert ("product", "boots") not in _scored(ana, MORNING + 400 * DAY)


@pytest.mark.parametrize("half_life", [1, 14, 365])
def test_points_fade_by_halves(half_life: int) -> None:
    assert fade(8_000, 3 * half_life, half_life) == pytest.approx(1_000, abs=1)


def test_a_changed_half_life_holds_from_then_on_and_corrupts_nothing() -> None:
    ana = _curious()
    ana.does("Product Added", **_BOOTS)
    before = _scored(ana, MORNING)
    ana.draft.open(Interest).half_life = 1
    assert _scored(ana, MORNING) == before
    assert _scored(ana, MORNING + DAY)["product", "boots"] == pytest.approx(2, rel=0.01)


def test_three_looks_this_week_are_known_by_number_and_seconds() -> None:
    ana = _curious()
    for day in (-20, -2, -1, 0):
        ana.does("Product Viewed", minute=day * 24 * 60, **_BOOTS, visible_seconds=40)
    (boots,) = looks(ana.draft, MORNING)
    assert (boots.name, boots.today, boots.week, boots.month) == ("Botas", 1, 3, 4)
    assert (boots.seconds_week, boots.seconds_month) == (120, 160)
    (later,) = looks(ana.draft, MORNING + 6 * DAY)
    assert (later.today, later.week) == (0, 1)
    assert looks(ana.draft, MORNING + 31 * DAY) == []


def test_who_did_not_say_yes_leaves_nothing_and_who_takes_it_back_neither() -> None:
    carla, ana = Ana(), _curious()
    for customer in (carla, ana):
        customer.does("Product Viewed", **_BOOTS)
        customer.does("Interests Declared", interests=["Calzado"])
    assert not carla.draft.has(Interest)
    assert not carla.draft.has(Declared)
    assert scores(carla.draft, MORNING) == []
    ana.draft.granted = frozenset({Purpose.SERVICE})
    assert scores(ana.draft, MORNING) == []


def test_what_ana_declares_confirms_what_she_does_and_is_marked_as_hers() -> None:
    ana = _curious()
    ana.does("Product Viewed", **_BOOTS)
    ana.tells({"userId": "ana", "traits": {"interests": ["Calzado", {"brand": "Sur"}]}}, at=MINUTE, call=Call.IDENTIFY)
    found = {(score.kind, score.name): score for score in scores(ana.draft, MORNING)}
    assert found["category", "Calzado"].declared
    assert found["category", "Calzado"].score > found["brand", "Sur"].score == 10
    assert not found["brand", "Norte"].declared
    assert ana.does("Interests Declared", minute=2, interests=[{"taste": "good"}, "Lana"]).faults == ("interests_malformed:interests[0]",)
    assert ana.draft.read(Declared).items == [("category", "Lana")]
    ana.does("Interests Declared", minute=1.5, interests=["Antes"])
    assert ana.draft.read(Declared).items == [("category", "Lana")]


def test_what_the_event_leaves_out_the_catalogue_tells_and_its_name_is_not_copied() -> None:
    class Shop:
        def product(self, product: str) -> Product:
            return Product(id=product, name="Botas de agua", brand="Norte", categories=("calzado",), price=4_990, currency="EUR")

    told = _curious()
    body = b'{"event": "Product Viewed", "userId": "ana", "properties": {"product_id": "boots", "name": "Botas"}}'
    happened = Event(
        key=told.draft.key, lane=1, seq=1, h=b"h" * 16, source=Source.LIVE, call=Call.TRACK, name="Product Viewed", at=MORNING,
        received=MORNING, body=body,
    )  # fmt: skip
    fold(told.draft, happened, facts=Shop())
    assert set(_scored(told)) == {("product", "boots"), ("category", "calzado"), ("brand", "Norte"), ("band", "EUR2000")}
    assert [look.name for look in looks(told.draft, MORNING)] == [""]


def test_only_the_strongest_products_are_remembered_when_their_time_is_past() -> None:
    ana = _curious()
    for number in range(PRODUCTS_AT_MOST + 5):
        ana.does("Product Viewed", minute=number / 4, product_id=f"p{number:02}", visible_seconds=number)
    assert len(ana.draft.read(Interest).products) == PRODUCTS_AT_MOST + 5
    rest(ana.draft, MORNING + HOUR)
    kept = [liked.product for liked in ana.draft.read(Interest).products]
    assert kept == [f"p{number:02}" for number in range(5, PRODUCTS_AT_MOST + 5)]


def test_whoever_was_just_here_is_not_put_to_rest() -> None:
    ana = _curious()
    ana.does("Product Viewed", **_BOOTS)
    before = ana.draft.encode()
    rest(ana.draft, MORNING + LATENESS)
    assert ana.draft.encode() == before


def test_history_imported_backwards_counts_as_much_as_forwards() -> None:
    forwards, backwards = _curious(), _curious()
    for ana, days in ((forwards, range(-60, 1, 3)), (backwards, range(0, -61, -3))):
        for day in days:
            ana.does("Product Viewed", minute=day * 24 * 60, **_BOOTS)
    assert _scored(backwards)["product", "boots"] == pytest.approx(_scored(forwards)["product", "boots"], rel=0.05)
