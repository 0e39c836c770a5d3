"""What the customer saved for later, and of what they asked to be told when it can be had again.

Each entry is a register: what was told last, by the time of the event, holds; so any order of news leaves the same list. Removals are
entries too, or a late «added» would bring back what was removed; together they are at most `ENTRIES_AT_MOST`, those told last.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

import msgspec

from oportuno.events.commerce import Commerce, Reading
from oportuno.kit.times import DAY, Millis
from oportuno.profile.draft import Draft, Section
from oportuno.profile.sections import Stamp

SAVED_AT_MOST: Final = 20
"""Entries that count, of either kind together: those saved last."""
ENTRIES_AT_MOST: Final = 30
"""Entries remembered, removals among them. No removal is ever forgotten for its age: that would depend on the order of news."""
ASKED_FOR: Final[Millis] = 180 * DAY
"""How long «tell me when it is back» holds."""

WISHED: Final = "wished"
ASKED: Final = "asked"


class Saved(msgspec.Struct, kw_only=True, array_like=True, omit_defaults=True):
    """One product on the list, or the memory that it was there."""

    product: str
    variant: str = ""
    kind: str = WISHED
    """``wished``, or ``asked`` to be told when it is back in stock."""
    at: Millis = 0
    """When it was saved, or removed."""
    h: bytes = b""
    gone: bool = False


class Wishlist(Section):
    """What the customer saved themselves. Service data: it is theirs, and they ask us to keep it."""

    title: ClassVar[str] = "wishlist"

    entries: list[Saved] = []
    """Newest first by (at, h, kind, product, variant), the gone ones among them."""

    def shed(self) -> str:
        """Let go of removals first, then of what was saved longest ago."""
        gone = [entry for entry in self.entries if entry.gone]
        if gone:
            self.entries.remove(gone[-1])
            return "wishlist.gone"
        if not self.entries:
            return ""
        del self.entries[-1]
        return "wishlist"


_KINDS: Final = {
    Commerce.PRODUCT_ADDED_TO_WISHLIST: (WISHED, False),
    Commerce.PRODUCT_REMOVED_FROM_WISHLIST: (WISHED, True),
    Commerce.WISHLIST_PRODUCT_ADDED_TO_CART: (WISHED, True),
    Commerce.BACK_IN_STOCK_REQUESTED: (ASKED, False),
    Commerce.BACK_IN_STOCK_REQUEST_CANCELLED: (ASKED, True),
}
"""Kind of event → (kind of entry, whether it ends it)."""
WISHLIST_KINDS: Final = frozenset(_KINDS)
"""Kinds that change the list."""


def save(draft: Draft, reading: Reading, stamp: Stamp) -> None:
    """Fold an event about the wishlist, or about a request to be told. A removal without a variant takes every variant."""
    if reading.kind not in _KINDS or not reading.items:
        return
    kind, gone = _KINDS[reading.kind]
    at, h = stamp
    item = reading.items[0]
    entries = draft.open(Wishlist).entries
    told = Saved(product=item.product, variant=item.variant, kind=kind, at=at, h=h, gone=gone)
    for place, known in enumerate(entries):
        if known.product == told.product and known.variant == told.variant and known.kind == kind:
            if (known.at, known.h, known.gone) >= (at, h, gone):
                return
            entries[place] = told
            break
    else:
        entries.append(told)
    entries.sort(key=_by_time, reverse=True)
    del entries[ENTRIES_AT_MOST:]


def saved(draft: Draft, now: Millis) -> Iterator[Saved]:
    """Give what stands on the list, newest first, at most `SAVED_AT_MOST`; a request to be told ends after `ASKED_FOR`."""
    entries = draft.read(Wishlist).entries
    # Who removes «the lamp» means the lamp in every colour.
    removed = {(entry.kind, entry.product): entry.at for entry in reversed(entries) if entry.gone and not entry.variant}
    left = SAVED_AT_MOST
    for entry in entries:
        if entry.gone or entry.at <= removed.get((entry.kind, entry.product), entry.at - 1):
            continue
        if entry.kind == ASKED and entry.at <= now - ASKED_FOR:
            continue
        if not left:
            return
        left -= 1
        yield entry


def _by_time(entry: Saved) -> tuple[Millis, bytes, str, str, str]:
    return entry.at, entry.h, entry.kind, entry.product, entry.variant
