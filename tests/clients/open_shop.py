"""Tienda Norte's whole HTTP side on a port, on PostgreSQL, with a workspace for each client that tries it."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import psycopg
import uvicorn
from pydantic import SecretStr

from oportuno import wiring
from oportuno.entry.http.app import build
from oportuno.entry.serve import listen_on
from oportuno.events.event import Call
from oportuno.flows.open_workspace import open_workspace
from oportuno.settings import Settings

PATIENCE = 120.0
"""Seconds anything here may take on a busy machine; nothing waits longer than it must."""
Given = TypeVar("Given")


class Workspace(NamedTuple):
    """One brand, and what it gives to its programs."""

    number: int
    write_key: str
    secret_key: str


class Stored(NamedTuple):
    """One event as it lies in the log."""

    call: str
    name: str
    body: dict[str, Any]


class OpenShop:
    """The shop's HTTP side as a test sees it."""

    def __init__(self, url: str, address: str, loop: asyncio.AbstractEventLoop, front: wiring.Front) -> None:
        self.address = address
        self.front = front
        self._url = url
        self._loop = loop

    def do(self, what: Awaitable[Given]) -> Given:
        """Do something in the shop's own loop."""

        async def whole() -> Given:
            return await what

        return asyncio.run_coroutine_threadsafe(whole(), self._loop).result(PATIENCE)

    def workspace(self, name: str = "Tienda Norte") -> Workspace:
        opened = self.do(
            open_workspace(
                name,
                timezone="Europe/Madrid",
                locale="es-ES",
                sandbox=True,
                workspaces=self.front.workspaces,
                chance=secrets.token_bytes,
            )
        )
        return Workspace(opened.workspace.workspace, opened.write_key, opened.secret_key)

    def stored(self, workspace: Workspace) -> list[Stored]:
        """Give the workspace's events in the order they came in."""
        rows = self._rows("SELECT call, name, body FROM events WHERE workspace = %s ORDER BY seq", workspace)
        return [Stored(Call(call).name.lower(), name, json.loads(body)) for call, name, body in rows]

    def rejects(self, workspace: Workspace) -> list[str]:
        return [code for (code,) in self._rows("SELECT code FROM rejects WHERE workspace = %s", workspace)]

    def _rows(self, query: str, workspace: Workspace) -> list[Any]:
        with psycopg.connect(self._url) as connection:
            return connection.execute(query, (workspace.number,)).fetchall()


@contextmanager
def open_shop(url: str) -> Iterator[OpenShop]:
    """Serve in a thread of its own, as the stock clients' own tests would find a server: they all block."""
    ready: list[OpenShop] = []
    told = threading.Event()
    faults: list[BaseException] = []
    stop: list[Callable[[], None]] = []

    async def serve() -> None:
        with listen_on("127.0.0.1", 0) as listener:
            address = f"http://127.0.0.1:{listener.getsockname()[1]}"
            settings = Settings(database_url=SecretStr(url))  # no public address: what asks is answered at the address that it asked
            async with wiring.front(settings) as front:
                server = uvicorn.Server(
                    uvicorn.Config(build(front), loop="none", lifespan="off", ws="none", access_log=False, log_config=None)
                )
                stop.append(lambda: setattr(server, "should_exit", True))
                ready.append(OpenShop(url, address, asyncio.get_running_loop(), front))
                told.set()  # the socket listens already: who comes before the server waits in its queue
                await server._serve([listener])

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as fault:  # noqa: BLE001 - told to the test, which fails with it
            faults.append(fault)
        finally:
            told.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert told.wait(PATIENCE)
        assert not faults, faults
        yield ready[0]
    finally:
        for each in stop:
            each()
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert not faults, faults
