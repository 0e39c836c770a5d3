"""Postmark's webhooks: one record a post."""

from __future__ import annotations

from typing import Any, Final

from oportuno.channels.hearing import Hearing, What
from oportuno.channels.told.bounces import Kind, verdict
from oportuno.channels.told.telling import CUSTOM, Around, Named, moment, plain, tell
from oportuno.events.hooks.post import Payload, table, word

BOUNCES: Final[dict[str, Kind | What | None]] = {
    "HardBounce": Kind.GONE,
    "BadEmailAddress": Kind.GONE,
    "SoftBounce": Kind.PASSES,
    "DnsError": Kind.PASSES,
    "AddressChange": Kind.PASSES,
    "ChallengeVerification": Kind.PASSES,
    "ManuallyDeactivated": Kind.PASSES,
    "Unconfirmed": Kind.PASSES,
    "SpamNotification": Kind.ABOUT_US,
    "Blocked": Kind.ABOUT_US,
    "VirusNotification": Kind.ABOUT_US,
    "DMARCPolicy": Kind.ABOUT_US,
    "OpenRelayTest": Kind.ABOUT_US,
    "SMTPApiError": Kind.ABOUT_US,
    "TemplateRenderingFailed": Kind.ABOUT_US,
    "Unknown": Kind.ASK,
    "Undeliverable": Kind.ASK,
    "Transient": What.DELAYED,
    "AutoResponder": What.AUTO_REPLY,
    "Unsubscribe": What.UNSUBSCRIBED,
    "SpamComplaint": What.COMPLAINT,
    "Subscribe": None,
    "InboundError": None,
}
"""Types of bounce, as Postmark calls whatever came back. None: nothing to hear."""
_NOTHING: Final = frozenset({"Open"})


def hearings(post: Any, around: Around) -> list[Hearing]:
    """Read a post."""
    record = table(post)
    match word(record.get("RecordType")):
        case "Bounce" | "SpamComplaint":
            return _bounced(record, around)
        case "Delivery":
            return [_tell(record, What.DELIVERED, around, at="DeliveredAt")]
        case "Click":
            return [_tell(record, What.CLICKED, around, at="ReceivedAt", also=word(record.get("OriginalLink")))]
        case "SubscriptionChange":
            return _changed(record, around)
        case name if name in _NOTHING:
            return []
        case name:
            return [_tell(record, What.NOT_UNDERSTOOD, around, at="", detail=name)]


def _bounced(record: Payload, around: Around) -> list[Hearing]:
    kind = word(record.get("Type"))
    if word(record.get("RecordType")) == "SpamComplaint":
        kind = "SpamComplaint"
    if kind not in BOUNCES:
        return [_tell(record, What.NOT_UNDERSTOOD, around, at="BouncedAt", detail=f"Bounce {plain(kind)}")]
    meant = BOUNCES[kind]
    if meant is None:
        return []
    if isinstance(meant, What):
        what, status = meant, ""
    else:
        what, status = verdict(meant, "", word(record.get("Details")))
    return [_tell(record, what, around, at="BouncedAt", status=status, detail=kind)]


def _changed(record: Payload, around: Around) -> list[Hearing]:
    """Hear who left by the provider's own link. What else changes a list there is told by its own record, or was our own doing."""
    left = record.get("SuppressSending") is True and word(record.get("SuppressionReason")) == "ManualSuppression"
    return [_tell(record, What.UNSUBSCRIBED, around, at="ChangedAt")] if left and word(record.get("Origin")) == "Recipient" else []


def _tell(record: Payload, what: What, around: Around, *, at: str, status: str = "", detail: str = "", also: str = "") -> Hearing:
    address = record.get("Recipient") or record.get("Email")
    named = Named(table(record.get("Metadata")).get(CUSTOM), record.get("MessageID"), address)
    number, message = word(record.get("ID")), word(record.get("MessageID"))
    key: tuple[Any, ...] = ()
    if number or message:
        key = (number,) if number else (message, address, record.get(at), also)
    return tell(around, what, named, event=record, key=key, at=moment(record.get(at)), status=status, detail=detail)
