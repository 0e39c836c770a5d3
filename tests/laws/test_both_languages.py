"""What one reads to do or to understand something exists in Spanish and in English, and says the same under the same headings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from the_code import DOCS, ROOT

KINDS = ("how-to", "explanation")
ENGLISH = sorted(path.relative_to(DOCS) for kind in KINDS for path in (DOCS / kind).glob("*.md"))


@pytest.mark.parametrize("page", ENGLISH, ids=str)
def test_a_page_has_its_twin_and_each_leads_to_the_other(page: Path) -> None:
    spanish = DOCS / "es" / page
    assert spanish.exists(), f"docs/{page} needs its Spanish twin: docs/es/{page}"
    assert f"*[En español](../es/{page})*" in (DOCS / page).read_text(encoding="utf-8")
    assert f"*[In English](../../{page})*" in spanish.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ENGLISH, ids=str)
def test_twins_are_built_alike(page: Path) -> None:
    """A part added to one page and forgotten in the other is seen by its heading, its table or its example."""
    assert _build(DOCS / page) == _build(DOCS / "es" / page)


def test_no_spanish_page_is_left_over() -> None:
    assert sorted(path.relative_to(DOCS / "es") for path in (DOCS / "es").rglob("*.md")) == ENGLISH


def test_the_spanish_front_page_leads_to_each_of_them() -> None:
    front = (ROOT / "README.es.md").read_text(encoding="utf-8")
    assert [str(page) for page in ENGLISH if f"](docs/es/{page})" not in front] == []


def test_a_tutorial_has_its_twin_beside_it() -> None:
    names = {path.name for path in (DOCS / "tutorial").glob("*.md")}
    assert {name for name in names if not name.endswith(".es.md")} == {name.replace(".es.md", ".md") for name in names if ".es." in name}


def _build(page: Path) -> dict[str, int]:
    """Count what a page is built of: headings, rows of tables, points, examples."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return {
        "headings": sum(line.startswith("#") for line in lines),
        "rows": sum(line.startswith("|") for line in lines),
        "points": sum(bool(re.match(r"(- |\d+\. |\*\*)", line)) for line in lines),
        "examples": sum(line.startswith(("```", "    ")) for line in lines),
    }
