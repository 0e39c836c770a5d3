"""Who vouches for a browser that names a user: a token that the shop's own server signed, where the workspace asks for one."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Protocol

from oportuno.events.rejections import Rejection
from oportuno.kit.ids import WorkspaceId
from oportuno.kit.times import Millis


class Algorithm(StrEnum):
    """How tokens are signed. The workspace says which; what a token says of itself is only compared with it."""

    HS256 = "HS256"
    """A shared secret of at least 32 bytes."""
    RS256 = "RS256"
    """The shop keeps its RSA key; we have the public one."""
    ES256 = "ES256"


class Signing(NamedTuple):
    """What a workspace's tokens are held against. With one, the write key may name a user only with a token."""

    algorithm: Algorithm
    key: bytes
    """The shared secret, or the public key in PEM."""
    audience: str
    """The workspace's public id: a token made for another one is none here."""


class Signings(Protocol):
    """What each workspace's tokens are held against."""

    async def signing(self, workspace: WorkspaceId) -> Signing | None:
        """Give it; None: this workspace asks for no tokens."""
        ...

    async def set_signing(self, workspace: WorkspaceId, algorithm: Algorithm, key: bytes) -> None:
        """Ask for tokens from now on, or hold them against another key."""
        ...

    async def end_signing(self, workspace: WorkspaceId) -> None:
        """Ask for tokens no more."""
        ...


class Verifier(Protocol):
    """Reads tokens."""

    def verify(self, token: str, signing: Signing, now: Millis) -> str | Rejection:
        """Give the user that a token is for (its ``sub``), or why it counts for nothing."""
        ...


class NoTokens:
    """Where no workspace asks for tokens: takes none."""

    def verify(self, token: str, signing: Signing, now: Millis) -> str | Rejection:  # noqa: ARG002 - the port's signature
        """Refuse."""
        return Rejection.IDENTITY_SIGNATURE


def vouched(user: str, token: str, *, signing: Signing, verifier: Verifier, now: Millis) -> Rejection | None:
    """Say why a token does not vouch for a user; None when it does."""
    if not token:
        return Rejection.IDENTITY_UNSIGNED
    found = verifier.verify(token, signing, now)
    if isinstance(found, Rejection):
        return found
    return None if found == user else Rejection.IDENTITY_WRONG_SUBJECT
