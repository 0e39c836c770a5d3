"""The complaint brake: what share of a domain's mail may be called spam before its marketing slows down, and stops.

Large receivers look at the share of complaints by sending domain, and say at which they begin to refuse: 0.3 % is the end, 0.1 % is where
one should be below. We stop ourselves first, and for each receiver alone.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from oportuno.kit.times import DAY, Millis

OVER: Final[Millis] = 7 * DAY
"""How far back accepted mails and complaints count."""
SLOW_AT: Final = 0.001
STOP_AT: Final = 0.003
FEWEST_TO_SLOW: Final = 3
FEWEST_TO_STOP: Final = 5
"""Complaints below which no share means anything: one of ten is bad luck, five are a sign however few mails there were."""
SLOWED_TO: Final = 0.1
"""The share of its pace that a slowed domain keeps."""
ANY: Final = ""
"""The group that stands for all receivers together."""
_ELSE: Final = "other"


class Brake(IntEnum):
    """How far marketing from a domain to a group of domains is held."""

    NONE = 0
    SLOW = 1
    """A tenth of the pace, and only what is worth something."""
    STOP = 2
    """Waits until the share is lower again, or a person lets it go with a reason."""


class Reputation(NamedTuple):
    """What was taken and what was complained about between a sending domain and a group of receivers."""

    accepted: int
    complaints: int


def brake_of(known: Reputation) -> Brake:
    """Say how far a reputation holds marketing. More complaints never hold less, more accepted mails never hold more."""
    share = known.complaints / max(known.accepted, known.complaints, 1)
    if known.complaints >= FEWEST_TO_STOP and share >= STOP_AT:
        return Brake.STOP
    if known.complaints >= FEWEST_TO_SLOW and share >= SLOW_AT:
        return Brake.SLOW
    return Brake.NONE


def group_of(address: str) -> str:
    """Name the group of receivers that an address belongs to: the large ones by name, everybody else together.

    A customer's own domain can name the customer, so it is never kept.
    """
    domain = address.rpartition("@")[2].lower()
    if domain in _GROUPS:
        return _GROUPS[domain]
    first = domain.partition(".")[0]
    return _FIRST_NAMES.get(first, _ELSE)


_GROUPS: Final = {
    **dict.fromkeys(("gmail.com", "googlemail.com"), "gmail"),
    **dict.fromkeys(("icloud.com", "me.com", "mac.com"), "icloud"),
    **dict.fromkeys(("aol.com", "ymail.com", "rocketmail.com", "yahoo.com"), "yahoo"),
    **dict.fromkeys(("msn.com", "outlook.com", "hotmail.com", "live.com"), "outlook"),
    **dict.fromkeys(("gmx.de", "gmx.net", "gmx.com", "gmx.es", "web.de"), "gmx"),
    **dict.fromkeys(("proton.me", "protonmail.com", "pm.me"), "proton"),
    **dict.fromkeys(("telefonica.net", "movistar.es"), "movistar"),
    **dict.fromkeys(("orange.fr", "wanadoo.fr", "orange.es", "wanadoo.es"), "orange"),
}
_FIRST_NAMES: Final = {"yahoo": "yahoo", "hotmail": "outlook", "outlook": "outlook", "live": "outlook"}
"""Of those that are at home in many countries: ``yahoo.es``, ``hotmail.co.uk``."""
