"""The page behind «Confirmar mi correo»: two equal doors, nothing by opening it, and kind words for every ending."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))

from test_double_opt_in import Shop, dora_asked
from test_pages import Answer, Browser

from customer_stage import MAKER
from oportuno.consent.answers import Answered
from oportuno.consent.change import choose_cadence
from oportuno.consent.wishes import Cadence
from oportuno.content.links import Action
from oportuno.kit.times import DAY, MINUTE


def at_the_page(locale: str = "es-ES") -> tuple[Shop, Browser, str]:
    shop, ask = dora_asked(locale=locale)
    return shop, Browser(shop), MAKER.links(ask, ask.permitted_at).confirm


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("agent", ["a scanner that follows every link", "Dora"])
def test_opening_confirms_nothing_however_often(method: str, agent: str) -> None:
    shop, browser, link = at_the_page()
    before = shop.everything()
    for _ in range(5):
        assert browser.ask(method, link).status == 200, agent
    assert shop.everything() == before
    assert shop.state() is Answered.PENDING


@pytest.mark.parametrize(
    ("locale", "words", "yes", "no"),
    [
        ("es-ES", "Vas a recibir novedades de Tienda Norte en <b>do···@correo.example</b>.", "Sí, soy yo", "No lo pedí"),
        ("en-IE", "You are about to get news from Tienda Norte at <b>do···@correo.example</b>.", "Yes, it’s me", "I didn’t ask for it"),
    ],
)
def test_it_says_who_will_write_where_and_asks_with_two_equal_doors(locale: str, words: str, yes: str, no: str) -> None:
    _, browser, link = at_the_page(locale)
    text = browser.get(link).text
    assert words in text
    assert text.count('class="door" name="answer"') == 2
    assert text.index(yes) < text.index(no)
    assert "dora@" not in text


def test_it_says_how_often_if_she_chose() -> None:
    shop, ask = dora_asked(locale="es-ES")
    draft = shop.draft(ask.key)
    choose_cadence(draft, Cadence.MONTHLY)
    shop.save(draft)
    assert "Una vez al mes como mucho." in Browser(shop).get(MAKER.links(ask, ask.permitted_at).confirm).text


def test_the_button_confirms_and_coming_back_says_since_when() -> None:
    shop, browser, link = at_the_page()
    said = browser.post(link, answer="it_was_me")
    assert (said.status, "Listo, confirmado" in said.text) == (200, True)
    assert shop.state() is Answered.GRANTED
    shop.world.clock.now += MINUTE
    assert "Desde hoy, sábado, a las 11:00 podemos escribirte" in browser.get(link).text


def test_the_other_button_signs_nobody_up() -> None:
    shop, browser, link = at_the_page()
    assert "Hecho. No te escribiremos." in browser.post(link, answer="it_was_not").text
    assert shop.state() is Answered.DENIED
    _overtaken(browser.post(link, answer="it_was_me"), 409)
    assert "Aquí no queda nada que confirmar" in browser.get(link).text


def test_a_link_for_another_address_says_so() -> None:
    shop, browser, link = at_the_page()
    shop.world.clock.now += MINUTE
    shop.identify(email="other@correo.example")
    assert "Este enlace era para otra dirección." in browser.get(link).text
    _overtaken(browser.post(link, answer="it_was_me"), 409)
    assert shop.state() is Answered.PENDING


def test_a_link_that_is_too_old_says_so_and_confirms_nothing() -> None:
    shop, browser, link = at_the_page()
    shop.world.clock.now += 4 * DAY
    assert browser.get(link).status == browser.post(link, answer="it_was_me").status == 410
    assert shop.state() is Answered.PENDING


@pytest.mark.parametrize("said", ["", "leave_all", "undo", "yes"])
def test_any_other_answer_is_none(said: str) -> None:
    shop, browser, link = at_the_page()
    assert browser.post(link, answer=said).status == 400
    assert shop.state() is Answered.PENDING


def test_a_link_of_another_kind_confirms_nothing() -> None:
    shop, ask = dora_asked()
    browser = Browser(shop)
    for action in set(Action) - {Action.CONFIRM}:
        assert browser.post(f"/p/{shop.token(ask, action)}", answer="it_was_me").status == 400
    assert shop.state() is Answered.PENDING


def test_why_the_question_came_is_told() -> None:
    shop, ask = dora_asked()
    text = Browser(shop).get(f"/p/{shop.token(ask, Action.WHY)}").text
    assert "Confirmar tu correo" in text
    assert "alguien pidió recibir novedades en esta dirección" in text
    assert "Sin tu confirmación no se apunta a nadie." in text


def _overtaken(answer: Answer, status: int) -> None:
    assert answer.status == status
    assert "Aquí no queda nada que confirmar" in answer.text
