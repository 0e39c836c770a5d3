"""Changing what the customer answered and wishes. Pure: the ledger rows that prove it are written by the flows beside it.

Last by the time of the answer wins, whatever the order of arrival; at one and the same time the stricter wins.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oportuno.consent.answers import ANY_CHANNEL, Answered, Consent, Consents, slot
from oportuno.consent.reach import GRAVITY
from oportuno.consent.wishes import Cadence
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft, Section
from oportuno.profile.purposes import Purpose

_STRICTNESS: Final = {Answered.GRANTED: 0, Answered.PENDING: 1, Answered.DENIED: 2, Answered.WITHDRAWN: 3}
_NO: Final = frozenset({Answered.DENIED, Answered.WITHDRAWN})


def answer(
    draft: Draft,
    *,
    purpose: Purpose,
    channel: str,
    state: Answered,
    at: Millis,
    source: str,
    notice: str = "",
    expires: Millis = 0,
    by: int = 0,
) -> bool:
    """Note an answer; say whether it changed anything. A no to a purpose deletes the sections that only that purpose allowed.

    An answer older than the current one changes nothing. Being asked again (pending) takes no yes away.
    """
    found = draft.read(Consents).answers.get(slot(purpose, channel))
    if found is not None and not _replaces(found, state, at, expires):
        return False
    draft.open(Consents).answers[slot(purpose, channel)] = Consent(state=state, at=at, source=source, notice=notice, expires=expires, by=by)
    if channel == ANY_CHANNEL and state in _NO:
        draft.granted -= {purpose}
        for section in _belonging_to(purpose):
            draft.delete(section)
    return True


def suppress(draft: Draft, channel: str, reason: str, at: Millis) -> bool:
    """Stop a channel; say whether that is news. A graver reason replaces a lighter one, never the other way round."""
    found = draft.read(Consents).suppressed.get(channel)
    if found is not None and GRAVITY.get(found[0], 9) >= GRAVITY.get(reason, 9):
        return False
    draft.open(Consents).suppressed[channel] = (reason, at)
    return True


def lift(draft: Draft, channel: str) -> bool:
    """Open a channel again; say whether it was closed."""
    if channel not in draft.read(Consents).suppressed:
        return False
    del draft.open(Consents).suppressed[channel]
    return True


def pause(draft: Draft, until: Millis) -> bool:
    """Let marketing rest until a moment; 0 ends the pause. Says whether anything changed."""
    if draft.read(Consents).paused_until == until:
        return False
    draft.open(Consents).paused_until = until
    return True


def keep_quiet(draft: Draft, hours: tuple[int, int] | None) -> bool:
    """Set the customer's own quiet hours (minutes of their day, from and to); None: only the workspace's. Says whether anything changed."""
    if draft.read(Consents).quiet == hours:
        return False
    draft.open(Consents).quiet = hours
    return True


def choose_cadence(draft: Draft, cadence: Cadence | None) -> bool:
    """Set how often the customer wants to hear from us; None: as the workspace's limits allow. Says whether anything changed."""
    chosen = "" if cadence is None else cadence.value
    if draft.read(Consents).cadence == chosen:
        return False
    draft.open(Consents).cadence = chosen
    return True


def skip_topic(draft: Draft, topic: str, *, skip: bool = True) -> bool:
    """Leave a topic out, or take it up again. Says whether anything changed."""
    if (topic in draft.read(Consents).skipped_topics) is skip:
        return False
    topics = draft.open(Consents).skipped_topics
    if skip:
        topics.append(topic)
    else:
        topics.remove(topic)
    return True


def _replaces(found: Consent, state: Answered, at: Millis, expires: Millis) -> bool:
    if state is Answered.PENDING and found.state is Answered.GRANTED:
        return False
    if at != found.at:
        return at > found.at
    if state is not found.state:
        return _STRICTNESS[state] > _STRICTNESS[found.state]
    return 0 < expires < (found.expires or expires + 1)


def _belonging_to(purpose: Purpose) -> Iterator[type[Section]]:
    """Find every section that needs the purpose, wherever it is defined."""
    known: list[type[Section]] = [Section]
    for section in known:
        known.extend(section.__subclasses__())
        if purpose in section.purposes:
            yield section
