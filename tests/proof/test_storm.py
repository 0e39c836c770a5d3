"""Whoever dies, and whenever: what was acknowledged is evaluated once, and what comes of it equals a quiet run. Small here, full in `make proof`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from storm import Sizes, Storm


def test_two_workers_on_the_same_buckets_under_kills_come_out_like_one_quiet_worker() -> None:
    report = Storm(Sizes(events=8_000, customers=400, worker_kills=6, postgres_kills=2, seed=1)).run()
    assert report.faults == []
    assert report.acknowledged == report.stepped == 8_000
    assert report.verdicts > 100
    assert report.messages > 100
    assert (report.worker_kills, report.postgres_kills) == (6, 2)


def test_the_storm_finds_a_missing_compare_and_set() -> None:
    report = Storm(Sizes(events=4_000, customers=100, worker_kills=2, postgres_kills=0, seed=2, unguarded=True)).run()
    assert any("more than once" in fault or "differ" in fault for fault in report.faults)
