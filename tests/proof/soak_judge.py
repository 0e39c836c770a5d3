"""Judging what the soak noted: slopes over the last three quarters (of tables: the last half), which a single step cannot bend.

Theil and Sen's estimator: of all slopes between two samples, the median. A working set that settles after a collection, or a table that
PostgreSQL enlarges by one block, is a step; a leak is a slope.
"""

from __future__ import annotations

from itertools import combinations
from statistics import median
from typing import Any, Final

HOUR: Final = 3_600.0
MOST_PERCENT: Final = 1.0
"""What memory may grow an hour, of each kind of process."""
ROOM_MB: Final = 0.5
"""Growth an hour below which a percentage says nothing: a process's size is told in pages."""
FILES_ROOM: Final = 6.0
"""Open files an hour: who is slower has more connections at once."""
TABLE_PERCENT: Final = 1.0
TABLE_ROOM: Final = 512 * 1024
"""Bytes an hour that a live table may grow beside its percentage: some blocks."""
AGE_GROWTH: Final = 1.0
"""Seconds by which the oldest thing that waits may grow older, an hour."""
NEAR: Final = 1_800.0
"""Memory is judged by samples so near each other: what is done once a night for the first time leaves its working set behind, a step."""
LIVE: Final = (
    "customers", "due", "watch", "identities", "leases", "offsets", "fanout_heads", "fanout_cursors", "inbox", "parts", "part_sums",
    "workers", "lanes", "retired_lanes", "poisoned", "products", "categories", "catalogues", "stock", "definitions", "workspaces", "keys",
)  # fmt: skip
"""Tables that say how things stand now: they follow the customers there are, not what ever happened."""
LOGS: Final = ("events", "seen", "verdicts", "outbox", "consent_ledger", "product_prices", "fanouts", "merges", "rejects")
"""Tables that tell what happened: they grow with it, and go by age."""
BYTES, LIVE_ROWS, DEAD_ROWS, INSERTED, UPDATED, DELETED = range(6)
MILLION: Final = 1_000_000


def slope(points: list[tuple[float, float]], *, within: float = float("inf")) -> float:
    """Give the median of the slopes between any two points, in units an hour; 0 of fewer than two.

    `within` so many seconds of each other: then a step in the middle is crossed by few pairs, and a steady climb is told as well.
    """
    slopes = [(b - a) / (t - s) for (s, a), (t, b) in combinations(points, 2) if s < t <= s + within]
    return median(slopes) * HOUR if slopes else 0.0


def judge(samples: list[dict[str, Any]], *, missed: int = 0) -> dict[str, Any]:
    """Give what the samples say and, under `faults`, what of it may not be."""
    if len(samples) < 2:
        return {"samples": len(samples), "missed": missed, "faults": ["there is nothing to judge by"]}
    began, ended = samples[0]["at"], samples[-1]["at"]
    late = [sample for sample in samples if sample["at"] >= began + (ended - began) / 4]
    # Tables that were filled at once take longer to find their pace of dying and reused rows than memory takes to settle.
    half = [sample for sample in samples if sample["at"] >= began + (ended - began) / 2]
    events = max(1, samples[-1]["sent"] - samples[0]["sent"])
    found: dict[str, Any] = {
        "samples": len(samples),
        "missed": missed,
        "events": events,
        "mails": samples[-1]["mails"],
        "answers": samples[-1]["answers"],
        "memory": {kind: _memory(late, kind) for kind in sorted(late[-1]["parts"])},
        "live_tables": {name: _live(half, name) for name in LIVE if name in half[-1]["tables"]},
        "state_bytes_each": _states(late),
        "log_bytes_per_million_events": {name: _growth(samples, name, BYTES) * MILLION // events for name in LOGS},
        "dead_rows_per_million_events": _dead(samples, events),
        "most_dead_rows": _most_dead(late),
        "ages": {name: _age(late, name) for name in samples[-1]["ages"]},
        "connections": {"last": late[-1]["connections"], "an_hour": round(slope(_series(late, lambda each: each["connections"])), 2)},
    }
    found["faults"] = faults_of(found, samples)
    return found


def faults_of(found: dict[str, Any], samples: list[dict[str, Any]]) -> list[str]:
    """Name what grew, and who died."""
    faults = [
        f"{kind} grows by {memory['percent_an_hour']} % an hour"
        for kind, memory in found["memory"].items()
        if memory["percent_an_hour"] >= MOST_PERCENT and memory["mb_an_hour"] >= ROOM_MB
    ]
    faults += [
        f"the open files of {kind} grow by {memory['files_an_hour']} an hour"
        for kind, memory in found["memory"].items()
        if memory["files_an_hour"] >= max(FILES_ROOM, memory["files"] / 10)
    ]
    faults += [
        f"the table {name} grows by {table['beyond_content_percent_an_hour']} % an hour beyond what it holds"
        for name, table in found["live_tables"].items()
        if table["beyond_content_percent_an_hour"] >= TABLE_PERCENT and table["bytes_an_hour"] >= TABLE_ROOM
    ]
    faults += [
        f"the age of what waits ({name}) grows by {age['an_hour']} s an hour"
        for name, age in found["ages"].items()
        if age["an_hour"] >= AGE_GROWTH
    ]
    if found["connections"]["an_hour"] >= 1:
        faults.append(f"connections grow by {found['connections']['an_hour']} an hour")
    for kind, part in samples[0]["parts"].items():
        if kind != "postgres" and part["pids"] != samples[-1]["parts"].get(kind, {}).get("pids"):
            faults.append(f"{kind} did not live through it")
    if found["answers"].get("500"):
        faults.append(f"{found['answers']['500']} calls were answered 500")
    return faults


def _series(samples: list[dict[str, Any]], pick: Any) -> list[tuple[float, float]]:
    return [(sample["at"], float(pick(sample))) for sample in samples]


def _percent(points: list[tuple[float, float]]) -> float:
    middle = median(value for _, value in points)
    return round(100 * slope(points) / middle, 2) if middle else 0.0


def _memory(samples: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """Give what a kind of process took. PostgreSQL's climb is that of a connection over all samples, times their middle number.

    Its connections come and go, with the load, and because none is lent for longer than a quarter of an hour: each fills and is replaced.
    Whether they become more is judged by their number. Of such a saw, samples near each other mostly lie on the same rising edge and tell
    of a climb that is none: of a flat one with teeth of 900 s by a third of its height an hour; over all it is half of that.
    """
    there = [sample for sample in samples if kind in sample["parts"]]
    megabytes = _series(there, lambda each: each["parts"][kind]["mb"])
    opened = _series(there, lambda each: each["parts"][kind]["files"])
    middle = median(value for _, value in megabytes)
    if kind == "postgres":
        each_of_them = _series(there, lambda each: each["parts"][kind]["mb"] / max(1, each["connections"]))
        climb = slope(each_of_them) * middle / median(value for _, value in each_of_them)
    else:
        climb = slope(megabytes, within=NEAR)
    third = max(1, len(megabytes) // 3)
    return {
        "mb": round(middle, 1),
        "mb_by_thirds": [round(median(value for _, value in megabytes[start : start + third]), 1) for start in range(0, 3 * third, third)],
        "most_mb": round(max(value for _, value in megabytes), 1),
        "mb_an_hour": round(climb, 3),
        "percent_an_hour": round(100 * climb / middle, 2) if middle else 0.0,
        "files": round(median(value for _, value in opened)),
        "files_an_hour": round(slope(opened, within=NEAR), 2),
    }


def _live(samples: list[dict[str, Any]], name: str) -> dict[str, float]:
    """Give how large a table is, and whether it grows beyond what it holds.

    People who go on looking at things are known better: their states and their watches fill up to ceilings of their own. What must not
    grow is what a table takes for the same content: bytes for a byte of state, bytes for a row.
    """
    there = [sample for sample in samples if name in sample["tables"]]
    sizes = _series(there, lambda each: each["tables"][name][BYTES])
    rows = _series(there, lambda each: each["rows"].get(name, each["tables"][name][LIVE_ROWS]))
    held = _series(there, lambda each: each["state_bytes"]) if name == "customers" else rows
    both = [(at, size, max(1.0, content)) for (at, size), (_, content) in zip(sizes, held, strict=True)]
    beyond = [
        ((more - less) / less - max(0.0, (fuller - full) / full)) / (t - s)
        for (s, less, full), (t, more, fuller) in combinations(both, 2)
        if s < t <= s + NEAR
    ]
    return {
        "bytes": round(sizes[-1][1]),
        "bytes_an_hour": round(slope(sizes, within=NEAR)),
        "percent_an_hour": _percent(sizes),
        "beyond_content_percent_an_hour": round(100 * HOUR * median(beyond), 2) if beyond else 0.0,
        "rows": round(rows[-1][1]),
        "rows_percent_an_hour": _percent(rows),
    }


def _states(samples: list[dict[str, Any]]) -> dict[str, float]:
    """Give what a customer's state weighs: the table may follow that, up to the ceilings of its sections."""
    weights = _series(samples, lambda each: each["state_bytes"] / max(1, each["rows"]["customers"]))
    return {"first": round(weights[0][1], 1), "last": round(weights[-1][1], 1), "percent_an_hour": _percent(weights)}


def _growth(samples: list[dict[str, Any]], name: str, figure: int) -> int:
    return int(samples[-1]["tables"].get(name, [0] * 6)[figure] - samples[0]["tables"].get(name, [0] * 6)[figure])


def _dead(samples: list[dict[str, Any]], events: int) -> dict[str, int]:
    """Give how many row versions died, by table, per million events: what vacuum had to clear."""
    died = {name: _growth(samples, name, UPDATED) + _growth(samples, name, DELETED) for name in samples[-1]["tables"]}
    return {name: count * MILLION // events for name, count in sorted(died.items(), key=lambda each: -each[1]) if count > 0}


def _most_dead(samples: list[dict[str, Any]]) -> dict[str, int]:
    """Give the most dead rows that lay about at once, by table."""
    most = {name: max(sample["tables"].get(name, [0] * 6)[DEAD_ROWS] for sample in samples) for name in samples[-1]["tables"]}
    return {name: count for name, count in sorted(most.items(), key=lambda each: -each[1]) if count > 0}


def _age(samples: list[dict[str, Any]], name: str) -> dict[str, float]:
    points = _series(samples, lambda each: each["ages"][name])
    values = sorted(value for _, value in points)
    return {
        "median": values[len(values) // 2],
        "p95": values[int(len(values) * 0.95)],
        "most": values[-1],
        "an_hour": round(slope(points), 3),
    }
