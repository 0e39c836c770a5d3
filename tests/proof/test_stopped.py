"""An ingester falls asleep in the middle of a transaction; its twin goes on; it wakes: nothing acknowledged stays unread. Small here."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from stopped import Sizes, Stopped


def test_what_a_sleeping_ingester_commits_late_is_read_and_poison_stops_its_own_event_only(postgres_server: str) -> None:
    report = Stopped(Sizes(seed=5, seconds=2, batches=20), server=postgres_server).run()
    assert report.found.faults == []
    assert report.acknowledged_meanwhile > 200
    assert report.evaluated_meanwhile > 200
    assert report.found.quarantined > 0
    assert report.found.evaluated + report.found.quarantined == report.found.acknowledged


def test_the_judge_finds_events_that_a_shared_lane_loses(postgres_server: str) -> None:
    report = Stopped(Sizes(seed=5, seconds=1, batches=20, inherit=True), server=postgres_server).run()
    assert any("never evaluated" in fault for fault in report.found.faults)
