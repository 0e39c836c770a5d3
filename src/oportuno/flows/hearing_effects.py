"""What follows for a customer from what was heard of a message: pure, and the same in whatever order it is heard, and however often."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from oportuno.attention.easing import not_delivered
from oportuno.attention.ledger import Attention
from oportuno.channels.hearing import Hearing, What
from oportuno.consent.answers import Answered, Consents, slot
from oportuno.consent.change import answer, suppress
from oportuno.consent.policy import Policy
from oportuno.consent.reach import Silenced, hear_soft_bounce, silence
from oportuno.consent.refusals import Refusal
from oportuno.content.message import Message
from oportuno.decision.decide import drop_pending
from oportuno.events.event import FRESHNESS, Call, Source, Trust
from oportuno.events.remembering import remembered_on
from oportuno.flows.change import give_back
from oportuno.flows.ports import Arrival
from oportuno.flows.work import Cancel, Decision, LedgerEntry, Listed, OutboxStatus, Writes
from oportuno.kit.ids import CustomerKey, derive, write_id
from oportuno.kit.times import Millis, to_text
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

EVENTS: Final = {What.REPLY: "Message Replied", What.AUTO_REPLY: "Message Auto-Replied", What.CLICKED: "Message Clicked"}
"""What becomes an event on the customer, so that journeys can listen to it."""
_TEXT_AT_MOST: Final = 4_000
_NOTICE: Final = "hearing-1"
_ENCODE: Final = msgspec.json.Encoder().encode


class Spoken(NamedTuple):
    """The message that a report is about, as it stands in the outbox."""

    key: CustomerKey
    id: bytes
    status: OutboxStatus
    handed: bool
    """Whether a hand-off ever began."""
    mark: bytes
    """Keyed hash of the address to which it went; empty: not known."""
    message: Message | None
    """None: its customer was forgotten."""


class Around(NamedTuple):
    """What an effect may need to know."""

    policy: Policy
    now: Millis
    address: str
    """The customer's present address, if it is the one to which the message went; else empty."""
    mark: bytes
    """Keyed hash of the address to which it went; empty: not known."""


def follow(draft: Draft, hearing: Hearing, message: Message, writes: Writes, around: Around) -> None:
    """Change the customer as the report demands, and add to the writes what it entails."""
    match hearing.what:
        case What.HARD_BOUNCE:
            not_delivered(draft.open(Attention), message.id)
            _silence(draft, hearing, writes, around, reason="hard_bounce", since=hearing.at)
        case What.SOFT_BOUNCE:
            _soft(draft, hearing, writes, around)
        case What.COMPLAINT:
            _complaint(draft, hearing, message, writes, around)
        case What.UNSUBSCRIBED:
            _leave(draft, hearing, message, writes, around)
        case _:
            pass


def listed_of_erased(hearing: Hearing, spoken: Spoken) -> list[Listed]:
    """Give what stands of a report whose customer was forgotten: that the address is not written to, under its hash."""
    reason = {What.HARD_BOUNCE: "hard_bounce", What.COMPLAINT: "complaint"}.get(hearing.what)
    if reason is None or not (spoken.mark or hearing.address):
        return []
    return [
        Listed(
            spoken.key.workspace,
            hearing.channel,
            Silenced(reason, hearing.at),
            hearing.source,
            mark=spoken.mark,
            address="" if spoken.mark else hearing.address,
        )
    ]


def event_of(hearing: Hearing, spoken: Spoken, key: CustomerKey, now: Millis) -> Arrival:
    """Make the event that a report is on its customer. The same report always makes the same one; what is old news starts nothing."""
    said = spoken.message.said if spoken.message is not None else None
    id_ = derive("hearing", hearing.id)
    at = min(hearing.at, now)
    day, also_day = remembered_on(None, None, "", now)
    properties = {
        "message_id": write_id("msg", spoken.id),
        "channel": hearing.channel,
        "journey": said.journey if said is not None else "",
        "template": said.template if said is not None else "",
        "topic": said.topic if said is not None else "",
        "products": [{"product_id": item} for item in said.items] if said is not None else [],
        "text": hearing.text.replace("\0", "")[:_TEXT_AT_MOST],
        "detail": hearing.detail,
    }
    call = {
        "type": "track",
        "event": EVENTS[hearing.what],
        "messageId": write_id("hear", hearing.id),
        "timestamp": to_text(at),
        "context": {"oportuno": {"heard": hearing.source}},
        "properties": {name: value for name, value in properties.items() if value},
    }
    return Arrival(
        key=key,
        h=id_,
        source=Source.LIVE if now - at <= FRESHNESS else Source.LATE,
        call=Call.TRACK,
        name=EVENTS[hearing.what],
        at=at,
        received=now,
        body=_ENCODE(call),
        day=day,
        also_day=also_day,
        trust=Trust.SIGNED,
    )


def _soft(draft: Draft, hearing: Hearing, writes: Writes, around: Around) -> None:
    """Count it against the address, unless it is about what we sent and not about where it went."""
    not_delivered(draft.open(Attention), hearing.message)
    if not around.address or about_us(hearing.status):
        return
    since = hear_soft_bounce(draft, hearing.channel, around.address, hearing.at, around.policy.patience)
    if since is not None:
        _silence(draft, hearing, writes, around, reason="soft_bounces", since=since)


def about_us(status: str) -> bool:
    """Say whether an enhanced status is about the sender or the content (RFC 3463: x.6 the content, x.7 security and policy)."""
    return status[1:4] in {".6.", ".7."}


def _silence(draft: Draft, hearing: Hearing, writes: Writes, around: Around, *, reason: str, since: Millis) -> None:
    """Write to the message's own address no more: it goes on the list, and its owner knows it if it is still theirs."""
    if around.mark or around.address:
        listed = Listed(draft.key.workspace, hearing.channel, Silenced(reason, since), hearing.source, note=hearing.status)
        address, customer = "" if around.mark else around.address, draft.key if around.address else None
        writes.listed.append(listed._replace(mark=around.mark, address=address, customer=customer))
    if around.address and silence(draft, hearing.channel, around.address, reason, since):
        writes.ledger.append(_entry(draft.key, hearing, f"suppression/{hearing.channel}", reason, since, actor="receiver"))


def _complaint(draft: Draft, hearing: Hearing, message: Message, writes: Writes, around: Around) -> None:
    """Who calls it spam has said no, and more than that: the channel stays closed until they open it again themselves."""
    _silence(draft, hearing, writes, around, reason="complaint", since=hearing.at)
    found = draft.read(Consents).suppressed.get(hearing.channel)
    if suppress(draft, hearing.channel, "complaint", hearing.at) is False and found is not None and found[0] == "complaint":
        # Heard in another order, the older complaint would have come first.
        draft.open(Consents).suppressed[hearing.channel] = ("complaint", min(found[1], hearing.at))
    attention = draft.open(Attention)
    attention.complained = max(attention.complained, hearing.at)
    _withdraw(draft, hearing, message, writes, around, source="complaint")
    _drop(draft, hearing.channel, Refusal.SUPPRESSED, writes, around.now)


def _leave(draft: Draft, hearing: Hearing, message: Message, writes: Writes, around: Around) -> None:
    """Leave the message's channel, as the button of the mail program does on our own page."""
    _withdraw(draft, hearing, message, writes, around, source="one_click")
    found = draft.read(Consents).answers.get(slot(Purpose.MARKETING, hearing.channel))
    if found is None or found.state is Answered.GRANTED:
        # A yes given since stands: this is old news.
        return
    known = draft.read(Consents).suppressed.get(hearing.channel)
    if not suppress(draft, hearing.channel, "unsubscribed", found.at) and known is not None and known[0] == "unsubscribed":
        draft.open(Consents).suppressed[hearing.channel] = ("unsubscribed", found.at)
    _drop(draft, hearing.channel, Refusal.CONSENT_WITHDRAWN, writes, around.now)


def _withdraw(draft: Draft, hearing: Hearing, message: Message, writes: Writes, around: Around, *, source: str) -> None:
    """Note the customer's no to marketing by this channel, at the moment when it was given. An answer given later stands."""
    at = min(hearing.at, around.now)
    found = draft.read(Consents).answers.get(slot(Purpose.MARKETING, hearing.channel))
    had = found is not None and found.state in {Answered.GRANTED, Answered.WITHDRAWN}
    state = Answered.WITHDRAWN if had else Answered.DENIED
    answer(draft, purpose=Purpose.MARKETING, channel=hearing.channel, state=state, at=at, source=source, notice=_NOTICE)
    entry = _entry(draft.key, hearing, slot(Purpose.MARKETING, hearing.channel), "withdrawn", at, actor="customer", source=source)
    entry.proof["message"] = message.id.hex()
    writes.ledger.append(entry)


def _drop(draft: Draft, channel: str, refusal: Refusal, writes: Writes, now: Millis) -> None:
    """Drop everything promoting that waits for the channel."""
    writes.cancels.append(Cancel(draft.key, (), channel, refusal.value, now))
    writes.decisions += [
        Decision(draft.key, verdict) for verdict in drop_pending(draft, items=(), refusal=refusal, now=now, channel=channel)
    ]
    give_back(draft, lambda _id, touched: touched == channel)


def _entry(key: CustomerKey, hearing: Hearing, place: str, state: str, at: Millis, *, actor: str, source: str = "") -> LedgerEntry:
    return LedgerEntry(
        key=key,
        id=derive("hearing", hearing.id, place),
        at=at,
        slot=place,
        state=state,
        source=source or hearing.source,
        notice=_NOTICE,
        language="",
        actor=actor,
        proof={"heard": hearing.id.hex(), "source": hearing.source, "status": hearing.status},
    )
