"""A port that takes mail from the mail server beside us: LMTP (RFC 2033) and SMTP (RFC 5321), whichever it speaks.

A mail is answered 250 only after what it tells is stored, and 451 when it could not be: then the mail server keeps it and comes again. It
sends nothing and relays nothing. It has neither TLS nor passwords: it stands on loopback or in a private network, behind a mail server.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import structlog

Take = Callable[[bytes, str], Awaitable[None]]
"""Stores what a mail (its bytes, its envelope's recipient) tells. Whatever it raises means: not stored, come again."""

KEPT: Final = 1_048_576
"""Bytes of a mail that are kept; the rest of a large one is read and dropped: reports say what they have to say first."""
_MOST_BYTES: Final = 52_428_800
_MOST_RECIPIENTS: Final = 100
_MOST_CONNECTIONS: Final = 100
_MOST_LINE: Final = 4_096
_MOST_FAULTS: Final = 20
_IDLE: Final = 300.0
"""Seconds without a byte after which a connection is closed, as RFC 5321 §4.5.3.2.7 asks of a receiver."""
_END: Final = b"\r\n.\r\n"
_PATH: Final = re.compile(rb"(?i)(?P<verb>FROM|TO):\s*<(?P<address>[^<>\s]{0,320})>(?P<rest>(?:\s+\S+)*)\s*")

_log = structlog.get_logger("mail_in")


class MailDoor:
    """Listens until closed; any number of conversations at once."""

    def __init__(self, take: Take, *, name: str = "localhost", idle: float = _IDLE) -> None:
        self._take = take
        self._name = name
        self._idle = idle
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def open(self, listener: socket.socket) -> None:
        """Begin to listen on a bound socket."""
        self._server = await asyncio.start_server(self._serve, sock=listener)

    async def close(self) -> None:
        """End: conversations are broken off; what was answered 250 is stored, everything else comes again."""
        if self._server is not None:
            self._server.close()
        talks = list(self._talks)
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._talks.add(task)
        wire = _Wire(reader, writer, self._idle)
        try:
            if len(self._talks) > _MOST_CONNECTIONS:
                await wire.say("421 4.3.2 too many connections")
            else:
                await _Talk(wire, self._take, self._name).run()
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, OSError):
            _log.debug("mail_in_broken_off")
        except asyncio.CancelledError:
            # Only `close` cancels: the end of this conversation is the end of its task.
            _log.debug("mail_in_closing")
        finally:
            if task is not None:
                self._talks.discard(task)
            with contextlib.suppress(OSError):
                writer.close()


class _Wire:
    """Bytes in, lines out. Lines end in CRLF alone: whoever takes less for an end lets one mail smuggle in another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle: float) -> None:
        self._reader = reader
        self._writer = writer
        self._idle = idle
        self._rest = bytearray()

    async def say(self, *lines: str) -> None:
        self._writer.write(b"".join(line.encode("ascii", "replace") + b"\r\n" for line in lines))
        async with asyncio.timeout(self._idle):
            await self._writer.drain()

    async def line(self) -> bytes:
        """Give the next command, without its end; of one that is too long, only that it was (empty). Raises ConnectionError at the end."""
        too_long = False
        while (end := self._rest.find(b"\r\n")) < 0:
            if len(self._rest) > _MOST_LINE:
                del self._rest[:-1]
                too_long = True
            await self._more()
        line = bytes(self._rest[:end])
        del self._rest[: end + 2]
        return b"" if too_long or len(line) > _MOST_LINE else line

    async def letter(self) -> bytes | None:
        """Give a mail's first bytes, its dots unstuffed; None: it is larger than anything that is read."""
        kept, seen = bytearray(), 0
        # The end of an empty mail begins with the end of the command's own line.
        tail = bytearray(b"\r\n")
        while True:
            tail += self._rest
            self._rest.clear()
            end = tail.find(_END)
            sure = len(tail) - len(_END) + 1 if end < 0 else end
            taken = tail[: max(0, sure)]
            kept += taken[: max(0, KEPT + 2 - len(kept))]
            seen += len(taken)
            if end >= 0:
                self._rest += tail[end + len(_END) :]
                break
            del tail[: max(0, sure)]
            await self._more()
        return None if seen > _MOST_BYTES else bytes(kept + b"\r\n").replace(b"\r\n..", b"\r\n.")[2:]

    async def _more(self) -> None:
        async with asyncio.timeout(self._idle):
            chunk = await self._reader.read(65_536)
        if not chunk:
            raise ConnectionResetError
        self._rest += chunk


class _Reply(NamedTuple):
    lines: tuple[str, ...]
    goes_on: bool = True


class _Talk:
    """One conversation."""

    def __init__(self, wire: _Wire, take: Take, name: str) -> None:
        self._wire = wire
        self._take = take
        self._name = name
        self._one_by_one = False
        self._sender: bytes | None = None
        self._recipients: list[str] = []

    async def run(self) -> None:
        await self._wire.say(f"220 {self._name} mail that comes back, ESMTP and LMTP")
        faults, goes_on = 0, True
        while goes_on and faults < _MOST_FAULTS:
            line = await self._wire.line()
            verb, _, rest = line.partition(b" ")
            reply = await self._answer(verb.strip().upper(), rest.strip())
            faults += reply.lines[0].startswith("5")
            goes_on = reply.goes_on
            await self._wire.say(*reply.lines)
        if goes_on:
            await self._wire.say("421 4.7.0 too many commands that are none")

    async def _answer(self, verb: bytes, rest: bytes) -> _Reply:
        if verb in {b"EHLO", b"LHLO", b"HELO"}:
            self._one_by_one = verb == b"LHLO"
            self._reset()
            offers = ("PIPELINING", f"SIZE {_MOST_BYTES}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
            greeting = (self._name, *offers) if verb != b"HELO" else (self._name,)
            return _Reply((*(f"250-{line}" for line in greeting[:-1]), f"250 {greeting[-1]}"))
        if verb == b"DATA":
            return await self._data()
        if verb in {b"MAIL", b"RCPT"}:
            return self._envelope(verb, rest)
        if verb == b"RSET":
            self._reset()
        if verb in {b"RSET", b"NOOP"}:
            return _Reply(("250 2.0.0 OK",))
        if verb == b"VRFY":
            return _Reply(("252 2.5.0 send it and see",))
        if verb == b"QUIT":
            return _Reply(("221 2.0.0 bye",), goes_on=False)
        return _Reply(("500 5.5.2 that is no command that is known here",))

    def _envelope(self, verb: bytes, rest: bytes) -> _Reply:
        path = _PATH.fullmatch(rest)
        if path is None or (path["verb"].upper() == b"FROM") != (verb == b"MAIL"):
            return _Reply(("501 5.5.4 an address in angle brackets is needed",))
        if verb == b"MAIL":
            if (size := re.search(rb"(?i)\sSIZE=(\d{1,18})", path["rest"])) is not None and int(size[1]) > _MOST_BYTES:
                return _Reply(("552 5.3.4 that is too large",))
            self._reset()
            self._sender = path["address"]
        elif self._sender is None:
            return _Reply(("503 5.5.1 MAIL comes first",))
        elif len(self._recipients) >= _MOST_RECIPIENTS:
            return _Reply(("452 4.5.3 too many recipients at once",))
        else:
            self._recipients.append(path["address"].decode("utf-8", "replace"))
        return _Reply(("250 2.1.0 OK",))

    async def _data(self) -> _Reply:
        if not self._recipients:
            return _Reply(("503 5.5.1 RCPT comes first",))
        await self._wire.say("354 go on")
        raw = await self._wire.letter()
        recipients = list(self._recipients)
        self._reset()
        if raw is None:
            answers = ["552 5.3.4 that is too large"] * len(recipients)
        else:
            answers = [await self._store(raw, recipient) for recipient in recipients]
        if self._one_by_one:
            return _Reply(tuple(answers))
        # One answer for all: those that are stored already are known again when they come again.
        return _Reply((max(answers, key=lambda answer: not answer.startswith("2")),))

    async def _store(self, raw: bytes, recipient: str) -> str:
        try:
            await self._take(raw, recipient)
        except Exception as fault:  # noqa: BLE001 - whatever it was, it is not stored, and the mail server must keep it
            _log.warning("mail_not_stored", fault=getattr(fault, "code", type(fault).__name__))
            return "451 4.3.0 not stored, come again"
        return "250 2.0.0 stored"

    def _reset(self) -> None:
        self._sender = None
        self._recipients = []
