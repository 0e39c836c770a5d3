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

from oportuno.catalog.once import Once
from oportuno.catalog.reading import read_row
from oportuno.entry.demo.basket import Basket, read_basket, write_basket
from oportuno.entry.demo.catalogue import fill_shelves, lowered
from oportuno.entry.demo.complete_journey import CompleteJourney
from oportuno.entry.demo.drawings import drawing, names
from oportuno.entry.demo.groundwork import PLAYS, SHOWN_WAIT, shortened
from oportuno.entry.demo.history import History, Product, mapping_of, read_history, shelved
from oportuno.entry.demo.online_retail import OnlineRetail
from oportuno.entry.demo.pages import money, words
from oportuno.entry.demo.people import answers_of, everybody, people_of, user_of, visits
from oportuno.entry.demo.run import chosen_data
from oportuno.entry.demo.setting import LANGUAGES, Person, Progress, Setting, read_progress, read_setting, write_progress, write_setting
from oportuno.entry.demo.shelves import AISLES, GIFT_AISLES
from oportuno.entry.demo.stage import go, is_email, visitor_key
from oportuno.events.bring.read import calls_of
from oportuno.events.bring.rows import Made
from oportuno.journeys.journey import Wait, WaitFor
from oportuno.journeys.read import read_journey
from oportuno.kit.faults import BadInput
from oportuno.kit.times import DAY, SECOND

HOME = files("oportuno.entry.demo")
NOW = 1_795_000_000_000


RETAIL = Path(__file__).parents[3] / "shared" / "data" / "online_retail_cc0.parquet"


@pytest.fixture(scope="module")
def history() -> History:
    return read_history(CompleteJourney(), NOW, customers=40)


@pytest.fixture(scope="module")
def products(history: History) -> tuple[Product, ...]:
    return shelved(history)


def test_history_holds_the_whole_year_of_some_or_of_all_households_and_ends_now(history: History) -> None:
    whole = history._replace(table=history.whole)
    assert (whole.lines, whole.orders(), len(whole.customers()), len(whole.stores())) == (1_469_307, 155_848, 2_469, 457)
    assert len(history.customers()) == 40
    assert history.starts > NOW - 367 * DAY
    last = max(line.cells["at"] for line in history.rows({who: user_of(who) for who, _ in history.customers()}))
    assert NOW - 8 * DAY <= last <= NOW


def test_every_shelf_is_filled_with_a_real_product_at_its_price_and_has_its_drawing(products: tuple[Product, ...]) -> None:
    assert len(products) == sum(len(aisle.shelves) for aisle in AISLES)
    assert len({product.id for product in products}) == len(products)
    assert all(product.price >= 10 and product.baskets > 0 for product in products)
    assert {product.drawing for product in products} <= names()
    assert drawing("banana", "huerta").startswith("<svg ")


def test_orders_come_in_as_an_import_whole_and_at_the_prices_paid(history: History) -> None:
    users = {who: user_of(who) for who, _ in history.customers()}
    made = list(calls_of(history.rows(users), mapping_of(history.data), Once()))
    assert all(isinstance(each, Made) for each in made)
    assert len(made) == history.orders()
    calls = [json.loads(each.body) for each in made if isinstance(each, Made)]
    assert all(call["context"]["oportuno"]["source"] == "import" for call in calls)
    assert sum(len(call["properties"]["products"]) for call in calls) == history.lines
    paid = sum(call["properties"]["total"] for call in calls)
    assert paid == pytest.approx(sum(row for row in history.table["amount"].to_pylist()))
    assert {call["userId"] for call in calls} == set(users.values())


def test_the_people_on_show_have_made_up_addresses_and_real_orders(history: History) -> None:
    people = people_of(history.customers())
    assert [person.name for person in people[:4]] == ["Ana", "Bruno", "Carla", "Dora"]
    assert all(not person.email or person.email.endswith("@example.com") for person in people)
    assert all(person.orders > 0 for person in people[4:])
    assert not next(person for person in people if person.name == "Carla").may_write


def test_what_households_said_of_themselves_comes_with_their_simulated_answers_and_a_yes_has_its_proof(history: History) -> None:
    made = list(everybody(history))
    assert len(made) == 3 + 40
    for each in made:
        call = json.loads(each.body)
        assert call["traits"]["email"].endswith("@example.com")
        assert not each.answers or each.proof["consent.source"] == "demo_simulated"
    said = history.data.traits()
    assert len(said) == 801
    assert all({"age", "income"} <= set(traits) for traits in said.values())


def test_simulated_visits_are_of_households_that_said_yes_and_say_that_they_are_simulated(
    history: History, products: tuple[Product, ...]
) -> None:
    yes = {user_of(who) for who, _ in history.customers() if answers_of(who)[1]}
    made = list(visits(history, products, NOW))
    assert made
    assert {each.user for each in made} <= yes
    assert all(json.loads(each.body)["properties"]["simulated"] for each in made)
    assert all(NOW - 7 * DAY < each.at < NOW for each in made)


def test_the_second_data_set_fills_its_own_shelves() -> None:
    history = read_history(OnlineRetail(RETAIL), NOW)
    assert (history.lines, len(history.customers())) == (406_829, 4_372)
    products = shelved(history)
    assert len(products) == sum(len(aisle.shelves) for aisle in GIFT_AISLES)
    assert {product.drawing for product in products} <= names()
    assert all(read_basket(write_basket(Basket(lines={product.id: 1}))).lines for product in products)
    assert history.stores() == []


def test_what_is_only_taken_back_counts_as_no_order_so_that_the_engine_is_not_waited_for_in_vain() -> None:
    history = read_history(OnlineRetail(RETAIL), NOW)
    counted, once = dict(history.customers()), Once()
    few = history._replace(table=history.table.slice(0, 8_000))
    users = {who: user_of(who, history.data.kind) for who in counted}
    made = [each for each in calls_of(few.rows(users), mapping_of(history.data), once) if isinstance(each, Made)]
    assert {each.name for each in made} == {"Order Completed", "Order Refunded"}
    placed = [each for each in made if each.name == "Order Completed"]
    assert len(placed) == few.orders()
    assert not any("store_id" in json.loads(each.body)["properties"] for each in made)
    assert sum(counted.values()) == history.orders() == 18_536
    assert min(counted.values()) == 0


def test_a_file_that_is_no_data_set_is_named(tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    other.write_text("no parquet")
    with pytest.raises(BadInput) as fault:
        OnlineRetail(other).rows()
    assert fault.value.code == "demo_data_unreadable"
    with pytest.raises(BadInput):
        chosen_data(("retail", other))


def test_the_pages_hear_how_far_the_loading_is_until_it_is_over(tmp_path: Path) -> None:
    assert read_progress(tmp_path) is None
    write_progress(tmp_path, Progress(what="orders", done=50, whole=200))
    told = read_progress(tmp_path)
    assert told is not None
    assert (told.what, told.percent) == ("orders", 25)
    write_progress(tmp_path, None)
    assert read_progress(tmp_path) is None


def test_who_said_yes_to_mail_has_answered() -> None:
    visitor = Person(key="visita-1", name="visita", email="visita@example.com", may_write=True)
    assert visitor.answered == "person_mail"
    assert Person(key="hogar-1", name="Hogar 1").answered == "person_unknown"


def test_the_catalogue_is_written_whole_once_and_at_a_new_address_only_its_addresses(products: tuple[Product, ...]) -> None:
    sent: list[tuple[str, dict[str, list[dict[str, Any]]]]] = []
    setting = Setting(workspace=1, public_id="ws_1", write_key="w", secret_key="s", ends=NOW, wait_seconds=20, products=products)

    def send(method: str, path: str, body: bytes) -> None:
        sent.append((f"{method} {path}", json.loads(body)))

    first = fill_shelves(setting, "http://127.0.0.1:1", send)
    assert [path for path, _ in sent] == ["PUT /api/v1/categories", "POST /api/v1/products"]
    rows = [read_row(row, currency="EUR").product for row in sent[1][1]["items"]]
    assert [(row.id, row.price, row.currency) for row in rows] == [(one.id, one.price, "USD") for one in products]
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
    built = {
        "loading_",
        "person_",
        "live_speak",
        "live_wait",
        "live_silence",
        "view_",
        "hear_done_",
        "help_",
        "tell_",
        "account_said_",
        "account_mail_",
        "cadence_",
        "trait_",
        "said_",
        "in_",
        "whose_",
        "tour_",
    }
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
