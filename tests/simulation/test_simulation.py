"""The walking simulator finds what is planted, and is silent where nothing is."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from planted import BUGS, planted

from oportuno.entry.simulation.history import History
from oportuno.flows.crossing import Stage

SEEDS = range(1, 1_001)
STEPS = 100


def test_a_thousand_histories_keep_every_promise():
    broken = []
    for seed in SEEDS:
        told = History(seed).play(STEPS)
        if told.breaches:
            broken.append(f"seed {seed}, step {told.steps}: {'; '.join(told.breaches)}")
    assert not broken, "\n".join(broken[:10])


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found_by_the_promise_that_it_breaks(bug, monkeypatch):
    promise = BUGS[bug][1]
    with planted(bug, monkeypatch) as history:
        for seed in range(1, 501):
            told = history(seed).play(STEPS)
            if any(breach.startswith(promise) for breach in told.breaches):
                again = history(seed).play(STEPS)
                assert again == told, "the seed must tell the same history again"
                return
    pytest.fail(f"{bug} was not found in 500 histories")


def test_the_same_seed_tells_the_same_history_in_every_process():
    told = [History(seed).play(STEPS).digest for seed in (3, 4)]
    code = "from oportuno.entry.simulation.history import History; print(*[History(seed).play(100).digest for seed in (3, 4)])"
    for order in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": order},
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        assert done.stdout.split() == told


def test_different_seeds_tell_different_histories():
    assert len({History(seed).play(20).digest for seed in range(20)}) == 20


def test_histories_are_lively():
    histories = [History(seed) for seed in range(1, 101)]
    told = [history.play(STEPS) for history in histories]
    assert sum(len(history.promises.news.told) for history in histories) > 5
    assert sum(row.merge.stage is Stage.DONE for history in histories for row in history.world.tables.crossed.merges.values()) > 50
    assert sum(each.messages for each in told) > 200
    assert sum(each.accepted for each in told) > 100
    assert sum(each.crashes for each in told) > 100
