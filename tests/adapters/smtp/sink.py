"""A real SMTP server on loopback that behaves as told. Its port comes from the kernel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from hurried import hang


class Script:
    """What the server does.

    `at` maps a place (connect, mail, rcpt, data, final) to a reply, ``drop`` or ``hang``; with ``once`` in it, once.
    """

    def __init__(self, **at: str) -> None:
        self.at = at
        self.taken: list[Envelope] = []
        self.connections = 0

    async def act(self, server: SMTP, place: str) -> str | None:
        told = self.at.pop(place) if "once" in self.at.get(place, "") else self.at.get(place)
        if told in ("drop", "drop once"):
            server.transport.abort()
            await asyncio.Event().wait()
        if told == "hang":
            hang()
            await asyncio.Event().wait()
        return told

    async def handle_MAIL(self, server: SMTP, _s: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802 - aiosmtpd's
        told = await self.act(server, "mail")
        if told is not None:
            return told
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, _s: Session, envelope: Envelope, address: str, _o: list[str]) -> str:  # noqa: N802 - aiosmtpd's
        told = await self.act(server, "rcpt")
        if told is not None:
            return told
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _s: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        told = await self.act(server, "final")
        if told is not None:
            return told
        self.taken.append(envelope)
        return "250 OK queued as 4XyZ12"


class ScriptedServer(SMTP):
    """aiosmtpd, but able to greet badly and to refuse DATA itself."""

    def __init__(self, script: Script, **more: Any) -> None:
        super().__init__(script, hostname="sink.example", **more)
        self._script = script

    def connection_made(self, transport: Any) -> None:
        self._script.connections += 1
        told = self._script.at.get("connect")
        if told == "drop":
            transport.abort()
        elif told == "hang":
            hang()
        elif told is not None:
            transport.write(told.encode() + b"\r\n")
            transport.close()
        else:
            super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._script.at.get("connect") is None:
            super().data_received(data)

    def eof_received(self) -> bool:
        return False if self._script.at.get("connect") is not None else bool(super().eof_received())

    def connection_lost(self, error: Exception | None) -> None:
        if self._script.at.get("connect") is None:
            super().connection_lost(error)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's
        told = await self._script.act(self, "data")
        if told is not None:
            await self.push(told)
            return
        await super().smtp_DATA(arg)


@asynccontextmanager
async def sink(script: Script, *, utf8: bool = True, **more: Any) -> AsyncIterator[int]:
    """Listen on a loopback port of the kernel's choice, and give it."""
    loop = asyncio.get_running_loop()
    servers: list[ScriptedServer] = []

    def one() -> ScriptedServer:
        server = ScriptedServer(script, enable_SMTPUTF8=utf8, loop=loop, **more)
        servers.append(server)
        return server

    listener = await loop.create_server(one, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for server in servers:
            if server.transport is not None:
                server.transport.abort()
            handler = getattr(server, "_handler_coroutine", None)
            if handler is not None:
                handler.cancel()
                await asyncio.gather(handler, return_exceptions=True)
        await listener.wait_closed()
