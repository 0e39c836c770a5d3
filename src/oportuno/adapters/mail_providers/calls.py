"""What is the same for all mail providers over HTTP: build the mail, post it, and say how that ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from email import message_from_bytes
from email.policy import SMTP
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from oportuno.adapters.mail_providers.outcomes import of_answer, of_failure
from oportuno.adapters.smtp.mail import Mail, MailFault, build_mail
from oportuno.adapters.webhook.addresses import Target, read_target
from oportuno.adapters.webhook.exchange import Broken, HttpDoor, NotBegun, Reply
from oportuno.channels.channel import NOT_BEGUN, Answer, Outcome, Window
from oportuno.content.message import Message, Rendered
from oportuno.kit.faults import BadInput
from oportuno.kit.ids import write_id

CUSTOM: Final = "oportuno_message"
"""The name under which our own id of the message travels, for the provider to tell with each of its events."""
_LONGEST_REF: Final = 200
_NO_BODY: Final[dict[str, Any]] = {}


class Words(NamedTuple):
    """What a provider is given."""

    message: Message
    rendered: Rendered
    mail: Mail
    sender: str
    """``Name <address>`` as the mail's From says it."""
    reply_to: str
    at: datetime

    @property
    def id(self) -> str:
        """Our id of the message, as written."""
        return write_id("msg", self.message.id)


class Call(NamedTuple):
    """What is posted."""

    url: str
    headers: dict[str, str]
    body: bytes


class Dialect(Protocol):
    """How one provider is spoken to. Plain values in, plain values out: nothing here waits."""

    kind: str

    def call(self, words: Words) -> Call:
        """Write the request."""
        ...

    def code(self, reply: Reply, said: dict[str, Any]) -> str:
        """Give its word for an error; empty: none."""
        ...

    def ref(self, reply: Reply, said: dict[str, Any]) -> str:
        """Give its own id of what it took; empty: it gave none."""
        ...

    def retry_after(self, reply: Reply, now: datetime) -> str:
        """Give how long it asks to wait, as a Retry-After header says it; empty: it does not say."""
        ...


class MailProvider:
    """One account at one provider, over kept connections. Close it when done."""

    def __init__(self, dialect: Dialect, door: HttpDoor, *, wall: Callable[[], datetime]) -> None:
        self._dialect = dialect
        self._door = door
        self._wall = wall

    async def hand_off(self, message: Message, rendered: Rendered, address: str, window: Window) -> Answer:
        """Hand off once. Never raises for what the provider does: every ending is one of the four outcomes."""
        kind, now = self._dialect.kind, self._wall()
        try:
            mail = build_mail(message, rendered, address, at=now)
            call = self._dialect.call(_words(message, rendered, mail, now))
            ended = await self._door.post(read_target(call.url), _fields(call), call.body, window)
        except MailFault as fault:
            return Answer(outcome=Outcome.REFUSED_FOR_GOOD, detail=f"{fault.code} {fault.place}".strip())
        except BadInput as fault:
            # The endpoint that somebody set is not one: no message is at fault.
            return Answer(outcome=Outcome.REFUSED_FOR_NOW, detail=f"{kind} {fault.code}", about="provider")
        if isinstance(ended, NotBegun):
            return NOT_BEGUN
        if isinstance(ended, Broken):
            return of_failure(kind, ended.stage, ended.kind)
        return self._read(ended)

    async def close(self) -> None:
        """Close every kept connection."""
        await self._door.close()

    def _read(self, reply: Reply) -> Answer:
        said, now = _said(reply), self._wall()
        answer = of_answer(
            self._dialect.kind,
            reply.status,
            self._dialect.code(reply, said),
            stage=reply.stage,
            retry_after=self._dialect.retry_after(reply, now),
            now=now,
        )
        if answer.outcome is not Outcome.ACCEPTED:
            return answer
        return msgspec.structs.replace(answer, provider_ref=_plain(self._dialect.ref(reply, said)))


def target_of(endpoint: str, *, plain: bool) -> Target:
    """Read an endpoint. Raises BadInput when it is none, or when it is http and that is not allowed."""
    try:
        target = read_target(endpoint)
    except BadInput as fault:
        raise BadInput("provider_endpoint_malformed", "a provider's endpoint is an https URL", place="endpoint") from fault
    if target.scheme != "https" and not plain:
        raise BadInput("provider_endpoint_malformed", "a provider's endpoint is an https URL", place="endpoint")
    return target


def as_json(payload: dict[str, Any]) -> bytes:
    """Write a body."""
    return msgspec.json.encode({name: value for name, value in payload.items() if value is not None})


def _words(message: Message, rendered: Rendered, mail: Mail, at: datetime) -> Words:
    built = message_from_bytes(mail.raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", policy=SMTP)
    return Words(message, rendered, mail, str(built["From"]), str(built["Reply-To"] or ""), at)


def _fields(call: Call) -> list[tuple[bytes, bytes]]:
    headers = {"user-agent": "Oportuno", "accept": "application/json", "content-length": str(len(call.body)), **call.headers}
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]


def _said(reply: Reply) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(reply.body) if reply.body else _NO_BODY
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NO_BODY
    return said if isinstance(said, dict) else _NO_BODY


def _plain(ref: str) -> str:
    """Keep a provider's id if it looks like one."""
    ref = ref.strip().strip("<>")
    return ref if ref.isascii() and ref.isprintable() and len(ref) <= _LONGEST_REF else ""
