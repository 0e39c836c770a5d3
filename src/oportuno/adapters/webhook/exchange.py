"""One HTTP request over kept connections to hosts that were looked at: what was answered, or how far it had come when it broke."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import httpcore2

from oportuno.adapters.webhook.addresses import Resolve, Target, look_up, system_resolve
from oportuno.adapters.webhook.network import PinnedNetwork
from oportuno.adapters.webhook.outcomes import Stage
from oportuno.channels.channel import Window
from oportuno.kit.faults import Unavailable

KEPT_FOR: Final = 4.0
"""Seconds an unused connection is kept; most servers close idle ones after five."""
BODY_CAP: Final = 65_536
"""Bytes of a response that are read, so that its connection can be used again; beyond, it is closed."""
_ADDRESS_HOLDS: Final = 30.0
"""Seconds for which an address that was looked at is used; connections go to that very address."""
_WAITS: Final = ("connect", "read", "write")


class Reply(NamedTuple):
    """What was answered."""

    status: int
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes
    """At most 64 kB of it, and less where it broke off: the status stands all the same."""
    stage: Stage
    """How far the request had come when the answer began."""


class Broken(NamedTuple):
    """No answer came."""

    stage: Stage
    kind: str
    """``refused``, ``timeout``, ``tls``, ``unresolved``, ``reset`` or ``malformed``."""


class NotBegun(NamedTuple):
    """The connection stood too late; not one byte of the request has left."""


class HttpDoor:
    """Kept connections to many hosts. Close it when done."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float],
        allow_loopback: bool,
        timeout: float,
        connections: int,
        resolve: Resolve = system_resolve,
        keep_for: float = KEPT_FOR,
        tls: ssl.SSLContext | None = None,
        rest_within: float = 2.0,
    ) -> None:
        """Wait `timeout` seconds for each step, and `rest_within` for what comes after an answer's head."""
        self._monotonic = monotonic
        self._loopback = allow_loopback
        self._resolve = resolve
        self._timeout = timeout
        self._rest_within = rest_within
        self._network = PinnedNetwork(monotonic, keep_for)
        self._looked_at: dict[tuple[str, int], float] = {}
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls or _trust(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=keep_for,
            network_backend=self._network,
        )

    async def post(
        self, target: Target, headers: Sequence[tuple[bytes, bytes]], body: bytes, window: Window
    ) -> Reply | Broken | NotBegun:  # fmt: skip
        """Post once. Raises BadInput when the host leads to an address that may not be reached; nothing of the network's is raised."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._pin(target)
        except Unavailable:
            return Broken(Stage.CONNECT, "unresolved")
        except TimeoutError:
            return Broken(Stage.CONNECT, "timeout")
        progress = _Progress(window.begin_by, self._monotonic)
        url = httpcore2.URL(scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode())
        pool_wait = max(0.001, window.begin_by - self._monotonic())
        request = httpcore2.Request(
            "POST",
            url,
            headers=[(b"host", target.authority.encode()), *headers],
            content=body,
            extensions={"trace": progress.hear, "timeout": dict.fromkeys(_WAITS, self._timeout) | {"pool": pool_wait}},
        )
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._pool.handle_async_request(request)
        except (_TooLate, httpcore2.PoolTimeout):
            return NotBegun()
        except (httpcore2.TimeoutException, TimeoutError, httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
            return Broken(progress.stage, _kind(progress.stage, error))
        stage = progress.stage
        named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in reversed(response.headers)}
        return Reply(response.status, named, await _rest(response, self._rest_within), stage)

    async def close(self) -> None:
        """Close every kept connection."""
        await self._pool.aclose()
        await self._network.aclose()

    async def _pin(self, target: Target) -> None:
        """Look at the host's addresses, at most every half minute, and pin the one to connect to."""
        place = (target.host, target.port)
        if self._monotonic() - self._looked_at.get(place, -_ADDRESS_HOLDS) < _ADDRESS_HOLDS:
            return
        self._network.pins.pop(place, None)
        self._network.pins[place] = await look_up(target, resolve=self._resolve, loopback=self._loopback)
        self._looked_at[place] = self._monotonic()


@cache
def _trust() -> ssl.SSLContext:
    """Give whom this machine trusts; read once, since it takes long and never changes while we run."""
    return ssl.create_default_context()


class _TooLate(Exception):
    """The connection stood too late."""


class _Progress:
    """Hears from the client how far a request has come, and stops one that would begin too late."""

    def __init__(self, begin_by: float, monotonic: Callable[[], float]) -> None:
        self.stage = Stage.CONNECT
        self._begin_by = begin_by
        self._monotonic = monotonic

    async def hear(self, event: str, _info: dict[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            if self._monotonic() > self._begin_by:
                raise _TooLate
            self.stage = Stage.SENDING
        elif event == "http11.send_request_body.complete":
            self.stage = Stage.SENT


async def _rest(response: httpcore2.Response, within: float) -> bytes:
    """Read the rest of a short response, so that the connection can be used again. Its status stands already."""
    read = bytearray()
    try:
        async with asyncio.timeout(within):
            async for chunk in response.aiter_stream():
                read += chunk
                if len(read) > BODY_CAP:
                    break
    except (httpcore2.TimeoutException, TimeoutError, httpcore2.NetworkError, httpcore2.ProtocolError, OSError):
        pass
    finally:
        await response.aclose()
    return bytes(read[:BODY_CAP])


def _kind(stage: Stage, error: Exception) -> str:
    """Translate a foreign error once, by stage and kind."""
    if isinstance(error, httpcore2.TimeoutException | TimeoutError):
        return "timeout"
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return "tls" if stage is Stage.CONNECT else "reset"
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, httpcore2.ProtocolError) and "disconnected" not in str(error):
        return "malformed"
    return "refused" if stage is Stage.CONNECT else "reset"
