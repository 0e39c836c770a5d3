"""What docs/proof says was proved holds, and was proved at the promised size. `make proof` writes it anew.

A law because a proof that was made small, or that found a fault and was committed all the same, is worse than none.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

RESULTS = Path(__file__).parents[2] / "docs" / "proof"
PARTS = (
    "engine",
    "timers",
    "delivery",
    "writers",
    "stopped",
    "backlog",
    "fan_out",
    "merge",
    "prices",
    "fuzz",
    "bring",
    "backup",
    "bounces",
    "failover",
    "soak",
)


def runs_of(part: str) -> list[dict[str, Any]]:
    return json.loads((RESULTS / f"{part}.json").read_text(encoding="utf-8"))["runs"]


@pytest.mark.parametrize("part", PARTS)
def test_a_proof_names_where_and_from_what_it_was_made_and_found_no_fault(part: str) -> None:
    said = json.loads((RESULTS / f"{part}.json").read_text(encoding="utf-8"))
    assert len(said["commit"]) == 40
    assert {"cores", "memory_gb", "python", "postgres"} <= said["machine"].keys()
    assert said["runs"]
    for run in said["runs"]:
        assert run["faults"] == []
        assert isinstance(run["sizes"]["seed"], int)
        planted = {"unguarded", "forgetful", "resend", "unlocked", "inherit", "trapped", "jumping", "losing"}
        assert not any(run["sizes"].get(fault) for fault in planted), "a planted fault proves the judge, not the product"


def test_no_proof_lies_there_that_no_law_looks_at() -> None:
    assert {path.stem for path in RESULTS.glob("*.json")} == {*PARTS}


def test_engines_were_killed_sixty_times_and_postgresql_ten_in_two_hundred_thousand_events() -> None:
    for run in runs_of("engine"):
        assert (run["worker_kills"] >= 60, run["postgres_kills"] >= 10, run["acknowledged"] >= 200_000) == (True, True, True)
        assert run["evaluated"] + run["quarantined"] == run["acknowledged"]
        assert run["verdicts"] > 10_000
        assert run["messages"] > 10_000


def test_timers_went_on_within_ten_seconds_of_every_death() -> None:
    for run in runs_of("engine") + runs_of("timers"):
        assert run["timers"] > 100
        assert run["latest_timer_ms"] <= 10_000
    for run in runs_of("timers"):
        assert run["worker_kills"] >= 20
        assert run["late_timers"] > 0, "the deaths held nothing up"


def test_deliverers_were_killed_sixty_times_and_nobody_got_a_message_twice() -> None:
    for run in runs_of("delivery"):
        assert (run["deliverer_kills"] >= 60, run["postgres_kills"] >= 10) == (True, True)
        assert run["duplicates"] == 0
        assert run["unknown_by_death"] <= run["unknown_allowed"]
        assert run["accepted"] > 1_000
        assert run["latest_after_expiry_ms"] == 0, "a message was handed off after its moment"


def test_five_thousand_outside_writes_stood() -> None:
    for run in runs_of("writers"):
        assert run["writes"] >= 5_000
        assert run["erased"] >= 10
        assert run["withdrawals"] >= 500
        assert run["handed_off"] >= 500
        assert run["latest_hand_off_ms"] <= 1_000


def test_an_ingester_slept_thirty_seconds_and_nothing_was_lost() -> None:
    for run in runs_of("stopped"):
        assert run["sizes"]["seconds"] >= 30
        assert run["acknowledged_meanwhile"] > 1_000
        assert run["quarantined"] > 0


def test_a_million_events_drained_at_the_rate_of_a_tenth() -> None:
    for run in runs_of("backlog"):
        assert run["sizes"]["events"] >= 1_000_000
        assert run["statistics"] == 0
        assert run["ratio"] >= 0.8
        assert run["sweep_pages"] > 0


def test_every_watcher_was_told_once_whoever_died() -> None:
    for run in runs_of("fan_out"):
        assert (run["worker_kills"] >= 60, run["postgres_kills"] >= 10) == (True, True)
        assert run["told"] == run["expected"] > 100_000
        assert run["verdicts"] > 10_000


def test_who_turned_out_to_be_one_is_one_whoever_died() -> None:
    for run in runs_of("merge"):
        assert (run["deaths"] >= 60, run["postgres_kills"] >= 10) == (True, True)
        assert run["merges"] == run.get("asked", run["sizes"]["users"] * 3 // 2) >= 1_500
        assert run["evaluated"] == run["acknowledged"] > 20_000
        assert run["forwarded"] > 1_000


def test_of_a_year_of_real_prices_exactly_those_were_told_whom_the_raw_data_names() -> None:
    for run in runs_of("prices"):
        assert (run["sizes"]["products"], run["sizes"]["weeks"], run["sizes"]["every"]) == (1_500, 53, 1)
        assert (run["falls"], run["falls_of_more"]) == (8_482, 8_451)
        assert run["told"] == run["expected"] > 50_000
        assert run["households"] > 2_400


def test_ten_minutes_of_hostile_bodies_broke_nothing() -> None:
    for run in runs_of("fuzz"):
        assert run["sizes"]["seconds"] >= 600
        assert run["inputs"] > 100_000
        assert {int(status) for status in run["answers"]} <= {0, 200, 400, 401, 403, 413, 415, 429}
        assert run["most_mb"] - run["warm_mb"] <= 100


def test_three_real_data_sets_came_in_whole_and_nobody_was_spoken_to() -> None:
    for run in runs_of("bring"):
        assert (run["sizes"]["rows"], run["kills"] >= 5, run["spoken"]) == (0, True, 0)
        assert run["rows"] == {"complete-journey": 1_469_307, "uci-online-retail": 541_909, "eshop-clothing": 165_474}
        assert run["orders_folded"] == run["events"]["complete-journey"] == 155_848


def test_what_was_backed_up_under_load_came_back_and_who_was_forgotten_since_did_not() -> None:
    for run in runs_of("backup"):
        assert (run["sizes"]["customers"] >= 2_000, run["rows"] > 20_000) == (True, True)
        assert run["mails_lost"] > 0, "nothing was said between the backup and the loss"
        assert run["in_doubt"] + run["silenced"] > 0, "nothing was on its way"
        assert (run["forgotten"], run["duplicates"]) == (1, 0)


def test_of_a_real_mail_servers_bounces_all_were_understood_and_nothing_soft_was_ever_called_hard() -> None:
    for run in runs_of("bounces"):
        assert len(run["provoked"]) >= 4
        for done in run["provoked"]:
            assert (done["sent"] >= 24, sum(done["understood"].values()) == done["sent"], done["hard_of_soft"]) == (True, True, 0)
        assert sum(done["delayed"] for done in run["provoked"]) > 0
        recorded = run["recorded"]
        assert recorded["read"] >= 200
        assert recorded["hard_of_soft"] == recorded["library_temporary_called_hard"] == recorded["parser_other_called_hard"] == 0
        assert recorded["hard_missed"] <= 0.25
        assert recorded["delayed_missed"] == 0


def test_in_two_hours_of_an_ordinary_day_nothing_grew() -> None:
    for run in runs_of("soak"):
        assert (run["seconds"] >= 7_000, run["events"] > 100_000) == (True, True)
        assert {"api", "engine", "deliver", "postgres"} <= run["memory"].keys()
        assert {"customers", "due", "watch", "leases", "offsets"} <= run["live_tables"].keys()
        assert all(run["memory"][part]["percent_an_hour"] < 1 for part in ("supervisor", "api", "engine", "deliver", "postgres"))
        assert all(age["an_hour"] < 1 for age in run["ages"].values())
        assert run["missed"] <= run["samples"] / 100
        assert run["log_bytes_per_million_events"]["events"] > 0
        assert run["dead_rows_per_million_events"]["customers"] > 0


def test_three_failing_ways_handed_nothing_off_twice_and_every_unknown_is_listed() -> None:
    for run in runs_of("failover"):
        assert (run["deliverer_kills"] >= 30, run["postgres_kills"] >= 5, run["duplicates"]) == (True, True, 0)
        assert run["failed_over"] >= 50
        assert run["unknown_by_death"] <= run["unknown_allowed"]
        assert run["unknown_by_script"] + run["unknown_by_death"] == run["endings"]["unknown"]
