"""A judging endpoint on loopback: it answers by a script made from a seed and remembers everything that was handed to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from beside import Beside, drawn

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


class Sink(Beside):
    """Several endpoints, each with its own port (the kernel's choice), script and delay in seconds."""

    def __init__(self, scripts: Mapping[str, tuple[Script, float]], *, seed: int = 0) -> None:
        super().__init__()
        self._scripts = scripts
        self._seed = seed
        self._times: dict[str, int] = {}
        self.urls: dict[str, str] = {}
        self.arrived: list[Arrived] = []

    async def _listen(self) -> None:
        for host in self._scripts:
            self.urls[host] = f"http://127.0.0.1:{await self._endpoint(partial(self._speak, host))}/"

    async def _speak(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await self._one(host, reader, writer):
            pass

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
        lot = drawn(f"{self._seed} {message} {nth}")
        for answer, share in script.items():
            if lot < share:
                return answer
            lot -= share
        return OK
