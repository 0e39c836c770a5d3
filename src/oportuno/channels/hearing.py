"""What somebody else tells us of a message that we sent: the shape in which every bounce, complaint, answer and click arrives.

Whoever reads something foreign (a mail that came back, a provider's webhook, the click door) makes a Hearing and nothing more. Matching
it to its message and changing what follows for the customer is `flows/hear_back`'s alone.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from oportuno.kit.ids import WorkspaceId
from oportuno.kit.times import Millis


class What(StrEnum):
    """What is told."""

    DELIVERED = "delivered"
    DELAYED = "delayed"
    """The provider goes on trying; nothing follows from it."""
    SOFT_BOUNCE = "soft_bounce"
    """Not taken this time: full mailbox, greylisting, content refused. Never closes a channel on its own."""
    HARD_BOUNCE = "hard_bounce"
    """The address does not exist or will never take mail."""
    COMPLAINT = "complaint"
    """The customer called it spam."""
    UNSUBSCRIBED = "unsubscribed"
    """The provider's own unsubscribe link, or a mail to the List-Unsubscribe address."""
    REPLY = "reply"
    """A person wrote back."""
    AUTO_REPLY = "auto_reply"
    """A machine wrote back: out of office, ticket received."""
    CLICKED = "clicked"
    NOT_UNDERSTOOD = "not_understood"
    """It came, and in words that we do not know: kept and shown, and nothing follows."""


class Proof(StrEnum):
    """How far a hearing can be believed."""

    SIGNED = "signed"
    """The provider's signature held, or the return address carried our own: it can change what follows for the customer."""
    NAMED = "named"
    """It names our message by its id, which only those can know through whose hands the message went."""
    BARE = "bare"
    """It gives an address at most, and anybody could have written it: kept and shown, and nothing follows."""


class Hearing(msgspec.Struct, frozen=True, kw_only=True):
    """One report of one message, however and however often it came."""

    id: bytes
    """16 bytes that are the same each time the same report comes, by whatever way it is delivered again."""
    what: What
    channel: str = "email"
    source: str
    """Who told: ``dsn``, ``arf``, ``mail``, ``ses``, ``sendgrid``, ``mailgun``, ``postmark``, ``click``."""
    at: Millis
    """When it happened, as far as is told; else when it came."""
    proof: Proof
    workspace: WorkspaceId = 0
    """Of a signed report, whose it is; 0: not known from the report itself."""
    message: bytes = b""
    """Our message's id; empty: the report does not name it."""
    provider_ref: str = ""
    """The provider's own id of the message, as its Answer gave it at the hand-off."""
    address: str = ""
    """The recipient that the report names. Personal data: never in a log."""
    status: str = ""
    """The enhanced status (RFC 3463), for example ``5.1.1``; empty: none is told."""
    detail: str = ""
    """A technical note without personal data, at most 200 characters."""
    text: str = ""
    """Of a reply: what was written, without the quoted message. Personal data."""
    raw: bytes = b""
    """What came, shortened to 16 kB, for whoever has to find out what an unmatched one was. Personal data."""
