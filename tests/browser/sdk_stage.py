"""Tienda Norte's own server for the browser library: its pages, the library's files, and the real collector on a memory store.

It may refuse by script, and tells when something it waits for has come: nothing here sleeps or counts seconds.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec
from fastapi import FastAPI, Request, Response

from listening import listening
from oportuno.adapters.memory import MemoryWorld
from oportuno.entry.http.app import answer_fault
from oportuno.entry.http.collect import Collector
from oportuno.entry.http.sdk import sdk_router
from oportuno.flows.limits import Doorkeeper
from oportuno.flows.ports import KeyFacts
from oportuno.kit.faults import Fault

Scope = MutableMapping[str, Any]
PATIENCE = 120.0
"""Seconds that anything here may take on a busy machine; nothing waits longer than it must."""
STRICT = "default-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'; require-trusted-types-for 'script'"
"""A policy that forbids scripts and styles inside the page, `eval`, and everybody else's servers."""
LINE = '<script async src="/sdk/oportuno.min.js" data-write-key="wk_norte"{more}></script>'
"""The one line that a shop pastes."""


class Asked(NamedTuple):
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Refusal(NamedTuple):
    """An answer instead of the collector's."""

    status: int
    retry_after: str = ""
    above: int = 0
    """Only batches of more calls than this are refused, again and again; 0: the next one, once."""


class Stage:
    """The server as a test sees it."""

    def __init__(self) -> None:
        self.world = MemoryWorld()
        self.world.keys.put("wk_norte", KeyFacts(workspace=1, key_id="k1", secret=False))
        self.pages: dict[str, tuple[str, dict[str, str]]] = {}
        self.asked: list[Asked] = []
        self.refusals: deque[Refusal] = deque()
        self.address = ""
        self._collector = Collector(intake=self.world.intake, keys=self.world.keys, doorkeeper=Doorkeeper(), digest_key=b"k" * 32)
        self._files = FastAPI()
        self._files.include_router(sdk_router())
        self._files.add_exception_handler(Fault, _tell)
        self._news = threading.Condition()

    def put(self, body: str, *, path: str = "/", head: str | None = None, language: str = "es", policy: str = STRICT) -> str:
        """Lay down a page; give its address. `head` is the one line if nothing else is said."""
        line = LINE.format(more="") if head is None else head
        top = f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>Tienda Norte</title>{line}</head>'
        html = f"{top}<body>{body}</body></html>"
        self.pages[path] = (
            html,
            {"content-type": "text/html; charset=utf-8", "content-security-policy": policy, "cache-control": "no-store"},
        )
        return self.address + path

    def file(self, path: str, script: str) -> None:
        """Lay down a script of the shop's own."""
        self.pages[path] = (script, {"content-type": "text/javascript", "cache-control": "no-store"})

    def events(self) -> list[dict[str, Any]]:
        """Give every event that the collector stored, as it was sent, in the order of arrival."""
        stored = sorted((event for run in list(self.world.tables.events.values()) for event in list(run)), key=lambda event: event.seq)
        return [msgspec.json.decode(event.body) for event in stored]

    def names(self) -> list[str]:
        """Name every event that was stored: the track's event, else the call."""
        return [event.get("event") or event["type"] for event in self.events()]

    def batches(self) -> list[list[dict[str, Any]]]:
        """Give the calls of every request to the collector, refused ones as well."""
        return [json.loads(each.body)["batch"] for each in list(self.asked) if each.path == "/v1/batch" and each.method == "POST"]

    def until(self, true: Callable[[], bool]) -> None:
        """Wait until something is true that a request makes true."""
        with self._news:
            assert self._news.wait_for(true, PATIENCE), f"it did not come: {[each.path for each in self.asked]} {self.names()}"

    async def __call__(self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        """Answer one request."""
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        given = deque([{"type": "http.request", "body": body, "more_body": False}])

        async def again() -> Any:
            return given.popleft() if given else await receive()

        try:
            await self._answer(scope, body, again, send)
        finally:
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            with self._news:
                self.asked.append(Asked(scope["method"], scope["path"], headers, body))
                self._news.notify_all()

    async def _answer(
        self, scope: Scope, body: bytes, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        path = scope["path"]
        refusal = self._refusal(body) if path == "/v1/batch" and scope["method"] == "POST" else None
        if refusal is not None:
            headers = {"access-control-allow-origin": "*", "retry-after": refusal.retry_after}
            await _say(send, refusal.status, b"{}", {name: value for name, value in headers.items() if value})
        elif path.startswith("/v1/"):
            await self._collector(scope, receive, send)
        elif path.startswith("/sdk/"):
            await self._files(scope, receive, send)
        elif path in self.pages:
            text, headers = self.pages[path]
            await _say(send, 200, text.encode(), headers)
        else:
            await _say(send, 204, b"", {})

    def _refusal(self, body: bytes) -> Refusal | None:
        if not self.refusals:
            return None
        if self.refusals[0].above:
            return self.refusals[0] if len(json.loads(body)["batch"]) > self.refusals[0].above else None
        return self.refusals.popleft()


def _tell(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, Fault)
    return answer_fault(request, fault)


async def _say(send: Callable[[Any], Awaitable[None]], status: int, body: bytes, headers: dict[str, str]) -> None:
    told = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": [*told, (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def open_stage() -> Iterator[Stage]:
    """Open Tienda Norte on a port of the kernel's choice."""
    stage = Stage()
    with listening(stage, timeout_graceful_shutdown=5) as (host, port):
        stage.address = f"http://{host}:{port}"
        yield stage
