"""Mailgun's webhooks: one event a post."""

from __future__ import annotations

from typing import Any, Final

from oportuno.channels.hearing import Hearing, What
from oportuno.channels.told.bounces import Kind, verdict
from oportuno.channels.told.telling import CUSTOM, Around, Named, plain, seconds, tell
from oportuno.events.hooks.post import Payload, table, word

REASONS: Final[dict[str, Kind | What]] = {
    "suppress-bounce": Kind.PASSES,
    "suppress-complaint": What.UNSUBSCRIBED,
    "suppress-unsubscribe": What.UNSUBSCRIBED,
    "old": Kind.PASSES,
    "espblock": Kind.ABOUT_US,
}
"""Reasons of a lasting failure that say more than the server's words. What Mailgun remembers and did not even try is no new bounce, and
who complained or left before said no."""
_PLAIN: Final = {
    "delivered": What.DELIVERED,
    "complained": What.COMPLAINT,
    "unsubscribed": What.UNSUBSCRIBED,
    "clicked": What.CLICKED,
}
_NOTHING: Final = frozenset({"accepted", "opened", "stored"})


def hearings(post: Any, around: Around) -> list[Hearing]:
    """Read a post."""
    event = table(table(post).get("event-data"))
    name = word(event.get("event"))
    if name in _NOTHING:
        return []
    status, detail = "", name
    if name == "failed":
        what, status, detail = _failed(event)
    elif name == "rejected":
        what, status = verdict(Kind.ABOUT_US, "", "")
    else:
        what = _PLAIN.get(name, What.NOT_UNDERSTOOD)
    headers = table(table(event.get("message")).get("headers"))
    named = Named(table(event.get("user-variables")).get(CUSTOM), headers.get("message-id"), event.get("recipient"))
    at = seconds(event.get("timestamp"))
    return [tell(around, what, named, event=event or post, key=(event.get("id"),), at=at, status=status, detail=detail)]


def _failed(event: Payload) -> tuple[What, str, str]:
    ended, severity, reason = table(event.get("delivery-status")), word(event.get("severity")), word(event.get("reason"))
    words = " ".join(word(ended.get(part)) for part in ("code", "message", "description"))
    enhanced, detail = word(ended.get("enhanced-code")), f"failed {plain(severity)}/{plain(reason)}"
    if severity == "temporary":
        return What.DELAYED, verdict(Kind.PASSES, enhanced, words)[1], detail
    meant = REASONS.get(reason, Kind.ASK)
    if isinstance(meant, What):
        return meant, "", detail
    return *verdict(meant, enhanced, words), detail
