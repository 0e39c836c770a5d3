"""The collector: Segment's calls over HTTP, on the bare server interface because a framework's request costs more than a batch.

`POST /v1/{identify,track,page,screen,group,alias,batch,import}`, the one-letter names that browsers use, and RudderStack's beacon.
Answered 2xx means: every item is stored, as an event or as a visible reject. GET changes nothing: it tells libraries where to send to.
"""

from __future__ import annotations

import binascii
import os
import re
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

import msgspec
import structlog

from oportuno.entry.http.bodies import Gone, Receive, collect_body, inflate
from oportuno.entry.http.libraries import address_asked, key_asked, rudder_source, segment_settings, wanted_headers
from oportuno.entry.http.problems import Broken, Headers, problem_bytes
from oportuno.events.envelope import BATCH_CEILING, ITEM_CEILING
from oportuno.events.event import Call
from oportuno.flows.identity import Verifier
from oportuno.flows.limits import Doorkeeper
from oportuno.flows.ports import Intake, Keys
from oportuno.flows.take_in import NO_PLANS, NO_TOKENS, TakeIn, Taken, recognise, secret_in_page, take_in
from oportuno.flows.tracking_plan import TrackingPlans
from oportuno.kit.faults import Fault, NotFound, NotRecognised, WrongMethod
from oportuno.kit.times import Millis

Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Scope: TypeAlias = MutableMapping[str, Any]

CALLS: Final[dict[str, Call | None]] = {
    **{call.name.lower(): call for call in Call},
    "batch": None,
    "import": None,
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
_BEACON: Final = "/beacon"
_SOURCE: Final = "/sourceConfig"
PREFIXES: Final = (_PREFIX, _BEACON + _PREFIX, _SOURCE)
"""How the addresses of the collector begin."""
_METRICS: Final = "m"
_SETTINGS: Final = re.compile(r"projects/([^/]{1,200})/settings")
_CORS: Final[Headers] = [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"retry-after")]
_USUAL: Final = b"authorization, content-type, content-encoding, anonymousid, x-oportuno-identity, x-retry-count"
_JSON: Final = (b"content-type", b"application/json")

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
    """An ASGI application for everything below `PREFIXES`."""

    def __init__(
        self,
        *,
        intake: Intake,
        keys: Keys,
        doorkeeper: Doorkeeper,
        digest_key: bytes,
        verifier: Verifier = NO_TOKENS,
        plans: TrackingPlans = NO_PLANS,
        public_url: str = "",
    ) -> None:
        self._public_url = public_url
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
        name = scope["path"].removeprefix(_BEACON).removeprefix(_PREFIX).rstrip("/")
        if name not in CALLS:
            return await self._answer_library(scope, receive, name)
        method = scope["method"]
        if method == "OPTIONS":
            return _preflight(scope, b"POST, OPTIONS")
        if method != "POST":
            raise WrongMethod("method_not_allowed", "calls are sent with POST", allow="POST, OPTIONS")
        taken = await self._take(scope, receive, name)
        return _receipt(taken)

    async def _answer_library(self, scope: Scope, receive: Receive, name: str) -> tuple[int, Headers, bytes]:
        """Answer what libraries ask for themselves, beside the calls that they bring."""
        settings, method = _SETTINGS.fullmatch(name), scope["method"]
        if not settings and name not in {_METRICS, _SOURCE}:
            raise NotFound("call_unknown", "there is no such call; there are identify, track, page, screen, group, alias, batch and import")
        allowed = "POST" if name == _METRICS else "GET"
        if method == "OPTIONS":
            return _preflight(scope, f"{allowed}, OPTIONS".encode())
        if method != allowed:
            raise WrongMethod("method_not_allowed", f"this address knows {allowed} only", allow=f"{allowed}, OPTIONS")
        headers = dict(scope["headers"])
        self._doorkeeper.knock(_address_of(scope), _now())
        if name == _METRICS:
            # How a library fares is its maker's business: heard politely, and not kept.
            await collect_body(receive, announced=headers.get(b"content-length"), ceiling=ITEM_CEILING)
            return _tell(b'{"success":true}')
        key = settings[1] if settings else key_in(headers.get(b"authorization", b"")) or key_asked(scope.get("query_string", b""))
        facts = await recognise(key, self._keys)
        if facts.secret:
            raise secret_in_page()
        if settings:
            address = address_asked(self._public_url, headers.get(b"host", b""), scope.get("scheme", ""))
            return _tell(segment_settings(key, address), (b"cache-control", b"public, max-age=300"))
        return _tell(rudder_source(key, facts.key_id), (b"cache-control", b"no-store"))

    async def _take(self, scope: Scope, receive: Receive, name: str) -> Taken:
        call = CALLS[name]
        headers: dict[bytes, bytes] = dict(scope["headers"])
        ceiling = BATCH_CEILING if call is None else ITEM_CEILING
        body = await collect_body(receive, announced=headers.get(b"content-length"), ceiling=ceiling)
        key = key_in(headers.get(b"authorization", b""))
        asked = "" if key else key_asked(scope.get("query_string", b""))
        request = TakeIn(
            body=inflate(body, headers.get(b"content-encoding", b""), ceiling=ceiling),
            call=call,
            key=key or asked,
            address=_address_of(scope),
            # An address is written into logs, and is no better a place for a secret than a page.
            browser=b"origin" in headers or bool(asked),
            token=headers.get(b"x-oportuno-identity", b"").decode("latin-1"),
            history=name == "import",
        )
        taken = await take_in(
            request,
            intake=self._intake,
            keys=self._keys,
            doorkeeper=self._doorkeeper,
            digest_key=self._digest_key,
            ids=_chance,
            now=_now(),
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


def _address_of(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _preflight(scope: Scope, methods: bytes) -> tuple[int, Headers, bytes]:
    wanted = wanted_headers(dict(scope["headers"]), _USUAL)
    headers = [
        (b"access-control-allow-methods", methods),
        (b"access-control-allow-headers", wanted),
        (b"access-control-max-age", b"86400"),
        (b"vary", b"access-control-request-headers"),
    ]
    return 204, headers, b""


def _receipt(taken: Taken) -> tuple[int, Headers, bytes]:
    told = [RejectSaid(place=reject.place, code=reject.code, detail=reject.sentence) for reject in taken.rejects[:_TOLD]]
    return _tell(
        msgspec.json.encode(Receipt(success=True, items=taken.items, events=taken.stored, rejected=len(taken.rejects), rejects=told))
    )


def _tell(body: bytes, *headers: tuple[bytes, bytes]) -> tuple[int, Headers, bytes]:
    return 200, [_JSON, (b"content-length", str(len(body)).encode()), *headers], body


def _now() -> Millis:
    return time.time_ns() // 1_000_000


def _chance() -> bytes:
    return os.urandom(16)
