"""The plays that ship, walked by one customer: what the catalogue tells, whom it concerns, what is said and what is left unsaid."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest

sys.path.append(str(Path(__file__).parent.parent / "rooms"))
from tienda_norte import Cast

from oportuno.catalog.news import news_of
from oportuno.catalog.product import Change, ChangeKind, Product
from oportuno.consent.answers import Answered
from oportuno.consent.change import answer
from oportuno.consent.refusals import Refusal
from oportuno.content.because import because_line, because_points
from oportuno.decision.verdict import Decided
from oportuno.events.event import Event, Source
from oportuno.flows.fan_out import FanOut, told
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.step import Outcome, step
from oportuno.journeys.read import read_journey
from oportuno.kit.times import DAY, HOUR, MINUTE, Millis
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

CAST = Cast()
NOON = CAST.saturday
PLAYS = ("price-drop", "back-in-stock", "new-in-favourite", "after-purchase", "abandoned-cart")
NORTE = Programme(
    workspace=1,
    public_id="ws_norte",
    version=1,
    policy=msgspec.structs.replace(CAST.norte, limits=(), quiet=(0, 0)),
    brand=Brand(name="Tienda Norte"),
    journeys=tuple(read_journey((files("oportuno") / f"plays/{play}.yaml").read_text(encoding="utf-8")) for play in PLAYS),
)
GALERNA = Product(
    id="galerna", name="Chubasquero Galerna", brand="Faro", categories=("chubasqueros",), price=7_120, stock=12, currency="EUR", version=9
)


class Shelf:
    """The catalogue as it stands now."""

    def __init__(self, *products: Product) -> None:
        self._products = {product.id: product for product in products}

    def product(self, product: str) -> Product | None:
        return self._products.get(product)


def happens(draft: Draft, event: str, at: Millis, source: Source = Source.LIVE, **properties: Any) -> Event:
    return CAST.event(draft, event, at, source=source, properties=properties, received=at)


def lives(draft: Draft, *events: Event, now: Millis = NOON, shelf: Shelf | None = None) -> Outcome:
    return step(draft, events, programme=NORTE, now=now, facts=shelf or Shelf(GALERNA))


def falls(draft: Draft, product: Product = GALERNA, *, was: int = 8_900, at: Millis = NOON) -> Event:
    change = Change(
        workspace=1,
        product=product.id,
        kind=ChangeKind.PRICE_DROPPED,
        version=product.version,
        at=at,
        old={"price": was},
        new={"price": product.price},
        currency=product.currency,
    )
    return _news(draft, change, product)


def _news(draft: Draft, change: Change, product: Product) -> Event:
    news = news_of(change, product, dict.fromkeys(ChangeKind, DAY))[0]
    walk = FanOut(workspace=1, n=1, item=news.item, id=news.id, name=news.name, body=news.body, at=news.at, expires_at=news.expires_at)
    return told(walk, draft.key)


def looks(draft: Draft, times: int, product: Product = GALERNA, *, ends: Millis = NOON - HOUR) -> None:
    for turn in range(times):
        at = ends - (times - turn) * 20 * MINUTE
        lives(draft, happens(draft, "Product Viewed", at, product_id=product.id, name=product.name, brand=product.brand), now=at)


def silences(outcome: Outcome) -> list[Refusal]:
    return [verdict.reasons[0].refusal for verdict in outcome.verdicts if verdict.decided is not Decided.SPEAK]


def test_ana_looked_three_times_and_is_told_what_it_cost_and_costs_and_why() -> None:
    ana = CAST.ana()
    looks(ana, 3)
    shelf = Shelf(msgspec.structs.replace(GALERNA, lowest=8_500))
    [message] = lives(ana, falls(ana, msgspec.structs.replace(GALERNA, lowest=8_500)), shelf=shelf).messages
    because = message.said.because
    assert because_line(because, "es", now=NOON) == "miraste «Chubasquero Galerna» tres veces esta semana y ha bajado de precio."
    assert because_line(because, "en", now=NOON) == "you looked at “Chubasquero Galerna” three times this week and its price is down."
    assert because_points(because, "es", now=NOON)[1:] == [
        "Su precio pasó de 89,00\xa0€ a 71,20\xa0€.",
        "Su precio más bajo en los 30 días anteriores fue 85,00\xa0€.",
    ]
    assert message.said.items == ("galerna",)
    assert message.said.context["product"]["percent"] == 16


@pytest.mark.parametrize(
    ("event", "properties", "why"),
    [
        ("Product Added", {}, "tienes «Chubasquero Galerna» en la cesta y ha bajado de precio."),
        ("Product Added to Wishlist", {}, "guardaste «Chubasquero Galerna» en tu lista y ha bajado de precio."),
    ],
)
def test_what_ana_did_herself_is_the_reason_she_is_told(event: str, properties: dict[str, Any], why: str) -> None:
    ana = CAST.ana()
    lives(ana, happens(ana, event, NOON - HOUR, product_id="galerna", name="Chubasquero Galerna", **properties), now=NOON - HOUR)
    [message] = lives(ana, falls(ana)).messages
    assert because_line(message.said.because, "es", now=NOON) == why


@pytest.mark.parametrize(
    ("days_ago", "told", "since"),
    [
        (1, 0, "esta semana"),
        (6, 0, "en los últimos siete días"),
        (0, 2, "en los últimos siete días"),
        (12, 0, "en los últimos 30 días"),
    ],
    ids=["Friday's looks, told on Saturday", "last Sunday's, told on Saturday", "Saturday's, told on Monday", "those of two weeks ago"],
)
def test_this_week_is_said_of_looks_of_the_customers_own_week_alone(days_ago: int, told: int, since: str) -> None:
    ana, now = CAST.ana(), NOON + told * DAY
    looks(ana, 3, ends=NOON - days_ago * DAY)
    [message] = lives(ana, falls(ana, at=now), now=now).messages
    assert because_line(message.said.because, "es", now=now, zone="Europe/Madrid").startswith(
        f"miraste «Chubasquero Galerna» tres veces {since} y"
    )


def test_who_looked_once_in_passing_is_told_nothing() -> None:
    ana = CAST.ana()
    looks(ana, 1)
    assert lives(ana, falls(ana)).messages == []


def test_without_a_yes_to_personalisation_looks_are_no_reason_but_a_basket_is() -> None:
    bruno = CAST.bruno()
    looks(bruno, 5)
    assert lives(bruno, falls(bruno)).messages == []
    lives(bruno, happens(bruno, "Product Added", NOON, product_id="galerna", name="Chubasquero Galerna"))
    again = msgspec.structs.replace(GALERNA, version=10)
    assert len(lives(bruno, falls(bruno, again, at=NOON + 1), now=NOON + 1).messages) == 1


@pytest.mark.parametrize(
    "now_it_is",
    [
        msgspec.structs.replace(GALERNA, price=8_000),
        msgspec.structs.replace(GALERNA, price=None),
        msgspec.structs.replace(GALERNA, stock=0),
        msgspec.structs.replace(GALERNA, withdrawn=True),
        msgspec.structs.replace(GALERNA, currency="USD"),
    ],
    ids=["the price rose again", "it has no price", "it is gone", "it was withdrawn", "it is sold in another currency"],
)
def test_a_fall_that_is_true_no_more_is_not_told(now_it_is: Product) -> None:
    ana = CAST.ana()
    looks(ana, 3)
    assert lives(ana, falls(ana), shelf=Shelf(now_it_is)).messages == []


def test_a_price_that_only_comes_back_from_a_rise_is_no_reduction() -> None:
    ana = CAST.ana()
    looks(ana, 3)
    back = msgspec.structs.replace(GALERNA, lowest=7_120)
    assert lives(ana, falls(ana, back), shelf=Shelf(back)).messages == []


def test_a_fall_of_less_than_five_percent_is_not_worth_a_mail() -> None:
    ana = CAST.ana()
    looks(ana, 3)
    assert lives(ana, falls(ana, was=7_300)).messages == []


def test_one_change_that_reaches_ana_twice_is_told_once() -> None:
    ana = CAST.ana()
    looks(ana, 3)
    fall = falls(ana)
    assert len(lives(ana, fall).messages) == 1
    assert lives(ana, fall, now=NOON + MINUTE).messages == []


def test_nobody_but_the_catalogue_may_say_that_a_price_fell() -> None:
    ana = CAST.ana()
    looks(ana, 3)
    lie = happens(ana, "Product Price Dropped", NOON, product_id="galerna", old_price=89, price=71.2, currency="EUR", drop_percent=20)
    assert lives(ana, lie).messages == []


def test_carla_said_no_and_her_silence_has_that_name() -> None:
    carla = CAST.carla()
    lives(carla, happens(carla, "Product Added", NOON - HOUR, product_id="galerna"), now=NOON - HOUR)
    outcome = lives(carla, falls(carla))
    assert outcome.messages == []
    assert set(silences(outcome)) == {Refusal.NO_CONSENT}


def test_ana_who_takes_her_yes_back_hears_nothing_of_this_fall_and_with_a_new_yes_of_the_next() -> None:
    ana = CAST.ana()
    looks(ana, 3)
    answer(ana, purpose=Purpose.MARKETING, channel="email", state=Answered.WITHDRAWN, at=NOON - MINUTE, source="customer")
    outcome = lives(ana, falls(ana))
    assert outcome.messages == []
    assert silences(outcome) == [Refusal.CONSENT_WITHDRAWN]
    answer(ana, purpose=Purpose.MARKETING, channel="email", state=Answered.GRANTED, at=NOON + HOUR, source="customer")
    assert lives(ana, now=NOON + HOUR).messages == []
    lower = msgspec.structs.replace(GALERNA, price=6_000, version=10)
    assert len(lives(ana, falls(ana, lower, was=7_120, at=NOON + 2 * HOUR), now=NOON + 2 * HOUR, shelf=Shelf(lower)).messages) == 1


def test_of_two_falls_at_once_the_one_she_cares_for_most_is_told_and_the_other_waits_by_name() -> None:
    ana = CAST.ana()
    faro = msgspec.structs.replace(GALERNA, id="faro", name="Taza Faro", price=1_000)
    looks(ana, 3)
    lives(ana, happens(ana, "Product Added", NOON - HOUR, product_id="faro", name="Taza Faro"), now=NOON - HOUR)
    outcome = lives(ana, falls(ana), falls(ana, faro, was=1_250), shelf=Shelf(GALERNA, faro))
    [message] = outcome.messages
    assert message.said.items == ("faro",)
    waiting = [verdict for verdict in outcome.verdicts if verdict.proposal.items == ("galerna",)]
    assert [verdict.reasons[0].refusal for verdict in waiting] == [Refusal.BETTER_PROPOSAL]


def test_something_sensitive_is_not_named_in_the_reason() -> None:
    ana = CAST.ana()
    quiet = msgspec.structs.replace(GALERNA, sensitive=("health",))
    looks(ana, 3)
    [message] = lives(ana, falls(ana, quiet), shelf=Shelf(quiet)).messages
    assert because_line(message.said.because, "es", now=NOON) == "miraste un artículo tres veces esta semana y ha bajado de precio."


def test_who_asked_to_be_told_hears_that_it_is_back_and_who_only_looked_does_not() -> None:
    ana, other = CAST.ana(), CAST.ana()
    change = Change(workspace=1, product="galerna", kind=ChangeKind.BACK_IN_STOCK, version=9, at=NOON, new={"stock": 12})
    lives(ana, happens(ana, "Back In Stock Requested", NOON - DAY, product_id="galerna", name="Chubasquero Galerna"), now=NOON - DAY)
    looks(other, 3)
    [message] = lives(ana, _news(ana, change, GALERNA)).messages
    line = because_line(message.said.because, "es", now=NOON)
    assert line == "nos pediste que te avisáramos de «Chubasquero Galerna» y vuelve a estar disponible."
    assert lives(other, _news(other, change, GALERNA)).messages == []


def test_a_new_thing_of_a_brand_ana_leans_to_is_told_at_most_once_a_week() -> None:
    ana = CAST.ana()
    looks(ana, 4, msgspec.structs.replace(GALERNA, id="nordes", name="Gorro Nordés"))
    change = Change(workspace=1, product="galerna", kind=ChangeKind.LAUNCHED, version=9, at=NOON)
    [message] = lives(ana, _news(ana, change, GALERNA)).messages
    assert because_line(message.said.because, "en", now=NOON) == "because of your interest in “Faro”, we think you may like it."
    second = msgspec.structs.replace(GALERNA, id="cierzo", version=10)
    later = Change(workspace=1, product="cierzo", kind=ChangeKind.LAUNCHED, version=10, at=NOON + DAY)
    assert lives(ana, _news(ana, later, second), now=NOON + DAY, shelf=Shelf(second)).messages == []


HELPED = msgspec.structs.replace(GALERNA, manual_url="https://norte.example/manual.pdf")


def buys(
    draft: Draft, at: Millis = NOON, *products: str, source: Source = Source.LIVE, name: str = "Order Completed", **more: Any
) -> Event:
    things: Sequence[dict[str, Any]] = [{"product_id": product, "price": 71.2, "quantity": 1} for product in products or ("galerna",)]
    return happens(draft, name, at, source=source, order_id="10482", total=71.2, currency="EUR", products=things, **more)


def test_a_day_after_her_order_carla_too_gets_the_manual_because_it_is_a_service() -> None:
    carla = CAST.carla()
    assert lives(carla, buys(carla), shelf=Shelf(HELPED)).messages == []
    [message] = lives(carla, now=NOON + DAY, shelf=Shelf(HELPED)).messages
    assert (message.said.journey, message.marketing) == ("after-purchase", False)
    line = because_line(message.said.because, "es", now=NOON + DAY)
    assert line == "compraste «Chubasquero Galerna» ayer. Es un aviso de tu pedido y no lleva ofertas."


def test_with_nothing_to_help_with_there_is_no_mail_after_a_purchase() -> None:
    ana = CAST.ana()
    lives(ana, buys(ana))
    assert lives(ana, now=NOON + DAY).messages == []


def test_an_order_that_is_given_back_in_the_shop_needs_no_help() -> None:
    ana = CAST.ana()
    lives(ana, buys(ana), shelf=Shelf(HELPED))
    till = happens(ana, "Order Refunded", NOON + HOUR, order_id="10482", store_id="santander")
    lives(ana, till, now=NOON + HOUR, shelf=Shelf(HELPED))
    assert lives(ana, now=NOON + DAY, shelf=Shelf(HELPED)).messages == []


@pytest.mark.parametrize("source", [Source.LIVE, Source.LATE, Source.IMPORT], ids=["live at the till", "told late", "imported"])
@pytest.mark.parametrize("name", ["Order Completed", "Order Updated"])
def test_a_purchase_anywhere_ends_what_waits_to_be_said_about_what_was_bought(source: Source, name: str) -> None:
    ana = CAST.ana()
    looks(ana, 3)
    faro = msgspec.structs.replace(GALERNA, id="faro", name="Taza Faro", price=1_000)
    lives(ana, happens(ana, "Product Added", NOON - HOUR, product_id="faro", name="Taza Faro"), now=NOON - HOUR)
    lives(ana, falls(ana), falls(ana, faro, was=1_250), shelf=Shelf(GALERNA, faro))
    bought = lives(ana, buys(ana, NOON + MINUTE, source=source, name=name, store_id="santander"), now=NOON + MINUTE)
    assert (("galerna",), Refusal.ITEM_BOUGHT.value) in bought.cancelled
    assert Refusal.ITEM_BOUGHT in silences(bought)
    later = lives(ana, now=NOON + 3 * HOUR, shelf=Shelf(GALERNA, faro))
    assert [message for message in later.messages if "galerna" in message.said.items] == []
    lower = msgspec.structs.replace(GALERNA, price=5_000, version=11)
    assert lives(ana, falls(ana, lower, was=7_120, at=NOON + 4 * HOUR), now=NOON + 4 * HOUR, shelf=Shelf(lower)).messages == []
