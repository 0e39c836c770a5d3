"""The Permit: the only thing a message can be made from. Only the gate, in this room, makes one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, final

from oportuno.kit.faults import Fault
from oportuno.kit.ids import CustomerKey
from oportuno.kit.times import Millis
from oportuno.profile.purposes import Purpose


class PermitForged(Fault):
    """Somebody but the gate tried to make a Permit."""


_SEAL = object()


@final
class Permit:
    """Leave to say one thing to one customer on one channel, given at one moment on stated facts.

    Slotted and immutable: made by `consent.gate` alone, never stored: what is stored of a message must pass the gate again at the claim.
    """

    __slots__ = ("address", "ask", "channel", "expires_at", "facts", "granted_at", "key", "marketing", "purpose")

    ask: bytes
    key: CustomerKey
    channel: str
    address: str
    purpose: Purpose
    marketing: bool
    granted_at: Millis
    expires_at: Millis
    facts: Mapping[str, Any]
    """What the gate looked at. Read only."""

    def __init__(
        self,
        seal: object,
        *,
        ask: bytes,
        key: CustomerKey,
        channel: str,
        address: str,
        purpose: Purpose,
        granted_at: Millis,
        expires_at: Millis,
        facts: dict[str, Any],
    ) -> None:
        if seal is not _SEAL:
            raise PermitForged("permit_forged", "only the gate makes permits")
        put = object.__setattr__
        put(self, "ask", ask)
        put(self, "key", key)
        put(self, "channel", channel)
        put(self, "address", address)
        put(self, "purpose", purpose)
        put(self, "marketing", purpose is not Purpose.SERVICE)
        put(self, "granted_at", granted_at)
        put(self, "expires_at", expires_at)
        put(self, "facts", MappingProxyType(facts))

    def __setattr__(self, name: str, value: object) -> None:
        raise PermitForged("permit_forged", "a permit cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise PermitForged("permit_forged", "a permit cannot be changed")

    def __reduce__(self) -> str:
        raise PermitForged("permit_forged", "a permit cannot be stored or sent")
