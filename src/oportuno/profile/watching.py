"""What the customer cares about enough to be told of its changes: the rows of the table `watch` that should stand, and how they change.

What an event adds is noticed with the event. What merely fades is judged anew when the customer next does something for a product, and
otherwise with the first event after four weeks. That is safe: the evidence is gathered afresh when a change of the catalogue reaches them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar, Final, TypeAlias

from oportuno.catalog.item import Kind, item_of
from oportuno.catalog.product import NO_FACTS, Facts
from oportuno.kit.times import DAY, Millis
from oportuno.profile.declared import Declared
from oportuno.profile.draft import Draft, Section
from oportuno.profile.interest import Interest
from oportuno.profile.mute import BOUGHT, BOUGHT_FOR
from oportuno.profile.scores import declared_of, leading, looked_at, matters, rises, strongest
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
LEANING_AT_LEAST: Final = 4_000
"""Points that it takes, or every glance at a category would be told of: four looks, or one thing put in the cart."""

Rewatched: TypeAlias = tuple[int, int | None, int | None]
"""(item, rank until now, rank from now on); None: not watched."""


class Watching(Section, rename={"rows": "r", "judged": "d"}):
    """Which rows of `watch` stand for this customer. Bookkeeping of the engine: what is wanted is judged from the other sections."""

    title: ClassVar[str] = "watch"

    rows: bytes = b""
    """Six bytes a row, by item: the item's 45 bits and the rank's three, 0 the strongest; at most 40 rows."""
    judged: int = 0
    """The day, counted from 1970, on which everything was last looked through."""

    @property
    def ranks(self) -> dict[int, int]:
        """Give item → rank."""
        rows = self.rows
        numbers = [int.from_bytes(rows[place : place + 6], "big") for place in range(0, len(rows), 6)]
        return {number >> 3: number & 7 for number in numbers}

    @staticmethod
    def packed(ranks: dict[int, int]) -> bytes:
        """Write what `ranks` gives."""
        return b"".join([number.to_bytes(6, "big") for number in sorted([item << 3 | rank for item, rank in ranks.items()])])

    def shed(self) -> str:
        """Keep every row: what is forgotten here could never be taken back from the table."""
        return ""


_DEEDS: Final[tuple[type[Section], ...]] = (Wishlist, Declared, Muted)
_SOURCES: Final[tuple[type[Section], ...]] = (*_DEEDS, Cart, Interest)
_JUDGED_EVERY: Final = 28
"""Days after which what faded is looked for: looks are remembered for thirty."""


def rewatch(draft: Draft, now: Millis, facts: Facts = NO_FACTS, *, anyway: bool = False) -> list[Rewatched]:
    """Judge what the customer watches, note it in the draft, and give what changed, by item.

    Looks only when something it is judged by was opened for change or deleted in this draft, or `anyway`; and through everything only when
    more changed than that one product came to matter. A withdrawn product is not watched.
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
    watching = draft.open(Watching)
    watching.judged = now // DAY
    rows = Watching.packed(wanted)
    if rows == watching.rows:
        return []
    known = _cut(watching.rows)
    watching.rows = rows
    # Rows, which name item and rank, in one of the two only.
    differing = known ^ _cut(rows)
    olds = {number >> 3: number & 7 for number in [int.from_bytes(row, "big") for row in differing & known]}
    return [(item, olds.get(item), wanted.get(item)) for item in sorted({int.from_bytes(row, "big") >> 3 for row in differing})]


def _cut(rows: bytes) -> set[bytes]:
    return {rows[place : place + 6] for place in range(0, len(rows), 6)}


def unwatch(draft: Draft) -> list[Rewatched]:
    """Watch nothing any more, whatever the interest: for who leaves or becomes somebody else. Gives what changed, by item."""
    known = draft.read(Watching).ranks
    if not known:
        return []
    draft.open(Watching).rows = b""
    return [(item, rank, None) for item, rank in sorted(known.items())]


def _news(draft: Draft, now: Millis, facts: Facts) -> list[Rewatched] | None:
    """Give what changes by what this step told of, without a look at all the rest. None: everything must be looked through."""
    watching = draft.read(Watching)
    rows = watching.rows
    if draft.touched(_DEEDS) or (rows and now // DAY - watching.judged >= _JUDGED_EVERY):
        return None
    news: _News = {}
    if draft.touched((Cart,)) and not _cart(draft, rows, news):
        return None
    if draft.touched((Interest,)):
        if not draft.may(Interest) or not draft.has(Interest):
            return None
        for kind, name, _ in draft.stirred:
            if kind == "product":
                item = _item(kind, name)
                if item not in news and _rank(rows, item) is None and matters(draft, name, now):
                    news[item] = None, LOOKED_AT
            elif _row(_item(kind, name), LEANS_TO) not in rows and rises(draft, kind, name, now, at_least=LEANING_AT_LEAST):
                _overtake(draft, kind, name, rows, news, now)
    if not news:
        return []
    if 6 * len(news) + len(rows) > 6 * WATCHES_AT_MOST or _unspeakable(draft, facts):
        return None
    return _apply(draft.open(Watching), news, now)


_News: TypeAlias = dict[int, tuple[int | None, int | None]]
"""Item → its rank until now and from now on."""


def _cart(draft: Draft, rows: bytes, news: _News) -> bool:
    """Watch what came to lie in the cart. False when something left it: what is left of the interest in that is another matter."""
    items = {_item("product", line.product) for line in draft.read(Cart).lines if not line.gone}
    added = [item for item in items if _row(item, IN_CART) not in rows]
    news.update({item: (_rank(rows, item), IN_CART) for item in added})
    # The last byte of each row has the rank.
    return sum(not last & 7 for last in rows[5::6]) + len(added) == len(items)


def _overtake(draft: Draft, kind: Kind, name: str, rows: bytes, news: _News, now: Millis) -> None:  # noqa: PLR0917 - one private caller
    """Watch a category or brand that has just come to lead, and no longer the one that it overtook."""
    interest = draft.read(Interest)
    leanings = interest.categories if kind == "category" else interest.brands
    lead = strongest(interest, leanings, now // DAY, most=LEADING, at_least=LEANING_AT_LEAST)
    if name not in lead:
        return
    declared = {led for which, led in declared_of(draft, now) if which == kind}
    for leaning in leanings:
        other = _item(kind, leaning.name)
        watched = _row(other, LEANS_TO) in rows
        if watched is not (leaning.name in lead or leaning.name in declared):
            news[other] = (LEANS_TO, None) if watched else (None, LEANS_TO)


def _unspeakable(draft: Draft, facts: Facts) -> bool:
    """Say whether something this step told of was muted or withdrawn: then who is watched is not for a short look to say."""
    muted = draft.read(Muted).items
    products = [name for kind, name, _ in draft.stirred if kind == "product"]
    if draft.touched((Cart,)):
        products += [line.product for line in draft.read(Cart).lines if not line.gone]
    return any(name in muted or _withdrawn(facts, name) for name in products)


def _apply(watching: Watching, news: _News, now: Millis) -> list[Rewatched]:
    stand = _cut(watching.rows)
    stand.difference_update(_row(item, old) for item, (old, _) in news.items() if old is not None)
    stand.update(_row(item, new) for item, (_, new) in news.items() if new is not None)
    watching.judged = watching.judged or now // DAY
    # Written as numbers are, the rows sort by item.
    watching.rows = b"".join(sorted(stand))
    return [(item, old, new) for item, (old, new) in sorted(news.items())]


def _rank(rows: bytes, product: int) -> int | None:
    """Give the rank at which a product is watched."""
    # A row's first five bytes are the item's, and five bits of the last.
    head, tail = (product >> 5).to_bytes(5, "big"), product & 31
    place = rows.find(head)
    while place >= 0:
        if not place % 6 and rows[place + 5] >> 3 == tail:
            return rows[place + 5] & 7
        place = rows.find(head, place + 1)
    return None


def _row(item: int, rank: int) -> bytes:
    return (item << 3 | rank).to_bytes(6, "big")


def _wanted(draft: Draft, now: Millis, facts: Facts) -> dict[int, int]:
    """Give item → rank as it should be, strongest first up to `WATCHES_AT_MOST`."""
    hushed = draft.read(Muted).items
    muted = {item for item, (reason, since) in hushed.items() if reason != BOUGHT or now < since + BOUGHT_FOR} if hushed else ()
    wanted: dict[int, int] = {}
    for kind, name, rank in _cared_for(draft, now):
        if len(wanted) == WATCHES_AT_MOST:
            break
        if kind != "product" or (name not in muted and not _withdrawn(facts, name)):
            wanted.setdefault(_item(kind, name), rank)
    return wanted


def _cared_for(draft: Draft, now: Millis) -> list[tuple[Kind, str, int]]:
    """Give everything the customer cares about with its rank, strongest first; a thing may come twice."""
    cared: list[tuple[Kind, str, int]] = [("product", line.product, IN_CART) for line in draft.read(Cart).lines if not line.gone]
    if draft.has(Wishlist):
        entries = list(saved(draft, now))
        for kept, rank in ((WISHED, WISHED_FOR), (ASKED, ASKED_TO_BE_TOLD)):
            cared += [("product", entry.product, rank) for entry in entries if entry.kind == kept]
    if draft.may(Interest) and (draft.has(Interest) or draft.has(Declared)):
        cared += [("product", product, LOOKED_AT) for product in looked_at(draft, now)]
        cared += [(kind, name, LEANS_TO) for kind, name in leading(draft, now, most=LEADING, at_least=LEANING_AT_LEAST)]
    return cared


def _withdrawn(facts: Facts, name: str) -> bool:
    product = facts.product(name)
    return product is not None and product.withdrawn


_item = lru_cache(maxsize=65_536)(item_of)
"""Numbers of things seen lately: a hash costs a microsecond, and every event asks for a dozen."""
