"""What people may write is written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from oportuno.consent.read_policy import read_policy
from oportuno.journeys import read, walks
from oportuno.journeys.read import read_journey
from oportuno.journeys.rule import FIELDS
from oportuno.moments.evidence import KINDS

PAGES = Path(__file__).parents[3] / "docs" / "reference"
JOURNEYS = (PAGES / "journeys.md").read_text(encoding="utf-8")
POLICIES = (PAGES / "policies.md").read_text(encoding="utf-8")
STEP_WORDS = {word for kind, words in read._STEP_WORDS.items() for word in (kind, *words)}
ENDS = {value for name, value in vars(walks).items() if name.isupper() and isinstance(value, str)}


@pytest.mark.parametrize("word", sorted({*read._WORDS, *STEP_WORDS, *FIELDS, *KINDS, *ENDS}))
def test_every_word_of_a_journey_is_documented(word: str) -> None:
    assert f"`{word}`" in JOURNEYS


def test_the_examples_of_the_reference_can_be_read() -> None:
    assert read_journey(_example(JOURNEYS)).key == "abandoned-cart"
    assert read_policy(_example(POLICIES))[1]["name"] == "Tienda Norte"


def _example(page: str) -> str:
    return page.split("```yaml\n")[1].split("```", maxsplit=1)[0]
