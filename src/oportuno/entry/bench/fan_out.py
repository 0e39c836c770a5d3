"""The fan-out measured alone: `python -m oportuno.entry.bench.fan_out --customers 2000000`. Half of them watch; see `told`."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Any

from rich.console import Console

from oportuno.entry.bench.latency import Sink
from oportuno.entry.bench.parts import serve
from oportuno.entry.bench.run import ENVIRONMENT, open_workspace, seed
from oportuno.entry.bench.told import fond_states, lay_out, measure_fan_out


async def measure(customers: int, probes: int) -> dict[str, Any]:
    """Serve, fill, let the price fall. Raises Unavailable."""
    console = Console(stderr=True)
    sink, near = Sink(), Sink()
    await sink.start()
    await near.start()
    with serve(environment=ENVIRONMENT) as served:
        shop = open_workspace(served, "Tienda Norte", "u", sink.url)
        neighbour = open_workspace(served, "Tienda Sur", "v", near.url)
        seed(served, neighbour, 0, 2 * probes + 100, console)
        seed(served, shop, 0, customers, console, moulds=fond_states(time.time_ns() // 1_000_000))
        lay_out(served.url, shop.number, shop.prefix, customers)
        beside = neighbour.write_key, neighbour.prefix
        found = await measure_fan_out(served, shop.number, near, customers=customers, probes=probes, beside=beside)
    await sink.close()
    await near.close()
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--probes", type=int, default=200)
    asked = parser.parse_args()
    print(json.dumps(asyncio.run(measure(asked.customers, asked.probes)), indent=1))
