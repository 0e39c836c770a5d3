"""`oportuno bench`: one run over everything, with progress, a JSON record and a page to commit."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from oportuno.consent.read_policy import read_policy
from oportuno.entry.bench import floors
from oportuno.entry.bench.brought_in import measure_import
from oportuno.entry.bench.feeds import measure_catalogue
from oportuno.entry.bench.laid_down import JOURNEYS, POLICY, message
from oportuno.entry.bench.latency import Sink, probe
from oportuno.entry.bench.load import Plan
from oportuno.entry.bench.merges import measure_merges, measure_one_merge
from oportuno.entry.bench.page import write_page
from oportuno.entry.bench.parts import Served, command, send, serve, start_sending
from oportuno.entry.bench.people import mould_states, seed_customers
from oportuno.entry.bench.told import fond_states, lay_out, measure_fan_out
from oportuno.flows.programme import Brand, Programme
from oportuno.journeys.read import read_journey


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured."""

    few: int
    """Customers of the small end of the scale test."""
    many: int
    """Customers of the main measurements."""
    most: int
    """Customers of the large end of the scale test."""
    events: int
    """Events of one throughput measurement."""
    singles: int
    probes: int
    backlog: int
    products: int
    """Rows of the feed."""
    told: int
    """Customers of the shop whose price falls; half of them watch."""
    merges: int
    lines: int
    """Lines of the file of orders."""


FULL: Final = Sizes(
    few=10_000,
    many=100_000,
    most=1_000_000,
    events=300_000,
    singles=30_000,
    probes=500,
    backlog=1_000_000,
    products=1_000_000,
    told=200_000,
    merges=20_000,
    lines=1_500_000,
)
QUICK: Final = Sizes(
    few=1_000,
    many=3_000,
    most=10_000,
    events=20_000,
    singles=3_000,
    probes=60,
    backlog=30_000,
    products=20_000,
    told=4_000,
    merges=500,
    lines=20_000,
)
_CONNECTIONS: Final = 6
_SINGLE_CONNECTIONS: Final = 32
_SMALL_SHOPS: Final = 5


class Workspace(msgspec.Struct, frozen=True):
    """A workspace of the benchmark."""

    number: int
    write_key: str
    prefix: str


def run_bench(*, quick: bool, page: Path | None, record: Path | None) -> dict[str, Any]:
    """Measure everything and give the record; writes it and the page where asked. Raises Unavailable when the server does not come up."""
    console = Console()
    sizes = QUICK if quick else FULL
    found = asyncio.run(_measure(sizes, console))
    if record is not None:
        record.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if page is not None:
        page.write_text(write_page(found), encoding="utf-8")
    console.print_json(json.dumps(found))
    return found


async def _measure(sizes: Sizes, console: Console) -> dict[str, Any]:
    now = time.time_ns() // 1_000_000
    found: dict[str, Any] = {"machine": _machine(), "sizes": msgspec.to_builtins(sizes), "full_sizes": msgspec.to_builtins(FULL)}
    found["state_bytes"] = _sizes_of(mould_states(now))
    programme = _programme()
    # The neighbour's webhooks go to a host of their own: what one host takes a second would be measured else.
    sink, near = Sink(), Sink()
    await sink.start()
    await near.start()
    with serve(environment=ENVIRONMENT) as served:
        shop = open_workspace(served, "Tienda Norte", "u", sink.url)
        neighbour = open_workspace(served, "Tienda Sur", "v", near.url)
        seed(served, neighbour, 0, max(2 * sizes.probes, 1_000), console)
        seed(served, shop, 0, sizes.few, console)
        with _said(console, f"throughput with {sizes.few:,} customers"):
            found["few"] = _throughput(served, shop, sizes.few, sizes.events // 2, seed=1)
        found["few_back"] = _back_again(served, sink, sizes=sizes, console=console)
        seed(served, shop, sizes.few, sizes.many, console)
        await asyncio.to_thread(served.await_drained, 120)
        found["floors"] = _floors(served, programme, sizes, console)
        with _said(console, "throughput in batches of 100"):
            found["batches"] = _throughput(served, shop, sizes.many, sizes.events, seed=2)
        with _said(console, "single events"):
            found["singles"] = _throughput(served, shop, sizes.many, sizes.singles, seed=3, batch=1, connections=_SINGLE_CONNECTIONS)
        found["memory_mb"] = served.memory()
        with _said(console, f"a feed of {sizes.products:,} products, three times"):
            found["catalogue"] = await measure_catalogue(served.url, neighbour.number, sizes.products)
        await _latencies(found, served, (shop, sink), (neighbour, near), sizes=sizes, console=console)
        seed(served, shop, sizes.many, sizes.most, console)
        with _said(console, f"throughput with {sizes.most:,} customers"):
            found["most"] = _throughput(served, shop, sizes.most, sizes.events, seed=9)
        found["memory_mb_end"] = served.memory()
        found["fan_out"] = await _fan_out(served, (neighbour, near), sink, sizes=sizes, console=console)
        found["import"] = await _import(served, sizes=sizes, console=console)
        found["merges"] = await asyncio.to_thread(_merges, served, sink, sizes=sizes, console=console)
    await sink.close()
    await near.close()
    return found


def _back_again(served: Served, sink: Sink, *, sizes: Sizes, console: Console) -> dict[str, float]:
    """Measure the small end as the large one is: with as many events of each customer, most of them their first after weeks.

    Gives CPU microseconds an event of every part, over a few small shops one after the other: one alone is too short to be measured.
    """
    events = max(300, sizes.few * sizes.events // sizes.most)
    shops = [open_workspace(served, f"Tienda Chica {number}", f"small{number}-", sink.url) for number in range(_SMALL_SHOPS)]
    for shop in shops:
        seed(served, shop, 0, sizes.few, console)
    with _said(console, f"{_SMALL_SHOPS} shops of {sizes.few:,} customers who come back"):
        before = served.cpu()
        for number, shop in enumerate(shops):
            send(_plan(served, shop, sizes.few, events, seed=20 + number))
            served.await_drained(300)
        return _per_event(before, served.cpu(), events * len(shops))


def _merges(served: Served, sink: Sink, *, sizes: Sizes, console: Console) -> dict[str, Any]:
    """Let pairs of customers turn out to be one beside 2,000 events a second."""
    shop = open_workspace(served, "Tienda Oeste", "o", sink.url)
    seed(served, shop, 0, 3 * sizes.merges + 2 * sizes.probes, console)
    with _said(console, f"{sizes.probes} merges one after the other, idle"):
        one = measure_one_merge(served, shop.number, shop.prefix, first=3 * sizes.merges, pairs=sizes.probes)
    with _said(console, f"{sizes.merges:,} merges beside 2,000 events/s"):
        with start_sending(_plan(served, shop, 3 * sizes.merges, 40 * sizes.merges, seed=11, batch=20, rate=2_000.0)) as process:
            found = measure_merges(served, shop.number, shop.prefix, pairs=sizes.merges)
            process.terminate()
        served.await_drained(300)
    return found | {"one_ms": one}


async def _latencies(
    found: dict[str, Any], served: Served, of_shop: tuple[Workspace, Sink], of_neighbour: tuple[Workspace, Sink], *, sizes: Sizes,
    console: Console,
) -> None:  # fmt: skip
    (shop, sink), (neighbour, near) = of_shop, of_neighbour
    at: dict[str, Any] = {"host": served.host, "port": served.port}
    with _said(console, "event → webhook, idle"):
        await probe(sink, **at, write_key=shop.write_key, count=20, gap=0.02, first=sizes.many - 20, prefix=shop.prefix)
        found["idle"] = await probe(sink, **at, write_key=shop.write_key, count=sizes.probes, gap=0.02, prefix=shop.prefix)
        found["neighbour_idle"] = await probe(
            near, **at, write_key=neighbour.write_key, count=sizes.probes, gap=0.02, prefix=neighbour.prefix
        )
    with _said(console, "event → webhook under 1,000 events/s"):
        seconds = sizes.probes * 0.05 + 5
        plan = _plan(served, shop, sizes.many, int(1_000 * seconds), seed=5, batch=10, rate=1_000.0)
        with start_sending(plan) as process:
            found["busy"] = await probe(
                sink, **at, write_key=shop.write_key, count=sizes.probes, gap=0.02, first=sizes.probes, prefix=shop.prefix
            )
            process.terminate()
    await asyncio.to_thread(served.await_drained, 120)
    with _said(console, f"a backlog of {sizes.backlog:,} events, and a neighbour meanwhile"):
        served.stop_engine()
        found["backlog_load"] = send(_plan(served, shop, sizes.many, sizes.backlog, seed=6))
        before, began = served.cpu(), time.perf_counter()
        served.continue_engine()
        found["neighbour_behind"] = await probe(
            near, **at, write_key=neighbour.write_key, count=sizes.probes, gap=0.02, first=sizes.probes, prefix=neighbour.prefix
        )
        found["still_behind_after_probe"] = served.unread() > 0
        drained = await asyncio.to_thread(served.await_drained, 600)
        found["backlog"] = {
            "events": sizes.backlog,
            "per_second": sizes.backlog / (drained - began),
            "cpu_us": _per_event(before, served.cpu(), sizes.backlog),
        }


async def _fan_out(served: Served, of_neighbour: tuple[Workspace, Sink], sink: Sink, *, sizes: Sizes, console: Console) -> dict[str, Any]:
    neighbour, near = of_neighbour
    shop = open_workspace(served, "Tienda Este", "e", sink.url)
    seed(served, shop, 0, sizes.told, console, moulds=fond_states(time.time_ns() // 1_000_000))
    lay_out(served.url, shop.number, shop.prefix, sizes.told)
    # The neighbour's customers who were not probed yet: a message was already seen for each of the others.
    seed(served, neighbour, max(2 * sizes.probes, 1_000), 4 * sizes.probes + 1_100, console)
    with _said(console, f"a price that {sizes.told // 2:,} of {sizes.told:,} watch, and a neighbour meanwhile"):
        beside, first = (neighbour.write_key, neighbour.prefix), max(2 * sizes.probes, 1_000)
        return await measure_fan_out(served, shop.number, near, customers=sizes.told, probes=sizes.probes, beside=beside, first=first)


async def _import(served: Served, *, sizes: Sizes, console: Console) -> dict[str, Any]:
    """Bring a file of orders in beside a shop that speaks."""
    near = Sink()
    await near.start()
    beside = open_workspace(served, "Tienda Centro", "c", near.url)
    seed(served, beside, 0, max(2 * sizes.probes, 1_000), console)
    shop = open_workspace(served, "Tienda Antigua", "a", near.url)
    with _said(console, f"{sizes.lines:,} lines of orders brought in, and a neighbour meanwhile"):
        keys = beside.write_key, beside.prefix
        found = await measure_import(served, shop.number, sizes.lines, sink=near, beside=keys, probes=sizes.probes)
    await near.close()
    return found


def _throughput(
    served: Served, workspace: Workspace, customers: int, events: int, *, seed: int, batch: int = 100, connections: int = _CONNECTIONS
) -> dict[str, Any]:
    """Send and evaluate; gives rates stored and evaluated, and CPU microseconds an event of every part."""
    warm = _plan(served, workspace, customers, min(events // 10, 20_000), seed=seed + 100, batch=batch, connections=connections)
    send(warm)
    served.await_drained(300)
    before, began = served.cpu(), time.perf_counter()
    sent = send(_plan(served, workspace, customers, events, seed=seed, batch=batch, connections=connections))
    drained = served.await_drained(600)
    spent = served.cpu()
    return {
        "stored_per_second": sent["sent"] / sent["seconds"],
        "evaluated_per_second": sent["sent"] / (drained - began),
        "request_p50_ms": sent["p50_ms"],
        "request_p99_ms": sent["p99_ms"],
        "refused": sent["refused"],
        "generator_cpu_us": sent["generator_cpu"] / sent["sent"] * 1e6,
        "cpu_us": _per_event(before, spent, sent["sent"]),
    }


def _per_event(before: dict[str, float], after: dict[str, float], events: int) -> dict[str, float]:
    each = {name: (after[name] - before.get(name, 0.0)) / events * 1e6 for name in after}
    return each | {"sum": sum(each.values())}


def _plan(
    served: Served,
    workspace: Workspace,
    customers: int,
    events: int,
    *,
    seed: int,
    batch: int = 100,
    connections: int = _CONNECTIONS,
    rate: float = 0.0,
) -> Plan:
    return Plan(
        host=served.host,
        port=served.port,
        write_key=workspace.write_key,
        connections=connections,
        batch=batch,
        events=events,
        customers=customers,
        seed=seed + time.time_ns() % 1_000_000 * 1_000,
        prefix=workspace.prefix,
        rate=rate,
    )


def _floors(served: Served, programme: Programme, sizes: Sizes, console: Console) -> dict[str, Any]:
    with _said(console, "floors: bare server, step in memory, COPY"):
        batches = floors.bare_server(batch=100, connections=_CONNECTIONS, events=sizes.events)
        singles = floors.bare_server(batch=1, connections=_SINGLE_CONNECTIONS, events=sizes.singles)
        return {
            "bare_batches_per_second": batches["sent"] / batches["seconds"],
            "bare_singles_per_second": singles["sent"] / singles["seconds"],
            "step_us": floors.steps_in_memory(programme),
            "watch_us": floors.watch_in_memory(),
            "copy_us": floors.copy_floor(served.url),
        }


def open_workspace(served: Served, name: str, prefix: str, sink_url: str) -> Workspace:
    """Open a workspace with the benchmark's journeys, whose messages go to the sink."""
    made = json.loads(command(served, "workspace", "create", name, "--timezone", "Europe/Madrid", "--locale", "es-ES", "--json"))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "journeys").mkdir()
        (root / "messages").mkdir()
        (root / "policy.yaml").write_text(POLICY, encoding="utf-8")
        (root / "messages" / "bench.yaml").write_text(message(sink_url), encoding="utf-8")
        for key, text in JOURNEYS.items():
            (root / "journeys" / f"{key}.yaml").write_text(text, encoding="utf-8")
        command(served, "apply", str(root), "--workspace", made["workspace"])
    with psycopg.connect(served.url) as connection:
        row = connection.execute("SELECT workspace FROM workspaces WHERE public_id = %s", (made["workspace"],)).fetchone()
    return Workspace(int(row[0]) if row else 0, made["write_key"], prefix)


def _programme() -> Programme:
    policy, _ = read_policy(POLICY)
    journeys = tuple(read_journey(text) for text in JOURNEYS.values())
    return Programme(workspace=1, public_id="ws_bench", version=1, policy=policy, brand=Brand(name="Tienda Norte"), journeys=journeys)


def seed(served: Served, workspace: Workspace, first: int, last: int, console: Console, *, moulds: list[bytes] | None = None) -> None:
    """Put customers in, with progress; see `seed_customers`."""
    with psycopg.connect(served.url) as connection:
        row = connection.execute("SELECT secret FROM installation").fetchone()
    secret = bytes(row[0]) if row else b""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("seeding customers", total=last - first)
        now = time.time_ns() // 1_000_000
        seed_customers(
            served.url,
            workspace.number,
            first,
            last,
            secret=secret,
            now=now,
            prefix=workspace.prefix,
            moulds=moulds,
            tell=lambda n: progress.advance(task, n),
        )


def _sizes_of(states: list[bytes]) -> dict[str, int]:
    sizes = sorted(map(len, states))
    return {"p50": sizes[len(sizes) // 2], "p99": sizes[int(len(sizes) * 0.99)], "max": sizes[-1]}


def _machine() -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


@contextmanager
def _said(console: Console, what: str) -> Iterator[None]:
    began = time.perf_counter()
    with console.status(what):
        yield
    console.print(f"{what}: {time.perf_counter() - began:.1f} s")


ENVIRONMENT: Final = {
    "OPORTUNO_ALLOW_LOOPBACK_WEBHOOKS": "true",
    "OPORTUNO_KEY_EVENTS_PER_SECOND": "1000000",
    "OPORTUNO_ADDRESS_REQUESTS_PER_SECOND": "1000000",
    "OPORTUNO_LOG_LEVEL": "warning",
}
"""The limits against abuse are lifted: one generator behind one address is what they are there to stop."""
