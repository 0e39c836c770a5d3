"""Amazon SES, API version 2: the whole mail as it is, under AWS's signature.

SES puts its own Message-ID and Date into every mail. A signature of ours over the old ones would be broken there, so SES signs alone.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from oportuno.adapters.mail_providers.calls import CUSTOM, Call, Words, as_json
from oportuno.adapters.mail_providers.sigv4 import Credentials, signed_headers
from oportuno.adapters.webhook.addresses import read_target
from oportuno.adapters.webhook.exchange import Reply

_PATH: Final = "/v2/email/outbound-emails"


def endpoint_in(region: str) -> str:
    """Give the address of a region."""
    return f"https://email.{region}.amazonaws.com"


class Ses:
    """An account in one region."""

    kind = "ses"

    def __init__(self, settings: Mapping[str, str]) -> None:
        region = settings["region"]
        self._url = (settings.get("endpoint") or endpoint_in(region)).rstrip("/") + _PATH
        self._configuration_set = settings.get("configuration_set") or None
        self._credentials = Credentials(
            access_key=settings["access_key"],
            secret_key=settings["secret_key"],
            region=region,
            service="ses",
            session_token=settings.get("session_token", ""),
        )

    def call(self, words: Words) -> Call:
        """See Dialect."""
        body = as_json(
            {
                "Destination": {"ToAddresses": [words.mail.recipient]},
                "Content": {"Raw": {"Data": base64.b64encode(words.mail.raw).decode()}},
                "ConfigurationSetName": self._configuration_set,
                "EmailTags": [{"Name": CUSTOM, "Value": words.id}],
            }
        )
        target = read_target(self._url)
        headers = {"host": target.authority, "content-type": "application/json"}
        signed = signed_headers(self._credentials, method="POST", path=target.path, headers=headers, body=body, at=words.at)
        return Call(self._url, {name: value for name, value in signed.items() if name != "host"}, body)

    def code(self, reply: Reply, said: dict[str, Any]) -> str:
        """See Dialect. ``TooManyRequestsException:http://…`` in a header, or the last word of the body's ``__type``."""
        named = reply.headers.get("x-amzn-errortype") or str(said.get("__type") or said.get("code") or "")
        return named.partition(":")[0].rpartition("#")[2]

    def ref(self, reply: Reply, said: dict[str, Any]) -> str:  # noqa: ARG002 - the protocol's
        """See Dialect."""
        return str(said.get("MessageId") or "")

    def retry_after(self, reply: Reply, now: datetime) -> str:  # noqa: ARG002 - the protocol's
        """See Dialect."""
        return reply.headers.get("retry-after", "")
