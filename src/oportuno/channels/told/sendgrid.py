"""SendGrid's event webhook: a list of events, many messages' at once."""

from __future__ import annotations

import re
from typing import Any, Final

from oportuno.channels.hearing import Hearing, What
from oportuno.channels.told.bounces import Kind, verdict
from oportuno.channels.told.telling import CUSTOM, Around, Named, plain, seconds, tell
from oportuno.events.hooks.post import Payload, rows, word

CLASSES: Final[dict[str, Kind]] = {
    "invalid address": Kind.GONE,
    "mailbox unavailable": Kind.PASSES,
    "technical": Kind.PASSES,
    "content": Kind.ABOUT_US,
    "reputation": Kind.ABOUT_US,
    "frequency/volume": Kind.ABOUT_US,
    "frequency or volume too high": Kind.ABOUT_US,
    "unclassified": Kind.ASK,
}
"""bounce_classification, in small letters → kind. Another one, or none, is asked for the server's words."""
DROPS: Final[dict[str, Kind | What]] = {
    "bounced address": Kind.PASSES,
    "invalid": Kind.PASSES,
    "spam reporting address": What.UNSUBSCRIBED,
    "unsubscribed address": What.UNSUBSCRIBED,
    "spam content": Kind.ABOUT_US,
    "invalid smtpapi header": Kind.ABOUT_US,
    "recipient list over package quota": Kind.ABOUT_US,
}
"""Why a mail was not even tried, in small letters. Who complained or left before said no; that is no new complaint."""
_PLAIN: Final = {
    "delivered": What.DELIVERED,
    "deferred": What.DELAYED,
    "spamreport": What.COMPLAINT,
    "unsubscribe": What.UNSUBSCRIBED,
    "group_unsubscribe": What.UNSUBSCRIBED,
    "click": What.CLICKED,
}
_NOTHING: Final = frozenset({"processed", "open", "group_resubscribe"})
_FILTER: Final = re.compile(r"\.(?:filter|recvd).*")
"""What SendGrid's machines add to the id that it gave when it took the mail."""


def hearings(events: Any, around: Around) -> list[Hearing]:
    """Read a post."""
    return [found for event in rows(events if isinstance(events, list) else [events]) for found in _one(event, around)]


def _one(event: Payload, around: Around) -> list[Hearing]:
    name = word(event.get("event"))
    if name in _NOTHING:
        return []
    status, detail, reason = "", name, word(event.get("reason")) or word(event.get("response"))
    if name == "bounce":
        what, status, detail = _bounced(event, reason)
    elif name == "dropped":
        what, status = _dropped(reason)
        # A reason of its own is a fixed phrase; what else stands there may be a server's words about somebody.
        detail = f"dropped {reason}" if reason.lower() in DROPS else "dropped"
    else:
        what = _PLAIN.get(name, What.NOT_UNDERSTOOD)
        if what is What.DELAYED:
            status = verdict(Kind.PASSES, "", reason)[1]
    named = Named(event.get(CUSTOM), _FILTER.sub("", word(event.get("sg_message_id"))), event.get("email"))
    key = (event.get("sg_event_id"),)
    return [tell(around, what, named, event=event, key=key, at=seconds(event.get("timestamp")), status=status, detail=detail)]


def _bounced(event: Payload, reason: str) -> tuple[What, str, str]:
    classified = word(event.get("bounce_classification"))
    kind = CLASSES.get(classified.lower(), Kind.ASK)
    if word(event.get("type")) == "blocked" and kind in {Kind.GONE, Kind.ASK}:
        kind = Kind.PASSES
    what, status = verdict(kind, word(event.get("status")), reason)
    return what, status, f"{plain(event.get('type')) or 'bounce'}/{plain(classified)}"


def _dropped(reason: str) -> tuple[What, str]:
    meant = DROPS.get(reason.lower(), Kind.PASSES)
    return (meant, "") if isinstance(meant, What) else verdict(meant, "", "")
