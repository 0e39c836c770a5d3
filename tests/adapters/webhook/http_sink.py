"""A tiny HTTP server on loopback that behaves as told. Its port comes from the kernel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from hurried import hang

_TLS_HELLO = b"\x16"


class Taken(NamedTuple):
    """One request as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes


class HttpScript:
    """What the server does with each request: a raw response, ``reset early`` (before the body is read), ``reset`` or ``hang``."""

    def __init__(self, *told: str | bytes) -> None:
        self.told = list(told) or ["200 OK"]
        self.taken: list[Taken] = []
        self.connections = 0
        self.hanging = asyncio.Semaphore(0)
        """Released once for each request that hangs."""

    def next(self) -> str | bytes:
        return self.told.pop(0) if len(self.told) > 1 else self.told[0]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first = await reader.readexactly(1)
        if first == _TLS_HELLO:
            return False
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
        told = self.next()
        if told == "reset early":
            return False
        line, *rest = head.rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.taken.append(Taken(line, headers, body))
        if told == "reset":
            return False
        if told == "hang":
            self.hanging.release()
            hang()
            await asyncio.Event().wait()
        writer.write(told if isinstance(told, bytes) else f"HTTP/1.1 {told}\r\ncontent-length: 0\r\n\r\n".encode())
        await writer.drain()
        return True


@asynccontextmanager
async def http_sink(script: HttpScript) -> AsyncIterator[int]:
    """Listen on a loopback port of the kernel's choice, and give it."""
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(script.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
