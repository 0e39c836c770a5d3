"""Slices of three real data sets are brought in, and equal a query on the raw files. The full proof's judge, at small size."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from bring import Bring, Sizes


def test_what_is_stored_of_real_orders_and_clicks_equals_the_raw_files(postgres_server: str) -> None:
    report = Bring(Sizes(rows=2_000), server=postgres_server).run()
    assert report.found.faults == []
    assert report.found.rows["complete-journey"] >= 2_000


def test_the_judge_finds_an_order_that_vanished(postgres_server: str) -> None:
    report = Bring(Sizes(rows=300, losing=True), server=postgres_server).run()
    assert any("baskets" in fault for fault in report.found.faults)
