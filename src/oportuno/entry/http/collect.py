"""The collector: Segment's calls over HTTP, on the bare server interface because a framework's request costs more than a batch.

`POST /v1/{identify,track,page,screen,group,alias,batch}`, and the one-letter names that browsers use. Answered 2xx means: every item
is stored, as an event or as a visible reject. GET and everything else changes nothing.
"""

from __future__ import annotations

import binascii
import os
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

import msgspec
import structlog

from oportuno.entry.http.bodies import Gone, Receive, collect_body, inflate
from oportuno.entry.http.problems import Broken, Headers, problem_bytes
from oportuno.events.envelope import BATCH_CEILING, ITEM_CEILING
from oportuno.events.event import Call
from oportuno.flows.identity import Verifier
from oportuno.flows.limits import Doorkeeper
from oportuno.flows.ports import Intake, Keys
from oportuno.flows.take_in import NO_PLANS, NO_TOKENS, TakeIn, Taken, take_in
from oportuno.flows.tracking_plan import TrackingPlans
from oportuno.kit.faults import Fault, NotFound, NotRecognised, WrongMethod

Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Scope: TypeAlias = MutableMapping[str, Any]

CALLS: Final[dict[str, Call | None]] = {
    **{call.name.lower(): call for call in Call},
    "batch": None,
    "t": Call.TRACK,
    "i": Call.IDENTIFY,
    "p": Call.PAGE,
    "s": Call.SCREEN,
    "g": Call.GROUP,
    "a": Call.ALIAS,
    "b": None,
}
"""What may follow ``/v1/``: the calls, None for the batch."""

_TOLD: Final = 20
_PREFIX: Final = "/v1/"
_CORS: Final[Headers] = [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"retry-after")]
_PREFLIGHT: Final[Headers] = [
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type, content-encoding, anonymousid, x-oportuno-identity, x-retry-count"),
    (b"access-control-max-age", b"86400"),
]

_log = structlog.get_logger()


class RejectSaid(msgspec.Struct, kw_only=True):
    """One reject, as the sender is told."""

    place: str
    code: str
    detail: str


class Receipt(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The body of a 200."""

    success: bool
    items: int
    """How many items the request brought; all of them are stored."""
    events: int
    """How many became new events."""
    rejected: int = 0
    """How many were kept as rejects."""
    rejects: list[RejectSaid] = []
    """The first 20 of them."""


class Tally(msgspec.Struct, kw_only=True):
    """Counts since the process began, for the metrics page."""

    requests: int = 0
    items: int = 0
    events: int = 0
    rejects: int = 0
    refused: dict[str, int] = {}
    """Requests that were not taken, by code."""


class Collector:
    """An ASGI application for everything below ``/v1/``."""

    def __init__(
        self,
        *,
        intake: Intake,
        keys: Keys,
        doorkeeper: Doorkeeper,
        digest_key: bytes,
        verifier: Verifier = NO_TOKENS,
        plans: TrackingPlans = NO_PLANS,
    ) -> None:
        self._verifier = verifier
        self._plans = plans
        self._intake = intake
        self._keys = keys
        self._doorkeeper = doorkeeper
        self._digest_key = digest_key
        self.tally = Tally()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self.tally.requests += 1
        try:
            answer = await self._answer(scope, receive)
        except Gone:
            return
        except Fault as fault:
            self._count(fault)
            answer = problem_bytes(fault, instance=scope["path"], to_library=True)
        except Exception as surprise:  # noqa: BLE001 - a bad request must never take the connection down without an answer
            _log.error("collect_failed", fault=type(surprise).__name__)
            broken = Broken()
            self._count(broken)
            answer = problem_bytes(broken, instance=scope["path"], to_library=True)
        status, headers, body = answer
        await send({"type": "http.response.start", "status": status, "headers": headers + _CORS})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, Headers, bytes]:
        path: str = scope["path"]
        name = path.removeprefix(_PREFIX).rstrip("/")
        if name not in CALLS:
            raise NotFound("call_unknown", "there is no such call; there are identify, track, page, screen, group, alias and batch")
        method = scope["method"]
        if method == "OPTIONS":
            return 204, _PREFLIGHT, b""
        if method != "POST":
            raise WrongMethod("method_not_allowed", "calls are sent with POST", allow="POST, OPTIONS")
        taken = await self._take(scope, receive, CALLS[name])
        return _receipt(taken)

    async def _take(self, scope: Scope, receive: Receive, call: Call | None) -> Taken:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        ceiling = BATCH_CEILING if call is None else ITEM_CEILING
        body = await collect_body(receive, announced=headers.get(b"content-length"), ceiling=ceiling)
        client = scope.get("client")
        request = TakeIn(
            body=inflate(body, headers.get(b"content-encoding", b""), ceiling=ceiling),
            call=call,
            key=key_in(headers.get(b"authorization", b"")),
            address=client[0] if client else "",
            browser=b"origin" in headers,
            token=headers.get(b"x-oportuno-identity", b"").decode("latin-1"),
        )
        taken = await take_in(
            request,
            intake=self._intake,
            keys=self._keys,
            doorkeeper=self._doorkeeper,
            digest_key=self._digest_key,
            ids=_chance,
            now=time.time_ns() // 1_000_000,
            verifier=self._verifier,
            plans=self._plans,
        )
        self.tally.items += taken.items
        self.tally.events += taken.stored
        self.tally.rejects += len(taken.rejects)
        return taken

    def _count(self, fault: Fault) -> None:
        self.tally.refused[fault.code] = self.tally.refused.get(fault.code, 0) + 1


def key_in(authorization: bytes) -> str:
    """Give the key of an Authorization header: the user of Basic, or the token of Bearer; empty when there is no header.

    Raises NotRecognised when the header is neither.
    """
    if not authorization:
        return ""
    scheme, _, value = authorization.strip().partition(b" ")
    try:
        if scheme.lower() == b"basic":
            return b64decode(value.strip(), validate=True).partition(b":")[0].decode()
        if scheme.lower() == b"bearer":
            return value.strip().decode()
    except (binascii.Error, UnicodeDecodeError):
        pass
    raise NotRecognised("authorization_malformed", "the Authorization header is neither Basic nor Bearer", place="Authorization")


def _receipt(taken: Taken) -> tuple[int, Headers, bytes]:
    told = [RejectSaid(place=reject.place, code=reject.code, detail=reject.sentence) for reject in taken.rejects[:_TOLD]]
    receipt = Receipt(success=True, items=taken.items, events=taken.stored, rejected=len(taken.rejects), rejects=told)
    body = msgspec.json.encode(receipt)
    return 200, [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())], body


def _chance() -> bytes:
    return os.urandom(16)
