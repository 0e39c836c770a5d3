"""Hostile bodies at the collector's door: no crash, no 5xx, nothing thanked that is not kept. Small here, and by chance alone."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from fuzz import Fuzz, Sizes


def test_spoilt_bodies_break_nothing_and_all_that_is_thanked_for_is_kept() -> None:
    report = Fuzz(Sizes(seed=7, inputs=3_000)).run()
    assert report.faults == []
    assert report.inputs == 3_000
    assert report.events > 50
    assert report.rejects > 300
    assert {"200", "400", "401"} <= report.answers.keys()


def test_the_judge_finds_a_collector_that_breaks() -> None:
    report = Fuzz(Sizes(seed=7, inputs=1_000, trapped=True)).run()
    assert report.faults == ["ZeroDivisionError: "]
