"""What a workspace lays down for everybody: limits, quiet hours, hold-out. Read from the policy file."""

from __future__ import annotations

import msgspec

from oportuno.attention.ledger import Limit
from oportuno.channels.warm_up import WarmUp
from oportuno.consent.reach import Patience
from oportuno.kit.times import DAY, MINUTE, Millis


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of the gate for one workspace."""

    limits: tuple[Limit, ...] = (Limit(at_most=1, per=DAY), Limit(at_most=3, per=7 * DAY))
    quiet: tuple[int, int] = (21 * 60, 9 * 60)
    """Minutes of the customer's local day between which marketing waits (from, to); equal numbers: none."""
    timezone: str = "UTC"
    """The workspace's own zone: used only where the customer's country has one zone and theirs is not known."""
    country: str = ""
    """ISO 3166 code of the workspace; with an unknown customer zone, the strictest of the country's zones counts."""
    currency: str = "EUR"
    """ISO 4217 code: what amounts are in that an event tells without a currency of their own."""
    holdout_percent: float = 0.0
    """Share of customers left alone on purpose, 0 to 50."""
    holdout_salt: str = "1"
    freshness: Millis = 15 * MINUTE
    news: dict[str, Millis] = {}
    """How long what changed in the catalogue may be told, by kind (``price_dropped`` …); a kind that is not there: a day."""
    interest_half_life: int = 14
    """Days after which interest counts half."""
    confirm_within: Millis = 3 * DAY
    """How long a link works by which somebody confirms that they want to hear from us."""
    confirm_limit: Limit = Limit(at_most=2, per=7 * DAY)
    """How often a customer is asked to confirm, at most."""
    patience: Patience = Patience()
    """From how many soft bounces on an address counts as lastingly failing."""
    languages: tuple[str, ...] = ("es", "en")
    """Languages of the workspace, the fallback first."""
    warm_up: WarmUp | None = None
    """How much the sending domain may send on its first days; None: it is known to receivers."""
    sandbox: bool = False
    """A demo or test workspace: hands off only to its own mailbox."""
