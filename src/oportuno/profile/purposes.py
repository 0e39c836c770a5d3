"""What data may be used for."""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """A purpose a customer can agree to. `SERVICE` needs no consent: contract or law require it, and it never promotes."""

    SERVICE = "service"
    MEASUREMENT = "measurement"
    PERSONALISATION = "personalisation"
    MARKETING = "marketing"
    LOCATION = "location"
