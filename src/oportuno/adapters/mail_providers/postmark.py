"""Postmark: the mail in parts, marketing and service in streams of their own. It signs alone and keeps our Message-ID."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from oportuno.adapters.mail_providers.calls import CUSTOM, Call, Words, as_json
from oportuno.adapters.webhook.exchange import Reply

ENDPOINT: Final = "https://api.postmarkapp.com"
_KEEP_ID: Final = {"Name": "X-PM-KeepID", "Value": "true"}


class Postmark:
    """One server, as Postmark calls what has a token of its own."""

    kind = "postmark"

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._url = (settings.get("endpoint") or ENDPOINT).rstrip("/") + "/email"
        self._token = settings["server_token"]
        self._marketing = settings.get("stream") or "broadcast"
        self._service = settings.get("service_stream") or "outbound"

    def call(self, words: Words) -> Call:
        """See Dialect."""
        rendered = words.rendered
        headers = rendered.headers | {"Message-ID": words.mail.message_id}
        body = as_json(
            {
                "From": words.sender,
                "To": words.mail.recipient,
                "ReplyTo": words.reply_to or None,
                "Subject": rendered.subject,
                "TextBody": rendered.text or rendered.subject,
                "HtmlBody": rendered.html or None,
                "Headers": [*({"Name": name, "Value": value} for name, value in headers.items()), _KEEP_ID],
                "Metadata": {CUSTOM: words.id},
                "MessageStream": self._marketing if words.message.marketing else self._service,
                "TrackOpens": False,
                "TrackLinks": "None",
            }
        )
        return Call(self._url, {"x-postmark-server-token": self._token, "content-type": "application/json"}, body)

    def code(self, reply: Reply, said: dict[str, Any]) -> str:  # noqa: ARG002 - the protocol's
        """See Dialect."""
        return str(said.get("ErrorCode") or "")

    def ref(self, reply: Reply, said: dict[str, Any]) -> str:  # noqa: ARG002 - the protocol's
        """See Dialect."""
        return str(said.get("MessageID") or "")

    def retry_after(self, reply: Reply, now: datetime) -> str:  # noqa: ARG002 - the protocol's
        """See Dialect."""
        return reply.headers.get("retry-after", "")
