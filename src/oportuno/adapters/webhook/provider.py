"""The webhook provider: posts one signed JSON body to one address and says how it ended."""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec
from standardwebhooks import Webhook

from oportuno.adapters.webhook.addresses import Resolve, read_target, system_resolve
from oportuno.adapters.webhook.exchange import KEPT_FOR, Broken, HttpDoor, NotBegun
from oportuno.adapters.webhook.outcomes import of_break, of_status
from oportuno.channels.channel import NOT_BEGUN, Answer, Outcome, Window
from oportuno.content.message import Message, Rendered
from oportuno.kit.faults import BadInput
from oportuno.kit.ids import write_id

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
        self._wall = wall
        self._door = HttpDoor(
            monotonic=monotonic,
            allow_loopback=allow_loopback,
            timeout=timeout,
            connections=connections,
            resolve=resolve,
            keep_for=keep_for,
            tls=tls,
        )

    async def hand_off(self, message: Message, rendered: Rendered, address: str, window: Window) -> Answer:  # noqa: ARG002 - the port's; a webhook goes to its URL
        """Hand off once. Never raises for what the endpoint does: every ending is one of the four outcomes."""
        try:
            target = read_target(rendered.url)
            headers, body = self._sign(message, rendered)
            ended = await self._door.post(target, headers, body, window)
        except BadInput as fault:
            return Answer(outcome=Outcome.REFUSED_FOR_GOOD, detail=fault.code)
        if isinstance(ended, NotBegun):
            return NOT_BEGUN
        if isinstance(ended, Broken):
            return of_break(ended.stage, ended.kind)
        return of_status(ended.status, stage=ended.stage, retry_after=ended.headers.get("retry-after", ""), now=self._wall())

    async def close(self) -> None:
        """Close every kept connection."""
        await self._door.close()

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
