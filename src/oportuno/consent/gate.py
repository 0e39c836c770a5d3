"""The gate: may we say this, to this customer, on this channel, now? The only maker of Permits.

It is asked twice about every message: when it is decided, and again in the claim just before the hand-off. When it is not sure, it refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec

from oportuno.attention.easing import eased_until
from oportuno.attention.ledger import Attention, next_at_cadence, room_from
from oportuno.channels.channel import Channel
from oportuno.consent.answers import Answered, Consents, slot
from oportuno.consent.complaints import open_since
from oportuno.consent.confirm import asked_again_at, is_pending
from oportuno.consent.permit import _SEAL, Permit
from oportuno.consent.policy import Policy
from oportuno.consent.quiet import quiet_until, zones_of
from oportuno.consent.reach import DEAD_ENDS, Silenced, silenced
from oportuno.consent.refusals import Reason, Refusal
from oportuno.consent.wishes import cadence_of
from oportuno.kit.ids import derive, write_id
from oportuno.kit.times import MINUTE, Millis
from oportuno.profile.draft import Draft
from oportuno.profile.mute import BOUGHT, BOUGHT_FOR
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Core, Muted

_LEFT: Final = "unsubscribed"
_LOOK_AGAIN: Final[Millis] = MINUTE
_LONGEST_ADDRESS: Final = 254


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate is asked about."""

    id: bytes
    """The proposal's id; a reservation of attention under it is the asker's own."""
    channel: str
    purpose: Purpose
    topic: str = ""
    items: tuple[str, ...] = ()
    cost: int = 1
    expires_at: Millis
    confirms: str = ""
    """The pending answer that it asks the customer to confirm; empty: it asks for nothing."""
    live: bool = True
    """False when it was set off by imported, replayed or late events: old news never speaks."""


_Check: TypeAlias = Callable[[Draft, Ask, Policy, Millis], Reason | None]


def examine(draft: Draft, ask: Ask, *, policy: Policy, now: Millis, clock_trusted: bool = True) -> Permit | Reason:
    """Give a Permit, or the first reason against it, with its facts and the time from which it may be otherwise.

    Service messages need an address that works and a moment that has not passed; everything else is asked of all other messages.
    """
    if not draft.has(Core):
        return Reason(refusal=Refusal.CUSTOMER_GONE, facts={"version": draft.version})
    if not ask.live:
        return Reason(refusal=Refusal.NOT_LIVE, facts={"purpose": ask.purpose.value})
    service = ask.purpose is Purpose.SERVICE
    if not clock_trusted and not service:
        return Reason(refusal=Refusal.CLOCK_UNSURE, facts={"now": now}, retry_at=now + _LOOK_AGAIN)
    if now >= ask.expires_at:
        return Reason(refusal=Refusal.EXPIRED, facts={"expires_at": ask.expires_at})
    address = address_of(draft, ask.channel)
    if not address:
        return Reason(refusal=Refusal.NO_ADDRESS, facts={"channel": ask.channel})
    for check in _FOR_MARKETING if not service else _FOR_CONFIRMING if ask.confirms else _FOR_SERVICE:
        reason = check(draft, ask, policy, now)
        if reason is not None:
            return reason
    return Permit(
        _SEAL,
        ask=ask.id,
        key=draft.key,
        channel=ask.channel,
        address=address,
        purpose=ask.purpose,
        granted_at=now,
        expires_at=ask.expires_at,
        facts=_grounds(draft, ask),
    )


def address_of(draft: Draft, channel: str) -> str:
    """Give where a customer is reached on a channel; empty when there is no working address."""
    if channel == Channel.WEBHOOK:
        return write_id("cus", draft.key.customer)
    if channel != Channel.EMAIL:
        return ""
    value = _trait(draft, "email")
    return value if is_address(value) else ""


def is_address(value: str) -> bool:
    """Say whether a text can be an e-mail address at all."""
    at = value.rfind("@")
    return 0 < at < len(value) - 1 and len(value) <= _LONGEST_ADDRESS and value.isprintable() and " " not in value


def _trait(draft: Draft, name: str) -> str:
    register = draft.read(Core).traits.get(name)
    return register.value if register is not None and isinstance(register.value, str) else ""


def _grounds(draft: Draft, ask: Ask) -> dict[str, Any]:
    answer = draft.read(Consents).answers.get(slot(ask.purpose, ask.channel))
    if answer is None:
        return {}
    return {"consent_since": answer.at, "consent_source": answer.source, "notice": answer.notice}


def forbids(ask: Ask, found: Silenced) -> Reason | None:
    """Say whether an address that is silenced may not get what is asked about; None: it may.

    A service message stops only where the address does not work. A question to confirm reaches whoever left, and so may come back, and
    nobody who complained or was closed by the shop. Everything else stops.
    """
    free = False
    if ask.confirms:
        free = found.reason == _LEFT
    elif ask.purpose is Purpose.SERVICE:
        free = found.reason not in DEAD_ENDS
    facts = {"channel": ask.channel, "because": found.reason, "since": found.since}
    return None if free else Reason(refusal=Refusal.SUPPRESSED, facts=facts)


def forbids_listed(draft: Draft, ask: Ask, listed: Silenced) -> Reason | None:
    """Say the same of an address on the list of suppressions. Whoever said yes after leaving somewhere has come back."""
    answer = draft.read(Consents).answers.get(slot(ask.purpose, ask.channel))
    back = listed.reason == _LEFT and answer is not None and answer.state is Answered.GRANTED and answer.at > listed.since
    return None if back else forbids(ask, listed)


def _suppressed(draft: Draft, ask: Ask, _policy: Policy, _now: Millis) -> Reason | None:
    found = silenced(draft, ask.channel, address_of(draft, ask.channel))
    return None if found is None else forbids(ask, found)


def _pending(draft: Draft, ask: Ask, _policy: Policy, _now: Millis) -> Reason | None:
    return None if is_pending(draft, ask.confirms) else Reason(refusal=Refusal.ALREADY_ANSWERED, facts={"answer": ask.confirms})


def _asked(draft: Draft, ask: Ask, policy: Policy, now: Millis) -> Reason | None:
    free_at = asked_again_at(draft.read(Consents), ask.confirms, policy.confirm_limit, now, besides=ask.id)
    # Not put off: whoever asks again then is asked then.
    return Reason(refusal=Refusal.ASKED_ENOUGH, facts={"free_at": free_at}) if free_at > now else None


def _consent(draft: Draft, ask: Ask, _policy: Policy, now: Millis) -> Reason | None:
    answer = draft.read(Consents).answers.get(slot(ask.purpose, ask.channel))
    if answer is not None and answer.state is Answered.GRANTED and not 0 < answer.expires <= now:
        return None
    facts: dict[str, Any] = {"purpose": ask.purpose.value, "channel": ask.channel}
    if answer is None:
        return Reason(refusal=Refusal.NO_CONSENT, facts=facts)
    facts["since"] = answer.at
    match answer.state:
        case Answered.GRANTED:
            return Reason(refusal=Refusal.CONSENT_EXPIRED, facts=facts | {"expired_at": answer.expires})
        case Answered.PENDING:
            return Reason(refusal=Refusal.CONSENT_PENDING, facts=facts)
        case Answered.WITHDRAWN:
            return Reason(refusal=Refusal.CONSENT_WITHDRAWN, facts=facts)
        case _:
            return Reason(refusal=Refusal.NO_CONSENT, facts=facts)


def _paused(draft: Draft, _ask: Ask, _policy: Policy, now: Millis) -> Reason | None:
    until = draft.read(Consents).paused_until
    return Reason(refusal=Refusal.PAUSED, facts={"until": until}, retry_at=until) if until > now else None


def _topic(draft: Draft, ask: Ask, _policy: Policy, _now: Millis) -> Reason | None:
    if ask.topic and ask.topic in draft.read(Consents).skipped_topics:
        return Reason(refusal=Refusal.TOPIC_SKIPPED, facts={"topic": ask.topic})
    return None


def _muted(draft: Draft, ask: Ask, _policy: Policy, now: Millis) -> Reason | None:
    if not ask.items or not draft.has(Muted):
        return None
    muted = draft.read(Muted).items
    for item in ask.items:
        why, since = muted.get(item, ("", 0))
        if why == BOUGHT:
            if now < since + BOUGHT_FOR:
                return Reason(refusal=Refusal.ITEM_BOUGHT, facts={"item": item, "since": since})
        elif why:
            return Reason(refusal=Refusal.ITEM_NOT_WANTED, facts={"item": item, "since": since})
    return None


def _quiet(draft: Draft, _ask: Ask, policy: Policy, now: Millis) -> Reason | None:
    own = draft.read(Consents).quiet
    hours = (policy.quiet,) if own is None else (policy.quiet, own)
    if policy.quiet[0] == policy.quiet[1] and (own is None or own[0] == own[1]):
        return None
    zone, country = _trait(draft, "timezone"), _trait(draft, "country")
    zones = zones_of(zone, country, policy.country)
    if not zones:
        return Reason(refusal=Refusal.ZONE_UNKNOWN, facts={"zone": zone, "country": country or policy.country})
    until = quiet_until(zones, hours, now)
    if until == now:
        return None
    facts: dict[str, Any] = {"zone": zone if len(zones) == 1 else "", "country": country or policy.country, "zones": len(zones)}
    if until is None:
        return Reason(refusal=Refusal.ZONE_UNKNOWN, facts=facts)
    return Reason(refusal=Refusal.QUIET_HOURS, facts=facts | {"until": until, "own": own is not None}, retry_at=until)


def _limits(draft: Draft, ask: Ask, policy: Policy, now: Millis) -> Reason | None:
    free_at = room_from(draft.read(Attention), policy.limits, now, cost=ask.cost, besides=ask.id)
    if free_at is None:
        return Reason(refusal=Refusal.LIMIT_UNREADABLE, facts={"cost": ask.cost})
    if free_at <= now:
        return None
    return Reason(refusal=Refusal.LIMIT_REACHED, facts={"free_at": free_at}, retry_at=free_at)


def _cadence(draft: Draft, ask: Ask, _policy: Policy, now: Millis) -> Reason | None:
    """Every marketing touch counts, on whatever channel. What the customer lets through beside their cadence would be asked here."""
    consents = draft.read(Consents)
    own = cadence_of(consents)
    if own is None:
        return None
    free_at = next_at_cadence(draft.read(Attention), own, now, besides=ask.id)
    if free_at <= now:
        return None
    return Reason(refusal=Refusal.CADENCE_REACHED, facts={"cadence": consents.cadence, "free_at": free_at}, retry_at=free_at)


def _stepping_back(draft: Draft, _ask: Ask, policy: Policy, now: Millis) -> Reason | None:
    """Whoever lets our messages pass, or complained, is left more room than they chose."""
    own, seen = cadence_of(draft.read(Consents)), draft.read(Core).last_seen
    free_at, found = eased_until(draft.read(Attention), own, policy.limits, seen=seen, now=now)
    if free_at <= now:
        return None
    return Reason(
        refusal=Refusal.STEPPING_BACK, facts={"ignored": found.ignored, "times": found.times, "free_at": free_at}, retry_at=free_at
    )


def _complaint(draft: Draft, _ask: Ask, _policy: Policy, _now: Millis) -> Reason | None:
    since = open_since(draft.read(Consents))
    return Reason(refusal=Refusal.COMPLAINT_OPEN, facts={"since": since}) if since else None


def _held_out(draft: Draft, _ask: Ask, policy: Policy, _now: Millis) -> Reason | None:
    if held_out(draft, policy):
        return Reason(refusal=Refusal.HELD_OUT, facts={"percent": policy.holdout_percent})
    return None


def held_out(draft: Draft, policy: Policy) -> bool:
    """Say whether the customer is left alone on purpose: by hash, so always the same people while the salt stays."""
    if policy.holdout_percent <= 0:
        return False
    drawn = int.from_bytes(derive(f"hold-out/{draft.key.workspace}/{draft.key.customer}/{policy.holdout_salt}")[:8], "big")
    return drawn * 100 < policy.holdout_percent * 2**64


_FOR_SERVICE: Final[tuple[_Check, ...]] = (_suppressed,)
_FOR_CONFIRMING: Final[tuple[_Check, ...]] = (_suppressed, _pending, _asked)
_FOR_MARKETING: Final[tuple[_Check, ...]] = (
    _suppressed,
    _consent,
    _paused,
    _topic,
    _muted,
    _quiet,
    _cadence,
    _limits,
    _stepping_back,
    _complaint,
    _held_out,
)
