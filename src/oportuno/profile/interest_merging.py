"""Two interests become one: what one person did as two."""

from __future__ import annotations

from oportuno.profile.declared import Declared
from oportuno.profile.interest import HEARD_AT_MOST, STAMP, Interest
from oportuno.profile.liked import Fresh, Leaning, Liked


def merge_interest(interest: Interest, other: Interest) -> None:
    """Add up what both showed, each brought to the same window and day first; then what ranks too low goes. `other` is used up."""
    window = max(interest.window, other.window)
    for each in (interest, other):
        each.stand_at(window)
    day = max(interest.day, other.day)
    for each in (interest, other):
        each.settled_after(day)
    known = {liked.product: liked for liked in interest.products}
    for liked in other.products:
        mine = known.get(liked.product)
        known[liked.product] = liked if mine is None else _joined(mine, liked)
    interest.products = [known[product] for product in sorted(known)]
    interest.categories = _added(interest.categories, other.categories)
    interest.brands = _added(interest.brands, other.brands)
    interest.bands = _added(interest.bands, other.bands)
    interest.heard = (_heard(interest.heard[0] + other.heard[0]), _heard(interest.heard[1] + other.heard[1]))
    interest.cut()


def merge_declared(declared: Declared, other: Declared) -> None:
    """What was declared last."""
    if (declared.at, declared.h) < (other.at, other.h):
        declared.items, declared.at, declared.h, declared.source = other.items, other.at, other.h, other.source


def _joined(one: Liked, other: Liked) -> Liked:
    days: dict[int, tuple[int, int]] = {}
    for ago, looks, seconds in [*one.days, *other.days]:
        known = days.get(ago, (0, 0))
        days[ago] = known[0] + looks, known[1] + seconds
    agos = [liked.ago for liked in (one, other) if liked.points]
    return Liked(
        product=one.product,
        points=one.points + other.points,
        days=[(ago, *days[ago]) for ago in sorted(days, reverse=True)],
        ago=min(agos, default=0),
        name=max(one.name, other.name),
        before=_both(one.before, other.before),
        newest=_both(one.newest, other.newest),
    )


def _both(one: Fresh | None, other: Fresh | None) -> Fresh | None:
    if one is None or other is None:
        return one or other
    return Fresh(
        points=one.points + other.points,
        looks=one.looks + other.looks,
        seconds=one.seconds + other.seconds,
        name=max(one.name, other.name),
    )


def _heard(stamps: bytes) -> bytes:
    found = sorted({stamps[place : place + STAMP] for place in range(0, len(stamps), STAMP)})
    return b"".join(found[-HEARD_AT_MOST:])


def _added(leanings: list[Leaning], others: list[Leaning]) -> list[Leaning]:
    known: dict[str, Leaning] = {}
    for each in [*leanings, *others]:
        mine = known.setdefault(each.name, Leaning(name=each.name))
        mine.points += each.points
        mine.before += each.before
        mine.newest += each.newest
    return [known[name] for name in sorted(known)]
