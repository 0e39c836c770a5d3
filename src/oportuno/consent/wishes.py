"""How often a customer wants to hear from us: the cadence they chose, as a limit of their own over every channel."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from oportuno.attention.ledger import Limit
from oportuno.consent.answers import Consents
from oportuno.kit.times import DAY, Millis


class Cadence(StrEnum):
    """What a customer may choose. Nothing chosen: the workspace's limits alone hold."""

    WEEKLY = "weekly"
    """One message a week at most."""
    MONTHLY = "monthly"
    """One message a month at most."""
    WHEN_IT_FITS = "when_it_fits"
    """Only what suits them, never more than two a week."""


CADENCES: Final[dict[str, Limit]] = {
    Cadence.WEEKLY: Limit(at_most=1, per=7 * DAY),
    Cadence.MONTHLY: Limit(at_most=1, per=30 * DAY),
    Cadence.WHEN_IT_FITS: Limit(at_most=2, per=7 * DAY),
}
_STRICTEST: Final = CADENCES[Cadence.MONTHLY]


def cadence_of(consents: Consents) -> Limit | None:
    """Give the customer's own limit; None when they chose none. A word that this release does not know counts as the strictest."""
    return CADENCES.get(consents.cadence, _STRICTEST) if consents.cadence else None


def longest_window(consents: Consents, limits: tuple[Limit, ...]) -> Millis:
    """Say how far back touches must be remembered: the longest window of the workspace's limits and the customer's cadence."""
    own = cadence_of(consents)
    return max([limit.per for limit in limits] + ([own.per] if own is not None else []), default=DAY)
