"""The judge of the soak on samples that were noted, and on such with a leak planted in them. What it judges by is arithmetic, not time."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from soak import report_of
from soak_judge import HOUR, judge, slope

EVERY = 15.0


def sample(number: int, **more: Any) -> dict[str, Any]:
    """Give one sample of a server that is well: it breathes, and now and then takes a step that it does not repeat."""
    breath = random.Random(number).uniform(-0.4, 0.4)
    part = {"mb": 80 + breath + (1 if number > 225 else 0), "files": 30, "pids": [7]}
    table = [8_000_000, 5_000, 40 + number % 50, 5_000, number * 200, 0]
    return {
        "at": 1_795_000_000 + number * EVERY,
        "ages": dict.fromkeys(("unread_s", "outbox_s", "in_hand_s", "timer_s"), 4.0 if number % 90 == 0 else 0.0),
        "parts": {kind: dict(part) for kind in ("api", "engine", "deliver", "postgres")},
        "tables": {"customers": table, "watch": list(table), "events": [number * 60_000, number * 600, 0, number * 600, 0, 0]},
        "rows": {"customers": 5_000, "watch": 50_000},
        "state_bytes": 10_000_000,
        "connections": 33,
        "sent": number * 600,
        "answers": {"200": number * 150},
        "mails": number * 10,
    } | more


def an_hour(plant: Any = None) -> list[dict[str, Any]]:
    samples = [sample(number) for number in range(240)]
    for number, each in enumerate(samples):
        if plant is not None:
            plant(each, number)
    return samples


def test_a_server_that_breathes_and_takes_a_step_is_well() -> None:
    found = judge(an_hour())
    assert found["faults"] == []
    assert found["log_bytes_per_million_events"]["events"] == 100_000_000
    assert found["dead_rows_per_million_events"]["customers"] == 1_000_000 * 200 // 600
    assert found["most_dead_rows"]["watch"] == 89


def _leak(each: dict[str, Any], number: int) -> None:
    each["parts"]["engine"]["mb"] += number * 0.01


def _swell(each: dict[str, Any], number: int) -> None:
    each["tables"]["watch"][0] += number * 8_192


def _fall_behind(each: dict[str, Any], number: int) -> None:
    each["ages"]["outbox_s"] += number * 0.02


def _keep_open(each: dict[str, Any], number: int) -> None:
    each["parts"]["api"]["files"] += number // 10


def _hold_connections(each: dict[str, Any], number: int) -> None:
    each["connections"] += number // 30


def _die(each: dict[str, Any], number: int) -> None:
    if number > 100:
        each["parts"]["deliver"]["pids"] = [8]


@pytest.mark.parametrize(
    ("plant", "named"),
    [
        (_leak, "engine grows"),
        (_swell, "the table watch grows"),
        (_fall_behind, "the age of what waits (outbox_s) grows"),
        (_keep_open, "the open files of api grow"),
        (_hold_connections, "connections grow"),
        (_die, "deliver did not live through it"),
    ],
)
def test_what_was_planted_is_named_and_nothing_else(plant: Any, named: str) -> None:
    (fault,) = judge(an_hour(plant))["faults"]
    assert fault.startswith(named)


def _come_and_go(each: dict[str, Any], number: int) -> None:
    """A few more connections towards the end, as on a busier machine; what each takes stays the same."""
    more = 5 if number > 160 else 0
    each["connections"] += more
    each["parts"]["postgres"]["mb"] *= each["connections"] / 33


def _remember_more(each: dict[str, Any], number: int) -> None:
    _come_and_go(each, number)
    each["parts"]["postgres"]["mb"] += number * 0.02


def test_more_connections_for_a_while_are_no_leak_and_what_each_remembers_more_is() -> None:
    assert judge(an_hour(_come_and_go))["faults"] == []
    (fault,) = judge(an_hour(_remember_more))["faults"]
    assert fault.startswith("postgres grows")


def test_a_flat_saw_seems_to_climb_to_who_looks_at_neighbours_only() -> None:
    saw = [(number * EVERY, (number % 60) / 60) for number in range(360)]
    assert slope(saw, within=1_800) == pytest.approx(0.36, abs=0.01)
    assert slope(saw) == pytest.approx(0.18, abs=0.01)


def test_one_step_bends_no_slope_and_a_steady_climb_is_told_as_it_is() -> None:
    assert slope([(number * EVERY, 100.0 if number > 30 else 0.0) for number in range(40)]) == 0
    assert slope([(number * EVERY, number * 2.0) for number in range(40)]) == pytest.approx(2.0 * HOUR / EVERY)
    assert slope([(0.0, 5.0)]) == 0
    late_step = [(number * EVERY, 100.0 if number > 200 else 0.0) for number in range(400)]
    assert slope(late_step, within=50 * EVERY) == 0
    assert slope([(number * EVERY, number * 2.0) for number in range(400)], within=50 * EVERY) == pytest.approx(2.0 * HOUR / EVERY)


def test_a_run_that_was_cut_short_is_judged_by_what_there_is_and_says_how_long_it_was(tmp_path: Path) -> None:
    noted = tmp_path / "samples.jsonl"
    head = {"sizes": {"seconds": 7200.0, "customers": 5_000, "seed": 1}, "commit": "f" * 40}
    lines = [head, *an_hour()[:100], {"at": 1, "missed": "OperationalError"}]
    noted.write_text("\n".join(map(json.dumps, lines)) + '\n{"at": 17950', encoding="utf-8")
    report = report_of(noted)
    assert (report.seconds, report.found["samples"], report.found["missed"]) == (99 * EVERY, 100, 1)
    assert report.found["faults"] == []
    assert judge([sample(1)])["faults"] == ["there is nothing to judge by"]
