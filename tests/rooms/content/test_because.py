"""The because is written from the evidence, and from nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oportuno.content.because import because_line, because_points, not_used, used_beside
from oportuno.content.said import Because
from oportuno.content.wording import findings
from oportuno.kit.times import HOUR, parse_moment

NOW = parse_moment("2026-11-21T11:00:00Z") or 0
CART = Because(
    kind="cart_left",
    facts={
        "count": 2,
        "names": ["Chubasquero Galerna", "Taza Faro"],
        "left_at": NOW - HOUR,
        "total": 8520,
        "currency": "EUR",
        "held_until": NOW + 8 * HOUR,
    },
    read=("core", "cart"),
)


def test_the_label_says_what_was_left_and_when() -> None:
    assert because_line(CART, "es", now=NOW, zone="Europe/Madrid") == "dejaste dos artículos en la cesta hoy, sábado, a las 11:00."
    assert because_line(CART, "en", now=NOW, zone="Europe/Madrid") == "you left two items in your basket today, Saturday, at 11 am."


def test_the_why_page_lists_each_fact_once() -> None:
    assert because_points(CART, "es", now=NOW, zone="Europe/Madrid") == [
        "En tu cesta hay: Chubasquero Galerna y Taza Faro.",
        "La última vez que la tocaste fue hoy, sábado, a las 11:00.",
        "Suma 85,20\xa0€, como la dejaste.",
        "La tienda te la guarda hasta hoy, sábado, a las 20:00.",
    ]


def test_a_hold_that_is_over_is_not_spoken_of() -> None:
    points = because_points(CART, "en", now=NOW + 9 * HOUR, zone="Europe/Madrid")
    assert not any("keeps" in point for point in points)


@pytest.mark.parametrize("language", ["es", "en"])
def test_without_a_fact_its_sentence_is_left_out(language: str) -> None:
    bare = Because(kind="cart_left", facts={})
    assert because_points(bare, language, now=NOW) == []
    assert "0" not in because_line(bare, language, now=NOW)
    assert because_line(bare, language, now=NOW)


@pytest.mark.parametrize("language", ["es", "en"])
def test_what_was_read_is_never_listed_as_not_used(language: str) -> None:
    assert used_beside(CART, language)
    for title, word in (("views", {"es": "miraste", "en": "looked at"}), ("location", {"es": "ubicación", "en": "location"})):
        assert any(word[language] in line for line in not_used(CART, language))
        reading = Because(kind="cart_left", facts={}, read=("cart", title))
        assert not any(word[language] in line for line in not_used(reading, language))


@given(
    kind=st.sampled_from(["cart_left", "event_seen", "order_placed", "never heard of"]),
    facts=st.dictionaries(
        st.sampled_from(["count", "names", "left_at", "at", "total", "currency", "held_until", "event"]),
        st.none() | st.booleans() | st.integers(0, 4_000_000_000_000) | st.lists(st.text(max_size=9), max_size=3),
    ),
    language=st.sampled_from(["es", "en"]),
)
def test_whatever_the_evidence_holds_there_is_one_civil_sentence(kind: str, facts: dict[str, object], language: str) -> None:
    because = Because(kind=kind, facts=facts)
    line = because_line(because, language, now=NOW)
    assert line.endswith(".")
    assert not findings(line, language)
    because_points(because, language, now=NOW)
