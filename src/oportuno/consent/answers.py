"""What the customer answered, per purpose and channel, and what they wish."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final, Self

import msgspec

from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft, Section
from oportuno.profile.purposes import Purpose


class Answered(StrEnum):
    """The current state of one consent."""

    GRANTED = "granted"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    PENDING = "pending"
    """Asked for with the public key; counts as no until confirmed from that channel."""


ANY_CHANNEL: Final = "*"
"""The channel of purposes that are not about a channel (personalisation, measurement, on_site, location)."""


class Consent(msgspec.Struct, kw_only=True, array_like=True, omit_defaults=True, gc=False):
    """The current answer for one purpose on one channel. The ledger of proofs stands in rows of its own."""

    state: Answered
    at: Millis
    source: str = ""
    """Who brought the answer: ``customer``, ``preference_link``, ``one_click``, ``api``, ``browser``, ``signed``, ``demo_simulated``."""
    notice: str = ""
    """Version of the wording served."""
    expires: Millis = 0
    by: int = 0
    """Number of the answer on one of our pages that brought it, so that an undo takes back that answer and no other; 0: none."""


class Consents(Section):
    """Current answers, suppression and wishes. Service data: it must be readable to be obeyed."""

    title: ClassVar[str] = "consents"
    codec: ClassVar[int] = 2

    answers: dict[str, Consent] = {}
    """``purpose/channel`` → answer, for example ``marketing/email``; channel ``*`` where none applies."""
    suppressed: dict[str, tuple[str, Millis]] = {}
    """channel → (reason: unsubscribed | hard_bounce | complaint | manual | invalid, since)."""
    paused_until: Millis = 0
    quiet: tuple[int, int] | None = None
    """The customer's own quiet hours: minutes of the local day (from, to)."""
    skipped_topics: list[str] = []
    cadence: str = ""
    """How often they want to hear from us: a `wishes.Cadence`; empty: they chose none."""
    asked: list[tuple[bytes, Millis, str]] = []
    """Who was asked to confirm: (first eight bytes of the message's id, when, which answer); the latest 10."""
    complaints: dict[str, tuple[Millis, bool]] = {}
    """number of a complaint → (when it was last told of, whether it is open)."""

    @classmethod
    def of_past(cls, codec: int, blob: bytes) -> Self:  # noqa: ARG003 - there is only one
        """Read codec 1, in which each answer spelt out the names of its fields."""
        told = msgspec.msgpack.decode(blob)
        told["answers"] = {
            place: [answer["state"], answer["at"], answer.get("source", ""), answer.get("notice", ""), answer.get("expires", 0)]
            for place, answer in told.get("answers", {}).items()
        }
        return msgspec.convert(told, cls)


def slot(purpose: Purpose | str, channel: str = ANY_CHANNEL) -> str:
    """Name the place of one answer."""
    return purpose + "/" + channel  # joined, not formatted: asked several times an event, and formatting an enum costs four times as much


def granted(consents: Consents, purpose: Purpose, channel: str, now: Millis) -> bool:
    """Say whether the customer's current answer is yes. Unknown, pending, expired: no."""
    if purpose is Purpose.SERVICE:
        return True
    answer = consents.answers.get(slot(purpose, channel))
    return answer is not None and answer.state is Answered.GRANTED and not 0 < answer.expires <= now


_DEVICE_WIDE: Final = tuple(
    (slot(purpose), frozenset({purpose})) for purpose in (Purpose.MEASUREMENT, Purpose.PERSONALISATION, Purpose.ON_SITE, Purpose.LOCATION)
)
"""The purposes that are not about a channel: where their answers stand, and what a yes adds. Named once: it is asked for every event."""
_ALWAYS: Final = frozenset({Purpose.SERVICE})


def granted_purposes(draft: Draft, now: Millis) -> frozenset[Purpose]:
    """Give the purposes whose sections may be decoded for this customer now."""
    answers = draft.read(Consents).answers
    found = _ALWAYS
    for place, purpose in _DEVICE_WIDE:
        answer = answers.get(place)
        if answer is not None and answer.state is Answered.GRANTED and not 0 < answer.expires <= now:
            found |= purpose
    return found
