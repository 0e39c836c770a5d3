"""Endpoints on loopback that answer beside a proof: each on a port of the kernel's choice, all in one loop on a thread of their own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Self

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Beside:
    """What `_listen` opens, from entering to leaving."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.Task[None]] = set()

    async def _listen(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(120)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result(120)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(120)
        self._loop.close()

    async def _endpoint(self, speak: Speak) -> int:
        """Open one more, at which `speak` has a connection to itself until it returns; gives its port."""
        server = await asyncio.start_server(lambda reader, writer: self._hear(speak, reader, writer), "127.0.0.1", 0, limit=2**20)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _leave(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _hear(self, speak: Speak, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            await speak(reader, writer)
        writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()


def drawn(words: str) -> float:
    """Draw a number from 0 to 1 by these words: the same ones give the same."""
    return int.from_bytes(blake2b(words.encode(), digest_size=4).digest(), "big") / 2**32
