"""Whoever dies, and whenever: what was acknowledged is evaluated once, and all equals a quiet run. Small here."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from storm import Sizes, Storm

A_MINUTE = 60_000
"""That timers go on within ten seconds the proof of full size shows, on a machine of its own (docs/proof); here, that they do go on."""


def test_two_workers_on_the_same_buckets_under_kills_come_out_like_one_quiet_worker() -> None:
    sizes = Sizes(
        events=6_000, customers=300, worker_kills=4, postgres_kills=1, seed=1, pause=(0.8, 1.6), poison=0.001, resume_within=A_MINUTE
    )
    report = Storm(sizes).run()
    assert report.found.faults == []
    assert report.found.acknowledged == report.found.evaluated + report.found.quarantined == 6_000
    assert report.found.quarantined > 0
    # How many of them there are depends on how fast the machine is: waits that end within one batch are one.
    assert min(report.found.verdicts, report.found.messages, report.found.timers) > 0
    assert (report.worker_kills, report.postgres_kills) == (4, 1)


def test_the_storm_finds_a_missing_compare_and_set(postgres_server: str) -> None:
    sizes = Sizes(events=6_000, customers=100, worker_kills=0, postgres_kills=0, seed=2, batch=100, unguarded=True)
    report = Storm(sizes, server=postgres_server).run()
    assert any("more than once" in fault for fault in report.found.faults)


def test_a_standby_takes_a_dead_engines_buckets_over_and_its_timers_go_on(postgres_server: str) -> None:
    sizes = Sizes(events=600, customers=300, worker_kills=1, postgres_kills=0, seed=3, pause=(4, 4), leased=True, resume_within=A_MINUTE)
    report = Storm(sizes, server=postgres_server).run()
    assert report.found.faults == []
    assert report.found.late_timers > 0, "the deaths held nothing up: nothing was proved"


def test_the_judge_of_timers_finds_buckets_that_nobody_takes_over(postgres_server: str) -> None:
    sizes = Sizes(events=400, customers=200, worker_kills=1, postgres_kills=0, seed=4, pause=(4, 4), leased=True, forgetful=True)
    report = Storm(sizes, server=postgres_server).run()
    assert any("late" in fault for fault in report.found.faults)
