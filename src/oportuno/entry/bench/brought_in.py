"""A file of last year's orders is brought in while a neighbour's customers are spoken to."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg

from oportuno.entry.bench.latency import Sink, probe
from oportuno.entry.bench.parts import Served, start
from oportuno.kit.faults import Unavailable
from oportuno.kit.times import DAY, HOUR, Millis, to_text

LINES_OF_AN_ORDER: Final = 10
_HOUSEHOLDS: Final = 2_500
_GLANCE: Final = 0.05


def orders_file(rows: int, now: Millis) -> Iterator[str]:
    """Give a CSV of last year's orders, ten lines each, of 2,500 households: as long and as often as a real supermarket's."""
    yield "order_id,user_id,timestamp,product_id,product_name,quantity,price,currency\n"
    for number in range(rows // LINES_OF_AN_ORDER):
        at = to_text(now - 300 * DAY + number * 7919 % 250 * DAY + number % 24 * HOUR)
        whose = f"{number},household-{number * 31 % _HOUSEHOLDS},{at}"
        yield "".join(
            f"{whose},sku-{(number * 13 + line) % 60_000:05},Leche entera 1 l n.º {line},{1 + line % 3},{1 + line}.{number % 100:02},EUR\n"
            for line in range(LINES_OF_AN_ORDER)
        )


async def measure_import(served: Served, workspace: int, rows: int, *, sink: Sink, beside: tuple[str, str], probes: int) -> dict[str, Any]:
    """Bring a file in with `oportuno import`, probing a neighbour (write key, prefix) before and meanwhile.

    Gives rows a second of the clock and of CPU, the importing process's memory after a third and at most, and the probes.
    """
    key, prefix = beside
    at: dict[str, Any] = {"host": served.host, "port": served.port, "write_key": key, "prefix": prefix, "count": probes, "gap": 0.02}
    idle = await probe(sink, **at)
    with psycopg.connect(served.url) as connection:
        row = connection.execute("SELECT public_id FROM workspaces WHERE workspace = %s", (workspace,)).fetchone()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.csv"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(orders_file(rows, time.time_ns() // 1_000_000))
        before, own, began = served.cpu(), _children(), time.perf_counter()
        process = start(served, "import", "orders", str(path), "--workspace", str(row[0] if row else ""))
        watched = asyncio.create_task(_watch(process))
        meanwhile = await probe(sink, **at, first=probes)
        during = process.poll() is None
        memory, ended = await watched
        spent = _children() - own
    if process.returncode:
        raise Unavailable("verb_failed", f"oportuno import ended with {process.returncode}")
    await asyncio.to_thread(served.await_drained, 300)
    after = served.cpu()
    return {
        "rows": rows,
        "rows_per_second": rows / (ended - began),
        "own_us": spent / rows * 1e6,
        "others_us": {name: (after[name] - before.get(name, 0.0)) / rows * 1e6 for name in after},
        "memory_mb": memory,
        "still_importing_after_probe": during,
        "idle": idle,
        "meanwhile": meanwhile,
    }


async def _watch(process: subprocess.Popen[bytes]) -> tuple[dict[str, float], float]:
    """Look at a process until it ends; gives its megabytes at a third of its looks and at most, and when it ended (perf_counter)."""
    looks: list[int] = []
    seen = psutil.Process(process.pid)
    while process.poll() is None:
        with suppress(psutil.Error):
            looks.append(seen.memory_info().rss)
        await asyncio.sleep(_GLANCE)
    ended = time.perf_counter()
    return {"third": looks[len(looks) // 3] / 1e6, "most": max(looks) / 1e6} if looks else {"third": 0.0, "most": 0.0}, ended


def _children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
