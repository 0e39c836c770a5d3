"""The customer answers: «ya lo compré», «no me interesa», leaving, taking it back, and coming back to their cart.

Each answer is one unit of work under the customer's lock, valid the moment it is committed, also for what was already queued. Doing it
twice is doing it once. Nothing here happens because somebody opened a link.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import msgspec

from oportuno.channels.channel import Channel
from oportuno.consent.answers import Answered, Consents, granted_purposes, slot
from oportuno.consent.change import answer, lift, skip_topic, suppress
from oportuno.consent.refusals import Refusal
from oportuno.content.links import LinkFacts
from oportuno.decision.decide import drop_pending
from oportuno.flows.change import Act, Counter, Heard, give_back
from oportuno.flows.crossing import winner_of
from oportuno.flows.forward import GONE
from oportuno.flows.reads import MessageRecord
from oportuno.flows.work import Cancel, Decision, LedgerEntry, Status, Writes
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import CustomerKey, derive
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft
from oportuno.profile.mute import BOUGHT, NOT_INTERESTED, mute, muted, unmute
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Cart, Core, Line, Muted

NOTICE: Final = "pages-1"
"""Version of the wording on our own pages; raised when their words change their meaning."""
UNSUBSCRIBED: Final = "unsubscribed"


class Verb(StrEnum):
    """What a customer can say about the items of a message."""

    BOUGHT = "bought"
    NOT_INTERESTED = "not_interested"


class Scope(StrEnum):
    """How much a customer leaves."""

    CHANNEL = "channel"
    """Marketing by the channel of the message: what the button of a mail program means (RFC 8058)."""
    ALL = "all"
    """Marketing by every channel."""
    TOPIC = "topic"
    """Only the topic of the message."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How things stand for a customer, to be shown to them: nothing was changed to find out."""

    email: str = ""
    """Their address, masked."""
    verb: str = ""
    """What was said about the message's items: a Verb's value, or empty."""
    verb_at: Millis = 0
    left_at: Millis = 0
    """Since when marketing by the message's channel is left; 0: it is not."""
    left_by: str = ""
    """How: ``one_click``, ``preference_link`` …"""
    agreed_at: Millis = 0
    """When they said yes to marketing by the message's channel; 0 when that yes does not hold, or came after the message."""
    measured: str = ""
    """Whether it is noted which links they follow: ``yes``, ``no_more`` (they said yes once), or empty: no."""
    locale: str = ""
    zone: str = ""


class CartLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a cart as it is brought back."""

    product: str
    variant: str = ""
    name: str = ""
    price: int | None = None
    """Minor units, per piece, as it was when the cart was left."""
    quantity: int = 1
    url: str = ""
    image: str = ""
    bought: bool = False
    """Bought since: shown, not put back."""


class LeftCart(msgspec.Struct, frozen=True, kw_only=True):
    """The cart that a message was about, and the truth about it now."""

    lines: tuple[CartLine, ...]
    currency: str = ""
    total: int | None = None
    """Minor units of what is brought back; None when a price is not known."""
    left_at: Millis = 0
    held_until: Millis = 0
    """Until when stock was promised; 0: it never was."""
    held: bool = False
    """Whether the promise still holds now."""
    more: int = 0
    """Lines that the message did not carry and that are not in the cart any more: they cannot be brought back."""


_VERBS: Final = {Verb.BOUGHT: (BOUGHT, Refusal.ITEM_BOUGHT), Verb.NOT_INTERESTED: (NOT_INTERESTED, Refusal.ITEM_NOT_WANTED)}


class Desk(Counter):
    """Where customers' answers are taken."""

    async def message(self, facts: LinkFacts) -> MessageRecord:
        """Give the message that a link stood in.

        Raises NotFound (``message_gone``) when it is kept no longer, was erased with its customer, or is not this customer's.
        """
        record = await self.reads.message(facts.workspace, facts.message)
        if record is None or record.message.key != facts.key:
            raise NotFound("message_gone", "this message is not kept any more")
        return record

    async def standing(self, facts: LinkFacts) -> Standing:
        """Say how things stand between the customer and the message. Changes nothing. Raises NotFound."""
        message = (await self.message(facts)).message
        said = message.said
        draft = await self.look(facts.key)
        consents = draft.read(Consents)
        reason = muted(draft, said.items) or ""
        since = [at for item, (why, at) in draft.read(Muted).items.items() if item in said.items and why == reason]
        left = consents.answers.get(slot(Purpose.MARKETING, said.channel))
        traits = draft.read(Core).traits
        known = {name: str(traits[name].value) for name in ("email", "locale", "timezone") if name in traits and traits[name].value}
        return Standing(
            email=masked(known.get("email", "")),
            verb=reason,
            verb_at=max(since, default=0),
            left_at=_left_at(consents, said.channel),
            left_by=left.source if left is not None else "",
            agreed_at=left.at if left is not None and left.state is Answered.GRANTED and left.at <= message.permitted_at else 0,
            measured=_measured(draft),
            locale=known.get("locale", ""),
            zone=known.get("timezone", ""),
        )

    async def cart(self, facts: LinkFacts) -> LeftCart:
        """Give the cart that the message was about, with what is held and until when. Changes nothing. Raises NotFound."""
        said = (await self.message(facts)).message.said
        now = await self.reads.now()
        draft = await self.look(facts.key)
        current = draft.read(Cart)
        context = said.context
        untouched = current.at == context.get("left_at") and bool(current.lines)
        if untouched:
            lines = tuple(_as_line(line, draft, now) for line in current.lines if not line.gone)
        else:
            lines = tuple(_shown_line(shown, draft, now) for shown in context.get("lines") or ())
        held = max(int(context.get("held_until") or 0), current.held_until if untouched else 0)
        prices = [line.price * line.quantity for line in lines if line.price is not None and not line.bought]
        wanted = [line for line in lines if not line.bought]
        return LeftCart(
            lines=lines,
            currency=str(context.get("currency") or current.currency),
            total=sum(prices) if wanted and len(prices) == len(wanted) else None,
            left_at=int(context.get("left_at") or 0),
            held_until=held,
            held=held > now,
            more=0 if untouched else int(context.get("more_lines") or 0),
        )

    async def answer_item(self, facts: LinkFacts, verb: Verb, *, language: str = "") -> Heard:
        """Say no more of the message's items, on any channel, and drop whatever waits about them."""
        items = (await self.message(facts)).message.said.items
        reason, refusal = _VERBS[verb]
        waiting = await self.waiting(facts.key, items)

        def act(draft: Draft, now: Millis) -> Act:
            known = draft.read(Muted).items
            already = [known[item][1] for item in items if item in known and known[item][0] in {reason, NOT_INTERESTED}]
            if not items or len(already) == len(items):
                why, at = max((known[item] for item in items), key=lambda entry: entry[1], default=(reason, now))
                return Act(heard=Heard(at=at, changed=False, number=_number(facts, why, at)), writes=Writes())
            mute(draft, items, reason, now)
            verdicts = drop_pending(draft, items=items, refusal=refusal, now=now)
            give_back(draft, lambda touch_id, _channel: touch_id in waiting)
            writes = Writes(
                decisions=[Decision(facts.key, verdict) for verdict in verdicts],
                cancels=[Cancel(facts.key, items, "", refusal.value, now)],
                ledger=[_entry(facts, now, f"item/{item}", reason, language) for item in items],
            )
            dropped = len(verdicts) + len(waiting)
            return Act(heard=Heard(at=now, changed=True, dropped=dropped, number=_number(facts, reason, now)), writes=writes)

        return await self.change(facts.key, act)

    async def unsubscribe(self, facts: LinkFacts, scope: Scope, *, one_click: bool = False, language: str = "") -> Heard:
        """Leave: by this message's channel, by every channel, or its topic only. What promotes and waits is cancelled with it."""
        said = (await self.message(facts)).message.said
        if scope is Scope.TOPIC and said.topic:
            return await self._leave_topic(facts, said.topic, language)
        waiting = await self.waiting(facts.key, ())
        source = "one_click" if one_click else "preference_link"

        def act(draft: Draft, now: Millis) -> Act:
            channels = _channels_of(draft, said.channel if scope is Scope.CHANNEL else "")
            consents = draft.read(Consents)
            done = [_left_at(consents, channel) for channel in channels]
            if all(done):
                return Act(heard=Heard(at=max(done), changed=False), writes=Writes())
            # An answer dated ahead of our clock must not outlive this one.
            at = max([now, *(found.at for channel in channels if (found := consents.answers.get(slot(Purpose.MARKETING, channel))))])
            writes, number = Writes(), _number(facts, f"left {scope}", at)
            for channel in channels:
                _leave(draft, channel, at, source, number)
                writes.ledger.append(_entry(facts, at, slot(Purpose.MARKETING, channel), "withdrawn", language, source=source))
                writes.cancels.append(Cancel(facts.key, (), channel, Refusal.CONSENT_WITHDRAWN.value, now))
                verdicts = drop_pending(draft, items=(), refusal=Refusal.CONSENT_WITHDRAWN, now=now, channel=channel)
                writes.decisions += [Decision(facts.key, verdict) for verdict in verdicts]
            give_back(draft, lambda _id, channel: channel in channels)
            queued = sum(1 for channel in waiting.values() if channel in channels)
            dropped = len(writes.decisions) + queued
            return Act(heard=Heard(at=at, changed=True, dropped=dropped, number=number), writes=writes)

        return await self.change(facts.key, act)

    async def undo(self, facts: LinkFacts, *, language: str = "") -> Heard:
        """Take back the answer that the link names by its number; whatever else was said stands. What was dropped does not come back."""
        said = (await self.message(facts)).message.said

        def act(draft: Draft, now: Millis) -> Act:
            writes = Writes()
            known = draft.read(Muted).items
            back = [item for item in said.items if item in known and _number(facts, *known[item]) == facts.answer]
            if back:
                unmute(draft, back)
                writes.ledger += [_entry(facts, now, f"item/{item}", "undone", language) for item in back]
            for channel in _channels_of(draft, ""):
                if _come_back(draft, channel, facts.answer, now):
                    writes.ledger.append(_entry(facts, now, slot(Purpose.MARKETING, channel), "granted", language, source="undo"))
            return Act(heard=Heard(at=now, changed=bool(writes.ledger) or draft.changed), writes=writes)

        return await self.change(facts.key, act)

    async def resume_topic(self, facts: LinkFacts, *, language: str = "") -> Heard:
        """Hear of the message's topic again."""
        topic = (await self.message(facts)).message.said.topic
        return await self._leave_topic(facts, topic, language, leave=False)

    async def _leave_topic(self, facts: LinkFacts, topic: str, language: str, *, leave: bool = True) -> Heard:
        def act(draft: Draft, now: Millis) -> Act:
            changed = skip_topic(draft, topic, skip=leave)
            said = f"topic {topic} {'skipped' if leave else 'wanted'}"
            entries = [_entry(facts, now, "wishes", said, language)] if changed else []
            return Act(heard=Heard(at=now, changed=changed), writes=Writes(ledger=entries))

        return await self.change(facts.key, act)

    async def look(self, key: CustomerKey) -> Draft:
        """Give a customer's state to look at. Raises NotFound (``customer_gone``)."""
        stored = await self.reads.customer(key)
        while stored is not None and stored.status in GONE:
            key = winner_of(key, stored.state)
            stored = await self.reads.customer(key)
        if stored is None or stored.status is not Status.ACTIVE:
            raise NotFound("customer_gone", "there is no such customer any more")
        draft = Draft(key, stored.state, stored.version)
        draft.granted = granted_purposes(draft, await self.reads.now())
        return draft


def _measured(draft: Draft) -> str:
    if Purpose.MEASUREMENT in draft.granted:
        return "yes"
    said = draft.read(Consents).answers.get(slot(Purpose.MEASUREMENT))
    return "no_more" if said is not None and said.state in {Answered.GRANTED, Answered.WITHDRAWN} else ""


def masked(email: str) -> str:
    """Show just enough of an address for its owner to know it: «an···@correo.example»."""
    name, at, domain = email.rpartition("@")
    return f"{name[:2]}···@{domain}" if at else ""


def _entry(facts: LinkFacts, at: Millis, place: str, state: str, language: str, *, source: str = "preference_link") -> LedgerEntry:
    return LedgerEntry(
        key=facts.key,
        id=derive(facts.workspace, facts.customer, place, state, at, facts.message),
        at=at,
        slot=place,
        state=state,
        source=source,
        notice=NOTICE,
        language=language,
        actor="customer",
        proof={"message": facts.message.hex()},
    )


def _channels_of(draft: Draft, only: str) -> list[str]:
    """Give the channels that leaving is about: one, or every channel we have or were ever answered about."""
    if only:
        return [only]
    prefix = f"{Purpose.MARKETING}/"
    answered = {place.removeprefix(prefix) for place in draft.read(Consents).answers if place.startswith(prefix)}
    return sorted({channel.value for channel in Channel} | answered)


def _left_at(consents: Consents, channel: str) -> Millis:
    """Say since when a channel is left; 0 when it is not."""
    found = consents.answers.get(slot(Purpose.MARKETING, channel))
    if found is None or found.state not in {Answered.WITHDRAWN, Answered.DENIED} or channel not in consents.suppressed:
        return 0
    return found.at


def _number(facts: LinkFacts, what: str, at: Millis) -> int:
    """Number an answer: what was said, when, and from which message. What the state remembers of it gives the same number again."""
    return int.from_bytes(derive("answer", facts.workspace, facts.customer, facts.message, what, at)[:8], "big") >> 1


def _leave(draft: Draft, channel: str, at: Millis, source: str, number: int) -> None:
    """Note the no. It is *withdrawn* where there was a yes, which an undo may bring back, and *denied* where there was none."""
    found = draft.read(Consents).answers.get(slot(Purpose.MARKETING, channel))
    if found is None or found.state is not Answered.WITHDRAWN:
        had = found is not None and found.state is Answered.GRANTED
        state = Answered.WITHDRAWN if had else Answered.DENIED
        notice = found.notice if found is not None and had else NOTICE
        answer(draft, purpose=Purpose.MARKETING, channel=channel, state=state, at=at, source=source, notice=notice, by=number)
    suppress(draft, channel, UNSUBSCRIBED, at)


def _come_back(draft: Draft, channel: str, number: int, now: Millis) -> bool:
    """Undo the leaving of that number; says whether a yes holds again."""
    consents = draft.read(Consents)
    found = consents.answers.get(slot(Purpose.MARKETING, channel))
    if found is None or not number or found.by != number:
        return False
    if consents.suppressed.get(channel) == (UNSUBSCRIBED, found.at):
        lift(draft, channel)
    if found.state is not Answered.WITHDRAWN:
        return False
    at = max(now, found.at + 1)
    return answer(draft, purpose=Purpose.MARKETING, channel=channel, state=Answered.GRANTED, at=at, source="undo", notice=found.notice)


def _as_line(line: Line, draft: Draft, now: Millis) -> CartLine:
    return CartLine(
        product=line.product,
        variant=line.variant,
        name=line.name,
        price=line.price,
        quantity=line.quantity,
        url=line.url,
        image=line.image,
        bought=muted(draft, (line.product,), now) == BOUGHT,
    )


def _shown_line(shown: dict[str, Any], draft: Draft, now: Millis) -> CartLine:
    price = shown.get("price")
    return CartLine(
        product=str(shown["product"]),
        variant=str(shown.get("variant") or ""),
        name=str(shown.get("name") or ""),
        price=price if isinstance(price, int) else None,
        quantity=int(shown.get("quantity") or 1),
        url=str(shown.get("url") or ""),
        image=str(shown.get("image") or ""),
        bought=muted(draft, (str(shown["product"]),), now) == BOUGHT,
    )
