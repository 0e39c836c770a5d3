"""Whoever dies while a change of the catalogue is told: each watcher is told once. Small here."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from telling import Sizes, Telling


def test_two_engines_under_kills_tell_every_watcher_once() -> None:
    report = Telling(Sizes(customers=250, changes=8, worker_kills=2, postgres_kills=1, seed=1)).run()
    assert report.found.faults == []
    assert report.found.told == report.found.expected > 300
    assert report.found.verdicts > 150
    assert (report.worker_kills, report.postgres_kills) == (2, 1)


def test_the_judge_finds_a_walk_that_jumps_over_watchers(postgres_server: str) -> None:
    sizes = Sizes(customers=600, changes=2, worker_kills=0, postgres_kills=0, seed=1, batch=5, jumping=True)
    report = Telling(sizes, server=postgres_server).run()
    assert any("never told" in fault for fault in report.found.faults)
