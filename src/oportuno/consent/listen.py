"""What an event may say about consent: yes and no for this device's purposes, and a request to be asked.

With the public key for a device alone; with a signed identity, or a secret key, for the user whom it names. Never marketing: a known
person's answers about it change by proof, preference link or a channel's own stop word, in `consent.change`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from oportuno.consent.answers import ANY_CHANNEL, Answered, Consent, Consents, slot
from oportuno.consent.complaints import NAMES, hear_complaint
from oportuno.events.event import Call, Event, Trust
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft, Section
from oportuno.profile.purposes import Purpose

BROWSER: Final = "browser"
"""The source of an answer given on a device with the public key."""
_SOURCES: Final = {Trust.PUBLIC: BROWSER, Trust.SIGNED: "signed", Trust.SECRET: "api"}
"""The source of an answer of a known user by who vouches that it is theirs."""

_DEVICE_PURPOSES: Final = {
    "measurement": Purpose.MEASUREMENT,
    "personalisation": Purpose.PERSONALISATION,
    "personalization": Purpose.PERSONALISATION,
    "on_site": Purpose.ON_SITE,
    "onsite": Purpose.ON_SITE,
}
_WISHES: Final = ("marketing_consent", "marketingConsent", "email_marketing_consent")
_MARKETING_EMAIL: Final = slot(Purpose.MARKETING, "email")


class Told(NamedTuple):
    """An answer that an event changed, for the ledger of proofs."""

    place: str
    """purpose/channel"""
    answer: Consent
    language: str
    """In which the device says that its pages are; empty: it does not say."""
    anew: bool
    """Whether it says something else than the answer before it: libraries repeat an answer with every event."""


class _Asked(msgspec.Struct):
    categoryPreferences: Any = None  # noqa: N815 - Segment's spelling
    notice: Any = None


class _Context(msgspec.Struct):
    consent: _Asked | None = None
    locale: Any = None
    traits: Any = None
    """Where RudderStack's libraries put the traits of an identify."""


class _Carrier(msgspec.Struct):
    """The part of a call that may carry consent; all else is skipped unread."""

    context: _Context | None = None
    traits: dict[str, Any] | None = None
    anonymousId: Any = None  # noqa: N815 - Segment's spelling
    userId: Any = None  # noqa: N815 - Segment's spelling


_CARRIER: Final = msgspec.json.Decoder(_Carrier)


def listen(draft: Draft, event: Event) -> tuple[Told, ...]:
    """Fold the consents that an event carries; give the answers that it changed.

    The last by event time counts, and of equal times the no. Withdrawing a purpose deletes every section that belongs to it. Answers in a
    shape that cannot be read are no answers.
    """
    if event.name in NAMES and event.call is Call.TRACK:
        hear_complaint(draft, event)
    if b"onsent" not in event.body:
        return ()
    try:
        carrier = _CARRIER.decode(event.body)
    except (msgspec.DecodeError, RecursionError):
        return ()
    at = min(event.at, event.received)
    before: dict[str, Consent | None] = {}
    asked = carrier.context.consent if carrier.context is not None else None
    notice = asked.notice[:64] if asked is not None and isinstance(asked.notice, str) else ""
    vouched = event.trust > Trust.PUBLIC and bool(carrier.userId)
    if asked is not None and isinstance(asked.categoryPreferences, dict) and (carrier.anonymousId or vouched):
        for name, answer in asked.categoryPreferences.items():
            purpose = _DEVICE_PURPOSES.get(name.lower())
            # The public key speaks for a device, not for a person: whoever knows a user id could say yes in their name. A no is heard.
            if purpose is None or not isinstance(answer, bool) or (answer and carrier.userId and not vouched):
                continue
            place = slot(purpose, ANY_CHANNEL)
            known = draft.read(Consents).answers.get(place)
            if _answer(draft, purpose, yes=answer, at=at, notice=notice, source=_SOURCES[event.trust] if vouched else BROWSER):
                before.setdefault(place, known)
    traits = _traits_of(carrier) if event.call is Call.IDENTIFY else None
    if traits:
        for name in _WISHES:
            wish = traits.get(name)
            known = draft.read(Consents).answers.get(_MARKETING_EMAIL)
            if isinstance(wish, bool) and _wish(draft, yes=wish, at=at, notice=notice):
                before.setdefault(_MARKETING_EMAIL, known)
    return _told(draft, before, carrier) if before else ()


def _traits_of(carrier: _Carrier) -> dict[str, Any] | None:
    aside = carrier.context.traits if carrier.context is not None else None
    return carrier.traits or (aside if isinstance(aside, dict) else None)


def _told(draft: Draft, before: dict[str, Consent | None], carrier: _Carrier) -> tuple[Told, ...]:
    answers = draft.read(Consents).answers
    locale = carrier.context.locale if carrier.context is not None else None
    language = locale[:35] if isinstance(locale, str) else ""
    return tuple(Told(place, answers[place], language, _says(known) != _says(answers[place])) for place, known in before.items())


def _says(answer: Consent | None) -> tuple[str, ...]:
    return () if answer is None else (answer.state, answer.source, answer.notice)


def wishes_to_join(draft: Draft, event: Event) -> str:
    """Name the answer that this very event left pending, so that it is asked about; empty: none. Old news asks nobody."""
    if not event.speaks:
        return ""
    asked = draft.read(Consents).answers.get(_MARKETING_EMAIL)
    here = asked is not None and asked.state is Answered.PENDING and asked.at == min(event.at, event.received)
    return _MARKETING_EMAIL if here else ""


def _answer(draft: Draft, purpose: Purpose, *, yes: bool, at: Millis, notice: str, source: str) -> bool:
    """Fold one answer for a purpose of this device, or of the person whom somebody vouches for."""
    place = slot(purpose, ANY_CHANNEL)
    known = draft.read(Consents).answers.get(place)
    if known is not None:
        if (at, not yes) <= (known.at, known.state is not Answered.GRANTED):
            return False
        # Whoever holds the public key may lower what somebody proved elsewhere, never raise it.
        if yes and source == BROWSER and known.source != BROWSER and known.state is not Answered.GRANTED:
            return False
    state = Answered.GRANTED if yes else Answered.DENIED
    if known is not None and not yes and known.state in {Answered.GRANTED, Answered.WITHDRAWN}:
        state = Answered.WITHDRAWN
    draft.open(Consents).answers[place] = Consent(state=state, at=at, source=source, notice=notice)
    if not yes:
        for section in sections_of(purpose):
            draft.delete(section)
    return True


def _wish(draft: Draft, *, yes: bool, at: Millis, notice: str) -> bool:
    """Fold a wish for marketing by e-mail: with the public key it can only be asked for, and that request taken back."""
    known = draft.read(Consents).answers.get(_MARKETING_EMAIL)
    if known is not None and (at <= known.at or known.state is Answered.GRANTED):
        return False
    if yes:
        draft.open(Consents).answers[_MARKETING_EMAIL] = Consent(state=Answered.PENDING, at=at, source=BROWSER, notice=notice)
        return True
    if known is not None and known.state is Answered.PENDING:
        draft.open(Consents).answers[_MARKETING_EMAIL] = Consent(state=Answered.DENIED, at=at, source=BROWSER, notice=notice)
        return True
    return False


def sections_of(purpose: Purpose) -> list[type[Section]]:
    """Give every kind of section that belongs to a purpose: what a withdrawal deletes."""
    found: list[type[Section]] = []
    kinds = list(Section.__subclasses__())
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if purpose in kind.purposes:
            found.append(kind)
    return found
