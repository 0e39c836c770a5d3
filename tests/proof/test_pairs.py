"""Customers turn out to be one while engines die at every point of it: nothing is lost, nothing counts twice. Small here."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from pairs import Pairs, Sizes


def test_engines_that_die_around_every_commit_of_a_merge_lose_nothing_and_leave_nobody_on_the_way() -> None:
    report = Pairs(Sizes(users=40, deaths=5, postgres_kills=1, seed=1, each=40)).run()
    assert report.found.faults == []
    assert report.found.acknowledged == report.found.evaluated > 900
    assert report.found.merges == report.asked >= 60
    assert report.found.forwarded > 50
    assert (report.deaths, report.postgres_kills) == (5, 1)


def test_the_judge_finds_snapshots_that_were_lost(postgres_server: str) -> None:
    report = Pairs(Sizes(users=20, deaths=0, postgres_kills=0, seed=2, losing=True), server=postgres_server).run()
    assert any("were lost on their way" in fault for fault in report.found.faults)
