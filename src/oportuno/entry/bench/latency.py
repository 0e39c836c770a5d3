"""From the event's POST to the webhook's arrival at a sink on loopback, event by event."""

from __future__ import annotations

import asyncio
import re
import time
from base64 import b64encode
from typing import Any, Final

from oportuno.entry.bench.people import customer_number
from oportuno.entry.bench.traffic import Traffic
from oportuno.kit.ids import write_id

_CUSTOMER: Final = re.compile(rb"cus_[0-9a-z]{13}")


class Sink:
    """A webhook endpoint that answers 200 and notes when each customer's message came."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        self.count = 0
        self.url = ""
        self._server: asyncio.Server | None = None
        self._woken = asyncio.Event()

    async def start(self) -> None:
        """Listen on a port of the kernel's choice."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/hook"

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def wait_for(self, customer: str, seconds: float) -> float:
        """Wait until a message for the customer came; gives when, or infinity."""
        deadline = time.perf_counter() + seconds
        while customer not in self.arrived:
            left = deadline - time.perf_counter()
            if left <= 0:
                return float("inf")
            self._woken.clear()
            try:
                await asyncio.wait_for(self._woken.wait(), left)
            except TimeoutError:
                return float("inf")
        return self.arrived[customer]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                place = head.find(b"content-length:")
                body = await reader.readexactly(int(head[place + 15 :].split(b"\r\n", 1)[0]))
                arrived = time.perf_counter()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                self.count += 1
                customer = _customer(body)
                if customer:
                    self.arrived.setdefault(customer, arrived)
                    self._woken.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


def _customer(body: bytes) -> str:
    found = _CUSTOMER.search(body)
    return found[0].decode() if found else ""


async def probe(
    sink: Sink, *, host: str, port: int, write_key: str, count: int, gap: float, prefix: str = "u", first: int = 0
) -> dict[str, Any]:
    """Post `count` single events of different customers (from number `first` on), `gap` seconds apart, and time each to its webhook.

    Gives n, lost (not there within 10 s), and percentiles in milliseconds.
    """
    traffic = Traffic(customers=1, seed=time.time_ns() % 1_000_000_007, prefix=prefix)
    basic = b64encode(f"{write_key}:".encode()).decode()
    reader, writer = await asyncio.open_connection(host, port)
    took: list[float] = []
    for number in range(first, first + count):
        body = traffic.event(time.time_ns() // 1_000_000, name="Bench Probe", customer=number)
        mark = write_id("cus", customer_number(prefix, number))
        began = time.perf_counter()
        writer.write(
            f"POST /v1/track HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {basic}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        place = head.find(b"content-length:")
        await reader.readexactly(int(head[place + 15 :].split(b"\r\n", 1)[0]))
        took.append(await sink.wait_for(mark, 10.0) - began)
        await asyncio.sleep(gap)
    writer.close()
    good = sorted(one * 1_000 for one in took if one != float("inf"))
    if not good:
        return {"n": count, "lost": count, "p50_ms": float("inf"), "p99_ms": float("inf")}
    return {
        "n": count,
        "lost": count - len(good),
        "p50_ms": good[len(good) // 2],
        "p99_ms": good[int(len(good) * 0.99)],
        "max_ms": good[-1],
    }
