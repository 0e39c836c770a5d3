"""A backlog drains at the rate of a small one, although PostgreSQL knows nothing about its size. Small here."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from backlog import Backlog, Sizes


def test_a_long_backlog_drains_as_fast_as_a_short_one(postgres_server: str) -> None:
    report = Backlog(Sizes(events=10_000, seed=1, timed=False), server=postgres_server).run()
    assert report.found.faults == []


def test_the_judge_finds_a_fetch_that_sorts_the_whole_backlog(postgres_server: str) -> None:
    report = Backlog(Sizes(events=8_000, seed=1, limit=50, trapped=True, timed=False), server=postgres_server).run()
    assert any("pages an event" in fault for fault in report.found.faults)
