"""Items a customer does not want to hear of: bought, or not of interest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from oportuno.kit.times import DAY, Millis
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Muted

BOUGHT: Final = "bought"
NOT_INTERESTED: Final = "not_interested"
BOUGHT_FOR: Final[Millis] = 30 * DAY
"""How long after a purchase nothing is said about what was bought."""
AT_MOST: Final = 40
"""Items remembered. Beyond it purchases go first, the oldest first, and only then what the customer refused."""


def mute(draft: Draft, items: Iterable[str], reason: str, at: Millis) -> None:
    """Say nothing more about these items, for the reason ``bought`` or ``not_interested``.

    What the customer said they do not want outlasts a purchase; of the same reason the latest counts. Order of calls does not matter.
    """
    section = draft.open(Muted)
    for item in items:
        known = section.items.get(item)
        if known is None or _weight(known) < (reason == NOT_INTERESTED, at):
            section.items[item] = (reason, at)
    # Measured by the latest purchase, not by a clock: so the same purchases leave the same memory, in whatever order they came.
    stale = max((since for why, since in section.items.values() if why == BOUGHT), default=0) - BOUGHT_FOR
    if any(why == BOUGHT and since <= stale for why, since in section.items.values()):
        section.items = {item: entry for item, entry in section.items.items() if entry[0] != BOUGHT or entry[1] > stale}
    if len(section.items) > AT_MOST:
        ranked = sorted(section.items.items(), key=lambda entry: (*_weight(entry[1]), entry[0]), reverse=True)
        section.items = dict(ranked[:AT_MOST])


def unmute(draft: Draft, items: Iterable[str]) -> None:
    """Take it back: the items may be spoken of again."""
    section = draft.open(Muted)
    for item in items:
        section.items.pop(item, None)


def muted(draft: Draft, items: Iterable[str], now: Millis | None = None) -> str | None:
    """Give the reason not to speak of these items: the strongest that holds for any of them, or None when all may be spoken of.

    With `now`, purchases older than `BOUGHT_FOR` no longer count; without it every purchase remembered does.
    """
    known = draft.read(Muted).items
    found = [known[item] for item in items if item in known]
    reasons = {reason for reason, since in found if now is None or reason != BOUGHT or now < since + BOUGHT_FOR}
    if NOT_INTERESTED in reasons:
        return NOT_INTERESTED
    return BOUGHT if reasons else None


def _weight(entry: tuple[str, Millis]) -> tuple[bool, Millis]:
    reason, since = entry
    return reason == NOT_INTERESTED, since
