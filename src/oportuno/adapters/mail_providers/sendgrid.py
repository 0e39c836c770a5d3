"""SendGrid, API version 3: the mail in parts. It signs alone; opens, clicks and its own unsubscribe footer are switched off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parseaddr
from typing import Any, Final

from oportuno.adapters.mail_providers.calls import CUSTOM, Call, Words, as_json
from oportuno.adapters.webhook.exchange import Reply

ENDPOINT: Final = "https://api.sendgrid.com"
_NOTHING_ADDED: Final = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
}


class SendGrid:
    """An account, or a subuser, by its key."""

    kind = "sendgrid"

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._url = (settings.get("endpoint") or ENDPOINT).rstrip("/") + "/v3/mail/send"
        self._key = settings["api_key"]

    def call(self, words: Words) -> Call:
        """See Dialect."""
        rendered = words.rendered
        body = as_json(
            {
                "personalizations": [{"to": [{"email": words.mail.recipient}], "custom_args": {CUSTOM: words.id}}],
                "from": _named(words.sender),
                "reply_to": _named(words.reply_to) if words.reply_to else None,
                "subject": rendered.subject,
                "content": [
                    {"type": "text/plain", "value": rendered.text or rendered.subject},
                    *([{"type": "text/html", "value": rendered.html}] if rendered.html else []),
                ],
                "headers": rendered.headers | {"Message-ID": words.mail.message_id},
                "tracking_settings": _NOTHING_ADDED,
            }
        )
        return Call(self._url, {"authorization": f"Bearer {self._key}", "content-type": "application/json"}, body)

    def code(self, reply: Reply, said: dict[str, Any]) -> str:  # noqa: ARG002 - it has none
        """See Dialect."""
        return ""

    def ref(self, reply: Reply, said: dict[str, Any]) -> str:  # noqa: ARG002 - the protocol's
        """See Dialect."""
        return reply.headers.get("x-message-id", "")

    def retry_after(self, reply: Reply, now: datetime) -> str:
        """See Dialect. It gives the second since 1970 at which its window begins anew."""
        reset = reply.headers.get("x-ratelimit-reset", "").strip()
        if "retry-after" in reply.headers or not (reset.isascii() and reset.isdigit()):
            return reply.headers.get("retry-after", "")
        return str(max(0, int(reset[:12]) - int(now.timestamp())))


def _named(mailbox: str) -> dict[str, str]:
    name, address = parseaddr(mailbox)
    return {"email": address, "name": name} if name else {"email": address}
