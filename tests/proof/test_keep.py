"""Backed up under load, lost, brought back: what stood then stands again, and who was forgotten since stays forgotten. Small here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from keep import Keep, Sizes

pytestmark = pytest.mark.postgres


def test_what_was_backed_up_under_load_comes_back_and_a_forgotten_canary_does_not() -> None:
    report = Keep(Sizes(customers=60, before=1.0, after=1.0, seed=1)).run()
    assert report.faults == []
    assert (report.forgotten, report.duplicates) == (1, 0)
    assert min(report.rows, report.mails_lost) > 0
