"""Amazon SES: events of a configuration set and feedback notifications, as SNS brings them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from oportuno.channels.hearing import Hearing, What
from oportuno.channels.told.bounces import Kind, verdict
from oportuno.channels.told.telling import CUSTOM, Around, Named, moment, plain, tell
from oportuno.events.hooks.post import Payload, rows, table, word

BOUNCES: Final[dict[tuple[str, str], Kind]] = {
    ("Permanent", "NoEmail"): Kind.GONE,
    ("Permanent", "General"): Kind.ASK,
    ("Permanent", "Suppressed"): Kind.PASSES,
    ("Permanent", "OnAccountSuppressionList"): Kind.PASSES,
    ("Transient", "General"): Kind.PASSES,
    ("Transient", "MailboxFull"): Kind.PASSES,
    ("Transient", "CustomTimeoutExceeded"): Kind.PASSES,
    ("Transient", "MessageTooLarge"): Kind.ABOUT_US,
    ("Transient", "ContentRejected"): Kind.ABOUT_US,
    ("Transient", "AttachmentRejected"): Kind.ABOUT_US,
    ("Undetermined", "Undetermined"): Kind.PASSES,
}
"""(bounceType, bounceSubType) → kind. Another permanent one is asked for the server's words, anything else passes."""
_NO_COMPLAINTS: Final = frozenset({"not-spam", "auth-failure"})
"""Kinds of feedback by which nobody complained."""
_NOTHING: Final = frozenset({"Send", "Open"})


def hearings(event: Any, around: Around) -> list[Hearing]:
    """Read what stands in an SNS message."""
    event = table(event)
    name = word(event.get("eventType")) or word(event.get("notificationType"))
    if name in _NOTHING:
        return []
    reader = _READERS.get(name, _unknown)
    return reader(event, table(event.get("mail")), around)


def _bounce(event: Payload, mail: Payload, around: Around) -> list[Hearing]:
    bounce = table(event.get("bounce"))
    kind, subtype = word(bounce.get("bounceType")), word(bounce.get("bounceSubType"))
    found = []
    for each in rows(bounce.get("bouncedRecipients")):
        if subtype == "UnsubscribedRecipient":
            what, status = What.UNSUBSCRIBED, ""
        else:
            meant = BOUNCES.get((kind, subtype), Kind.ASK if kind == "Permanent" else Kind.PASSES)
            what, status = verdict(meant, word(each.get("status")), word(each.get("diagnosticCode")))
        key = (mail.get("messageId"), bounce.get("feedbackId"), each.get("emailAddress"))
        at, detail = moment(bounce.get("timestamp")), f"{kind}/{subtype}"
        found.append(tell(around, what, _named(mail, each.get("emailAddress")), event=event, key=key, at=at, status=status, detail=detail))
    return found or _unknown(event, mail, around)


def _complaint(event: Payload, mail: Payload, around: Around) -> list[Hearing]:
    complaint = table(event.get("complaint"))
    kind = word(complaint.get("complaintFeedbackType"))
    if kind in _NO_COMPLAINTS:
        return _unknown(event, mail, around, f"Complaint {kind}")
    # What the account's own list remembers was a complaint once; it is the same no, and not another complaint.
    remembered = word(complaint.get("complaintSubType")) == "OnAccountSuppressionList"
    what = What.UNSUBSCRIBED if remembered else What.COMPLAINT
    addresses = [each.get("emailAddress") for each in rows(complaint.get("complainedRecipients"))] or [""]
    return [
        tell(
            around, what, _named(mail, address), event=event, key=(mail.get("messageId"), complaint.get("feedbackId"), address),
            at=moment(complaint.get("arrivalDate")) or moment(complaint.get("timestamp")), detail=kind,
        )
        for address in addresses
    ]  # fmt: skip


def _delivery(event: Payload, mail: Payload, around: Around) -> list[Hearing]:
    delivery = table(event.get("delivery"))
    given = delivery.get("recipients")
    addresses = given if isinstance(given, list) and given else [""]
    return [
        tell(
            around, What.DELIVERED, _named(mail, address), event=event, key=(mail.get("messageId"), "Delivery", address),
            at=moment(delivery.get("timestamp")),
        )
        for address in addresses
    ]  # fmt: skip


def _delay(event: Payload, mail: Payload, around: Around) -> list[Hearing]:
    delay = table(event.get("deliveryDelay"))
    at = word(delay.get("timestamp"))
    return [
        tell(
            around, What.DELAYED, _named(mail, each.get("emailAddress")), event=event,
            key=(mail.get("messageId"), "Delay", each.get("emailAddress"), at), at=moment(at),
            status=verdict(Kind.PASSES, word(each.get("status")), "")[1], detail=word(delay.get("delayType")),
        )
        for each in rows(delay.get("delayedRecipients"))
    ] or _unknown(event, mail, around)  # fmt: skip


def _reject(event: Payload, mail: Payload, around: Around) -> list[Hearing]:
    what, status = verdict(Kind.ABOUT_US, "", "")
    named, key = _named(mail, _only(mail)), (mail.get("messageId"), "Reject")
    detail = f"Reject {plain(table(event.get('reject')).get('reason'))}"
    return [tell(around, what, named, event=event, key=key, at=moment(mail.get("timestamp")), status=status, detail=detail)]


def _click(event: Payload, mail: Payload, around: Around) -> list[Hearing]:
    click = table(event.get("click"))
    at = word(click.get("timestamp"))
    key = (mail.get("messageId"), "Click", at, click.get("link"))
    return [tell(around, What.CLICKED, _named(mail, _only(mail)), event=event, key=key, at=moment(at))]


def _subscription(event: Payload, mail: Payload, around: Around) -> list[Hearing]:
    subscription = table(event.get("subscription"))
    wishes = table(subscription.get("newTopicPreferences"))
    topics = [word(each.get("subscriptionStatus")) for each in rows(wishes.get("topicSubscriptionStatus"))]
    if wishes.get("unsubscribeAll") is not True and not (topics and all(each == "OptOut" for each in topics)):
        return _unknown(event, mail, around)
    at = word(subscription.get("timestamp"))
    key = (mail.get("messageId"), "Subscription", at)
    return [tell(around, What.UNSUBSCRIBED, _named(mail, _only(mail)), event=event, key=key, at=moment(at))]


def _unknown(event: Payload, mail: Payload, around: Around, name: str = "") -> list[Hearing]:
    named = _named(mail, _only(mail))
    name = name or word(event.get("eventType")) or word(event.get("notificationType"))
    return [tell(around, What.NOT_UNDERSTOOD, named, event=event, key=(), at=moment(mail.get("timestamp")), detail=name)]


def _named(mail: Payload, address: Any) -> Named:
    tags = table(mail.get("tags")).get(CUSTOM)
    return Named(tags[0] if isinstance(tags, list) and tags else "", mail.get("messageId"), address)


def _only(mail: Payload) -> Any:
    """Give the recipient, when there is but one."""
    given = mail.get("destination")
    return given[0] if isinstance(given, list) and len(given) == 1 else ""


_READERS: Final[dict[str, Callable[[Payload, Payload, Around], list[Hearing]]]] = {
    "Bounce": _bounce,
    "Complaint": _complaint,
    "Delivery": _delivery,
    "DeliveryDelay": _delay,
    "Reject": _reject,
    "Click": _click,
    "Subscription": _subscription,
}
