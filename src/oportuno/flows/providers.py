"""The providers that a workspace hands its mail to, in the order in which they are tried; and how its sending domains stand."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

import msgspec

from oportuno.channels.brake import Brake, Reputation, brake_of
from oportuno.kit.ids import WorkspaceId
from oportuno.kit.times import Millis

PROVIDERS_AT_MOST: Final = 10
"""Providers of one workspace."""


class OwnProvider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider that a workspace has laid down."""

    workspace: WorkspaceId
    id: str
    """``prov_…``."""
    place: int
    """In the order in which they are tried: the lowest first."""
    kind: str
    """One of `flows.ways.MAIL_KINDS`."""
    name: str
    settings: dict[str, str] = {}
    """What may be shown."""
    secrets: dict[str, str] = {}
    """What may not: never given back, never logged."""
    secrets_lost: bool = False
    """They were sealed with a key that is not here: they have to be told anew, and nothing goes by it before."""
    signs: str = ""
    """The domain for which it signs mail, both List-Unsubscribe headers included; empty: it does not sign."""
    made_at: Millis = 0
    changed_at: Millis = 0
    """Raised by each change, so that who works with it notices."""

    @property
    def lane(self) -> str:
        """Name it as it is paced and told of."""
        return f"{self.kind} {self.id}"


class Signing(NamedTuple):
    """What of a provider says in whose name its mail is signed."""

    kind: str
    signs: str


class Providers(Protocol):
    """The providers of all workspaces."""

    async def signing(self, workspace: WorkspaceId) -> list[Signing]:
        """Say of those of a workspace, in their order, what they sign; no secret is opened. Raises Unavailable."""
        ...

    async def of(self, workspace: WorkspaceId) -> list[OwnProvider]:
        """Give those of a workspace, in their order; one whose secrets cannot be opened without them. Raises Unavailable."""
        ...

    async def every(self) -> list[OwnProvider]:
        """Give those of every workspace, in their order; one whose secrets cannot be opened is left out. Raises Unavailable."""
        ...

    async def put(self, provider: OwnProvider) -> OwnProvider:
        """Write one, over what stood there, and give it as it stands."""
        ...

    async def drop(self, workspace: WorkspaceId, id: str) -> bool:  # noqa: A002 - the field's own word
        """Take one away. False: there was none."""
        ...


class DomainStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How a sending domain stands with a group of receivers, over the last seven days."""

    domain: str
    receivers: str
    """As `channels.brake.group_of` names them; empty: all together."""
    accepted: int
    complaints: int
    """Since a person last let it go, if one did."""

    @property
    def brake(self) -> Brake:
        """How far its marketing is held."""
        return brake_of(Reputation(self.accepted, self.complaints))


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word that marketing goes again, whatever was complained about before."""

    workspace: WorkspaceId
    domain: str
    receivers: str
    reason: str
    actor: str
    """The key by which it was asked."""


class DomainStandings(Protocol):
    """How sending domains stand."""

    async def of(self, workspace: WorkspaceId) -> list[DomainStanding]:
        """Give a workspace's sending domains, each with its groups of receivers and with all together. Raises Unavailable."""
        ...

    async def release(self, release: Release) -> None:
        """Let a domain go. Raises Unavailable."""
        ...
