"""The SMTP provider: hands one mail to one server and says how it ended."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import Final

import aiosmtplib

from oportuno.adapters.smtp.dkim import DkimSigner
from oportuno.adapters.smtp.mail import Mail, MailFault, Returning, build_mail
from oportuno.adapters.smtp.outcomes import Stage, of_break, of_code
from oportuno.adapters.smtp.pool import Connection, SmtpPool, SmtpServer
from oportuno.channels.channel import NOT_BEGUN, Answer, Outcome, Window
from oportuno.content.message import Message, Rendered

_DOT: Final = b".\r\n"


class SmtpProvider:
    """One server, its kept connections and its signing keys. Close it when done."""

    def __init__(
        self,
        server: SmtpServer,
        *,
        monotonic: Callable[[], float],
        wall: Callable[[], datetime],
        signer: DkimSigner | None = None,
        returning: Returning | None = None,
    ) -> None:
        self._pool = SmtpPool(server, monotonic)
        self._server = server
        self._monotonic = monotonic
        self._wall = wall
        self._signer = signer
        self._returning = returning

    async def hand_off(self, message: Message, rendered: Rendered, address: str, window: Window) -> Answer:
        """Hand off once. Never raises for what the server does: every ending is one of the four outcomes."""
        try:
            mail = build_mail(message, rendered, address, at=self._wall(), returning=self._returning)
        except MailFault as fault:
            return Answer(outcome=Outcome.REFUSED_FOR_GOOD, detail=f"{fault.code} {fault.place}".strip())
        raw = self._signer.sign(mail.raw) if self._signer is not None else mail.raw
        try:
            connection = await self._pool.take()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return _translate(Stage.CONNECT, error)
        return await self._converse(connection, mail, raw, window)

    async def close(self) -> None:
        """Say goodbye to the server."""
        await self._pool.close()

    async def _converse(self, connection: Connection, mail: Mail, raw: bytes, window: Window) -> Answer:
        talk = _Talk(connection.smtp, self._server)
        good = False
        try:
            if self._monotonic() > window.begin_by:
                good = True
                return NOT_BEGUN
            try:
                answer = await talk.envelope(mail)
            except aiosmtplib.SMTPServerDisconnected:
                # A kept connection that the server has dropped meanwhile; nothing of this mail was said to anybody.
                if connection.used == 0:
                    raise
                await self._pool.renew(connection)
                talk = _Talk(connection.smtp, self._server)
                if self._monotonic() > window.begin_by:
                    good = True
                    return NOT_BEGUN
                answer = await talk.envelope(mail)
            if answer is None:
                # The envelope may have taken a slow server long; until DATA is said nothing was given, and the message may be over.
                answer = NOT_BEGUN if self._monotonic() > window.over else await talk.content(raw)
            connection.used += 1
            good = answer.outcome is Outcome.ACCEPTED or await talk.reset()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return _translate(talk.stage, error)
        else:
            return answer
        finally:
            self._pool.give(connection, good=good)


class _Talk:
    """One mail's conversation; `stage` says how far it has come."""

    def __init__(self, smtp: aiosmtplib.SMTP, server: SmtpServer) -> None:
        self._smtp = smtp
        self._server = server
        self.stage = Stage.MAIL

    async def envelope(self, mail: Mail) -> Answer | None:
        """Say from whom and to whom; an Answer when the server will not have it."""
        self.stage = Stage.MAIL
        options = []
        if mail.international:
            if not self._smtp.supports_extension("smtputf8"):
                return Answer(outcome=Outcome.REFUSED_FOR_GOOD, detail="smtp server does not take international addresses")
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        encoding = "utf-8" if mail.international else "ascii"
        try:
            await self._smtp.mail(mail.sender, options=options, encoding=encoding)
            self.stage = Stage.RCPT
            await self._smtp.rcpt(mail.recipient, encoding=encoding)
        except aiosmtplib.SMTPResponseException as refusal:
            if self.stage is Stage.MAIL and refusal.code == aiosmtplib.SMTPStatus.domain_unavailable:
                # 421: the server is closing this connection; on a kept one that says nothing about the next.
                raise aiosmtplib.SMTPServerDisconnected("421") from refusal
            return of_code(self.stage, refusal.code)
        return None

    async def content(self, raw: bytes) -> Answer:
        """Send the mail itself. From its first byte on, only the final reply says whether it was taken."""
        self.stage = Stage.DATA
        reply = await self._smtp.execute_command(b"DATA", timeout=self._server.timeout)
        if reply.code != aiosmtplib.SMTPStatus.start_input:
            return of_code(self.stage, reply.code)
        protocol = self._smtp.protocol
        if protocol is None:
            return of_break(self.stage, "disconnected")
        stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in raw.split(b"\r\n"))
        self.stage = Stage.FINAL
        protocol.write(stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + _DOT)
        try:
            reply = await protocol.read_response(timeout=self._server.final_timeout)
        except aiosmtplib.SMTPException:
            self._smtp.close()
            raise
        if reply.code != aiosmtplib.SMTPStatus.completed:
            return of_code(self.stage, reply.code)
        return Answer(outcome=Outcome.ACCEPTED, detail="smtp 250", provider_ref=_reference(reply.message))

    async def reset(self) -> bool:
        """Make the connection fit for the next mail after a refusal; False: it is better closed."""
        try:
            await self._smtp.rset(timeout=self._server.aside_timeout)
        except (aiosmtplib.SMTPException, OSError):
            return False
        return True


def _reference(text: str) -> str:
    """Keep the server's word for what it took, if it is a plain one: queue ids carry no personal data, free text might."""
    word = text.rsplit(None, 1)[-1] if text.split() else ""
    return word if word.isascii() and word.isalnum() and len(word) <= 64 else ""  # noqa: PLR2004 - longer than any queue id


def _translate(stage: Stage, error: Exception) -> Answer:
    """Translate a foreign error once: a reply by its code, everything else by its kind."""
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code > 0:
        return of_code(stage, error.code)
    cause = error.__cause__
    if isinstance(error, ssl.SSLError) or isinstance(cause, ssl.SSLError):
        return of_break(stage, "tls")
    if isinstance(error, socket.gaierror) or isinstance(cause, socket.gaierror):
        return of_break(stage, "unresolved")
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        return of_break(stage, "timeout")
    if isinstance(error, aiosmtplib.SMTPServerDisconnected):
        return of_break(stage, "disconnected")
    if isinstance(error, ConnectionError | OSError):
        return of_break(stage, "refused" if stage is Stage.CONNECT else "disconnected")
    return of_break(stage, "unusable")
