"""The demonstration's parts without a browser: real orders on their way in, the basket, the words, the shortened wait."""

from __future__ import annotations

import json
import re
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oportuno.catalog.reading import read_row
from oportuno.entry.demo.basket import Basket, read_basket, write_basket
from oportuno.entry.demo.catalogue import fill_shelves, lowered
from oportuno.entry.demo.drawings import drawing, names
from oportuno.entry.demo.groundwork import PLAYS, SHOWN_WAIT, shortened
from oportuno.entry.demo.history import WEEKS, History, order_call, read_history
from oportuno.entry.demo.loading import batches
from oportuno.entry.demo.pages import money, words
from oportuno.entry.demo.people import identify_calls, people_of, user_of
from oportuno.entry.demo.setting import LANGUAGES, Person, Setting, read_setting, write_setting
from oportuno.entry.demo.shelves import AISLES
from oportuno.entry.demo.stage import go, is_email, visitor_key
from oportuno.journeys.journey import Wait, WaitFor
from oportuno.journeys.read import read_journey
from oportuno.kit.times import DAY, SECOND, parse_moment

HOME = files("oportuno.entry.demo")
NOW = 1_795_000_000_000


@pytest.fixture(scope="module")
def history() -> History:
    return read_history(NOW)


def test_history_holds_eight_weeks_of_real_orders_and_ends_now(history: History) -> None:
    assert len(history.orders) > 20_000
    assert len(history.households()) > 2_000
    assert NOW - DAY <= history.orders[-1].at <= NOW
    assert history.orders[-1].at - history.orders[0].at > (WEEKS * 7 - 1) * DAY
    assert all(order.lines and order.total >= 0 for order in history.orders)


def test_every_shelf_is_filled_with_a_real_product_at_its_price_and_has_its_drawing(history: History) -> None:
    assert len(history.products) == sum(len(aisle.shelves) for aisle in AISLES)
    assert len({product.id for product in history.products}) == len(history.products)
    assert all(product.price >= 10 and product.baskets > 0 for product in history.products)
    assert {product.drawing for product in history.products} <= names()
    assert drawing("banana", "huerta").startswith("<svg ")


def test_everything_is_loaded_as_an_import_with_fixed_ids_under_the_collectors_ceilings(history: History) -> None:
    calls = [
        *identify_calls(history, history.orders[0].at),
        *(order_call(order, user_of(order.household)) for order in history.orders[:3000]),
    ]
    seen: set[str] = set()
    for batch in batches(calls):
        assert sum(len(raw) + 1 for raw in batch) < 450_000
        for raw in batch:
            call = json.loads(raw)
            assert len(raw) < 32_000
            assert call["context"]["oportuno"]["source"] == "import"
            assert parse_moment(call["timestamp"]) is not None
            assert call["userId"]
            seen.add(call["messageId"])
    assert len(seen) == len(calls)


def test_the_people_on_show_have_made_up_addresses_and_real_orders(history: History) -> None:
    people = people_of(history)
    assert [person.name for person in people[:4]] == ["Ana", "Bruno", "Carla", "Dora"]
    assert all(not person.email or person.email.endswith("@example.com") for person in people)
    assert all(person.orders > 0 for person in people[4:])
    assert not next(person for person in people if person.name == "Carla").may_write


def test_who_said_yes_to_mail_has_answered() -> None:
    visitor = Person(key="visita-1", name="visita", email="visita@example.com", may_write=True)
    assert visitor.answered == "person_mail"
    assert Person(key="hogar-1", name="Hogar 1").answered == "person_unknown"


def test_the_catalogue_is_written_whole_once_and_at_a_new_address_only_its_addresses(history: History) -> None:
    sent: list[tuple[str, dict[str, list[dict[str, Any]]]]] = []
    setting = Setting(workspace=1, public_id="ws_1", write_key="w", secret_key="s", ends=NOW, wait_seconds=20, products=history.products)

    def send(method: str, path: str, body: bytes) -> None:
        sent.append((f"{method} {path}", json.loads(body)))

    first = fill_shelves(setting, "http://127.0.0.1:1", send)
    assert [path for path, _ in sent] == ["PUT /api/v1/categories", "POST /api/v1/products"]
    rows = [read_row(row, currency="EUR").product for row in sent[1][1]["items"]]
    assert [(row.id, row.price, row.currency) for row in rows] == [(one.id, one.price, "USD") for one in history.products]
    assert all(row.image and row.manual_url and row.categories and row.stock for row in rows)
    assert fill_shelves(first, "http://127.0.0.1:1", send) is first
    assert fill_shelves(first, "http://127.0.0.1:2", send).shelved == "http://127.0.0.1:2"
    assert set(sent[2][1]["items"][0]) == {"id", "url", "image", "manual_url"}
    assert len(sent) == 3


@given(st.integers(min_value=0, max_value=1_000_000))
def test_a_lowered_price_is_a_fifth_less_or_stays(price: int) -> None:
    less = lowered(price)
    assert less is None or price * 0.75 <= less <= price * 0.8
    assert (less is None) == (price < 20)


@pytest.mark.parametrize("play", PLAYS)
def test_every_play_is_shown_with_no_wait_longer_than_the_demonstrations(play: str) -> None:
    short = shortened(read_journey(files("oportuno").joinpath(f"plays/{play}.yaml").read_text(encoding="utf-8")), 20)
    assert all(step.length == 20 * SECOND for step in short.steps if isinstance(step, Wait))


def test_the_wait_is_shortened_and_nothing_else_of_the_plays_steps_is_changed() -> None:
    play = read_journey(files("oportuno").joinpath("plays/abandoned-cart.yaml").read_text(encoding="utf-8"))
    short = shortened(play, 20)
    assert [step.id for step in short.steps] == [step.id for step in play.steps]
    waits = [(before, after) for before, after in zip(play.steps, short.steps, strict=True) if before != after]
    assert len(waits) == 1
    before, after = waits[0]
    assert isinstance(before, WaitFor)
    assert isinstance(after, WaitFor)
    assert (before.timeout, after.timeout) == (SHOWN_WAIT, 20 * SECOND)
    assert (short.trigger, short.filter, short.goal, short.exits) == (play.trigger, play.filter, play.goal, play.exits)


@given(st.lists(st.tuples(st.sampled_from(["1", "22", "333"]), st.sampled_from(["add", "more", "less", "remove", "x"])), max_size=60))
def test_a_basket_comes_back_from_its_cookie_as_it_was(changes: list[tuple[str, str]]) -> None:
    basket = Basket()
    for product, what in changes:
        basket = basket.changed(product, what, now=NOW)
    assert read_basket(write_basket(basket)) == basket
    assert all(0 < count <= 20 for count in basket.lines.values())


@given(st.text(max_size=200))
def test_any_cookie_is_a_basket_or_an_empty_one(text: str) -> None:
    assert read_basket(text).pieces >= 0


def test_every_string_exists_in_both_languages_with_the_same_slots_and_is_used() -> None:
    es, en = (words()[language] for language in LANGUAGES)
    slots = re.compile(r"\{\w+\}")
    for key, text in es.items():
        assert text, key
        assert en[key], key
        assert sorted(slots.findall(text)) == sorted(slots.findall(en[key])), key
    sources = [
        Path(str(path)).read_text(encoding="utf-8") for path in (*HOME.iterdir(), *HOME.joinpath("pages").iterdir()) if path.is_file()
    ]
    code = "\n".join(sources)  # words.tsv itself names each key once
    built = {"person_", "live_speak", "live_wait", "live_silence", "view_", "answers_now_", "hear_done_", "help_"}
    unused = [key for key in es if code.count(key) < 2 and not any(key.startswith(start) for start in built)]
    assert unused == []


def test_money_is_written_as_each_language_writes_it() -> None:
    assert money(226, "es") == "2,26\xa0US$"
    assert money(226, "en") == "US$2.26"


@pytest.mark.parametrize("rest", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\nb", "javascript:alert(1)"])
def test_after_a_form_one_never_leaves_the_demonstration(rest: str) -> None:
    assert go("es", rest).headers["location"] == "/demo/es"


def test_an_address_gives_the_same_person_every_time_and_nonsense_gives_none() -> None:
    assert visitor_key("Dora@example.com") == visitor_key("dora@example.com")
    assert is_email("dora@example.com")
    assert not any(is_email(text) for text in ("", "dora", "dora@", "@example.com", "a b@example.com", 'a"@example.com', "a@example"))


def test_the_setting_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    setting = Setting(workspace=1, public_id="ws_1", write_key="wk", secret_key="sk", ends=round(time.time()), wait_seconds=20)
    write_setting(tmp_path, setting)
    assert read_setting(tmp_path) == setting
    assert (tmp_path / "demo.json").stat().st_mode & 0o077 == 0
    (tmp_path / "demo.json").write_text("{")
    assert read_setting(tmp_path) is None
