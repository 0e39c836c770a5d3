"""Channels and providers' answers, in our words."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal, NamedTuple

import msgspec

from oportuno.kit.times import Millis


class Channel(StrEnum):
    """A way to speak to a customer."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class Outcome(StrEnum):
    """How one hand-off ended. There is no fifth way."""

    ACCEPTED = "accepted"
    REFUSED_FOR_NOW = "refused_for_now"
    """Certainly not taken: may be tried again within its expiry, after a fresh claim and check."""
    REFUSED_FOR_GOOD = "refused_for_good"
    UNKNOWN = "unknown"
    """Perhaps taken. A marketing message is never sent again; it counts as a touch and is shown."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one hand-off."""

    outcome: Outcome
    detail: str = ""
    """A short technical note without personal data, for example ``smtp 421``."""
    retry_after: Millis | None = None
    """When the provider asked us to wait, for how long."""
    provider_ref: str = ""
    """The provider's own id of what it took."""
    about: Literal["message", "destination", "provider"] = "message"
    """What it concerns, so that only that much is held back: this message, its domain or host, or the whole provider."""
    way: str = ""
    """By which way out it went, as that is paced: ``smtp mail.example``. Put in by whoever chose the way."""
    sender: str = ""
    """Of a mail: the domain that it was sent from."""
    receiver: str = ""
    """Of a mail: the group of domains that it went to (`channels.brake.group_of`), never the address or its own domain."""


class Window(NamedTuple):
    """When a hand-off may begin, in monotonic seconds of the process's clock."""

    begin_by: float
    """The first byte leaves by this, or none: the claim holds so long, and the customer may withdraw at any time."""
    over: float
    """The message's own time: what was not yet taken by then is not given any more, as long as it can be held back."""


NOT_BEGUN: Final = Answer(outcome=Outcome.REFUSED_FOR_NOW, detail="not begun in time", retry_after=0)
"""The connection stood too late, or the message's time was over: not one byte has left. A fresh claim asks the gate anew."""
