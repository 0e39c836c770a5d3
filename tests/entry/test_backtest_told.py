"""A backtest is told in both languages, as text and as a picture, and says what it rests on."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console
from typer.testing import CliRunner

from oportuno.entry.backtest.picture import WIDTH, draw
from oportuno.entry.backtest.summary import PlayFigures, Summary
from oportuno.entry.backtest.told import tell
from oportuno.entry.cli import app
from oportuno.kit.times import DAY

BEGIN = 1_780_000_000_000
PLAY = PlayFigures(
    key="price-drop",
    names={"es": "Bajada de precio", "en": "Price drop"},
    spoken=1_204,
    people=95,
    weeks=[400, 804],
    held={"no_consent": 506, "limit_reached": 504},
    waiting={},
)
CARTS = PlayFigures(key="abandoned-cart", names={"es": "Carrito", "en": "Basket"}, spoken=0, people=0, weeks=[0, 0], held={}, waiting={})
SUMMARY = Summary(
    since=BEGIN,
    until=BEGIN + 14 * DAY,
    data="complete-journey",
    customers=150,
    may_write=103,
    products=1_382,
    orders=2_040,
    falls=124,
    told=5_058,
    over_limit=0,
    plays=[PLAY, CARTS],
    touches=[55, 60, 35],
)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "es",
            ["Lo que habríamos dicho", "1204 mensajes a 95 personas", "Ya recibió suficiente", "los datos no traen cestas", "simulados"],
        ),
        ("en", ["What we would have said", "1,204 messages to 95 people", "has no baskets", "simulated", "No limit of any person"]),
    ],
)
def test_the_text_says_what_was_said_what_was_held_and_what_is_assumed(language, words):
    out = StringIO()
    tell(SUMMARY, language, Console(file=out, width=200))
    assert [word for word in words if word not in out.getvalue().replace("1.204", "1204")] == []


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_picture_is_whole_named_for_who_does_not_see_it_and_the_same_each_time(language):
    drawn = draw(SUMMARY, language)
    assert drawn == draw(SUMMARY, language)
    root = ET.fromstring(drawn)  # noqa: S314 - our own
    named = {element.tag.rpartition("}")[2]: element for element in root}
    assert named["title"].text
    assert "95" in (named["desc"].text or "")
    bars = [element for element in root if element.tag.endswith("rect")]
    assert len(bars) == 2 + 2 + 3
    assert all(float(bar.get("x")) + float(bar.get("width")) <= WIDTH for bar in bars)


def test_a_few_real_households_are_looked_back_on_within_every_limit(tmp_path: Path):
    picture = tmp_path / "backtest.svg"
    done = CliRunner().invoke(app, ["backtest", "--households", "6", "--weeks", "4", "--json", "--picture", str(picture)])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["over_limit"], found["customers"], sum(found["touches"])) == (0, 6, 6)
    assert found["orders"] > 0
    assert picture.read_text(encoding="utf-8").startswith("<svg")
