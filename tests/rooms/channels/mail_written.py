"""Mail as others write it, made up for the tests: reports, complaints, notes of absence, answers."""

from __future__ import annotations

from oportuno.channels.returned.read import Ours
from oportuno.channels.returned.verp import return_address
from oportuno.kit.ids import write_id

SECRET = b"tienda norte's own secret, 32 b."
MESSAGE = bytes(range(16))
CAME = 1_795_000_000_000
DOMAIN = "bounce.tiendanorte.example"
BOUNCES = return_address("b", 7, MESSAGE, domain=DOMAIN, secret=SECRET)
REPLIES = return_address("r", 7, MESSAGE, domain=DOMAIN, secret=SECRET)
MESSAGE_ID = f"<{write_id('msg', MESSAGE)}@tiendanorte.example>"
LEAVING = "A" * 110


def unsubscribing(token: str) -> tuple[int, bytes] | None:
    return (7, MESSAGE) if token == LEAVING else None


OURS = Ours(secrets=(SECRET,), unsubscribing=unsubscribing)


def report(
    *,
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "",
    recipient: str = "ana@cliente.example",
    words: str = "This message was created automatically by mail delivery software.",
    returned: str = f"Message-ID: {MESSAGE_ID}\r\nSubject: Ha bajado de precio\r\n",
    to: str = BOUNCES,
) -> bytes:
    """Write a delivery status notification of one recipient, as RFC 3464 has it."""
    fields = f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
    if diagnostic:
        fields += f"Remote-MTA: dns; mx.cliente.example\r\nDiagnostic-Code: smtp; {diagnostic}\r\n"
    return _multipart(
        f"From: Mail Delivery System <Mailer-Daemon@relay.example>\r\nTo: {to}\r\nSubject: Mail delivery failed\r\n"
        "Message-ID: <report-1@relay.example>\r\nDate: Thu, 18 Nov 2026 09:00:00 +0000\r\nAuto-Submitted: auto-replied\r\n",
        "report; report-type=delivery-status",
        [
            ("text/plain", words),
            ("message/delivery-status", f"Reporting-MTA: dns; relay.example\r\n\r\n{fields}"),
            ("text/rfc822-headers", returned),
        ],
    )


def complaint(kind: str = "abuse", *, returned: str = f"Message-ID: {MESSAGE_ID}\r\n", envelope: str = "") -> bytes:
    """Write a feedback report, as RFC 5965 has it."""
    fields = f"Feedback-Type: {kind}\r\nUser-Agent: Feedback/1.0\r\nVersion: 1\r\nOriginal-Rcpt-To: <ana@cliente.example>\r\n"
    if envelope:
        fields += f"Original-Mail-From: <{envelope}>\r\n"
    return _multipart(
        "From: fbl@mailbox.example\r\nTo: fbl@tiendanorte.example\r\nSubject: FW: Ha bajado\r\nMessage-ID: <arf-1@mailbox.example>\r\n",
        "report; report-type=feedback-report",
        [
            ("text/plain", "This is an e-mail abuse report."),
            ("message/feedback-report", fields),
            ("message/rfc822", f"From: hola@tiendanorte.example\r\nTo: ana@cliente.example\r\n{returned}\r\nHola Ana\r\n"),
        ],
    )


def letter(text: str, *, subject: str = "Re: Ha bajado de precio", more: str = "", sender: str = "Ana <ana@cliente.example>") -> bytes:
    """Write a plain mail."""
    return (
        f"From: {sender}\r\nTo: {REPLIES}\r\nSubject: {subject}\r\nMessage-ID: <answer-1@cliente.example>\r\n{more}"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}"
    ).encode()


def _multipart(head: str, kind: str, parts: list[tuple[str, str]]) -> bytes:
    body = "".join(f"--=_b\r\nContent-Type: {name}\r\n\r\n{text}\r\n" for name, text in parts)
    return f'{head}MIME-Version: 1.0\r\nContent-Type: multipart/{kind}; boundary="=_b"\r\n\r\n{body}--=_b--\r\n'.encode()
