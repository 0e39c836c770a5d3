"""Money, days and times as a customer reads them."""

from __future__ import annotations

import pytest

from oportuno.content.formats import Form, count_text, day_text, list_text, locale_for, moment_text, money_text, time_text
from oportuno.kit.times import DAY, HOUR, parse_moment

SATURDAY = parse_moment("2026-11-21T11:00:00Z") or 0
ES = Form(language="es", locale="es_ES", zone="Europe/Madrid", now=SATURDAY)
EN = Form(language="en", locale="en_IE", zone="Europe/Dublin", now=SATURDAY)


@pytest.mark.parametrize(
    ("away", "spanish", "english"),
    [
        (-HOUR, "hoy, sábado, a las 11:00", "today, Saturday, at 10 am"),
        (8 * HOUR + 90_000, "hoy, sábado, a las 20:01", "today, Saturday, at 7:01 pm"),
        (-DAY, "ayer, viernes, a las 12:00", "yesterday, Friday, at 11 am"),
        (DAY, "mañana, domingo, a las 12:00", "tomorrow, Sunday, at 11 am"),
        (-4 * DAY, "el martes a las 12:00", "on Tuesday at 11 am"),
        (-30 * DAY, "el 22 de octubre a las 13:00", "on 22 October at 12 pm"),
        (60 * DAY, "el 20 de enero de 2027 a las 12:00", "on 20 January 2027 at 11 am"),
        (-11 * HOUR + 60_000 * 30, "hoy, sábado, a la 1:30", "today, Saturday, at 12:30 am"),
    ],
)
def test_a_moment_is_said_as_people_say_it(away: int, spanish: str, english: str) -> None:
    assert moment_text(SATURDAY + away, ES) == spanish
    assert moment_text(SATURDAY + away, EN) == english


def test_the_day_is_the_customers_own() -> None:
    late = parse_moment("2026-11-21T23:30:00Z") or 0
    assert day_text(late, ES) == "el 22 de noviembre"
    assert day_text(late, EN) == "on 21 November"
    assert time_text(late, ES) == "0:30"


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "found"),
    [
        (7120, "EUR", "es_ES", "71,20\xa0€"),
        (7120, "EUR", "en_IE", "€71.20"),
        (123_456_789, "JPY", "en_GB", "JP¥123,456,789"),
        (1234, "KWD", "en_GB", "KWD1.234"),
        (99_900, "MXN", "es_MX", "$999.00"),
    ],
)
def test_money_is_written_as_the_country_writes_it(minor: int, currency: str, locale: str, found: str) -> None:
    assert money_text(minor, currency, locale) == found


def test_the_customers_locale_counts_only_in_its_own_language() -> None:
    assert locale_for("es", "es-MX") == "es_MX"
    assert locale_for("en", "es-MX") == "en_GB"
    assert locale_for("es", None) == "es_ES"
    assert locale_for("es", "not a locale at all") == "es_ES"
    assert locale_for("es", "es_419") == "es_419"


def test_small_counts_are_words() -> None:
    assert count_text(1, "es", "artículo", "artículos") == "un artículo"
    assert count_text(2, "en", "item", "items") == "two items"
    assert count_text(14, "es", "artículo", "artículos") == "14 artículos"


def test_lists_end_with_a_word_and_spanish_minds_the_sound() -> None:
    assert list_text(("gorro", "botas", "manta"), "es") == "gorro, botas y manta"
    assert list_text(("gorro", "impermeable"), "es") == "gorro e impermeable"
    assert list_text(("agua", "hielo"), "es") == "agua y hielo"
    assert list_text(("boots", "beanie"), "en") == "boots and beanie"
    assert list_text(("boots",), "en") == "boots"
    assert list_text((), "en") == ""
