"""Whether an address still takes mail, as far as was heard of it. Pure; what is heard comes from `flows/hear_back`.

Everything here is about one address: whoever changes theirs is reachable again. It comes out the same in whatever order it was heard, and
however often.
"""

from __future__ import annotations

import unicodedata
from typing import ClassVar, Final, NamedTuple

import msgspec

from oportuno.consent.answers import Consents
from oportuno.kit.ids import derive
from oportuno.kit.times import DAY, Millis
from oportuno.profile.draft import Draft, Section

GRAVITY: Final = {"unsubscribed": 1, "soft_bounces": 2, "manual": 3, "complaint": 4, "hard_bounce": 5, "invalid": 6}
"""Why an address is not written to, the graver the higher. Of two the graver holds."""
DEAD_ENDS: Final = frozenset({"hard_bounce", "invalid"})
"""Of these the address does not work: service messages stop too."""
SOFT_AT_MOST: Final = 20
"""Soft bounces of a channel that are remembered, the latest."""
_MARK_BYTES: Final = 8


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """From how many soft bounces on an address counts as lastingly failing: each of them is temporary (RFC 3463), all of them are not."""

    times: int = 5
    within: Millis = 30 * DAY
    days: int = 3
    """On so many different days (UTC) at least: one bad afternoon is no verdict."""


class Silenced(NamedTuple):
    """Why an address is not written to."""

    reason: str
    """A key of `GRAVITY`."""
    since: Millis


class Reach(Section):
    """What was heard of the addresses of a customer. Service data: it must be readable to be obeyed."""

    title: ClassVar[str] = "reach"

    silent: dict[str, tuple[str, Millis, bytes]] = {}
    """channel → (reason, since, mark of the address that it is about)."""
    soft: dict[str, list[tuple[Millis, bytes]]] = {}
    """channel → (when, mark of the address), in order of time."""

    def shed(self) -> str:
        """Forget the oldest soft bounce: at worst an address that fails lastingly is found out later. Why an address is silent stays."""
        oldest = min((heard[0][0], channel) for channel, heard in self.soft.items() if heard) if any(self.soft.values()) else None
        if oldest is None:
            return ""
        self.soft[oldest[1]] = self.soft[oldest[1]][1:]
        return "reach.soft"


def plain_address(address: str) -> str:
    """Give an address as it is compared: without space around it, in lower case, in Unicode's composed form."""
    return unicodedata.normalize("NFC", address.strip()).casefold()


def mark_of(channel: str, address: str) -> bytes:
    """Mark an address within its owner's own state. Not keyed: what is stored elsewhere is marked under the installation's secret."""
    return derive("address", channel, plain_address(address))[:_MARK_BYTES]


def silence(draft: Draft, channel: str, address: str, reason: str, since: Millis) -> bool:
    """Note that one address of theirs is not written to; say whether that is news. Of one address the graver reason holds, then the older.

    Only the latest address is remembered beside the present one's need: the list of suppressions knows the others.
    """
    mark = mark_of(channel, address)
    found = draft.read(Reach).silent.get(channel) if draft.has(Reach) else None
    if found is not None and found[2] == mark:
        known = GRAVITY.get(found[0], 9), -found[1]
        if known >= (GRAVITY.get(reason, 9), -since):
            return False
    draft.open(Reach).silent[channel] = (reason, since, mark)
    return True


def hear_soft_bounce(draft: Draft, channel: str, address: str, at: Millis, patience: Patience) -> Millis | None:
    """Count a soft bounce of an address; give since when it fails lastingly, or None while it may be passing."""
    mark = mark_of(channel, address)
    reach = draft.open(Reach)
    reach.soft[channel] = sorted([*reach.soft.get(channel, []), (at, mark)])[-SOFT_AT_MOST:]
    moments = [when for when, whose in reach.soft[channel] if whose == mark]
    return _lasting_since(moments, patience)


def lift_silence(draft: Draft, channel: str) -> bool:
    """Forget what was heard against a channel's address; say whether there was anything."""
    if not draft.has(Reach) or (channel not in draft.read(Reach).silent and channel not in draft.read(Reach).soft):
        return False
    reach = draft.open(Reach)
    reach.silent.pop(channel, None)
    reach.soft.pop(channel, None)
    return True


def silenced(draft: Draft, channel: str, address: str) -> Silenced | None:
    """Say why this address of a customer is not written to, the gravest reason first; None when nothing speaks against it."""
    whole = draft.read(Consents).suppressed.get(channel)
    own = draft.read(Reach).silent.get(channel) if draft.has(Reach) else None
    if own is None or own[2] != mark_of(channel, address):
        return Silenced(*whole) if whole is not None else None
    if whole is None or GRAVITY.get(whole[0], 9) < GRAVITY.get(own[0], 9):
        return Silenced(own[0], own[1])
    return Silenced(*whole)


def merge_reach(reach: Reach, other: Reach) -> None:
    """Take together what was heard of both. Of two addresses the one with the graver reason is remembered; the list knows both."""
    for channel, theirs in other.silent.items():
        mine = reach.silent.get(channel)
        if mine is None or (GRAVITY.get(mine[0], 9), -mine[1], mine[2]) < (GRAVITY.get(theirs[0], 9), -theirs[1], theirs[2]):
            reach.silent[channel] = theirs
    for channel, heard in other.soft.items():
        reach.soft[channel] = sorted({*reach.soft.get(channel, []), *heard})[-SOFT_AT_MOST:]


def _lasting_since(moments: list[Millis], patience: Patience) -> Millis | None:
    """Find the first window that holds enough of them on enough days; give when its last one was."""
    for last in range(patience.times - 1, len(moments)):
        window = [moment for moment in moments[: last + 1] if moment > moments[last] - patience.within]
        if len(window) >= patience.times and len({moment // DAY for moment in window}) >= patience.days:
            return moments[last]
    return None
