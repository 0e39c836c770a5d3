"""Mailgun: the whole mail as it is. What we signed stays signed; it adds its own signature and nothing else."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from oportuno.adapters.mail_providers.calls import CUSTOM, Call, Words
from oportuno.adapters.smtp.dkim import DkimSigner
from oportuno.adapters.webhook.exchange import Reply
from oportuno.kit.ids import derive

ENDPOINTS: Final = {"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}


class Mailgun:
    """One sending domain."""

    kind = "mailgun"

    def __init__(self, settings: Mapping[str, str], signer: DkimSigner | None) -> None:
        endpoint = settings.get("endpoint") or ENDPOINTS[settings.get("region") or "us"]
        self._url = f"{endpoint.rstrip('/')}/v3/{settings['domain']}/messages.mime"
        self._login = base64.b64encode(f"api:{settings['api_key']}".encode()).decode()
        self._signer = signer

    def call(self, words: Words) -> Call:
        """See Dialect."""
        raw = self._signer.sign(words.mail.raw) if self._signer is not None else words.mail.raw
        fields = {"to": words.mail.recipient, f"v:{CUSTOM}": words.id, "o:tracking": "no"}
        boundary = "oportuno-" + derive("boundary", words.message.id, raw).hex()
        parts = [f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
        head = f'--{boundary}\r\ncontent-disposition: form-data; name="message"; filename="message.eml"\r\n'
        body = b"".join(
            (
                "".join(parts).encode(),
                head.encode(),
                b"content-type: message/rfc822\r\n\r\n",
                raw,
                f"\r\n--{boundary}--\r\n".encode(),
            )
        )
        return Call(self._url, {"authorization": f"Basic {self._login}", "content-type": f"multipart/form-data; boundary={boundary}"}, body)

    def code(self, reply: Reply, said: dict[str, Any]) -> str:  # noqa: ARG002 - it has none
        """See Dialect."""
        return ""

    def ref(self, reply: Reply, said: dict[str, Any]) -> str:  # noqa: ARG002 - the protocol's
        """See Dialect."""
        return str(said.get("id") or "")

    def retry_after(self, reply: Reply, now: datetime) -> str:  # noqa: ARG002 - the protocol's
        """See Dialect."""
        return reply.headers.get("retry-after", "")
