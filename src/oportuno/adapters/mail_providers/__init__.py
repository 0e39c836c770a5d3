"""Mail providers over HTTP: Amazon SES, SendGrid, Mailgun and Postmark, each hand-off ending in one of the four outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from oportuno.adapters.mail_providers.calls import Dialect, MailProvider, target_of
from oportuno.adapters.mail_providers.mailgun import ENDPOINTS, Mailgun
from oportuno.adapters.mail_providers.postmark import ENDPOINT as POSTMARK
from oportuno.adapters.mail_providers.postmark import Postmark
from oportuno.adapters.mail_providers.sendgrid import ENDPOINT as SENDGRID
from oportuno.adapters.mail_providers.sendgrid import SendGrid
from oportuno.adapters.mail_providers.ses import Ses, endpoint_in
from oportuno.adapters.smtp.dkim import DkimSigner
from oportuno.adapters.webhook.exchange import HttpDoor
from oportuno.kit.faults import BadInput

_PATIENCE: Final = 15.0
"""Seconds for each step of a hand-off."""


class Asks(NamedTuple):
    """What a kind of provider has to be told."""

    needs: frozenset[str]
    may: frozenset[str]
    secret: frozenset[str]
    """Those of them that are never shown again."""


KINDS: Final[dict[str, Asks]] = {
    "ses": Asks(
        needs=frozenset({"region", "access_key", "secret_key"}),
        may=frozenset({"session_token", "configuration_set", "endpoint"}),
        secret=frozenset({"secret_key", "session_token"}),
    ),
    "sendgrid": Asks(needs=frozenset({"api_key"}), may=frozenset({"endpoint"}), secret=frozenset({"api_key"})),
    "mailgun": Asks(needs=frozenset({"domain", "api_key"}), may=frozenset({"region", "endpoint"}), secret=frozenset({"api_key"})),
    "postmark": Asks(
        needs=frozenset({"server_token"}), may=frozenset({"stream", "service_stream", "endpoint"}), secret=frozenset({"server_token"})
    ),
}
"""What each kind needs and may be told, all of it text. `endpoint` replaces the provider's own address."""


def endpoint_of(kind: str, settings: Mapping[str, str]) -> str:
    """Say by which address a provider is called."""
    own = {"ses": endpoint_in(settings.get("region", "")), "sendgrid": SENDGRID, "postmark": POSTMARK}
    return settings.get("endpoint") or own.get(kind) or ENDPOINTS[settings.get("region") or "us"]


def check_settings(kind: str, settings: Mapping[str, str], *, plain: bool = False) -> None:
    """Raise BadInput, with the setting's name as its place, for a kind or settings by which nothing can be sent.

    `plain` allows an endpoint by http.
    """
    asks = KINDS.get(kind)
    if asks is None:
        raise BadInput("provider_kind_unknown", f"there is no such kind of provider; there are {', '.join(sorted(KINDS))}", place="kind")
    for name in sorted(asks.needs):
        if not settings.get(name):
            raise BadInput("provider_setting_missing", f"a provider of the kind {kind} needs this", place=name)
    for name, value in settings.items():
        if name not in asks.needs | asks.may:
            raise BadInput("provider_setting_unknown", f"a provider of the kind {kind} has no such setting", place=name[:60])
        if not value.isascii() or not (value.isprintable()) or " " in value:
            raise BadInput("provider_setting_malformed", "this is one word of plain letters, digits and signs", place=name)
    for name in ("region", "domain"):
        if any(sign in settings.get(name, "") for sign in "/?#@:"):
            raise BadInput("provider_setting_malformed", "this is a plain name", place=name)
    if kind == "mailgun" and (settings.get("region") or "us") not in ENDPOINTS:
        raise BadInput("provider_setting_malformed", f"a region is one of {', '.join(sorted(ENDPOINTS))}", place="region")
    if settings.get("endpoint"):
        target_of(settings["endpoint"], plain=plain)


def open_provider(
    kind: str,
    settings: Mapping[str, str],
    *,
    monotonic: Callable[[], float],
    wall: Callable[[], datetime],
    signer: DkimSigner | None = None,
    connections: int = 16,
    allow_loopback: bool = False,
    patience: float = _PATIENCE,
) -> MailProvider:
    """Open a way out to a provider; nothing is connected yet. Close it when done.

    `signer` puts our own DKIM signature on the mail where the provider leaves it whole, which only Mailgun does. `allow_loopback` lets an
    endpoint be on this machine, by http too; it is the installation's setting, never a workspace's. Raises BadInput as `check_settings`.
    """
    check_settings(kind, settings, plain=allow_loopback)
    dialect: Dialect
    match kind:
        case "ses":
            dialect = Ses(settings)
        case "sendgrid":
            dialect = SendGrid(settings)
        case "mailgun":
            dialect = Mailgun(settings, signer)
        case _:
            dialect = Postmark(settings)
    door = HttpDoor(
        monotonic=monotonic, allow_loopback=allow_loopback, timeout=patience, connections=connections, rest_within=patience
    )  # fmt: skip
    return MailProvider(dialect, door, wall=wall)
