"""What set a walk off, and what it stands on: the two values that every kind of evidence takes and gives."""

from __future__ import annotations

from typing import Any

import msgspec

from oportuno.content.said import Because
from oportuno.kit.times import Millis


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What set it off, as much as a walk remembers: the event's name, its time, and the properties this kind of evidence needs."""

    event: str
    at: Millis
    about: dict[str, Any] = {}
    """As the event told them: amounts are in major units there. What could not be remembered is not in it."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Facts that speak for a message now."""

    because: Because
    items: tuple[str, ...] = ()
    """The products it is about."""
    context: dict[str, Any] = {}
    """What the template may show of it."""
    weight: float = 1.0
    """How strongly it speaks, beside another of its kind: the journey's worth is multiplied by it."""
