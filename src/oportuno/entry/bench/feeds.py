"""The catalogue's part of the measurements: a feed of many rows once, once more, and with some prices fallen."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from typing import Any, Final

import psutil

from oportuno.adapters.postgres.catalogue_around import PostgresCatalogue
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.catalog.feed_rows import read_csv
from oportuno.catalog.row import RowFault
from oportuno.flows.catalogue import FeedImport, Imported, Wanted
from oportuno.kit.faults import Unavailable

_LINES: Final = 2_000
_EVERY: Final = 100
"""Of so many products one falls in price."""


def feed(rows: int, *, fallen: bool = False) -> Iterator[bytes]:
    """Give a CSV feed of a department store, piece by piece."""
    yield b"id,name,url,image,brand,categories,price,currency,stock\n"
    for start in range(0, rows, _LINES):
        yield "".join(_line(n, fallen=fallen) for n in range(start, min(start + _LINES, rows))).encode()


def _line(n: int, *, fallen: bool) -> str:
    cents = 1_000 + n * 7919 % 90_000
    if fallen and n % _EVERY == 0:
        cents -= 500
    return (
        f"sku-{n:07},Lámpara de mesa «Faro» n.º {n},https://norte.example/p/{n},https://norte.example/i/{n}.jpg,Marca {n % 300},"
        f"c{n % 400}|c{n % 40},{cents // 100}.{cents % 100:02},EUR,{n % 25}\n"
    )


async def measure_catalogue(url: str, workspace: int, rows: int) -> dict[str, Any]:
    """Import a feed three times; gives rows a second of CPU (ours and PostgreSQL's together) and of the clock, and memory's growth."""
    connections = Connections(url, name="bench catalogue", most=1, plans=CHANGING)
    thresholds = gc.get_threshold()
    # As the command line does: a collector that seldom looks.
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)
    try:
        async with connections.lend() as connection:
            server = psutil.Process(connection.info.backend_pid)
        catalogue = PostgresCatalogue(connections)
        found: dict[str, Any] = {"rows": rows}
        for name, fallen in (("first", False), ("again", False), ("fallen", True)):
            found[name] = await _take(catalogue, workspace, feed(rows, fallen=fallen), server, rows)
        return found
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
        await connections.close()


async def _take(catalogue: PostgresCatalogue, workspace: int, chunks: Iterator[bytes], server: psutil.Process, rows: int) -> dict[str, Any]:
    now = (await catalogue.standing(workspace)).now
    refused: list[RowFault] = []
    memory = psutil.Process().memory_info().rss
    own, theirs, began = time.process_time(), _cpu(server), time.perf_counter()
    run = FeedImport(workspace, catalogue, Wanted(), refuse=refused.append)
    done: Imported = await run.run(read_csv(chunks, currency="EUR", now=now))
    spent = time.process_time() - own, _cpu(server) - theirs
    if refused or done.fault is not None:
        raise Unavailable("feed_refused", "the benchmark's own feed was refused")
    return {
        "written": done.written,
        "news": sum(done.changes.values()),
        "own_us": spent[0] / rows * 1e6,
        "postgres_us": spent[1] / rows * 1e6,
        "rows_per_cpu_second": rows / sum(spent),
        "rows_per_second": rows / (time.perf_counter() - began),
        "grown_mb": (psutil.Process().memory_info().rss - memory) / 1e6,
    }


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
