"""One thing that somebody is interested in, and which of many are forgotten: those that rank too low once their news is settled."""

from __future__ import annotations

from typing import Final

import msgspec

PRODUCTS_AT_MOST: Final = 12
CATEGORIES_AT_MOST: Final = 8
BRANDS_AT_MOST: Final = 8
BANDS_AT_MOST: Final = 5
WORTH_KEEPING: Final = 700
"""Settled points below which a thing is forgotten: two thirds of a look. Hot state is the engine's speed."""
LOOKS_AT_LEAST: Final = 2
SECONDS_AT_LEAST: Final = 60
"""Looks, or seconds in sight in all, within thirty days that make a product one that the customer cares about."""
A_WINDOW_AT_MOST: Final = 24
"""Products, categories or brands of one window: a person does not read more in ten minutes. A machine may, and is cut by name."""


class Fresh(msgspec.Struct, kw_only=True, array_like=True, gc=False):
    """What happened about one product in one window."""

    points: int = 0
    looks: int = 0
    seconds: int = 0
    name: str = ""
    """Of several names told in one window the last by the alphabet."""


class Liked(msgspec.Struct, kw_only=True, array_like=True, gc=False):
    """One product the customer showed interest in."""

    product: str
    points: int = 0
    """Settled, as of the section's `day`."""
    days: list[tuple[int, int, int]] = []
    """(days before the section's `day`, looks, whole seconds in sight), settled, oldest first: a week day by day, older ones by weeks."""
    ago: int = 0
    """How many windows before the newest one the last settled event happened: small numbers are stored small."""
    name: str = ""
    """As last told, among what is settled; kept of what was looked at so much that a message may speak of it."""
    before: Fresh | None = None
    """Of the window before the newest one."""
    newest: Fresh | None = None


class Leaning(msgspec.Struct, kw_only=True, array_like=True, gc=False):
    """One category, brand or price band."""

    name: str
    points: int = 0
    before: int = 0
    newest: int = 0


def whole_of(liked: Liked) -> int:
    """Give all points of a product, whenever they were told."""
    return liked.points + sum(fresh.points for fresh in (liked.before, liked.newest) if fresh is not None)


def settle_one(liked: Liked, fresh: Fresh, ago: int) -> None:
    """Add to what is settled of a product what one window holds of it, as of the day to which that window belongs."""
    liked.points += fresh.points
    liked.ago = ago
    looks = fresh.looks
    if looks:
        days = liked.days
        if days and not days[-1][0]:
            _, known, seconds = days[-1]
            days[-1] = (0, known + looks, seconds + fresh.seconds)
        else:
            days.append((0, looks, fresh.seconds))
    name = fresh.name or liked.name
    if name:
        liked.name = name if worth_a_word(liked) else ""


def worth_a_word(liked: Liked) -> bool:
    """Say whether so much was looked at a product that a message may speak of it."""
    looks = seconds = 0
    for _, seen, sight in liked.days:
        looks += seen
        seconds += sight
        if looks >= LOOKS_AT_LEAST or seconds >= SECONDS_AT_LEAST:
            return True
    return False


def count_looks(liked: Liked, ago: int, looks: int, seconds: int) -> None:
    """Count looks and seconds of a day so long before the section's."""
    days = liked.days
    for place in range(len(days) - 1, -1, -1):
        known = days[place]
        if known[0] == ago:
            days[place] = (ago, known[1] + looks, known[2] + seconds)
            return
        if known[0] > ago:
            days.insert(place + 1, (ago, looks, seconds))
            return
    days.insert(0, (ago, looks, seconds))


def cut_products(products: list[Liked]) -> None:
    """Forget what is settled of the products that rank too low; what a window still holds of them stays."""
    if len(products) <= PRODUCTS_AT_MOST:
        low = [liked for liked in products if liked.points < WORTH_KEEPING]
    else:
        least = _least([(liked.points, liked.product) for liked in products], PRODUCTS_AT_MOST)
        low = [liked for liked in products if (liked.points, liked.product) < least]
    if not low:
        return
    for liked in low:
        if liked.points:
            liked.points, liked.days, liked.ago, liked.name = 0, [], 0, ""
    products[:] = [liked for liked in products if liked.points or liked.before or liked.newest]


def cut_leanings(leanings: list[Leaning], most: int) -> None:
    """Do the same with categories, brands or bands."""
    if len(leanings) <= most:
        low = [leaning for leaning in leanings if leaning.points < WORTH_KEEPING]
    else:
        least = _least([(leaning.points, leaning.name) for leaning in leanings], most)
        low = [leaning for leaning in leanings if (leaning.points, leaning.name) < least]
    if not low:
        return
    for leaning in low:
        leaning.points = 0
    leanings[:] = [leaning for leaning in leanings if leaning.points or leaning.before or leaning.newest]


def _least(settled: list[tuple[int, str]], most: int) -> tuple[int, str]:
    """Give the least (points, name) that is worth keeping."""
    kept = sorted([entry for entry in settled if entry[0] >= WORTH_KEEPING])
    return kept[-most] if len(kept) > most else (WORTH_KEEPING, "")


def cut_window(products: list[Liked], place: int) -> None:
    """Keep the products of a window whose names come first: of a set too large the same ones stay in whatever order it came."""
    if len(products) <= A_WINDOW_AT_MOST:
        return
    here = [liked for liked in products if (liked.newest if place else liked.before) is not None]
    for liked in here[A_WINDOW_AT_MOST:]:
        if place:
            liked.newest = None
        else:
            liked.before = None
    products[:] = [liked for liked in products if liked.points or liked.before or liked.newest]


def cut_window_of_leanings(leanings: list[Leaning], place: int) -> None:
    """Do the same with categories, brands or bands."""
    here = [leaning for leaning in leanings if (leaning.newest if place else leaning.before)]
    for leaning in here[A_WINDOW_AT_MOST:]:
        if place:
            leaning.newest = 0
        else:
            leaning.before = 0
    leanings[:] = [leaning for leaning in leanings if leaning.points or leaning.before or leaning.newest]
