"""The load generator, a process of its own: `python -m oportuno.entry.bench.load JSON`. Prints one line of JSON with what it did.

Bare sockets and prepared bytes, because it shares the machine with what it measures; its own CPU is stated beside the result.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from base64 import b64encode
from typing import Any

import msgspec
import uvloop

from oportuno.entry.bench.traffic import Traffic


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What load to make."""

    host: str
    port: int
    path: str = "/v1/batch"
    write_key: str = ""
    connections: int = 8
    batch: int = 100
    """Events of one request; 1 posts single `track` calls."""
    events: int
    """How many in all."""
    customers: int
    seed: int
    prefix: str = "u"
    rate: float = 0.0
    """Events a second over all connections; 0: as fast as answered."""
    most_seconds: float = 300.0


class _Answers(asyncio.Protocol):
    """Counts responses on one keep-alive connection; reads no more than their length."""

    def __init__(self) -> None:
        self.buffer = b""
        self.waiter: asyncio.Future[int] | None = None

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0 or self.waiter is None or self.waiter.done():
            return
        head = self.buffer[:end].lower()
        place = head.find(b"content-length:")
        length = int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
        if len(self.buffer) < end + 4 + length:
            return
        status = int(self.buffer[9:12])
        self.buffer = self.buffer[end + 4 + length :]
        self.waiter.set_result(status)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(exc or ConnectionResetError())


async def run(plan: Plan) -> dict[str, Any]:
    """Send the load and give what was sent, refused, how long it took, and the generator's own CPU."""
    loop = asyncio.get_running_loop()
    traffics = [Traffic(customers=plan.customers, seed=plan.seed * 1_000 + n, prefix=plan.prefix) for n in range(plan.connections)]
    head = _head(plan)
    took: list[float] = []
    sent = refused = 0
    began, cpu = time.perf_counter(), time.process_time()
    deadline = began + plan.most_seconds

    async def one(traffic: Traffic) -> None:
        nonlocal sent, refused
        transport, answers = await loop.create_connection(_Answers, plan.host, plan.port)
        try:
            while sent < plan.events and time.perf_counter() < deadline:
                sent += plan.batch
                if plan.rate:
                    ahead = sent / plan.rate - (time.perf_counter() - began)
                    if ahead > 0:
                        await asyncio.sleep(ahead)
                now = time.time_ns() // 1_000_000
                body = traffic.batch(plan.batch, now) if plan.batch > 1 else traffic.event(now)
                answers.waiter = loop.create_future()
                start = time.perf_counter()
                transport.write(head % len(body) + body)
                status = await answers.waiter
                took.append(time.perf_counter() - start)
                refused += plan.batch * (status >= 300)  # noqa: PLR2004 - anything but a 2xx was not stored
        finally:
            transport.close()

    await asyncio.gather(*(one(traffic) for traffic in traffics))
    took.sort()
    return {
        "sent": sent,
        "refused": refused,
        "seconds": time.perf_counter() - began,
        "generator_cpu": time.process_time() - cpu,
        "p50_ms": took[len(took) // 2] * 1000,
        "p99_ms": took[int(len(took) * 0.99)] * 1000,
    }


def _head(plan: Plan) -> bytes:
    path = plan.path if plan.batch > 1 else "/v1/track"
    basic = b64encode(f"{plan.write_key}:".encode()).decode()
    return (
        f"POST {path} HTTP/1.1\r\nHost: {plan.host}:{plan.port}\r\nAuthorization: Basic {basic}\r\n"
        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    ).encode()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(run(msgspec.json.decode(sys.argv[1], type=Plan)))), flush=True)
