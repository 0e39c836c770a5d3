"""What data may be used for."""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """A purpose a customer can agree to. `SERVICE` needs no consent: contract or law require it, and it never promotes."""

    SERVICE = "service"
    MEASUREMENT = "measurement"
    PERSONALISATION = "personalisation"
    ON_SITE = "on_site"
    """To be spoken to on the shop's own pages, on this device."""
    MARKETING = "marketing"
    LOCATION = "location"
