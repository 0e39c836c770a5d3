"""A judging endpoint on loopback: it answers by a script made from a seed and remembers everything that was handed to it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple, Self

OK = "200"
PERHAPS = frozenset({OK, "500", "reset", "hang"})
"""Answers after which the endpoint may have taken the message: it must never see a promoting one again."""
UNSURE = PERHAPS - {OK}
_SAID = {
    OK: b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    "429": b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n",
    "503": b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n",
    "500": b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
}

Script = Mapping[str, float]
"""answer → its share; what is left over is answered 200."""


class Arrived(NamedTuple):
    """One hand-off as the endpoint saw it."""

    message: str
    """The webhook-id."""
    at: float
    """Milliseconds since 1970 at which the first byte came."""
    answer: str
    host: str


class Sink:
    """Several endpoints, each with its own port (the kernel's choice), script and delay in seconds."""

    def __init__(self, scripts: Mapping[str, tuple[Script, float]], *, seed: int = 0) -> None:
        self._scripts = scripts
        self._seed = seed
        self._times: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.Task[None]] = set()
        self.urls: dict[str, str] = {}
        self.arrived: list[Arrived] = []

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(120)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result(120)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(120)
        self._loop.close()

    async def _listen(self) -> None:
        for host in self._scripts:
            server = await asyncio.start_server(lambda r, w, host=host: self._hear(host, r, w), "127.0.0.1", 0)
            self._servers.append(server)
            self.urls[host] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"

    async def _leave(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _hear(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._one(host, reader, writer):
                pass
        writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()

    async def _one(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        at = time.time() * 1000
        headers = dict(line.split(": ", 1) for line in head.decode().lower().split("\r\n")[1:] if line)
        await reader.readexactly(int(headers["content-length"]))
        message = headers["webhook-id"]
        script, delay = self._scripts[host]
        answer = self._answer(message, script)
        self.arrived.append(Arrived(message, at, answer, host))
        await asyncio.sleep(delay)
        if answer == "hang":
            await reader.read(1)
            return False
        if answer == "reset":
            writer.transport.abort()
            return False
        writer.write(_SAID[answer])
        await writer.drain()
        return True

    def _answer(self, message: str, script: Script) -> str:
        nth = self._times[message] = self._times.get(message, 0) + 1
        drawn = int.from_bytes(blake2b(f"{self._seed} {message} {nth}".encode(), digest_size=4).digest(), "big") / 2**32
        for answer, share in script.items():
            if drawn < share:
                return answer
            drawn -= share
        return OK
