"""What the proofs' workspace lays down where the product runs as it ships: one play and one message for each endpoint."""

from __future__ import annotations

from collections.abc import Mapping

from oportuno.adapters.mjml import Mrml
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.workspaces import PostgresWorkspaces
from oportuno.flows.apply import apply

_POLICY = """
policy:
  limits:
    - {{at_most: {at_most}, per: 1h}}
  quiet: none
  timezone: Europe/Madrid
  country: ES
  languages: [es, en]
brand:
  name: Tienda Norte
  legal: Tienda Norte, calle del Muelle 3, 39004 Santander
  sender: hola@tienda.example
  shop_url: https://tienda.example
"""
_JOURNEY = """
journey: {key}
version: 1
trigger: [{event}]
steps:
  - id: say
    send: {key}
    channel: webhook
    purpose: {purpose}
    because: {because}
    expires: {expires}
reentry: always
on_publish: finish_old
"""
_MESSAGE = """
message: {key}
version: 1
channel: webhook
purpose: {purpose}
url: {url}
secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
"""


class Play:
    """Says something at once when an event comes."""

    def __init__(self, event: str, *, host: str, purpose: str = "marketing", because: str = "event_seen") -> None:
        self.event = event
        self.host = host
        self.purpose = purpose
        self.because = because


async def lay_down(url: str, workspace: int, plays: list[Play], hosts: Mapping[str, str], *, at_most: int, expires: str) -> None:
    """Publish the plays for a workspace, with a limit of so many touches an hour."""
    files = {"policy.yaml": _POLICY.format(at_most=at_most)}
    for play in plays:
        key = play.event.lower().replace(" ", "-")
        words = {"key": key, "event": play.event, "purpose": play.purpose, "because": play.because, "expires": expires}
        files[f"journeys/{key}.yaml"] = _JOURNEY.format(**words)
        files[f"messages/{key}.yaml"] = _MESSAGE.format(**words, url=hosts[play.host])
    connections = Connections(url, name="proof", most=1, plans=CHANGING)
    try:
        await apply(files, workspace=workspace, workspaces=PostgresWorkspaces(connections), compiler=Mrml())
    finally:
        await connections.close()
