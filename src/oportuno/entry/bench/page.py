"""The record as a page: each figure beside its target and its floor, missed ones marked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final


def _grown(record: dict[str, Any]) -> float:
    return float(record["import"]["memory_mb"]["most"] / record["import"]["memory_mb"]["third"])


_ROWS: Final[list[tuple[str, Callable[[dict[str, Any]], float], str, float, bool]]] = [
    # what, figure, unit, target, whether more is better
    ("Stored and evaluated, batches of 100", lambda r: r["batches"]["evaluated_per_second"], "events/s", 10_000, True),
    ("Stored, single events, 32 connections", lambda r: r["singles"]["stored_per_second"], "events/s", 1_900, True),
    ("CPU of the HTTP side", lambda r: r["batches"]["cpu_us"]["api"], "µs/event", 30, False),
    ("CPU of PostgreSQL, ingest with dedupe", lambda r: r["batches"]["cpu_us"]["pg_ingest"], "µs/event", 28, False),
    ("CPU of the engine", lambda r: r["batches"]["cpu_us"]["engine"], "µs/event", 75, False),
    ("CPU of PostgreSQL, decide", lambda r: r["batches"]["cpu_us"]["pg_decide"], "µs/event", 35, False),
    ("Event → webhook, idle, p50", lambda r: r["idle"]["p50_ms"], "ms", 15, False),
    ("Event → webhook, idle, p99", lambda r: r["idle"]["p99_ms"], "ms", 40, False),
    ("Event → webhook under 1,000 events/s, p99", lambda r: r["busy"]["p99_ms"], "ms", 60, False),
    ("CPU an event: most customers over fewest", lambda r: r["most"]["cpu_us"]["sum"] / r["few"]["cpu_us"]["sum"], "×", 1.15, False),
    (
        "Draining a backlog over the steady rate",
        lambda r: r["backlog"]["per_second"] / r["batches"]["evaluated_per_second"],
        "×",
        0.8,
        True,
    ),
    (
        "Neighbour's p99 beside a backlog over its idle",
        lambda r: r["neighbour_behind"]["p99_ms"] / r["neighbour_idle"]["p99_ms"],
        "×",
        2,
        False,
    ),
    ("A price that half of all watch: its first watcher", lambda r: r["fan_out"]["first_seconds"], "s", 1, False),
    ("… a million watchers at that rate", lambda r: 1_000_000 / r["fan_out"]["per_second"] / 60, "minutes", 5, False),
    (
        "… a neighbour's p99 meanwhile over its idle",
        lambda r: r["fan_out"]["meanwhile"]["p99_ms"] / r["fan_out"]["idle"]["p99_ms"],
        "×",
        1.5,
        False,
    ),
    ("… growth of the engine's memory", lambda r: r["fan_out"]["memory_grew_mb"]["engine"], "MB", 30, False),
    ("Two customers are one: from asking, idle, p99", lambda r: r["merges"]["one_ms"]["p99"], "ms", 50, False),
    ("Merges beside 2,000 events/s", lambda r: r["merges"]["per_second"], "merges/s", 1_000, True),
    ("Memory of the HTTP side", lambda r: r["memory_mb_end"]["api"], "MB", 120, False),
    ("Memory of the engine", lambda r: r["memory_mb_end"]["engine"], "MB", 160, False),
    ("Memory of the deliverer", lambda r: r["memory_mb_end"]["deliver"], "MB", 120, False),
    ("Catalogue feed, first time, a second of CPU", lambda r: r["catalogue"]["first"]["rows_per_cpu_second"], "rows", 20_000, True),
    ("Catalogue feed again, a second of CPU", lambda r: r["catalogue"]["again"]["rows_per_cpu_second"], "rows", 20_000, True),
    ("Memory grown by a catalogue feed", lambda r: r["catalogue"]["first"]["grown_mb"], "MB", 64, False),
    ("Orders brought in from a file, beside a shop that speaks", lambda r: r["import"]["rows_per_second"], "rows/s", 30_000, True),
    (
        "… the shop's p99 meanwhile over its idle",
        lambda r: r["import"]["meanwhile"]["p99_ms"] / r["import"]["idle"]["p99_ms"],
        "×",
        1.5,
        False,
    ),
    ("… the importing process's memory at most over a third of the way", _grown, "×", 1.1, False),
    ("State of a customer, p50", lambda r: r["state_bytes"]["p50"], "bytes", 2_048, False),
    ("State of a customer, p99", lambda r: r["state_bytes"]["p99"], "bytes", 4_096, False),
]


def write_page(record: dict[str, Any]) -> str:
    """Give the results page in Markdown."""
    machine, sizes, floors = record["machine"], record["sizes"], record["floors"]
    own, single = record["batches"]["generator_cpu_us"], record["singles"]["generator_cpu_us"]
    setting = (
        f"{machine['at']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}; "
        f"{_sizes(sizes, record['full_sizes'])} The load generator ran on the same cores ({own:.0f} µs of its own an event in batches, "
        f"{single:.0f} single)."
    )
    lines = [
        "# Benchmark results",
        "",
        "Written by `oportuno bench`; do not edit by hand. The machine is shared and noisy: ratios and CPU time say more than wall time.",
        "",
        setting,
        "",
        "| What | Measured | Target | Met |",
        "| --- | ---: | ---: | --- |",
    ]
    for what, figure, unit, target, more in _ROWS:
        value = figure(record)
        met = value >= target if more else value <= target
        lines.append(f"| {what} | {_number(value)} {unit} | {'≥' if more else '≤'} {_number(target)} | {'yes' if met else '**no**'} |")
    return "\n".join([*lines, *_floors(floors), *_beside(record)])


def _sizes(sizes: dict[str, int], full: dict[str, int]) -> str:
    share = sizes["events"] / full["events"]
    of_full = "the full sizes" if sizes == full else f"{share:.0%} of the full sizes' events"
    return (
        f"{sizes['many']:,} customers unless said otherwise ({sizes['few']:,} at the small end, {sizes['most']:,} at the large), "
        f"four journeys live, {sizes['events']:,} events a measurement, {sizes['backlog']:,} in the backlog: {of_full}."
    )


def _floors(floors: dict[str, Any]) -> list[str]:
    batches, singles = floors["bare_batches_per_second"], floors["bare_singles_per_second"]
    bare = f"{batches:,.0f} events/s in batches of 100, {singles:,.0f} single requests/s"
    return [
        "",
        "## Floors on the same machine in the same run",
        "",
        f"- A bare ASGI application that answers 202 and does nothing: {bare}.",
        f"- One decode, step and encode in memory: {floors['step_us']:.1f} µs of CPU.",
        f"- Of it, judging what the customer watches: {floors['watch_us']:.1f} µs.",
        f"- COPY of an event row into a table without any index: {floors['copy_us']:.1f} µs of PostgreSQL's CPU.",
    ]


def _beside(record: dict[str, Any]) -> list[str]:
    idle, busy, behind, batches = record["idle"], record["busy"], record["neighbour_behind"], record["batches"]
    named = (("idle", idle), ("busy", busy), ("beside the backlog", behind))
    probes = ", ".join(f"{probe['n']} {name} (lost {probe['lost']})" for name, probe in named)
    stood = "still stood" if record["still_behind_after_probe"] else "was already drained"
    return [
        "",
        "## Beside them",
        "",
        f"- Probes: {probes}; the backlog {stood} when they ended.",
        f"- A backlog of {record['backlog']['events']:,} events drained at {record['backlog']['per_second']:,.0f} events/s.",
        _scale(record),
        _told(record["fan_out"]),
        _merged(record["merges"]),
        _brought(record["import"]),
        f"- PostgreSQL's CPU for everything else (API, deliverer): {batches['cpu_us']['pg_other']:.1f} µs/event.",
        f"- Requests of 100 events: p50 {batches['request_p50_ms']:.1f} ms, p99 {batches['request_p99_ms']:.1f} ms.",
        f"- Refused: {batches['refused']} in batches, {record['singles']['refused']} single.",
        "",
    ]


def _scale(record: dict[str, Any]) -> str:
    sizes, back, most = record["sizes"], record["few_back"], record["most"]["cpu_us"]
    each = sizes["events"] // 2 // sizes["few"]
    parts = "; ".join(f"{name} {back[name]:.0f} ({most[name]:.0f})" for name in ("api", "pg_ingest", "engine", "pg_decide"))
    return (
        f"- At the small end each customer sends {each} events, at the large most send their first after weeks, which costs more. Where "
        f"few customers come back, too, in bursts too short for large batches, an event takes, in µs (and at the large end): {parts}."
    )


def _told(found: dict[str, Any]) -> str:
    spent = sum(found["cpu_us"].values())
    who = f"{found['watchers']:,} of {found['customers']:,} customers"
    return (
        f"- A price fell that {who} watch: the first was decided about after {found['first_seconds']:.2f} s, all after "
        f"{found['all_seconds']:.1f} s ({found['per_second']:,.0f} a second, {spent:.0f} µs of CPU each in all parts; {found['handed']:,} "
        "messages had been handed off by then)."
    )


def _merged(found: dict[str, Any]) -> str:
    one, many = found["one_ms"], found["joined_ms"]
    return (
        f"- Two customers who are one: p50 {one['p50']:.0f} ms, p99 {one['p99']:.0f} ms, asked one after the other on an idle system; "
        f"{found['merges']:,} asked at once beside 2,000 events/s were joined within p50 {float(many['p50']):,.0f} ms, "
        f"p99 {float(many['p99']):,.0f} ms, with {sum(found['cpu_us'].values()):,.0f} µs of CPU each in all parts, the events' included."
    )


def _brought(found: dict[str, Any]) -> str:
    others, idle, meanwhile = found["others_us"], found["idle"], found["meanwhile"]
    still = "still ran" if found["still_importing_after_probe"] else "had ended"
    parts = "; ".join(f"{name} {others[name]:.1f}" for name in ("pg_other", "engine", "pg_decide"))
    return (
        f"- {found['rows']:,} lines of orders brought in: {found['own_us']:.1f} µs of CPU a line in the importing process "
        f"({found['memory_mb']['most']:.0f} MB at most), and in the others: {parts}. The import {still} when the probes ended; the shop's "
        f"p99 was {idle['p99_ms']:.1f} ms idle and {meanwhile['p99_ms']:.1f} ms meanwhile."
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}".rstrip("0").rstrip(".")  # noqa: PLR2004 - three digits are enough
