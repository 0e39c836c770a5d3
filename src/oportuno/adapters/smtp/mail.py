"""From rendered words to the bytes of a mail (RFC 5322), with no way for a value to become a header of its own."""

from __future__ import annotations

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SHORT_LINES
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any, Final, NamedTuple

from oportuno.channels.returned.verp import Use, return_address
from oportuno.content.message import Message, Rendered
from oportuno.kit.faults import Fault
from oportuno.kit.ids import write_id

_LONG_LINES: Final = SHORT_LINES.clone(max_line_length=998)
_ONE_LINE: Final = frozenset({"list-unsubscribe", "list-unsubscribe-post", "list-id", "message-id", "feedback-id"})
"""Never folded: receivers read them with simple parsers, and the standard folding turns long links into encoded words."""
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")
_ADDRESS: Final = re.compile(r"[^\s\x00-\x1f\x7f<>()\[\]\\,;:\"@]{1,64}@[^\s\x00-\x1f\x7f<>()\[\]\\,;:\"@]{1,253}")
_NAMED: Final = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>\s*")
_HEADER_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_OURS: Final = frozenset(
    {"from", "to", "cc", "bcc", "subject", "date", "message-id", "reply-to", "sender", "mime-version", "dkim-signature", "return-path"}
)


class MailFault(Fault):
    """A mail cannot be built from this: an address or a header is malformed. Trying again changes nothing."""


class _Policy(EmailPolicy):
    """The standard one, but for the headers that must stay on one line."""

    def fold(self, name: str, value: Any) -> str:
        folded: str = super().fold(name, value) if name.lower() not in _ONE_LINE else _LONG_LINES.fold(name, value)
        return folded

    def fold_binary(self, name: str, value: Any) -> bytes:
        return super().fold_binary(name, value) if name.lower() not in _ONE_LINE else _LONG_LINES.fold_binary(name, value)


_ASCII: Final = _Policy(linesep="\r\n")
_UTF8: Final = _Policy(linesep="\r\n", utf8=True)


class Mail(NamedTuple):
    """A mail ready to sign and send."""

    sender: str
    """The envelope's sender, with its domain in ASCII."""
    recipient: str
    """The envelope's recipient, with its domain in ASCII."""
    message_id: str
    raw: bytes
    """RFC 5322, lines ending in CRLF."""
    international: bool
    """Whether an address needs SMTPUTF8."""


class Returning(NamedTuple):
    """Where what concerns a message comes back to: addresses of one domain, each signed for its message."""

    domain: str
    secret: bytes
    """At least 32 bytes; never logged."""
    replies: bool = False
    """Whether answers come back here too, where the message names no address for them."""

    def address(self, use: Use, message: Message) -> str:
        """Give a message's return address."""
        return return_address(use, message.key.workspace, message.id, domain=self.domain, secret=self.secret)


def build_mail(message: Message, rendered: Rendered, address: str, *, at: datetime, returning: Returning | None = None) -> Mail:
    """Build the mail. Raises MailFault when an address or a header cannot be what it says it is.

    The same message always has the same Message-ID, however often it is built. With `returning`, the envelope's sender is the message's
    own return address; what stands in From stays.
    """
    name, plain = _split(rendered.sender)
    sender, recipient = _address(plain, "sender"), _address(address, "recipient")
    international = not (sender + recipient).isascii()
    message_id = f"<{write_id('msg', message.id)}@{sender.rpartition('@')[2]}>"
    mail = EmailMessage(policy=_UTF8 if international else _ASCII)
    try:
        mail["From"] = _mailbox(name, sender)
        mail["To"] = _mailbox("", recipient)
        if rendered.reply_to:
            reply_name, reply_to = _split(rendered.reply_to)
            mail["Reply-To"] = _mailbox(reply_name, _address(reply_to, "reply_to"))
        elif returning is not None and returning.replies:
            mail["Reply-To"] = _mailbox(name, returning.address("r", message))
        mail["Subject"] = _line(rendered.subject)
        mail["Date"] = format_datetime(at)
        mail["Message-ID"] = message_id
        for header, value in rendered.headers.items():
            _put_header(mail, header, value)
        mail.set_content(rendered.text or rendered.subject, cte="quoted-printable")
        if rendered.html:
            mail.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
        raw = mail.as_bytes()
    except (ValueError, IndexError, UnicodeError, LookupError) as error:
        raise MailFault("mail_malformed", "a mail cannot be built from these words", place=message.said.template) from error
    back = sender if returning is None else returning.address("b", message)
    return Mail(back, recipient, message_id, raw, international)


def _address(text: str, place: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise MailFault("address_malformed", "this is not an address that a mail can go to", place=place)
    local, _, domain = text.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError as error:
        raise MailFault("address_malformed", "the address's domain cannot be written in ASCII", place=place) from error


def _split(text: str) -> tuple[str, str]:
    """Take ``Name <address>`` apart as people write it: a name may hold commas and dots without quotes."""
    named = _NAMED.fullmatch(_line(text))
    if named is None:
        return "", text.strip()
    return named["name"].strip().strip('"').strip(), named["address"].strip()


def _mailbox(name: str, address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(display_name=_line(name), username=local, domain=domain)


def _line(text: str) -> str:
    """Make one line of it: whatever could end a header becomes a space."""
    return _CONTROLS.sub(" ", text).strip()


def _put_header(mail: EmailMessage, name: str, value: str) -> None:
    ours = name.lower() in _OURS or (name.lower().startswith("content-") and name.lower() != "content-language")
    if ours or not _HEADER_NAME.fullmatch(name):
        raise MailFault("header_malformed", "this header may not be set by a template", place=name[:60])
    if _CONTROLS.search(value) or len(value) > 900:  # noqa: PLR2004 - with its name it must fit one line of 998
        raise MailFault("header_malformed", "a header must be one line of at most 900 characters", place=name)
    mail[name] = value
