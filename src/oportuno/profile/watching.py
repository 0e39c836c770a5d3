"""What the customer cares about enough to be told of its changes: the rows of the table `watch` that should stand, and how they change.

Judged anew whenever what it is made of was changed, not by a clock: a watch whose interest has merely faded stays until the customer is
next seen. That is safe, because the evidence is gathered afresh when a change of the catalogue reaches them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import ClassVar, Final, TypeAlias

from oportuno.catalog.item import Kind, item_of
from oportuno.catalog.product import NO_FACTS, Facts
from oportuno.kit.times import Millis
from oportuno.profile.declared import Declared
from oportuno.profile.draft import Draft, Section
from oportuno.profile.interest import STAMP, Interest
from oportuno.profile.mute import BOUGHT, BOUGHT_FOR
from oportuno.profile.scores import leading, looked_at, matters
from oportuno.profile.sections import Cart, Muted
from oportuno.profile.wishlist import ASKED, WISHED, Wishlist, saved

WATCHES_AT_MOST: Final = 40
IN_CART: Final = 0
WISHED_FOR: Final = 1
ASKED_TO_BE_TOLD: Final = 2
LOOKED_AT: Final = 3
LEANS_TO: Final = 4
LEADING: Final = 3
"""Categories, and brands, that are watched; those that were declared come on top."""
LEANING_AT_LEAST: Final = 2_000
"""Points that it takes, or every glance at a category would be told of: two looks."""

Rewatched: TypeAlias = tuple[int, int | None, int | None]
"""(item, rank until now, rank from now on); None: not watched."""


class Watching(Section, rename={"rows": "r"}):
    """Which rows of `watch` stand for this customer. Bookkeeping of the engine: what is wanted is judged from the other sections."""

    title: ClassVar[str] = "watch"

    rows: bytes = b""
    """Six bytes a row, by item: the item's 45 bits and the rank's three, 0 the strongest; at most 40 rows."""

    @property
    def ranks(self) -> dict[int, int]:
        """Give item → rank."""
        rows = self.rows
        numbers = [int.from_bytes(rows[place : place + 6], "big") for place in range(0, len(rows), 6)]
        return {number >> 3: number & 7 for number in numbers}

    @staticmethod
    def packed(ranks: dict[int, int]) -> bytes:
        """Write what `ranks` gives."""
        return b"".join((item << 3 | rank).to_bytes(6, "big") for item, rank in sorted(ranks.items()))

    def shed(self) -> str:
        """Keep every row: what is forgotten here could never be taken back from the table."""
        return ""


_DEEDS: Final[tuple[type[Section], ...]] = (Cart, Wishlist, Declared, Muted)
_SOURCES: Final[tuple[type[Section], ...]] = (*_DEEDS, Interest)


def rewatch(draft: Draft, now: Millis, facts: Facts = NO_FACTS, *, anyway: bool = False) -> list[Rewatched]:
    """Judge anew what the customer watches, note it in the draft, and give what changed, by item.

    Looks only when something it is judged by was opened for change or deleted in this draft, or `anyway`. A withdrawn product is not
    watched.
    """
    if not anyway:
        if not draft.touched(_SOURCES):
            return []
        news = _news(draft, now, facts)
        if news is not None:
            return news
    wanted = _wanted(draft, now, facts)
    if not wanted and not draft.has(Watching):
        return []
    known = draft.read(Watching).ranks
    if wanted == known:
        return []
    changes = [
        (item, known.get(item), wanted.get(item)) for item in sorted(known.keys() | wanted.keys()) if known.get(item) != wanted.get(item)
    ]
    draft.open(Watching).rows = Watching.packed(wanted)
    return changes


def unwatch(draft: Draft) -> list[Rewatched]:
    """Watch nothing any more, whatever the interest: for who leaves or becomes somebody else. Gives what changed, by item."""
    known = draft.read(Watching).ranks
    if not known:
        return []
    draft.open(Watching).rows = b""
    return [(item, rank, None) for item, rank in sorted(known.items())]


def _news(draft: Draft, now: Millis, facts: Facts) -> list[Rewatched] | None:
    """Give what changes when no more happened than looks: products that now matter are added. None: everything must be judged anew.

    What faded, and what is overtaken among the favourites, is judged with the first event of a window of `LATENESS`.
    """
    if draft.touched(_DEEDS) or not draft.may(Interest) or not draft.has(Interest):
        return None
    if len(draft.read(Interest).heard[1]) <= STAMP:
        return None
    rows = draft.read(Watching).rows
    found: dict[int, int] = {}
    for kind, name in draft.stirred:
        item = _item(kind, name)
        watched = any((item << 3 | rank).to_bytes(6, "big") in rows for rank in range(LEANS_TO, -1, -1))
        if not watched and matters(draft, kind, name, now, most=LEADING, at_least=LEANING_AT_LEAST):
            if kind != "product" or len(rows) + 6 * (len(found) + 1) > 6 * WATCHES_AT_MOST or name in draft.read(Muted).items:
                return None
            if not _withdrawn(facts, name):
                found[item] = LOOKED_AT
    if not found:
        return []
    watching = draft.open(Watching)
    watching.rows = Watching.packed(watching.ranks | found)
    return [(item, None, rank) for item, rank in sorted(found.items())]


def _wanted(draft: Draft, now: Millis, facts: Facts) -> dict[int, int]:
    """Give item → rank as it should be, strongest first up to `WATCHES_AT_MOST`."""
    muted = {item for item, (reason, since) in draft.read(Muted).items.items() if reason != BOUGHT or now < since + BOUGHT_FOR}
    wanted: dict[int, int] = {}
    for kind, name, rank in _cared_for(draft, now):
        if len(wanted) == WATCHES_AT_MOST:
            break
        if kind != "product" or (name not in muted and not _withdrawn(facts, name)):
            wanted.setdefault(_item(kind, name), rank)
    return wanted


def _cared_for(draft: Draft, now: Millis) -> Iterator[tuple[Kind, str, int]]:
    """Give everything the customer cares about with its rank, strongest first; a thing may come twice."""
    for line in draft.read(Cart).lines:
        if not line.gone:
            yield "product", line.product, IN_CART
    entries = list(saved(draft, now)) if draft.has(Wishlist) else []
    for kind, rank in ((WISHED, WISHED_FOR), (ASKED, ASKED_TO_BE_TOLD)):
        for entry in entries:
            if entry.kind == kind:
                yield "product", entry.product, rank
    if draft.may(Interest) and (draft.has(Interest) or draft.has(Declared)):
        yield from (("product", product, LOOKED_AT) for product in looked_at(draft, now))
        for kind, name in leading(draft, now, most=LEADING, at_least=LEANING_AT_LEAST):
            yield kind, name, LEANS_TO


def _withdrawn(facts: Facts, name: str) -> bool:
    product = facts.product(name)
    return product is not None and product.withdrawn


_item = lru_cache(maxsize=65_536)(item_of)
"""Numbers of things seen lately: a hash costs a microsecond, and every event asks for a dozen."""
