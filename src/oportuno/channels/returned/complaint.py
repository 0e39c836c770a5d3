"""Complaints as mailbox providers pass them on (ARF, RFC 5965): the customer pressed “spam”, or left by the provider's own button."""

from __future__ import annotations

from typing import Final

import msgspec

from oportuno.channels.hearing import What
from oportuno.channels.returned.letter import Letter, address_in, parts, text_of, written_at
from oportuno.channels.returned.report import fields_of
from oportuno.kit.times import Millis

_MEANS: Final[dict[str, What]] = {
    "abuse": What.COMPLAINT,
    "fraud": What.COMPLAINT,
    "miscategorized": What.COMPLAINT,
    "complaint": What.COMPLAINT,
    "opt-out": What.UNSUBSCRIBED,
    "opt-out-list": What.UNSUBSCRIBED,
}
"""Feedback types → what is told. Others (not-spam, virus, auth-failure, other) say nothing of what the customer wants."""


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What a feedback report says."""

    what: What
    kind: str
    """The feedback type as it stands there, at most 40 characters."""
    address: str = ""
    """The recipient, where the provider does not hide it."""
    envelope: str = ""
    """The envelope's sender of the mail that is complained about."""
    at: Millis | None = None


def feedback_in(letter: Letter) -> Feedback | None:
    """Read a feedback report; None: it is none."""
    for part in parts(letter):
        if part.get_content_type() != "message/feedback-report":
            continue
        fields = fields_of(text_of(part))
        kind = fields.get("feedback-type", "").split(";")[0].strip().lower()[:40]
        return Feedback(
            what=_MEANS.get(kind, What.NOT_UNDERSTOOD),
            kind=kind,
            address=address_in(fields.get("original-rcpt-to", "")) or address_in(fields.get("removal-recipient", "")),
            envelope=fields.get("original-mail-from", "")[:320],
            at=written_at(fields.get("arrival-date", "")) or written_at(fields.get("received-date", "")),
        )
    return None
