"""Silence has a name, and every name its words: for the customer and the marketer, in Spanish and English."""

from __future__ import annotations

from pathlib import Path

import pytest

from oportuno.consent.refusals import SENTENCES, Refusal, sentence

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "refusals.md").read_text(encoding="utf-8")
NEVER = ("te vimos", "sabemos que", "última oportunidad", "impacto", "target", "rastre", "we noticed", "we know", "hurry", "blast", "lead")


@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_says_why_to_both_readers_in_both_languages(refusal: Refusal) -> None:
    said = SENTENCES[refusal]
    assert all(text.strip() == text and text.endswith(".") for text in said)
    assert len(set(said)) == len(said)
    assert not any(word in text.lower() for text in said for word in NEVER)


@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_is_documented_in_the_words_it_says(refusal: Refusal) -> None:
    assert f"| `{refusal.value}` | " in PAGE
    assert all(text in PAGE for text in SENTENCES[refusal])


def test_a_language_without_words_of_its_own_is_answered_in_english() -> None:
    assert sentence(Refusal.PAUSED, reader="customer", language="es-MX") == "Nos pediste una pausa."
    assert sentence(Refusal.PAUSED, reader="marketer", language="fr") == "Asked for a break; decided when it is over."
