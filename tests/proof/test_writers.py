"""Customers answer while engines and a deliverer work on them: what they said stands, and who is forgotten stays forgotten. Small here."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from writers import Sizes, Writers


def test_what_customers_say_in_the_middle_of_it_all_stands_in_the_end(postgres_server: str) -> None:
    report = Writers(Sizes(writes=200, customers=12, erasures=3, seed=1, slack=30_000), server=postgres_server).run()
    assert report.found.faults == []
    assert report.found.writes >= 200
    assert report.found.erased == 3
    assert report.found.withdrawals > 20
    assert report.found.handed_off > 10


def test_the_judge_finds_writers_that_read_without_the_lock(postgres_server: str) -> None:
    report = Writers(Sizes(writes=120, customers=4, erasures=0, seed=2, engines=1, unlocked=True), server=postgres_server).run()
    assert any("not in the final state" in fault for fault in report.found.faults)
