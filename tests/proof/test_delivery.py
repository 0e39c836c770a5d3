"""Whoever dies while messages go out: nobody gets one twice, no limit is passed, and what became of each stands written. Small here."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from delivery import Delivery, Sizes


def test_killed_deliverers_hand_nothing_off_twice_and_leave_nothing_unexplained() -> None:
    sizes = Sizes(events=300, customers=300, deliverer_kills=2, postgres_kills=1, seed=1, expires="20s", between=15, late=10_000)
    report = Delivery(sizes).run()
    assert report.found.faults == []
    assert report.found.accepted > 20
    assert report.found.duplicates == 0
    assert report.found.unknown_by_death <= report.found.unknown_allowed
    assert (report.deliverer_kills, report.postgres_kills) == (2, 1)


def test_the_endpoint_notices_when_what_may_have_been_taken_is_sent_again() -> None:
    sizes = Sizes(events=100, customers=300, deliverer_kills=1, postgres_kills=0, seed=2, expires="10m", between=5, resend=True)
    report = Delivery(sizes).run()
    assert any("came again" in fault for fault in report.found.faults)
