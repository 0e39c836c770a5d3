"""Whoever adds a section to the state says how two of them become one: a section without a rule would be lost, or mixed, in silence."""

from __future__ import annotations

import pytest
from test_profile_sections import every_section

from oportuno.flows.joining import REPLAYED, RULES, Around
from oportuno.kit.ids import key_of
from oportuno.profile.draft import Draft, Section


def test_every_section_has_a_rule_for_merging() -> None:
    missing = sorted(section.title for section in every_section() if section not in RULES)
    assert not missing, "give each a rule in flows/joining.py, and name it in REPLAYED if events alone make it"


def test_what_is_replayed_has_a_rule_too() -> None:
    assert set(REPLAYED) <= set(RULES)


@pytest.mark.parametrize("section", RULES, ids=lambda section: section.title)
def test_nothing_joined_to_nothing_is_nothing(section: type[Section]) -> None:

    draft = Draft(key_of(1, 2))
    RULES[section](draft, section(), Around(vouched=True))
    assert draft.read_closed(section) == section()
