"""The proofs at full size: `python tests/proof/run.py <part>… | all [--resume]`. Each part writes docs/proof/<part>.json.

`PROOF_COMMIT` names the commit where the tree is an export of it. With `--resume`, runs that stand in that file without faults, made at
this very commit, are not made again.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
RESULTS = ROOT / "docs" / "proof"
sys.path.insert(0, str(HERE))

PARTS: dict[str, tuple[str, str, tuple[dict[str, Any], ...]]] = {
    "engine": (
        "Two engines on the same buckets, kill -9 of engines and of PostgreSQL, poison among the events: equal to a quiet replay.",
        "storm:Storm",
        tuple(
            {
                "events": 200_000,
                "customers": 5_000,
                "worker_kills": 60,
                "postgres_kills": 10,
                "poison": 0.0005,
                "pause": (1.0, 3.0),
                "seed": seed,
            }
            for seed in (11, 12)
        ),
    ),
    "timers": (
        "Engines that own their buckets by lease are killed; the other takes over, and timers go on within 10 s.",
        "storm:Storm",
        (
            {
                "events": 12_000,
                "customers": 1_500,
                "worker_kills": 20,
                "postgres_kills": 0,
                "pause": (9.0, 11.0),
                "leased": True,
                "seed": 21,
            },
        ),
    ),
    "delivery": (
        "Deliverers as they ship and PostgreSQL are killed while an endpoint answers 200, 429, 503, 500, resets and hangs.",
        "delivery:Delivery",
        ({"events": 8_000, "customers": 4_000, "deliverer_kills": 60, "postgres_kills": 10, "rate": 80, "between": 40, "seed": 31},),
    ),
    "failover": (
        "Three ways out refuse, break and fall silent, deliverers and PostgreSQL die: nothing twice over all doors, every unknown listed.",
        "failover:Failover",
        ({"events": 3_000, "customers": 1_500, "deliverer_kills": 30, "postgres_kills": 5, "between": 20, "seed": 121},),
    ),
    "writers": (
        "5,000 outside writes on a few hot customers, engines and a deliverer at full speed: none is lost, nobody forgotten comes back.",
        "writers:Writers",
        ({"writes": 5_000, "customers": 60, "erasures": 15, "seed": 41},),
    ),
    "stopped": (
        "An ingester sleeps for 30 s in the middle of a transaction while its twin goes on: nothing acknowledged stays unread.",
        "stopped:Stopped",
        ({"seconds": 30.0, "customers": 500, "batches": 400, "seed": 51},),
    ),
    "fan_out": (
        "Changes of the catalogue go to their watchers while engines and PostgreSQL are killed: each watcher is told once, nobody else.",
        "telling:Telling",
        tuple(
            {"customers": 2_000, "changes": 140, "worker_kills": 60, "postgres_kills": 10, "batch": 400, "seed": seed} for seed in (71, 72)
        ),
    ),
    "merge": (
        "Customers turn out to be one under traffic while engines die before and after every commit of a merge, and PostgreSQL is killed.",
        "pairs:Pairs",
        tuple({"users": 1_200, "deaths": 150, "postgres_kills": 10, "each": 25, "seed": seed} for seed in (91, 92)),
    ),
    "prices": (
        "A year of real prices, replayed at speed: whom the engine tells of which fall equals a plain reference over the raw data.",
        "prices:Prices",
        ({"products": 1_500, "weeks": 53, "seed": 81},),
    ),
    "bring": (
        "Three real data sets are brought in, one killed on the way: counts and sums equal a query on the raw files, nobody is spoken to.",
        "bring:Bring",
        ({"kills": 5, "fold": True, "seed": 111},),
    ),
    "fuzz": (
        "Ten minutes of hostile bodies, led by coverage, at the collector's door: no crash, no 5xx, nothing thanked that is not kept.",
        "fuzz:Fuzz",
        ({"seconds": 600.0, "seed": 101},),
    ),
    "backup": (
        "Backed up under load, killed, restored: equal to that moment, a canary forgotten since stays gone, no mail leaves twice.",
        "keep:Keep",
        tuple({"customers": 2_000, "before": 90.0, "after": 60.0, "seed": seed} for seed in (131, 132)),
    ),
    "soak": (
        "Two hours of an ordinary day at the product as it ships: memory, live tables and the age of what waits do not grow.",
        "soak:Soak",
        ({"seconds": 7_200.0, "customers": 200, "seed": 121},),
    ),
    "bounces": (
        "A real mail server's bounces and others' recorded ones: what is understood, and nothing soft is ever taken for hard.",
        "bounces:Bounces",
        ({"rounds": 4, "seed": 131},),
    ),
    "backlog": (
        "A backlog of a million events, without statistics, drains at the rate of a tenth of it.",
        "backlog:Backlog",
        ({"events": 1_000_000, "customers": 20_000, "seed": 61},),
    ),
}
"""part → (what it proves, module:class, the sizes of each run). The class is made from its module's `Sizes`, and `run()` gives a report."""


def main() -> int:
    """Run what was asked for; the exit code says whether all of it held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="+", choices=[*PARTS, "all"])
    parser.add_argument("--resume", action="store_true")
    asked = parser.parse_args()
    parts = list(PARTS) if "all" in asked.parts else list(dict.fromkeys(asked.parts))
    held = [prove(part, resume=asked.resume) for part in parts]
    return int(not all(held))


def prove(part: str, *, resume: bool) -> bool:
    """Make every run of a part, writing the result down after each; says whether no fault was found."""
    _, place, runs = PARTS[part]
    module, kind = place.split(":")
    code = importlib.import_module(module)
    path = RESULTS / f"{part}.json"
    commit = _commit()
    known = json.loads(path.read_text()) if resume and path.exists() else {}
    kept = [run for run in known.get("runs", ()) if known.get("commit") == commit and not run["faults"]]
    done: list[dict[str, Any]] = []
    for sizes in runs:
        earlier = next((run for run in kept if run["sizes"]["seed"] == sizes["seed"]), None)
        if earlier is None:
            print(f"{part}: seed {sizes['seed']} …", flush=True)
            earlier = plain(getattr(code, kind)(code.Sizes(**sizes)).run())
        done.append(earlier)
        write_down(part, commit, done)
        print(f"{part}: seed {sizes['seed']}: {earlier['faults'] or 'holds'} ({earlier['seconds']} s)", flush=True)
    return not any(run["faults"] for run in done)


def write_down(part: str, commit: str, runs: list[dict[str, Any]]) -> None:
    """Write docs/proof/<part>.json: what was proved, on what, from which commit."""
    claim = PARTS[part][0]
    written = {"part": part, "proves": claim, "commit": commit, "day": time.strftime("%Y-%m-%d"), "machine": _machine(), "runs": runs}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{part}.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def plain(report: Any) -> dict[str, Any]:
    """Give a run's report as it is written down."""
    said = dataclasses.asdict(report)
    said |= said.pop("found", {})
    return said


def _commit() -> str:
    given = os.environ.get("PROOF_COMMIT")
    if given:
        return given
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _machine() -> dict[str, Any]:
    from oportuno.adapters.postgres.embedded import _programs

    postgres = subprocess.run([str(_programs() / "postgres"), "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cores": os.cpu_count(), "memory_gb": round(memory / 2**30, 1), "python": platform.python_version(), "postgres": postgres}


if __name__ == "__main__":
    sys.exit(main())
