"""Tienda Norte's collector without a socket: ask it something, and see what came back and what is stored."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from typing import Any

from oportuno.adapters.memory.intake import MemoryIntake
from oportuno.adapters.memory.world import MemoryWorld
from oportuno.entry.http.collect import Collector
from oportuno.events.event import Event
from oportuno.flows.limits import Doorkeeper, Intakes
from oportuno.flows.ports import KeyFacts

BASIC = b"Basic " + base64.b64encode(b"write:")
CART = {"type": "track", "event": "Cart Viewed", "userId": "ana"}


class Answer:
    """What came back."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.silent = not messages
        if messages:
            start, end = messages
            self.status: int = start["status"]
            self.headers: dict[bytes, bytes] = dict(start["headers"])
            self.body: bytes = end["body"]
            assert len(self.headers) == len(start["headers"])
            assert int(self.headers.get(b"content-length", 0)) == len(self.body)

    @property
    def said(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class Door:
    """Tienda Norte's collector."""

    def __init__(self, intake: type[MemoryIntake] = MemoryIntake, intakes: Intakes | None = None) -> None:
        self.world = MemoryWorld()
        self.world.keys.put("write", KeyFacts(workspace=1, key_id="k1", secret=False))
        self.world.keys.put("secret", KeyFacts(workspace=1, key_id="k2", secret=True))
        self.collector = Collector(intake=intake(self.world), keys=self.world.keys, doorkeeper=Doorkeeper(intakes), digest_key=b"k" * 32)

    def ask(
        self,
        path: str = "/v1/batch",
        body: Any = b"",
        *,
        method: str = "POST",
        key: bytes = BASIC,
        headers: Sequence[tuple[bytes, bytes]] = (),
        pieces: int = 1,
        hang_up: bool = False,
        query: bytes = b"",
    ) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        step = max(1, -(-len(raw) // pieces))
        parts = [raw[start : start + step] for start in range(0, len(raw), step)] or [b""]
        inbox = [{"type": "http.request", "body": part, "more_body": part is not parts[-1] or hang_up} for part in parts]
        inbox.append({"type": "http.disconnect"})
        sent: list[dict[str, Any]] = []

        async def receive() -> Any:
            return inbox.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query,
            "scheme": "http",
            "headers": [*([(b"authorization", key)] if key else []), *headers],
            "client": ("192.0.2.1", 5000),
        }
        asyncio.run(self.collector(scope, receive, send))
        return Answer(sent)

    @property
    def names(self) -> list[str]:
        return [event.name for run in self.world.tables.events.values() for event in run]

    @property
    def events(self) -> list[Event]:
        return [event for run in self.world.tables.events.values() for event in run]
