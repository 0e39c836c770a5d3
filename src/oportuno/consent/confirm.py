"""Double opt-in: whoever asks for marketing on a channel confirms it from that channel. Nobody can be signed up by somebody else.

A pending answer lets one service message go out with a link; opening the link shows a page, and only its button makes a yes. How often one
may be asked is limited, because the asking itself is a message that somebody else can set off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from oportuno.attention.ledger import Limit
from oportuno.channels.channel import Channel
from oportuno.consent.answers import Answered, Consents, slot
from oportuno.kit.ids import CustomerKey, derive
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

MARKETING_EMAIL: Final = slot(Purpose.MARKETING, Channel.EMAIL)
CONFIRMABLE: Final = frozenset({MARKETING_EMAIL})
"""Answers that a message on the channel itself can confirm. A webhook has nobody at its other end who could."""
SOURCE: Final = "double_opt_in"
"""Source of an answer given on the page behind such a link."""
NOTICE: Final = "confirm-1"
"""Version of the wording on that page; raised when its words change their meaning."""
_MOST: Final = 10


def asked_again_at(consents: Consents, place: str, limit: Limit, now: Millis, *, besides: bytes = b"") -> Millis:
    """Say from when on one may be asked about this answer: `now` when one may be already. `besides` is the asker's own id."""
    asked = sorted(at for name, at, about in consents.asked if about == place and at > now - limit.per and name != besides[:8])
    over = len(asked) + 1 - limit.at_most
    return now if over <= 0 else asked[over - 1] + limit.per if over <= len(asked) else now + limit.per


def ask_once_more(
    asked: Sequence[tuple[bytes, Millis]], name: bytes, limit: Limit, now: Millis
) -> tuple[tuple[bytes, Millis], ...] | Millis:
    """Add a question to those that one address got (name, when), or say from when on it may get one. The same one counts once."""
    recent = sorted((entry for entry in asked if entry[1] > now - limit.per), key=lambda entry: entry[1])
    if any(known == name for known, _ in recent):
        return tuple(recent)
    if len(recent) < limit.at_most:
        return *recent, (name, now)
    return (recent[-limit.at_most][1] if limit.at_most else now) + limit.per


def note_asked(draft: Draft, place: str, name: bytes, now: Millis) -> None:
    """Remember that one was asked, so that asking stays rare."""
    consents = draft.open(Consents)
    if all(known != name[:8] for known, _, _ in consents.asked):
        consents.asked = [*consents.asked, (name[:8], now, place)][-_MOST:]


def is_pending(draft: Draft, place: str) -> bool:
    """Say whether the answer waits to be confirmed."""
    answer = draft.read(Consents).answers.get(place)
    return answer is not None and answer.state is Answered.PENDING


def mark_of(key: CustomerKey, address: str) -> str:
    """Give a mark of an address, so that a link confirms the address it was sent to and no other. It tells nothing of the address."""
    return derive("address", key.workspace, key.customer, address.strip().casefold()).hex()


def proof_of(consents: Consents, place: str, message: bytes, mark: str) -> dict[str, Any]:
    """Give what proves a confirmation: which message asked, to which address (as a mark), and what had been asked for, where and when."""
    asked = consents.answers[place]
    return {"message": message.hex(), "address": mark, "asked_at": asked.at, "asked_source": asked.source, "asked_notice": asked.notice}
