"""One request of somebody who means ill: made of any bytes, asked of the real collector on the twin, and judged."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import os
from typing import Any

from oportuno.adapters.memory.world import MemoryWorld
from oportuno.consent.listen import listen
from oportuno.entry.http.collect import CALLS, Collector
from oportuno.flows.limits import Doorkeeper, Intakes
from oportuno.flows.ports import KeyFacts
from oportuno.profile.draft import Draft
from oportuno.profile.fold import fold

WITH_CARE = 400
"""Requests to one world; then the twin is emptied, or its own memory would be measured."""
PATHS = [f"/v1/{name}" for name in sorted(CALLS)]
ENCODINGS = [b"", b"gzip", b"x-gzip", b"identity", b"br"]
KEYS = [b"Basic " + base64.b64encode(b"write:"), b"Bearer secret", b"", b"Basic \xff", b"Bearer " + b"x" * 300]
_HEADERS = 5

GOOD: dict[str, Any] = {
    "type": "track", "event": "Product Viewed", "userId": "ana", "anonymousId": "dora",
    "timestamp": "2026-11-21T10:00:00Z", "originalTimestamp": "2026-11-21T10:00:00Z", "sentAt": "2026-11-21T10:00:01Z",
    "context": {"locale": "es-ES", "timezone": "Europe/Madrid", "consent": {"categoryPreferences": {"personalisation": True}}},
    "properties": {"product_id": "p1", "price": "79,95", "currency": "EUR", "quantity": 1, "visible_seconds": 30},
}  # fmt: skip
ORDER: dict[str, Any] = {
    "type": "track", "event": "Order Completed", "userId": "ana", "messageId": "m-1",
    "properties": {"order_id": "1", "total": 10, "currency": "EUR", "products": [{"product_id": "p1", "price": 1e308, "quantity": -1}]},
}  # fmt: skip
SEEDS: list[bytes] = [
    json.dumps(
        {"batch": [GOOD, ORDER, {"type": "identify", "userId": "ana", "traits": {"email": "ana@example.com", "address": {}}}]}
    ).encode(),
    json.dumps(GOOD).encode(),
    json.dumps(ORDER).encode(),
    json.dumps({"type": "alias", "previousId": "dora", "userId": "ana"}).encode(),
    json.dumps({"type": "group", "groupId": "club", "userId": "ana", "traits": {"since": None}}).encode(),
    b'{"batch":[{"type":"track","event":"\\ud800","userId":"ana"},NaN,-Infinity,1e999,{"a":"\\u0000"}]}',
    b'{"batch":' + b"[" * 300 + b"]" * 300 + b"}",
    b'{"batch":[],"batch":[{}],"writeKey":"write","sentAt":7,"context":[]}',
    b'\xef\xbb\xbf{"batch":[\xff\xfe,{"type":"track","event":"x","userId":12345678901234567890123}]}',
    b'{"batch":[{"type":"identify","userId":"ana","context":{"traits":{"email":["a"]},"oportuno":{"source":"import"}}}]}',
    gzip.compress(b" " * 100_000, mtime=0),
]
"""After the five bytes that choose path, key, encoding, pieces and packing."""


class Broken(Exception):
    """The collector did what it never may."""


class Hostile:
    """The collector before somebody who means ill."""

    def __init__(self, *, trapped: bool = False) -> None:
        self.asked = 0
        self.answers: dict[int, int] = {}
        self.events = 0
        self.rejects = 0
        self._trapped = trapped
        self._loop = asyncio.new_event_loop()
        self._renew()

    def _renew(self) -> None:
        self._world = MemoryWorld()
        self._world.keys.put("write", KeyFacts(workspace=1, key_id="k1", secret=False))
        self._world.keys.put("secret", KeyFacts(workspace=1, key_id="k2", secret=True))
        plenty = Intakes(key_rate=10**9, key_burst=10**9, address_rate=10**9, address_burst=10**9)
        self._collector = Collector(intake=self._world.intake, keys=self._world.keys, doorkeeper=Doorkeeper(plenty), digest_key=b"k" * 32)

    def ask(self, data: bytes) -> int:
        """Ask what `data` says and give the status. Raises Broken, or whatever broke."""
        if self.asked % WITH_CARE == 0:
            self._renew()
        self.asked += 1
        path, key, encoding, pieces, packed = data[:_HEADERS].ljust(_HEADERS, b"\0")
        body = data[_HEADERS:]
        if self._trapped and b"Order" in body:
            raise ZeroDivisionError
        if packed % 2:
            body = gzip.compress(body, 1, mtime=0)
        scope = {
            "type": "http",
            "method": "POST",
            "path": PATHS[path % len(PATHS)],
            "headers": [(b"authorization", KEYS[key % len(KEYS)]), (b"content-encoding", ENCODINGS[encoding % len(ENCODINGS)])],
            "client": ("192.0.2.1", 5000),
        }
        known, refused = self._kept()
        status, told = self._loop.run_until_complete(self._answer(scope, body, 1 + pieces % 7, hang_up=pieces > 250))
        self.answers[status] = self.answers.get(status, 0) + 1
        if status >= 500:
            raise Broken(f"answered {status}: {told!r}")
        events, rejects = (now - before for now, before in zip(self._kept(), (known, refused), strict=True))
        self._judge(status, told, events, rejects)
        self.events += events
        self.rejects += rejects
        return status

    def _judge(self, status: int, told: bytes, events: int, rejects: int) -> None:
        if status != 200:
            if events or rejects:
                raise Broken(f"answered {status} and kept {events} events and {rejects} rejects")
            return
        receipt = json.loads(told)
        if (receipt["events"], receipt.get("rejected", 0)) != (events, rejects) or receipt["items"] < events + rejects:
            raise Broken(f"thanked for {receipt}, kept {events} events and {rejects} rejects")
        for event in self._latest(events):
            draft = Draft(event.key)
            fold(draft, event)
            listen(draft, event)

    def _kept(self) -> tuple[int, int]:
        return sum(map(len, self._world.tables.events.values())), len(self._world.tables.rejects)

    def _latest(self, count: int) -> list[Any]:
        events = [event for run in self._world.tables.events.values() for event in run]
        return sorted(events, key=lambda event: event.seq)[len(events) - count :]

    async def _answer(self, scope: dict[str, Any], body: bytes, pieces: int, *, hang_up: bool) -> tuple[int, bytes]:
        step = max(1, -(-len(body) // pieces))
        parts = [body[start : start + step] for start in range(0, len(body), step)] or [b""]
        inbox = [{"type": "http.request", "body": part, "more_body": part is not parts[-1] or hang_up} for part in parts]
        inbox.append({"type": "http.disconnect"})
        sent: list[Any] = []

        async def receive() -> Any:
            return inbox.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        await self._collector(scope, receive, send)
        if not sent:
            return 0, b""
        return sent[0]["status"], sent[1]["body"]

    def close(self) -> None:
        self._loop.close()


def resident_mb() -> float:
    """Give this process's resident memory."""
    with open("/proc/self/statm", encoding="ascii") as told:  # noqa: PTH123 - read many times
        return int(told.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
