"""The answers of two customers who turn out to be one: of each the stricter, and nothing becomes looser by meeting."""

from __future__ import annotations

from typing import Final

from oportuno.attention.ledger import UNANSWERED_AT_MOST, Attention, Touch
from oportuno.consent.answers import Answered, Consent, Consents
from oportuno.consent.change import pause, skip_topic, suppress
from oportuno.consent.listen import BROWSER
from oportuno.consent.wishes import CADENCES
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft

_STRICTNESS: Final = {Answered.GRANTED: 0, Answered.PENDING: 1, Answered.DENIED: 2, Answered.WITHDRAWN: 3}
_NO: Final = frozenset({Answered.DENIED, Answered.WITHDRAWN})


def merge_consents(draft: Draft, other: Consents, *, vouched: bool) -> None:
    """Take the stricter of each answer, suppression and wish.

    Where only one of the two answered, that answer holds, with one exception: a yes that was given on a device with the public key is not
    carried to somebody else's profile unless a signature or a secret key `vouched` that they are one person. Otherwise whoever knows a
    user id could say yes in their name.
    """
    consents = draft.open(Consents)
    for place, found in other.answers.items():
        known = consents.answers.get(place)
        if known is None:
            if found.state is not Answered.GRANTED or found.source != BROWSER or vouched:
                consents.answers[place] = found
        else:
            consents.answers[place] = stricter(known, found)
    for channel, (reason, since) in other.suppressed.items():
        suppress(draft, channel, reason, since)
    pause(draft, max(consents.paused_until, other.paused_until))
    for topic in other.skipped_topics:
        skip_topic(draft, topic)
    consents.skipped_topics.sort()
    consents.quiet = _quieter(consents.quiet, other.quiet)
    consents.cadence = _slower(consents.cadence, other.cadence)
    consents.asked = sorted({*consents.asked, *other.asked}, key=lambda asked: (asked[1], asked[0]))[-10:]
    for number, told in other.complaints.items():
        known_told = consents.complaints.get(number)
        consents.complaints[number] = told if known_told is None else max(known_told, told, key=lambda entry: (entry[1], entry[0]))


def stricter(one: Consent, other: Consent) -> Consent:
    """Give the stricter of two answers; of two yeses the one that ends first, of equals the later."""
    if one.state is not other.state:
        return max(one, other, key=lambda answer: _STRICTNESS[answer.state])
    if one.state is Answered.GRANTED and one.expires != other.expires:
        return min(one, other, key=lambda answer: answer.expires or 2**62)
    return max(one, other, key=lambda answer: (answer.at, answer.source, answer.notice))


def merge_attention(attention: Attention, other: Attention) -> None:
    """Touches of both count. What the other had reserved was cancelled with the messages it was for."""
    known = {touch.id: touch for touch in attention.touches}
    for touch in other.touches:
        if touch.made:
            mine = known.get(touch.id)
            known[touch.id] = touch if mine is None or not mine.made or mine.at < touch.at else mine
    attention.touches = sorted(known.values(), key=_by_time)
    attention.complained = max(attention.complained, other.complained)
    attention.worn = max(attention.worn, other.worn)
    attention.spoken_at = max(attention.spoken_at, other.spoken_at)
    attention.unanswered = sorted({*attention.unanswered, *other.unanswered})[-UNANSWERED_AT_MOST:]


def refusals_since(before: Consents, now: Consents) -> dict[str, Consent]:
    """Give the answers that are a no now and were none, or another one, before."""
    return {place: answer for place, answer in now.answers.items() if answer.state in _NO and before.answers.get(place) != answer}


def tighten(draft: Draft, before: Consents, now: Consents) -> None:
    """Let what became stricter between two moments hold here too: every no, suppression, pause, quiet hour, topic and open complaint."""
    for place, answer in refusals_since(before, now).items():
        consents = draft.open(Consents)
        known = consents.answers.get(place)
        consents.answers[place] = answer if known is None else stricter(known, answer)
    for channel, (reason, since) in now.suppressed.items():
        if before.suppressed.get(channel) != (reason, since):
            suppress(draft, channel, reason, since)
    if now.paused_until != before.paused_until:
        pause(draft, max(now.paused_until, draft.read(Consents).paused_until))
    for topic in sorted(set(now.skipped_topics) - set(before.skipped_topics)):
        skip_topic(draft, topic)
    if now.quiet != before.quiet:
        draft.open(Consents).quiet = _quieter(draft.read(Consents).quiet, now.quiet)
    if now.cadence != before.cadence:
        draft.open(Consents).cadence = _slower(draft.read(Consents).cadence, now.cadence)
    for number, told in now.complaints.items():
        if told[1] and before.complaints.get(number) != told:
            draft.open(Consents).complaints[number] = told


def widen(draft: Draft, before: Consents, now: Consents, besides: Consents) -> None:
    """Let the yeses given between two moments stay with the one who gave them: those that are not `besides`' own.

    The last by the time of the answer counts, so a no given later is not taken back. Suppressions lifted since are lifted.
    """
    for place, answer in now.answers.items():
        if answer.state in _NO or before.answers.get(place) == answer or besides.answers.get(place) == answer:
            continue
        known = draft.read(Consents).answers.get(place)
        if known is None or known.at < answer.at:
            draft.open(Consents).answers[place] = answer
    for channel in [channel for channel in before.suppressed if channel not in now.suppressed]:
        draft.open(Consents).suppressed.pop(channel, None)


def _quieter(one: tuple[int, int] | None, other: tuple[int, int] | None) -> tuple[int, int] | None:
    """Give the longer of two quiet times, whose minutes may run over midnight; of equals the earlier in the day."""
    if one is None or other is None:
        return one or other
    return max((one, other), key=lambda hours: ((hours[1] - hours[0]) % 1440, -hours[0]))


def _slower(one: str, other: str) -> str:
    """Give the cadence that allows fewer messages; a word that this release does not know allows fewest."""
    if not one or not other:
        return one or other
    return max((one, other), key=lambda cadence: (cadence not in CADENCES, _pause_of(cadence), cadence))


def _pause_of(cadence: str) -> Millis:
    limit = CADENCES.get(cadence)
    return limit.per // limit.at_most if limit is not None else 0


def _by_time(touch: Touch) -> tuple[Millis, bytes]:
    return touch.at, touch.id
