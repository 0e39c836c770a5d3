"""An HTTP interface on a port of the kernel's choice, served by a thread beside the test."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

PATIENCE = 120.0


class _Open(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@contextmanager
def listening(application: Any, **settings: Any) -> Iterator[tuple[str, int]]:
    """Serve an ASGI application with uvicorn's settings; gives its host and port."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = _Open(uvicorn.Config(application, lifespan="off", log_level="critical", access_log=False, **settings))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    try:
        assert server.listening.wait(PATIENCE)
        yield listener.getsockname()
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listener.close()
        assert not thread.is_alive()
