"""Cells as people write them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oportuno.events.bring.values import Unfit, Ways, read_answer, read_number, read_text, read_when
from oportuno.kit.times import DAY, MINUTE, to_text

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Two cores shared with others: a slow draw says nothing about the promise."""
SPANISH = Ways(decimal=",", dates="dmy", zone="Europe/Madrid")


@pytest.mark.parametrize(
    ("written", "ways", "number"),
    [
        ("1.234,56", SPANISH, 1234.56),
        ("1234,5", SPANISH, 1234.5),
        ("-1.234.567", SPANISH, -1234567),
        ("1.234", SPANISH, 1234),
        ("12,50 €", SPANISH, 12.5),
        ("1,234.56", Ways(), 1234.56),
        ("1234", Ways(), 1234),
        ("USD 12.50", Ways(), 12.5),
        ("1 234.5", Ways(), 1234.5),
        (Decimal("3.10"), Ways(), 3.1),
        (7.0, Ways(), 7),
        ("", Ways(), None),
        (float("nan"), Ways(), None),
    ],
)
def test_a_number_is_read_as_the_file_writes_it(written, ways, number):
    assert read_number(written, "price", ways) == number


@pytest.mark.parametrize(
    ("written", "ways"), [("12,5", Ways()), ("1.23", SPANISH), ("1,2,3", SPANISH), ("dos", Ways()), ("9" * 40, Ways()), (True, Ways())]
)
def test_what_could_be_two_numbers_or_none_is_refused(written, ways):
    with pytest.raises(Unfit) as unfit:
        read_number(written, "price", ways)
    assert (unfit.value.code, unfit.value.place) == ("number_unreadable", "price")


@calm
@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_a_spanish_amount_comes_back_as_it_was_written(amount):
    written = f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))
    assert read_number(written, "price", SPANISH) == pytest.approx(float(amount))


@pytest.mark.parametrize(
    ("written", "ways", "moment"),
    [
        ("2025-12-31T18:30:00+01:00", Ways(), "2025-12-31T17:30:00.000Z"),
        ("2025-12-31 18:30:00", SPANISH, "2025-12-31T17:30:00.000Z"),
        ("2024-03-01 10:00:00 +0100", Ways(), "2024-03-01T09:00:00.000Z"),
        ("2019-10-01 00:00:04 UTC", SPANISH, "2019-10-01T00:00:04.000Z"),
        ("31/12/2025 18:30", SPANISH, "2025-12-31T17:30:00.000Z"),
        ("12/31/2025 6:30 PM", Ways(dates="mdy"), "2025-12-31T18:30:00.000Z"),
        ("12/1/2010 8:26", Ways(dates="mdy", zone="Europe/London"), "2010-12-01T08:26:00.000Z"),
        ("1433221332117", Ways(), "2015-06-02T05:02:12.117Z"),
        (1_600_000_000, Ways(), "2020-09-13T12:26:40.000Z"),
        (1_600_000_000_000_000, Ways(), "2020-09-13T12:26:40.000Z"),
        (datetime(2017, 1, 1, 11, 53, 26), Ways(), "2017-01-01T11:53:26.000Z"),  # noqa: DTZ001 - as a data frame has it
        (date(2025, 6, 1), SPANISH, "2025-05-31T22:00:00.000Z"),
    ],
)
def test_a_moment_is_read_in_the_order_and_the_zone_of_the_file(written, ways, moment):
    at = read_when(written, "timestamp", ways)
    assert at is not None
    assert to_text(at) == moment


@pytest.mark.parametrize("written", ["31/12/2025", "ayer", "2025-02-30", "1889-01-01", -5, True, ["x"]])
def test_a_moment_that_nobody_can_be_sure_of_is_refused(written):
    with pytest.raises(Unfit) as unfit:
        read_when(written, "timestamp", Ways())
    assert unfit.value.code == "moment_unreadable"


@calm
@given(st.integers(0, 40_000 * DAY // MINUTE))
def test_every_minute_comes_back(minute):
    at = minute * MINUTE
    assert read_when(to_text(at), "timestamp", Ways()) == at


def test_yes_and_no_in_two_languages_and_nothing_is_not_no():
    assert [read_answer(word, "consent.email") for word in ("Sí", "YES", True, "1", "x")] == [True] * 5
    assert [read_answer(word, "consent.email") for word in ("no", "False", False, "0", "unsubscribed")] == [False] * 5
    assert [read_answer(word, "consent.email") for word in ("", None, "not subscribed")] == [None] * 3
    with pytest.raises(Unfit):
        read_answer("quizá", "consent.email")


def test_a_text_is_bounded_and_clean_and_what_our_exports_quoted_is_itself_again():
    assert read_text("  Ana ", "name") == "Ana"
    assert read_text(17850.0, "user_id") == "17850"
    assert read_text("'+34600111222", "phone") == "+34600111222"
    for bad in ("x" * 1_001, "a\0b", "\ud800", ["list"]):
        with pytest.raises(Unfit):
            read_text(bad, "name")
