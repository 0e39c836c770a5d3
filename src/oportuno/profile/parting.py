"""Ids that were once taken for this customer's and are somebody else's: what still comes under them is sent on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from oportuno.kit.ids import CustomerId, derive
from oportuno.profile.draft import Section

PARTED_AT_MOST: Final = 40
PARTED: Final = b"\xa6parted"
"""How the section's title stands in a stored state: looked for before anything is decoded."""


class Parted(Section):
    """After a merge was undone. Writers that had the old answer in mind may use it for some minutes more. Service data."""

    title: ClassVar[str] = "parted"

    ids: dict[str, int] = {}
    """Digest of an id → the customer to whom it belongs; at most 40."""

    def owner(self, user: str, anonymous: str) -> CustomerId | None:
        """Say to whom the ids of an event belong, the user id first, as at the door; None: it names nobody who was parted."""
        if user:
            return self.ids.get(digest("user", user))
        return self.ids.get(digest("anonymous", anonymous)) if anonymous else None

    def part(self, ids: Iterable[tuple[str, str]], owner: CustomerId) -> None:
        """Remember ids (kind, value) as somebody else's. Beyond `PARTED_AT_MOST` the ones remembered first are forgotten."""
        for kind, value in ids:
            self.ids[digest(kind, value)] = owner
        for known in list(self.ids)[:-PARTED_AT_MOST]:
            del self.ids[known]

    def shed(self) -> str:
        """Let go of one: whoever still writes under it is taken for this customer, as before it was parted."""
        if not self.ids:
            return ""
        del self.ids[min(self.ids)]
        return "parted"


def digest(kind: str, value: str) -> str:
    """Give eight bytes in hex that stand for an id."""
    return derive(kind, value)[:8].hex()
