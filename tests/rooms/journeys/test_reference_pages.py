"""What people may write is written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from oportuno.consent.read_policy import read_policy
from oportuno.journeys import read, walks
from oportuno.journeys.field import FIELDS, INTERESTS
from oportuno.journeys.read import read_journey
from oportuno.moments.evidence import KINDS

PAGES = Path(__file__).parents[3] / "docs" / "reference"
JOURNEYS = (PAGES / "journeys.md").read_text(encoding="utf-8")
POLICIES = (PAGES / "policies.md").read_text(encoding="utf-8")
STEP_WORDS = {word for kind, words in read._STEP_WORDS.items() for word in (kind, *words)}
ENDS = {value for name, value in vars(walks).items() if name.isupper() and isinstance(value, str)}


@pytest.mark.parametrize("word", sorted({*read._WORDS, *STEP_WORDS, *FIELDS, *KINDS, *ENDS}))
def test_every_word_of_a_journey_is_documented(word: str) -> None:
    assert f"`{word}`" in JOURNEYS


@pytest.mark.parametrize("kind", INTERESTS)
def test_every_interest_a_rule_may_ask_for_is_documented(kind: str) -> None:
    assert f"`interest.{kind}.<" in JOURNEYS


def test_the_examples_of_the_reference_can_be_read() -> None:
    assert read_journey(_example(JOURNEYS)).key == "abandoned-cart"
    for rule in _rules(JOURNEYS):
        assert read_journey(_example(JOURNEYS).replace("{field: cart.count, at_least: 1}", rule)).filter is not None
    assert read_policy(_example(POLICIES))[1]["name"] == "Tienda Norte"


def _example(page: str) -> str:
    return page.split("```yaml\n")[1].split("```", maxsplit=1)[0]


def _rules(page: str) -> list[str]:
    rules = [line for line in page.split("## Rules", maxsplit=1)[1].split("```yaml\n")[1].split("```", maxsplit=1)[0].splitlines() if line]
    assert len(rules) > 3
    return rules
