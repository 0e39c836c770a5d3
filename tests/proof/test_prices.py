"""The people told of a real fallen price equal a plain reference over the raw data. A twentieth of the full proof's here."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from prices import Prices, Sizes


def test_of_real_falling_prices_exactly_those_are_told_whom_the_raw_data_names(postgres_server: str) -> None:
    report = Prices(Sizes(products=150, weeks=8, every=10), server=postgres_server).run()
    assert report.found.faults == []
    assert report.found.told == report.found.expected > 300


def test_the_judge_finds_watches_that_vanished(postgres_server: str) -> None:
    report = Prices(Sizes(products=60, weeks=6, every=10, forgetful=True), server=postgres_server).run()
    assert any("never told" in fault for fault in report.found.faults)
