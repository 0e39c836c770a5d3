"""Interest as numbers: what a customer cares about now, how strongly, and the facts that say why."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from oportuno.kit.times import DAY, Millis
from oportuno.profile.declared import Declared
from oportuno.profile.draft import Draft
from oportuno.profile.fading import SHIFT, fade, share_left
from oportuno.profile.interest import REMEMBERED, WINDOW, WINDOWS_A_DAY, Interest
from oportuno.profile.liked import LOOKS_AT_LEAST, SECONDS_AT_LEAST, Leaning, Liked

ScoreKind: TypeAlias = Literal["product", "category", "brand", "band"]

DECLARED_WORTH: Final = 10_000
"""Points of a declaration while it holds: ten looks."""
DECLARED_FOR: Final[Millis] = 365 * DAY
"""A year later tastes have changed: it counts no more until it is said again."""
_ONE: Final = 1_000
_WEEK: Final = 7


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How much the customer cares about one thing now. One: as if they had just opened its page once."""

    kind: ScoreKind
    name: str
    score: float
    declared: bool = False
    """Whether they said so themselves."""


class Looks(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how long a product was looked at: facts for a sentence. Days are those of UTC, today among them."""

    product: str
    name: str = ""
    today: int = 0
    week: int = 0
    """Looks of the last seven days."""
    month: int = 0
    """Looks of the last thirty days; those of its first week may belong to the days before."""
    seconds_today: int = 0
    seconds_week: int = 0
    seconds_month: int = 0
    last: Millis = 0
    """When the ten minutes began in which something about it happened last."""


def scores(draft: Draft, now: Millis) -> list[Score]:
    """Give every interest that is worth anything now, strongest first; nothing without the customer's yes to personalisation."""
    if not draft.may(Interest):
        return []
    points = _points(draft.read(Interest), now // DAY) if draft.has(Interest) else {}
    said = declared_of(draft, now)
    for thing in said:
        points[thing] = points.get(thing, 0) + DECLARED_WORTH
    ranked = sorted(points.items(), key=lambda entry: (-entry[1], entry[0]))
    return [Score(kind=kind, name=name, score=worth / _ONE, declared=(kind, name) in said) for (kind, name), worth in ranked if worth]


def looks(draft: Draft, now: Millis) -> list[Looks]:
    """Give every product looked at within the last thirty days, the last one first; nothing without the yes to personalisation."""
    if not draft.may(Interest) or not draft.has(Interest):
        return []
    interest = draft.read(Interest)
    found = (_looks(interest, liked, now // DAY) for liked in interest.products)
    return sorted((each for each in found if each.month), key=lambda each: (-each.last, each.product))


def looks_at(draft: Draft, product: str, now: Millis) -> Looks | None:
    """Give how a product was looked at, if that was twice, or for a minute in all, within the last thirty days; else None."""
    if not draft.may(Interest) or not draft.has(Interest):
        return None
    interest = draft.read(Interest)
    for liked in interest.products:
        if liked.product == product:
            found = _looks(interest, liked, now // DAY)
            return found if found.month >= LOOKS_AT_LEAST or found.seconds_month >= SECONDS_AT_LEAST else None
    return None


def looked_since(draft: Draft, product: str, now: Millis) -> Millis:
    """Give the beginning (UTC) of the first of the last seven days on which a product was looked at; 0 when it was not."""
    if not draft.may(Interest) or not draft.has(Interest):
        return 0
    interest, today = draft.read(Interest), now // DAY
    liked = next((each for each in interest.products if each.product == product), None)
    if liked is None:
        return 0
    whole, _ = _since(interest, liked, today - _WEEK)
    days = next((days for days in range(1, _WEEK + 1) if _since(interest, liked, today - days)[0] == whole), _WEEK)
    return (today - days + 1) * DAY if whole else 0


def looked_at(draft: Draft, now: Millis) -> list[str]:
    """Name the products looked at twice, or for a minute in all, within the last thirty days."""
    interest = draft.read(Interest)
    since = now // DAY - REMEMBERED
    reach = interest.day - since
    fresh = interest.window // WINDOWS_A_DAY > since
    found = []
    for liked in interest.products:
        seen = sight = 0
        for ago, looks, seconds in liked.days:
            if ago < reach:
                seen += looks
                sight += seconds
        if fresh and (liked.newest is not None or liked.before is not None):
            seen, sight = _since(interest, liked, since)
        if seen >= LOOKS_AT_LEAST or sight >= SECONDS_AT_LEAST:
            found.append(liked.product)
    return found


def leading(draft: Draft, now: Millis, *, most: int, at_least: int) -> list[tuple[Literal["category", "brand"], str]]:
    """Give the strongest categories and brands, at most so many of each, with at least so many points now; declared ones first."""
    interest, today = draft.read(Interest), now // DAY
    found: list[tuple[Literal["category", "brand"], str]] = [
        (kind, name) for kind, name in sorted(declared_of(draft, now)) if kind in ("category", "brand")
    ]
    found += [("category", name) for name in strongest(interest, interest.categories, today, most=most, at_least=at_least)]
    found += [("brand", name) for name in strongest(interest, interest.brands, today, most=most, at_least=at_least)]
    return found


def strongest(interest: Interest, leanings: list[Leaning], today: int, *, most: int, at_least: int) -> list[str]:
    """Name the strongest of some leanings, at most so many, with at least so many points today.

    Who is ahead by less than half as much again is not ahead: by name then, so that two that go side by side do not change places with
    every look.
    """
    ranked = [
        (-(worth * worth).bit_length(), leaning.name)  # as `_step_of`
        for worth, leaning in zip(_worths(interest, leanings, today), leanings, strict=True)
        if worth >= at_least
    ]
    ranked.sort()
    return [name for _, name in ranked[:most]]


def rises(draft: Draft, kind: Literal["category", "brand"], name: str, now: Millis, *, at_least: int) -> bool:
    """Say whether what this step told of a category or brand lifts it to a step from which it may come to lead."""
    interest, today = draft.read(Interest), now // DAY
    for leaning in interest.categories if kind == "category" else interest.brands:
        if leaning.name == name:
            worth = _worth(interest, leaning, today)
            before = worth - sum([more for which, other, more in draft.stirred if other == name and which == kind])
            return worth >= at_least and (before < at_least or _step_of(before) != _step_of(worth))
    return False


def matters(draft: Draft, product: str, now: Millis) -> bool:
    """Say whether `looked_at` would name a product now, without looking through all others."""
    interest = draft.read(Interest)
    for liked in interest.products:
        if liked.product == product:
            seen, sight = _since(interest, liked, now // DAY - REMEMBERED)
            return seen >= LOOKS_AT_LEAST or sight >= SECONDS_AT_LEAST
    return False


def _step_of(worth: int) -> int:
    """Give the step on which points stand: each is two fifths above the one below."""
    return (worth * worth).bit_length()


def _points(interest: Interest, today: int) -> dict[tuple[ScoreKind, str], int]:
    found: dict[tuple[ScoreKind, str], int] = {}
    for liked in interest.products:
        found["product", liked.product] = _worth(interest, liked, today)
    kinds: tuple[tuple[ScoreKind, list[Leaning]], ...] = (
        ("category", interest.categories),
        ("brand", interest.brands),
        ("band", interest.bands),
    )
    for kind, leanings in kinds:
        for leaning in leanings:
            found[kind, leaning.name] = _worth(interest, leaning, today)
    return found


def _worths(interest: Interest, leanings: list[Leaning], today: int) -> list[int]:
    """Give the points of each as of today, as `_worth` does."""
    settled, fresh = today - interest.day, today - interest.window // WINDOWS_A_DAY
    if settled <= 0 and fresh <= 0:
        return [leaning.points + leaning.before + leaning.newest for leaning in leanings]
    left, left_fresh = share_left(interest.half_life, max(0, settled)), share_left(interest.half_life, max(0, fresh))
    return [(leaning.points * left >> SHIFT) + ((leaning.before + leaning.newest) * left_fresh >> SHIFT) for leaning in leanings]


def _worth(interest: Interest, entry: Liked | Leaning, today: int) -> int:
    """Give the points of an entry as of today."""
    if isinstance(entry, Leaning):
        before, newest = entry.before, entry.newest
    else:
        before = entry.before.points if entry.before else 0
        newest = entry.newest.points if entry.newest else 0
    worth = fade(entry.points, today - interest.day, interest.half_life)
    # The two windows that are not settled lie ten minutes apart: the same day, or so nearly that nobody can tell.
    return worth + fade(before + newest, today - interest.window // WINDOWS_A_DAY, interest.half_life)


def declared_of(draft: Draft, now: Millis) -> set[tuple[ScoreKind, str]]:
    """Give what the customer declared to care for, as far as it still counts and may be read."""
    if not draft.has(Declared) or not draft.may(Declared):
        return set()
    declared = draft.read(Declared)
    return set() if declared.at <= now - DECLARED_FOR else set(declared.items)


def _since(interest: Interest, liked: Liked, day: int) -> tuple[int, int]:
    """Give looks and seconds of the days after `day`."""
    seen = sight = 0
    for counted in liked.days:
        if interest.day - counted[0] > day:
            seen += counted[1]
            sight += counted[2]
    for fresh, window in ((liked.before, interest.window - 1), (liked.newest, interest.window)):
        if fresh is not None and window // WINDOWS_A_DAY > day:
            seen += fresh.looks
            sight += fresh.seconds
    return seen, sight


def _looks(interest: Interest, liked: Liked, today: int) -> Looks:
    name, last = liked.name, interest.window - liked.ago
    for fresh, window in ((liked.before, interest.window - 1), (liked.newest, interest.window)):
        if fresh is not None:
            name, last = fresh.name or name, window
    (day, day_sight), (week, week_sight), (month, month_sight) = (_since(interest, liked, today - days) for days in (1, _WEEK, REMEMBERED))
    return Looks(
        product=liked.product,
        name=name,
        today=day,
        week=week,
        month=month,
        seconds_today=day_sight,
        seconds_week=week_sight,
        seconds_month=month_sight,
        last=last * WINDOW,
    )
