"""Stepping back: whoever lets our messages pass is written to more rarely, and hears from us as often as before only step by step.

A message is *ignored* when nothing was seen of the customer from then on for seven days: no click, visit, purchase or answer. It is worked
out when something is decided, from when we spoke and when they were last seen; whoever comes back before we look is given the benefit.
"""

from __future__ import annotations

from typing import Final

import msgspec

from oportuno.attention.ledger import Attention, Limit
from oportuno.kit.times import DAY, Millis

IGNORED_AFTER: Final[Millis] = 7 * DAY
PATIENT: Final = 2
"""So many ignored in a row change nothing."""
WORN_AT_MOST: Final = 5
COMPLAINT_LASTS: Final[Millis] = 90 * DAY
_AFTER_COMPLAINT: Final = 4
_LONGEST: Final[Millis] = 60 * DAY
"""The longest break that anybody is left in by this alone."""


class Ease(msgspec.Struct, frozen=True, kw_only=True):
    """How far we step back."""

    ignored: int
    """How worn they are: one more for each message ignored, one fewer each time that they answer, 5 at most."""
    times: int
    """By this the time between two messages grows: 1, 2, 4 or 8."""


def ease(attention: Attention, *, seen: Millis, now: Millis) -> Ease:
    """Say how far to step back from a customer who was last seen at `seen`. Changes nothing."""
    worn, _ = _settled(attention, seen, now)
    times = 2 ** max(0, worn - PATIENT)
    if attention.complained and now < attention.complained + COMPLAINT_LASTS:
        times = max(times, _AFTER_COMPLAINT)
    return Ease(ignored=worn, times=times)


def eased_until(attention: Attention, own: Limit | None, limits: tuple[Limit, ...], *, seen: Millis, now: Millis) -> tuple[Millis, Ease]:
    """Say from when on one more marketing message leaves them room: `now` when it does already.

    The time between two is that of their cadence, where they chose none that of the workspace's longest limit, times the ease.
    """
    found = ease(attention, seen=seen, now=now)
    bound = own or max(limits, key=lambda limit: limit.per, default=None)
    if found.times == 1 or bound is None or not attention.spoken_at:
        return now, found
    return max(now, attention.spoken_at + min(_LONGEST, bound.per // bound.at_most * found.times)), found


def settle(attention: Attention, *, seen: Millis, now: Millis) -> None:
    """Write down which messages were answered and which ignored; what is neither yet stays open. Doing it again changes nothing."""
    attention.worn, attention.unanswered = _settled(attention, seen, now)


def not_delivered(attention: Attention, id: bytes) -> None:  # noqa: A002 - the field's own word
    """Take a message out of what may be ignored: it came back, so nobody let it pass."""
    attention.unanswered = [each for each in attention.unanswered if each[1] != id[:8]]


def _settled(attention: Attention, seen: Millis, now: Millis) -> tuple[int, list[tuple[Millis, bytes]]]:
    answered = any(at <= seen for at, _ in attention.unanswered)
    open_now = [each for each in attention.unanswered if each[0] > seen]
    ignored = sum(now >= at + IGNORED_AFTER for at, _ in open_now)
    worn = min(WORN_AT_MOST, max(0, attention.worn - answered) + ignored)
    return worn, [each for each in open_now if now < each[0] + IGNORED_AFTER]
