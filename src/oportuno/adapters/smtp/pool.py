"""Kept connections to one SMTP server."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import aiosmtplib
import msgspec

from oportuno.adapters.smtp.reach import connected


class SmtpServer(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach a server."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"] = "starttls"
    username: str = ""
    password: str = ""
    helo: str = "localhost"
    """The name we greet with."""
    timeout: float = 30.0
    """Seconds for each command."""
    final_timeout: float = 120.0
    """Seconds for the reply to the mail itself: large receivers take their time, and giving up costs the message its certainty."""
    aside_timeout: float = 1.0
    """Seconds for what no message depends on: making a connection fit for the next mail, and saying goodbye."""
    connections: int = 8
    idle: float = 25.0
    """Seconds after which an unused connection is not trusted any more."""
    uses: int = 100
    """Mails over one connection before it is renewed, as large receivers ask."""
    public_only: bool = False
    """Whether the name may lead to public addresses alone: a workspace has named it, not whoever runs this."""
    tls: ssl.SSLContext | None = None
    """None: the machine's own trust."""


@dataclass(slots=True)
class Connection:
    """One open connection and its past."""

    smtp: aiosmtplib.SMTP
    used: int = 0
    freed: float = 0.0


@dataclass(slots=True)
class SmtpPool:
    """At most `server.connections` open connections; a free one is used before a new one is opened."""

    server: SmtpServer
    monotonic: Callable[[], float]
    _free: list[Connection] = field(default_factory=list)
    _places: asyncio.Semaphore | None = None

    async def take(self) -> Connection:
        """Give a connection that is greeted and logged in. Raises what aiosmtplib raises while connecting."""
        if self._places is None:
            self._places = asyncio.Semaphore(self.server.connections)
        await self._places.acquire()
        try:
            while self._free:
                kept = self._free.pop()
                if kept.smtp.is_connected and self.monotonic() - kept.freed < self.server.idle:
                    return kept
                kept.smtp.close()
            return Connection(await self._connect())
        except BaseException:
            self._places.release()
            raise

    async def renew(self, connection: Connection) -> None:
        """Replace a kept connection that turned out dead, keeping its place. Raises what aiosmtplib raises while connecting."""
        connection.smtp.close()
        connection.smtp, connection.used = await self._connect(), 0

    def give(self, connection: Connection, *, good: bool) -> None:
        """Give a connection back: to be kept, or to be closed."""
        if good and connection.smtp.is_connected and connection.used < self.server.uses:
            connection.freed = self.monotonic()
            self._free.append(connection)
        else:
            connection.smtp.close()
        if self._places is not None:
            self._places.release()

    async def close(self) -> None:
        """Say goodbye on every free connection."""
        while self._free:
            smtp = self._free.pop().smtp
            try:
                await smtp.quit(timeout=self.server.aside_timeout)
            except (aiosmtplib.SMTPException, OSError):
                smtp.close()

    async def _connect(self) -> aiosmtplib.SMTP:
        server = self.server
        sock = await connected(server.host, server.port, within=server.timeout) if server.public_only else None
        smtp = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port if sock is None else None,
            sock=sock,
            username=server.username or None,
            password=server.password or None,
            local_hostname=server.helo,
            timeout=server.timeout,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            tls_context=server.tls,
        )
        await smtp.connect()
        if smtp.is_ehlo_or_helo_needed:
            await smtp.ehlo()
        return smtp
