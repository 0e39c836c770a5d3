"""A workspace's own mailbox: where a sandbox hands off, and nowhere else. What lies in it is shown, never sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from oportuno.adapters.smtp.dkim import DkimSigner
from oportuno.adapters.smtp.mail import MailFault, build_mail
from oportuno.channels.channel import NOT_BEGUN, Answer, Outcome, Window
from oportuno.content.message import Message, Rendered
from oportuno.flows.ports import Letter, Mailbox
from oportuno.kit.faults import Unavailable


class MailboxProvider:
    """Builds mails as the SMTP provider would, and puts them into the mailbox instead; a webhook's body lies there as JSON."""

    def __init__(
        self, mailbox: Mailbox, *, monotonic: Callable[[], float], wall: Callable[[], datetime], signer: DkimSigner | None = None
    ) -> None:
        self._mailbox = mailbox
        self._monotonic = monotonic
        self._wall = wall
        self._signer = signer

    async def hand_off(self, message: Message, rendered: Rendered, address: str, window: Window) -> Answer:
        """Put it into the mailbox. The same message put twice lies there once."""
        try:
            raw = self._raw(message, rendered, address)
        except MailFault as fault:
            return Answer(outcome=Outcome.REFUSED_FOR_GOOD, detail=f"{fault.code} {fault.place}".strip())
        letter = Letter(
            workspace=message.key.workspace,
            id=message.id,
            at=round(self._wall().timestamp() * 1000),
            address=address,
            subject=rendered.subject or rendered.channel,
            raw=raw,
            message=message.id,
        )
        if self._monotonic() > window.begin_by:
            return NOT_BEGUN
        try:
            await self._mailbox.put(letter)
        except Unavailable:
            return Answer(outcome=Outcome.UNKNOWN, detail="mailbox unavailable")
        return Answer(outcome=Outcome.ACCEPTED, detail="mailbox")

    def _raw(self, message: Message, rendered: Rendered, address: str) -> bytes:
        if rendered.url:
            return msgspec.json.encode(rendered.payload)
        raw = build_mail(message, rendered, address, at=self._wall()).raw
        return self._signer.sign(raw) if self._signer is not None else raw
