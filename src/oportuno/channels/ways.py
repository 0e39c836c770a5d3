"""Which way a message goes next, and in whose name a mail is signed. Values only: the ways themselves are `flows/ways`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from oportuno.channels.organisation import organisation_of

ALL_SIGNED: Final = "*"
"""What a way signs that signs for whatever domain a mail comes from, or from which nothing ever leaves the house."""


def next_way(resting: Sequence[bool], waits: Sequence[float]) -> int:
    """Choose among ways in their order: the first that does not rest after a failure; if all of them do, the one that is back first.

    A way that is merely at its pace is not passed over: the next one is there for when it fails. Raises ValueError without any way.
    """
    for place, rests in enumerate(resting):
        if not rests:
            return place
    return min(range(len(waits)), key=lambda place: (waits[place], place))


def domain_of(sender: str) -> str:
    """Give the domain of a From, written plainly or as ``Name <address>``; empty when there is none."""
    address = sender.rpartition("<")[2].rstrip("> \t") if "<" in sender else sender
    return address.strip().rpartition("@")[2].lower().rstrip(".") if "@" in address else ""


def aligned(domain: str, signs: str) -> bool:
    """Say whether a signature for the domain `signs` speaks for mail from `domain`: both are one organisation's.

    DMARC's relaxed alignment (RFC 7489 §3.1.1). A domain that nobody can register, such as ``co.uk``, speaks for none.
    """
    if signs == ALL_SIGNED:
        return True
    organisation = organisation_of(domain)
    return bool(organisation) and organisation == organisation_of(signs)
