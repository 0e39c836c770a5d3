"""Ids that were once taken for this customer's and are somebody else's: what still comes under them is sent on."""

from __future__ import annotations

from typing import ClassVar, Final

from oportuno.profile.draft import Section

PARTED_AT_MOST: Final = 40


class Parted(Section):
    """After a merge was undone. Writers that had the old answer in mind may use it for some minutes more. Service data."""

    title: ClassVar[str] = "parted"

    ids: dict[str, int] = {}
    """Mark of an id, in hex → the customer to whom it belongs; at most 40."""

    def shed(self) -> str:
        """Let go of one: whoever still writes under it is taken for this customer, as before it was parted."""
        if not self.ids:
            return ""
        del self.ids[min(self.ids)]
        return "parted"
