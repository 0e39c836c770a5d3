"""Interest: how much a customer cares for products, categories, brands and price bands, as sums that fade.

How it comes out the same, byte for byte, whatever the order of news within `LATENESS`. Time is cut into windows as long as `LATENESS`. What
happened in the newest window and in the one before stands apart as plain sums and maxima, which no order alters. When a newer window
begins, the older ones are *settled* one after the other: no admissible event can reach them any more, so fading, ranking and forgetting
happen on settled sums only, in the order of windows, and may depend on everything before them.

Points are integers, a thousand to a weight of one, worth what they say on the `day` they were last settled; they fade by whole days.
News that comes later than `LATENESS` (an import, for example) is added to what is settled, faded by its own age.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final, Self

import msgspec

from oportuno.events.event import LATENESS
from oportuno.kit.times import DAY, Millis
from oportuno.profile.draft import Section
from oportuno.profile.fading import SHIFT, by_weeks, fade, share_left
from oportuno.profile.liked import (
    A_WINDOW_AT_MOST,
    BANDS_AT_MOST,
    BRANDS_AT_MOST,
    CATEGORIES_AT_MOST,
    Fresh,
    Leaning,
    Liked,
    count_looks,
    cut_leanings,
    cut_products,
    cut_window,
    cut_window_of_leanings,
    settle_one,
    whole_of,
    worth_a_word,
)
from oportuno.profile.purposes import Purpose

HALF_LIFE: Final = 14
"""Days after which a point is worth half, unless the workspace says otherwise."""
REMEMBERED: Final = 30
"""Days over which looks are counted."""
HEARD_AT_MOST: Final = 64
STAMP: Final = 3
"""Bytes of an event's identity by which it is known again."""
WINDOW: Final[Millis] = LATENESS
WINDOWS_A_DAY: Final = DAY // WINDOW


class Interest(Section, array_like=True):
    """What the customer showed interest in. Only with their yes to personalisation. Stored as ``views``: its first release knew no more."""

    title: ClassVar[str] = "views"
    codec: ClassVar[int] = 2
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.PERSONALISATION})

    products: list[Liked] = []
    """By name of the product; at most 12 with settled points."""
    categories: list[Leaning] = []
    brands: list[Leaning] = []
    bands: list[Leaning] = []
    """Of price: ``EUR2000`` is from 20 EUR on up to the next step of 1, 2, 5, 10 …"""
    window: int = 0
    """The newest window, counted from 1970 in lengths of `LATENESS`."""
    day: int = 0
    """The day of the last settled window, counted from 1970."""
    half_life: int = HALF_LIFE
    """Days; the pace at which the settled points fade from now on. A change of it alters nothing that faded already."""
    heard: tuple[bytes, bytes] = (b"", b"")
    """The first bytes of the identities of the events of the window before and the newest one, in order: told twice counts once."""

    def shed(self) -> str:
        """Let go of names first, then of products, then of leanings, of each the weakest first."""
        weakest = sorted(self.products, key=lambda liked: (whole_of(liked), liked.product))
        for liked in weakest:
            if liked.name or (liked.before and liked.before.name) or (liked.newest and liked.newest.name):
                liked.name = ""
                for fresh in (liked.before, liked.newest):
                    if fresh is not None:
                        fresh.name = ""
                return "interest.names"
        if weakest:
            self.products.remove(weakest[0])
            return "interest.products"
        for leanings in (self.bands, self.brands, self.categories):
            if leanings:
                leanings.remove(min(leanings, key=lambda leaning: (leaning.points + leaning.before + leaning.newest, leaning.name)))
                return "interest.leanings"
        return ""

    @classmethod
    def of_past(cls, codec: int, blob: bytes) -> Self:  # noqa: ARG003 - there is only one
        """Read codec 1, which counted looks at eight products and knew neither points nor days: they count on the day they were last."""
        told: list[list[Any]] = msgspec.msgpack.decode(blob).get("products", [])
        newest = max((view[4] for view in told), default=0)
        day, window = newest // DAY, newest // WINDOW
        products = []
        for product, name, count, seconds, last, _ in told:
            since = day - last // DAY
            points = fade(count * 1_000, since, HALF_LIFE)
            days = [(since, count, seconds)] if since < REMEMBERED else []
            products.append(Liked(product=product, points=points, days=days, ago=window - last // WINDOW, name=name))
        products.sort(key=lambda liked: liked.product)
        return cls(products=products, window=window, day=day)

    def turn_to(self, at: Millis) -> int:
        """Make room for news of `at`: 1 when it belongs to the newest window (which it may have begun), 0 to the one before, −1 to none."""
        window = at // WINDOW
        if window > self.window:
            self.stand_at(window)
        ahead = window - self.window
        return 1 + ahead if ahead >= -1 else -1

    def stand_at(self, window: int) -> None:
        """Make a window the newest one, if it is newer."""
        if window <= self.window:
            return
        if self.window:
            self._advance(window - self.window)
        self.window = window

    def cut(self) -> None:
        """Forget what ranks too low."""
        cut_products(self.products)
        for leanings, most in ((self.categories, CATEGORIES_AT_MOST), (self.brands, BRANDS_AT_MOST), (self.bands, BANDS_AT_MOST)):
            cut_leanings(leanings, most)

    def hears(self, place: int, h: bytes) -> bool:
        """Note an event of the newest (1) or the former (0) window; False when it was heard already. Older news is always new."""
        if place < 0:
            return True
        known = self.heard[place]
        stamp = h[:STAMP]
        if not known:
            self.heard = (stamp, self.heard[1]) if place == 0 else (self.heard[0], stamp)
            return True
        stamps = [known[i : i + STAMP] for i in range(0, len(known), STAMP)]
        if stamp in stamps:
            return False
        joined = b"".join(sorted([*stamps, stamp])[-HEARD_AT_MOST:])
        self.heard = (joined, self.heard[1]) if place == 0 else (self.heard[0], joined)
        return True

    def like(self, place: int, product: str, at: Millis, *, points: int, looks: int, seconds: int, name: str) -> None:
        """Add what an event says of a product to the window at `place`."""
        for liked in self.products:
            if liked.product == product:
                break
        else:
            liked = Liked(product=product)
            _insert(self.products, liked, product)
        if place < 0:
            _settle_late(self, liked, at, points=points, looks=looks, seconds=seconds, name=name)
            return
        fresh = liked.newest if place else liked.before
        if fresh is None:
            fresh = Fresh()
            if place:
                liked.newest = fresh
            else:
                liked.before = fresh
            cut_window(self.products, place)
        fresh.points += points
        fresh.looks += looks
        fresh.seconds += seconds
        fresh.name = max(fresh.name, name)

    def lean(self, leanings: list[Leaning], place: int, name: str, at: Millis, points: int) -> None:
        """Add points to a category, brand or band of this section in the window at `place`."""
        for leaning in leanings:
            if leaning.name == name:
                break
        else:
            leaning = Leaning(name=name)
            _insert(leanings, leaning, name)
        if place > 0:
            leaning.newest += points
        elif place == 0:
            leaning.before += points
        else:
            leaning.points += fade(points, self.settled_after(at // DAY) - at // DAY, self.half_life)
        if len(leanings) > A_WINDOW_AT_MOST:
            cut_window_of_leanings(leanings, place)

    def settled_after(self, day: int) -> int:
        """Give the day as of which settled points stand, having let them fade to `day` if that is later."""
        self._fade_to(max(day, self.day or self.window // WINDOWS_A_DAY))
        return self.day

    def rest(self) -> None:
        """Settle every window: for who has been away so long that no timely news can come any more."""
        self._settle(self.window - 1, ago=1)
        self._shift(0)
        self._settle(self.window, ago=0)
        self.heard = (b"", b"")

    def _fade_to(self, day: int) -> None:
        """Let what is settled fade to a day, if that is later."""
        since = day - self.day
        if since <= 0:
            return
        if self.day:
            left = share_left(self.half_life, since)
            for liked in self.products:
                if liked.points:
                    liked.points = liked.points * left >> SHIFT
                if liked.days:
                    liked.days = by_weeks(liked.days, since, day, REMEMBERED)
            for leanings in (self.categories, self.brands, self.bands):
                for leaning in leanings:
                    if leaning.points:
                        leaning.points = leaning.points * left >> SHIFT
        self.day = day

    def _advance(self, ahead: int) -> None:
        """Settle the window before, and the newest one too unless it becomes the one before."""
        self._settle(self.window - 1, ago=1)
        self._shift(ahead)
        if ahead > 1:
            self._settle(self.window, ago=ahead)
            self.heard = (b"", b"")

    def _shift(self, ahead: int) -> None:
        """Let the newest window be the one before, with so many windows ahead of it."""
        self.heard = (self.heard[1], b"")
        for liked in self.products:
            if liked.points:
                liked.ago += ahead
            newest = liked.newest
            if newest is not None:
                liked.before, liked.newest = newest, None
            elif liked.before is not None:
                liked.before = None
        for leanings in (self.categories, self.brands, self.bands):
            for leaning in leanings:
                if leaning.newest or leaning.before:
                    leaning.before, leaning.newest = leaning.newest, 0

    def _settle(self, window: int, *, ago: int) -> None:
        """Add what stands in `before` to what is settled, rank it, and forget what ranks too low."""
        if not self.heard[0]:
            return
        self._fade_to(window // WINDOWS_A_DAY)
        for liked in self.products:
            fresh = liked.before
            if fresh is not None:
                settle_one(liked, fresh, ago)
                liked.before = None
        for leanings in (self.categories, self.brands, self.bands):
            for leaning in leanings:
                if leaning.before:
                    leaning.points += leaning.before
                    leaning.before = 0
        self.cut()


def _insert(entries: list[Any], entry: Any, key: str) -> None:
    """Put an entry in its place by name."""
    for place, known in enumerate(entries):
        if (known.product if isinstance(known, Liked) else known.name) > key:
            entries.insert(place, entry)
            return
    entries.append(entry)


def _settle_late(interest: Interest, liked: Liked, at: Millis, *, points: int, looks: int, seconds: int, name: str) -> None:
    ago = interest.settled_after(at // DAY) - at // DAY
    windows = interest.window - at // WINDOW
    liked.ago = min(liked.ago, windows) if liked.points else windows
    liked.points += fade(points, ago, interest.half_life)
    if looks and ago < REMEMBERED:
        count_looks(liked, ago, looks, seconds)
        liked.days = by_weeks(liked.days, 0, interest.day, REMEMBERED)
    liked.name = (liked.name or name) if worth_a_word(liked) else ""
    cut_products(interest.products)
