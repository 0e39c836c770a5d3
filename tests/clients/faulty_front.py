"""A front that misbehaves by script: it stands before the real collector, and each request takes the next fault of the list."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HANG_SECONDS = 120
"""How long a request is kept without an answer, if its sender does not give up before."""
CORS = {"access-control-allow-origin": "*", "access-control-expose-headers": "retry-after"}
"""The collector answers a refusal with these too: without them a page would see every one of them as a broken network."""


class Fault(Enum):
    """What happens to one request."""

    BUSY = "429 with Retry-After: 1"
    BROKEN = "500"
    AWAY = "503 with Retry-After: 1"
    GONE = "410: no library tries that again"
    CUT_BEFORE = "the connection is reset before the body was passed on"
    CUT_AFTER = "the connection is reset after the body was passed on: the collector has it, its sender does not know"
    CUT_IN_ANSWER = "the answer breaks off in the middle: the same"
    SILENCE_BEFORE = "no answer, nothing passed on, until the sender gives up"
    SILENCE_AFTER = "no answer, though the collector has it, until the sender gives up"


REFUSAL = b'{"code": "not_now", "message": "come back"}'
ANSWERS = {Fault.BUSY: (429, "1"), Fault.BROKEN: (500, ""), Fault.AWAY: (503, "1"), Fault.GONE: (410, "")}
PASSED_ON = {None, Fault.CUT_AFTER, Fault.CUT_IN_ANSWER, Fault.SILENCE_AFTER}
CUT = {Fault.CUT_BEFORE, Fault.CUT_AFTER}
SILENT = {Fault.SILENCE_BEFORE, Fault.SILENCE_AFTER}


class Front:
    """The front as a test sees it."""

    def __init__(self, collector: str, script: Iterable[Fault | None], hang: float) -> None:
        self.upstream = urlsplit(collector)
        self.hang = hang
        self.script = deque(script)
        """What is still to come; None lets a request through. When it is used up, everything goes through."""
        self.bodies: list[bytes] = []
        """Every body that came, as it came."""
        self.passed_on: list[bytes] = []
        """Those of them that the collector got."""
        self.statuses: list[int] = []
        """What it answered to them."""
        self.host = ""
        self.came = threading.Event()
        """Set by the first request."""
        self._lock = threading.Lock()

    def next_fault(self, body: bytes) -> Fault | None:
        with self._lock:
            self.bodies.append(body)
            self.came.set()
            return self.script.popleft() if self.script else None

    def pass_on(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Ask the collector and give what it answers."""
        connection = http.client.HTTPConnection(self.upstream.hostname or "", self.upstream.port, timeout=HANG_SECONDS)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            told = answer.read()
            if method == "POST":
                with self._lock:
                    self.passed_on.append(body)
                    self.statuses.append(answer.status)
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, told
        finally:
            connection.close()


@contextmanager
def faulty_front(collector: str, script: Iterable[Fault | None], *, hang: float = HANG_SECONDS) -> Iterator[Front]:
    """Stand before the collector on a port of the kernel's choice; only POSTs take faults, or a page could not even ask."""
    front = Front(collector, script, hang)
    server = _Server(("127.0.0.1", 0), _handler(front))
    front.host = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        server.shutdown()
        server.server_close()
        thread.join(HANG_SECONDS)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that hung up is nothing to report."""


def _handler(front: Front) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self._body()
            fault = front.next_fault(body)
            if fault in ANSWERS:
                status, wait = ANSWERS[fault]
                self._answer(status, CORS | ({"retry-after": wait} if wait else {}), REFUSAL)
                return
            status, headers, told = self._pass_on(body) if fault in PASSED_ON else (0, {}, b"")
            if fault in CUT:
                self._cut()
            elif fault in SILENT:
                self._keep_waiting()
            elif fault is Fault.CUT_IN_ANSWER:
                self._answer(status, headers, told, only=len(told) // 2)
                self._cut()
            else:
                self._answer(status, headers, told)

        def do_OPTIONS(self) -> None:
            self._answer(*self._pass_on(self._body()))

        def do_GET(self) -> None:
            self._answer(*self._pass_on(b""))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that its callers use
            """Nothing is told of single requests."""

        def _pass_on(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            hop = {"connection", "content-length", "transfer-encoding"}
            kept = {name: value for name, value in self.headers.items() if name.lower() not in hop}
            return front.pass_on(self.command, self.path, kept, body)

        def _body(self) -> bytes:
            if self.headers.get("transfer-encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("content-length") or 0))
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _answer(self, status: int, headers: dict[str, str], body: bytes, *, only: int | None = None) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name not in {"content-length", "connection", "date", "server", "transfer-encoding"}:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:only])
            self.wfile.flush()

        def _cut(self) -> None:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

        def _keep_waiting(self) -> None:
            self.connection.settimeout(front.hang)
            with contextlib.suppress(OSError):
                self.connection.recv(1)
            self._cut()

    return Handler
