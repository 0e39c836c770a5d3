"""Judging mail doors on loopback, two that speak SMTP and one that speaks a provider's HTTP: by a script made from a seed, with a memory.

What counts is what a door may have taken: a mail whose last byte it has read. Who dies before that has handed nothing off.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from beside import Beside, drawn

OK = "taken"
PERHAPS = frozenset({OK, "half", "hang", "broken"})
"""Answers after which a door may have taken the mail: a promoting one must never be seen again, at any door."""
UNSURE = PERHAPS - {OK}
_ID = re.compile(rb"^message-id:\s*<(msg_[0-9a-z]+)@[^>]+>", re.IGNORECASE | re.MULTILINE)
_SMTP_SAID = {
    OK: b"250 2.0.0 queued as Q%d\r\n",
    "later": b"451 4.3.0 not now\r\n",
    "busy": b"421 4.3.2 closing\r\n",
    "never": b"550 5.7.1 no\r\n",
}
_HTTP_SAID = {
    "busy": b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\n{}",
    "later": b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\n{}",
    "broken": b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 2\r\n\r\n{}",
    "never": b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
}

Script = Mapping[str, float]
"""answer → its share; the rest is taken. Before ``:`` stands where: ``greet``, ``mail``, ``rcpt``; without, at the end of the mail."""


class Arrived(NamedTuple):
    """One mail whose last byte a door read."""

    message: str
    at: float
    """Milliseconds since 1970."""
    answer: str
    door: str


class Doors(Beside):
    """Several doors, each on a port of the kernel's choice. Once `calm` is set, all of them take everything."""

    def __init__(self, smtp: Mapping[str, Script], http: Mapping[str, Script], *, seed: int) -> None:
        super().__init__()
        self._smtp = smtp
        self._http = http
        self._seed = seed
        self._nth: Counter[str] = Counter()
        self.ports: dict[str, int] = {}
        self.arrived: list[Arrived] = []
        self.turned_away: Counter[str] = Counter()
        """Refusals before a mail's last byte, by door."""
        self.calm = False

    async def _listen(self) -> None:
        for door in self._smtp:
            self.ports[door] = await self._endpoint(partial(self._speak_smtp, door))
        for door in self._http:
            self.ports[door] = await self._endpoint(partial(self._speak_http, door))

    # ── SMTP ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _speak_smtp(self, door: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(words: bytes) -> None:
            writer.write(words)
            await writer.drain()

        if await self._turned_away(door, "greet", say):
            return
        await say(b"220 door.example ESMTP\r\n")
        while line := await reader.readline():
            verb = line[:4].upper().strip()
            if verb in (b"MAIL", b"RCPT") and await self._turned_away(door, verb.decode().lower(), say):
                continue
            if verb == b"DATA":
                await say(b"354 go on\r\n")
                raw = await reader.readuntil(b"\r\n.\r\n")
                if not await self._answer_smtp(door, raw, say, reader, writer):
                    return
            elif verb == b"QUIT":
                await say(b"221 bye\r\n")
                return
            else:
                await say(b"250-door.example\r\n250 8BITMIME\r\n" if verb == b"EHLO" else b"250 2.0.0 fine\r\n")

    async def _turned_away(self, door: str, place: str, say) -> bool:
        answer = self._draw(door, place, self._smtp[door])
        if answer is None:
            return False
        self.turned_away[door] += 1
        await say(_SMTP_SAID[answer])
        return True

    async def _answer_smtp(self, door: str, raw: bytes, say, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        answer = self._take(door, raw, self._smtp[door])
        if answer == "hang":
            await reader.read(1)
            return False
        if answer == "half":
            writer.transport.abort()
            return False
        await say(_SMTP_SAID[answer] % len(self.arrived) if answer == OK else _SMTP_SAID[answer])
        return True

    # ── HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _speak_http(self, door: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().lower().split("\r\n")[1:] if line)
            raw = await reader.readexactly(int(headers["content-length"]))
            answer = self._take(door, raw, self._http[door])
            if answer == "hang":
                await reader.read(1)
                return
            if answer == "half":
                writer.transport.abort()
                return
            said = b'{"id":"<Q%d@door.example>","message":"Queued"}' % len(self.arrived)
            whole = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(said), said)
            writer.write(whole if answer == OK else _HTTP_SAID[answer])
            await writer.drain()

    # ── Judging ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _take(self, door: str, raw: bytes, script: Script) -> str:
        found = _ID.search(raw)
        message = found[1].decode() if found else "?"
        answer = self._draw(door, message, {what: share for what, share in script.items() if ":" not in what}, of_mail=True) or OK
        self.arrived.append(Arrived(message, time.time() * 1000, answer, door))
        return answer

    def _draw(self, door: str, what: str, script: Script, *, of_mail: bool = False) -> str | None:
        if self.calm:
            return None
        name = f"{self._seed} {door} {what}"
        nth = self._nth[name] = self._nth[name] + 1
        lot = drawn(f"{name} {nth}")
        for answer, share in script.items():
            place, _, said = answer.rpartition(":")
            if of_mail or place == what:
                if lot < share:
                    return said
                lot -= share
        return None
