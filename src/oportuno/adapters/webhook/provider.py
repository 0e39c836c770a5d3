"""The webhook provider: posts one signed JSON body to one address and says how it ended."""

from __future__ import annotations

import asyncio
import base64
import binascii
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import httpcore2
import msgspec
from standardwebhooks import Webhook

from oportuno.adapters.webhook.addresses import Resolve, Target, look_up, read_target, system_resolve
from oportuno.adapters.webhook.network import PinnedNetwork
from oportuno.adapters.webhook.outcomes import Stage, of_break, of_status
from oportuno.channels.channel import NOT_BEGUN, Answer, Outcome, Window
from oportuno.content.message import Message, Rendered
from oportuno.kit.faults import BadInput, Unavailable
from oportuno.kit.ids import write_id

_ADDRESS_HOLDS: Final = 30.0
"""Seconds for which an address that was looked at is used; connections go to that very address."""
_BODY_CAP: Final = 65_536
"""Bytes of a response that are read, so that its connection can be used again; beyond, it is closed."""
KEPT_FOR: Final = 4.0
"""Seconds an unused connection is kept; most servers close idle ones after five."""
_WAITS: Final = ("connect", "read", "write")
_SHORTEST_KEY: Final = 24
_LONGEST_KEY: Final = 64


class WebhookProvider:
    """Kept connections to many hosts. Close it when done."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float],
        wall: Callable[[], datetime],
        allow_loopback: bool = False,
        resolve: Resolve = system_resolve,
        timeout: float = 10.0,
        connections: int = 16,
        keep_for: float = KEPT_FOR,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._loopback = allow_loopback
        self._resolve = resolve
        self._timeout = timeout
        self._network = PinnedNetwork(monotonic, keep_for)
        self._looked_at: dict[tuple[str, int], float] = {}
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls or ssl.create_default_context(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=keep_for,
            network_backend=self._network,
        )

    async def hand_off(self, message: Message, rendered: Rendered, address: str, window: Window) -> Answer:  # noqa: ARG002 - the port's; a webhook goes to its URL
        """Hand off once. Never raises for what the endpoint does: every ending is one of the four outcomes."""
        try:
            target = read_target(rendered.url)
            headers, body = self._sign(message, rendered)
            async with asyncio.timeout(self._timeout):
                await self._pin(target)
        except BadInput as fault:
            return Answer(outcome=Outcome.REFUSED_FOR_GOOD, detail=fault.code)
        except Unavailable:
            return of_break(Stage.CONNECT, "unresolved")
        except TimeoutError:
            return of_break(Stage.CONNECT, "timeout")
        return await self._post(target, headers, body, window)

    async def close(self) -> None:
        """Close every kept connection."""
        await self._pool.aclose()
        await self._network.aclose()

    async def _post(self, target: Target, headers: list[tuple[bytes, bytes]], body: bytes, window: Window) -> Answer:
        progress = _Progress(window.begin_by, self._monotonic)
        url = httpcore2.URL(scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode())
        request = httpcore2.Request(
            "POST",
            url,
            headers=[(b"host", target.authority.encode()), *headers],
            content=body,
            extensions={"trace": progress.hear, "timeout": dict.fromkeys(_WAITS, self._timeout) | {"pool": self._pool_wait(window)}},
        )
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._pool.handle_async_request(request)
        except (_NotBegun, httpcore2.PoolTimeout):
            return NOT_BEGUN
        except (httpcore2.TimeoutException, TimeoutError, httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
            return _translate(progress.stage, error)
        answer = of_status(response.status, stage=progress.stage, retry_after=_header(response, b"retry-after"), now=self._wall())
        await _drain(response)
        return answer

    def _pool_wait(self, window: Window) -> float:
        return max(0.001, window.begin_by - self._monotonic())

    def _sign(self, message: Message, rendered: Rendered) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """Make body and headers. Raises BadInput when the secret cannot sign or the body cannot be JSON."""
        name = write_id("msg", message.id)
        moment = self._wall()
        try:
            body = msgspec.json.encode(rendered.payload)
            signature = Webhook(_key(rendered.secret)).sign(msg_id=name, timestamp=moment, data=body.decode())
        except (TypeError, ValueError, RecursionError) as error:
            raise BadInput("webhook_payload_malformed", "the webhook's payload is not plain data", place="payload") from error
        headers = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            "user-agent": "Oportuno",
            "accept": "*/*",
            "idempotency-key": name,
            "webhook-id": name,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": signature,
        }
        return [(key.encode(), value.encode()) for key, value in headers.items()], body

    async def _pin(self, target: Target) -> None:
        """Look at the host's addresses, at most every half minute, and pin the one to connect to."""
        place = (target.host, target.port)
        if self._monotonic() - self._looked_at.get(place, -_ADDRESS_HOLDS) < _ADDRESS_HOLDS:
            return
        self._network.pins.pop(place, None)
        self._network.pins[place] = await look_up(target, resolve=self._resolve, loopback=self._loopback)
        self._looked_at[place] = self._monotonic()


class _NotBegun(Exception):
    """The connection stood too late; not one byte of the request has left."""


class _Progress:
    """Hears from the client how far a request has come, and stops one that would begin too late."""

    def __init__(self, begin_by: float, monotonic: Callable[[], float]) -> None:
        self.stage = Stage.CONNECT
        self._begin_by = begin_by
        self._monotonic = monotonic

    async def hear(self, event: str, _info: dict[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            if self._monotonic() > self._begin_by:
                raise _NotBegun
            self.stage = Stage.SENDING
        elif event == "http11.send_request_body.complete":
            self.stage = Stage.SENT


def _key(secret: str) -> bytes:
    """Read a Standard Webhooks secret: base 64 of 24 to 64 bytes, with or without its prefix. Raises BadInput."""
    text = secret.removeprefix("whsec_")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInput("webhook_secret_unusable", "the webhook's secret is not a Standard Webhooks secret", place="secret") from error
    if not _SHORTEST_KEY <= len(key) <= _LONGEST_KEY:
        raise BadInput("webhook_secret_unusable", "a webhook's secret has 24 to 64 bytes", place="secret")
    return key


def _header(response: httpcore2.Response, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), "")


async def _drain(response: httpcore2.Response) -> None:
    """Read the rest of a short response, so that the connection can be used again. Its outcome stands already."""
    read = 0
    try:
        async with asyncio.timeout(2.0):
            async for chunk in response.aiter_stream():
                read += len(chunk)
                if read > _BODY_CAP:
                    break
    except (httpcore2.TimeoutException, TimeoutError, httpcore2.NetworkError, httpcore2.ProtocolError, OSError):
        pass
    finally:
        await response.aclose()


def _translate(stage: Stage, error: Exception) -> Answer:
    """Translate a foreign error once, by stage and kind."""
    if isinstance(error, httpcore2.TimeoutException | TimeoutError):
        return of_break(stage, "timeout")
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return of_break(stage, "tls" if stage is Stage.CONNECT else "reset")
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, httpcore2.ProtocolError) and "disconnected" not in str(error):
        return of_break(stage, "malformed")
    return of_break(stage, "refused" if stage is Stage.CONNECT else "reset")
