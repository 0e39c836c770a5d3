"""The HTTP side of the client: one pool of connections a process, made when it is first needed."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Mapping

import httpx2
import msgspec

from oportuno.client.faults import CallMalformed, Unreachable

_WORTH_COMPRESSING = 1_024


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes


class Wire:
    """Speaks to one server with one key. Threads may share it."""

    def __init__(self, key: str, host: str, *, library: str, timeout: float, compress: bool) -> None:
        """Check what was given. Raises CallMalformed."""
        if not key or not key.isascii() or not key.isprintable():
            raise CallMalformed("key_missing", "the key is the workspace's write key, or its secret key", place="key")
        if not host.startswith(("https://", "http://")):
            raise CallMalformed("host_malformed", "the host is an address such as https://oportuno.example", place="host")
        self._host = host.rstrip("/")
        self._headers = {"authorization": f"Bearer {key}", "user-agent": library}
        self._timeout = timeout
        self._compress = compress
        self._client: httpx2.Client | None = None
        self._left: list[httpx2.Client] = []
        self._making = threading.Lock()

    def post_batch(self, body: bytes) -> Answer:
        """Send a batch. Raises Unreachable."""
        headers = {"content-type": "application/json"}
        if self._compress and len(body) > _WORTH_COMPRESSING:
            body, headers["content-encoding"] = gzip.compress(body, 5), "gzip"
        return self.ask("POST", "/v1/batch", body=body, headers=headers)

    def ask(
        self, method: str, path: str, *, body: bytes | None = None, query: Mapping[str, str] | None = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        """Send one request and give its answer, whatever its status. Raises Unreachable."""
        try:
            answer = self._connected().request(method, path, content=body, params=query, headers=dict(headers))
        except (httpx2.HTTPError, httpx2.StreamError) as fault:
            raise Unreachable("no_answer", f"the server did not answer ({type(fault).__name__})") from fault
        told = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(status=answer.status_code, headers=told, body=answer.content)

    def _connected(self) -> httpx2.Client:
        with self._making:
            if self._client is None:
                self._client = httpx2.Client(base_url=self._host, headers=self._headers, timeout=self._timeout)
            return self._client

    def after_fork(self) -> None:
        """Use no connection of the parent's: two processes would read each other's answers."""
        if self._client is not None:
            self._left.append(self._client)  # not closed: that could say goodbye on the parent's connection
        self._client = None
        self._making = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
        self._client = None
