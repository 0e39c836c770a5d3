"""The message: what is said to one customer on one channel. It can only be made from a Permit."""

from __future__ import annotations

from typing import Any

import msgspec

from oportuno.consent.permit import Permit
from oportuno.content.said import Said
from oportuno.kit.faults import Fault
from oportuno.kit.ids import CustomerKey, WorkspaceId
from oportuno.kit.times import Millis


class NoPermit(Fault):
    """A message was made without the permit for it."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What waits in the outbox. It names no address: the claim asks the gate again and takes the address from that permit."""

    id: bytes
    """The proposal's id: one proposal, one message, one idempotency key."""
    key: CustomerKey
    said: Said
    marketing: bool
    permitted_at: Millis
    expires_at: Millis


def message_from(permit: Permit, said: Said) -> Message:
    """Make the message that a permit allows. Raises NoPermit when permit and words do not belong together."""
    given: object = permit
    if type(given) is not Permit or permit.ask != said.id or permit.channel != said.channel:
        raise NoPermit("no_permit", "a message can only be made from its own permit")
    return Message(
        id=said.id,
        key=permit.key,
        said=said,
        marketing=permit.marketing,
        permitted_at=permit.granted_at,
        expires_at=min(permit.expires_at, said.expires_at),
    )


class FollowedLink(msgspec.Struct, frozen=True, kw_only=True):
    """An address of the shop to which a measured link leads. Stored before the mail leaves, once however many mails carry it."""

    workspace: WorkspaceId
    id: bytes
    """16 bytes: a hash of all the rest."""
    url: str
    cart: bool = False
    """It is the customer's own cart: their token is added when it is followed, so that it stands in no table."""


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """A message in the words and form of its channel, ready to hand off. The address comes from the claim's permit."""

    channel: str
    language: str
    subject: str = ""
    html: str = ""
    text: str = ""
    headers: dict[str, str] = {}
    """List-Unsubscribe and its like, without Message-ID and addresses."""
    sender: str = ""
    reply_to: str = ""
    url: str = ""
    """For a webhook: where to."""
    secret: str = ""
    """For a webhook: the Standard Webhooks secret; never logged."""
    payload: dict[str, Any] = {}
    """For a webhook: what."""
    links: tuple[FollowedLink, ...] = ()
    """Where its measured links lead; empty: all its links are plain."""
