"""Who it is: the ids, when they were seen, and what was said of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from oportuno.events.commerce import Reading
from oportuno.events.event import Call, Event, Trust
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Core, Register, Stamp, Traits
from oportuno.profile.zones import ZONES, ZONES_OF

IDS_AT_MOST: Final = 10
TRAITS_AT_MOST: Final = 50
VALUE_AT_MOST: Final = 256
"""Characters of a trait's text."""
_NAME_AT_MOST: Final = 64
_EMAIL_AT_MOST: Final = 254
_EMAIL: Final = re.compile(r"[^\s@<>()\[\],;:\"\\]{1,64}@[^\s@<>()\[\],;:\"\\.]+(\.[^\s@<>()\[\],;:\"\\.]+)+")
_PHONE: Final = re.compile(r"\+[1-9]\d{6,14}")
_LOCALE: Final = re.compile(
    r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|\d{3}))?(-([A-Za-z0-9]{5,8}|\d[A-Za-z0-9]{3}))*(-u(-[A-Za-z0-9]{2,8})+)?"
)
"""Language, script, region, variants and a Unicode extension, as BCP 47 has them."""

_SPELLINGS: Final = {
    "email": "email",
    "phone": "phone",
    "name": "name",
    "first_name": "first_name",
    "firstName": "first_name",
    "last_name": "last_name",
    "lastName": "last_name",
    "locale": "locale",
    "timezone": "timezone",
    "country": "country",
}
"""A reserved trait as clients spell it → our name."""
PROTECTED: Final = frozenset({"email", "phone"})
"""Where mail and calls go. What is known of a customer with a user id no public key changes."""
_NOT_TRAITS: Final = frozenset({"marketing_consent", "marketingConsent", "email_marketing_consent"})
"""Heard by `consent.listen`; kept nowhere else."""


def meet(core: Core, reading: Reading, stamp: Stamp, faults: list[str]) -> None:
    """Count the event, keep its ids, and what the device shows of language and zone."""
    at = stamp[0]
    if not core.events:
        core.first_seen = core.last_seen = at
    elif at > core.last_seen:
        core.last_seen = at
    elif at < core.first_seen:
        core.first_seen = at
    core.events += 1
    if reading.user:
        _keep_id(core, "user", reading.user, at)
    if reading.anonymous:
        _keep_id(core, "anonymous", reading.anonymous, at)
    if reading.locale is not None:
        _show(core, "locale", reading.locale, stamp, faults)
    if reading.timezone is not None:
        _show(core, "timezone", reading.timezone, stamp, faults)


def guards(core: Core, event: Event) -> bool:
    """Say whether a call of a public key is about a customer who is known already: who has a user id."""
    return event.trust is Trust.PUBLIC and event.call is Call.IDENTIFY and any(kind == "user" for kind, _, _ in core.ids)


def learn(draft: Draft, core: Core, traits: dict[str, Any], stamp: Stamp, faults: list[str], *, guarded: bool = False) -> None:
    """Fold the traits of an identify call: reserved ones for everybody, the shop's own only with the purpose for them.

    `guarded`: nobody vouches for this call about a customer who is known, so that what is `PROTECTED` is set where it is absent and never
    changed. Which of two such calls is first is told by their arrival, not by the times they claim.
    """
    own: dict[str, Any] = {}
    for name, value in traits.items():
        reserved = _SPELLINGS.get(name)
        if reserved is None:
            own[name] = value
            continue
        checked = None if value is None else _CHECKS[reserved](value)
        if checked is None and value is not None:
            faults.append(f"trait_malformed:traits.{reserved}")
        elif guarded and reserved in PROTECTED and _stands(core, reserved, checked):
            faults.append(f"trait_protected:traits.{reserved}")
        else:
            _set(core.traits, reserved, checked, stamp, said=True)
    address = own.get("address")
    if isinstance(address, dict) and isinstance(address.get("country"), str) and "country" not in traits:
        country = _country(address["country"])
        if country is not None:
            _set(core.traits, "country", country, stamp, said=True)
    if own and draft.may(Traits):
        _keep_traits(draft.open(Traits), own, stamp, faults)


def _stands(core: Core, name: str, value: str | None) -> bool:
    known = core.traits.get(name)
    return known is not None and known.value is not None and known.value != value


def _keep_id(core: Core, kind: str, value: str, at: Millis) -> None:
    ids = core.ids
    entry = (kind, value, at)
    for place, known in enumerate(ids):
        if known[1] == value and known[0] == kind:
            if known[2] >= at:
                return
            ids[place] = entry
            break
    else:
        place = len(ids)
        ids.append(entry)
    # Whoever was seen last stands last: as a rule nothing has to move.
    if place + 1 < len(ids) or (place and _by_last_seen(ids[place - 1]) > _by_last_seen(entry)):
        ids.sort(key=_by_last_seen)
    if len(ids) > IDS_AT_MOST:
        drop_id(ids)


def drop_id(ids: list[tuple[str, str, Millis]]) -> None:
    """Forget the id that was seen longest ago, but never the user id seen last: by it a customer counts as known."""
    users = [entry for entry in ids if entry[0] == "user"]
    del ids[next(place for place, entry in enumerate(ids) if not users or entry != users[-1])]


def _by_last_seen(entry: tuple[str, str, Millis]) -> tuple[Millis, str, str]:
    return entry[2], entry[0], entry[1]


def _show(core: Core, name: str, value: Any, stamp: Stamp, faults: list[str]) -> None:
    known = core.traits.get(name)
    if known is not None and known.value == value:
        # What is kept was checked when it came; and what was said on purpose no device alters.
        if not known.said and (known.at, known.h) < stamp:
            known.at, known.h = stamp
        return
    checked = _CHECKS[name](value)
    if checked is None:
        faults.append(f"{name}_unknown:context.{name}")
    else:
        _set(core.traits, name, checked, stamp, said=False)


def _set(registers: dict[str, Register], name: str, value: Any, stamp: Stamp, *, said: bool) -> None:
    known = registers.get(name)
    at, h = stamp
    if known is None:
        registers[name] = Register(value=value, at=at, h=h, said=said)
    elif (known.said, known.at, known.h) < (said, at, h):
        known.value, known.at, known.h, known.said = value, at, h, said


def _keep_traits(section: Traits, own: dict[str, Any], stamp: Stamp, faults: list[str]) -> None:
    for name, value in own.items():
        if name in _NOT_TRAITS:
            continue
        if isinstance(value, dict):
            for inner, held in value.items():
                _keep_trait(section, f"{name}.{inner}", held, stamp, faults)
        else:
            _keep_trait(section, name, value, stamp, faults)
    if len(section.values) > TRAITS_AT_MOST:
        faults.append("traits_too_many:traits")
        latest = sorted(section.values.items(), key=lambda entry: (entry[1].at, entry[1].h, entry[0]), reverse=True)
        section.values = dict(latest[:TRAITS_AT_MOST])


def _keep_trait(section: Traits, name: str, value: Any, stamp: Stamp, faults: list[str]) -> None:
    if not name or len(name) > _NAME_AT_MOST or not name.isprintable():
        faults.append("trait_name_malformed:traits")
    elif isinstance(value, dict | list) or (isinstance(value, int) and abs(value) >= 1 << 63):
        faults.append(f"trait_not_plain:traits.{name}")
    elif isinstance(value, str) and len(value) > VALUE_AT_MOST:
        faults.append(f"trait_too_long:traits.{name}")
    else:
        _set(section.values, name, value, stamp, said=True)


def _email(value: Any) -> str | None:
    if not isinstance(value, str) or len(value) > _EMAIL_AT_MOST:
        return None
    address = value.strip()
    if not address.isprintable() or not _EMAIL.fullmatch(address):
        return None
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"


def email_in(value: str) -> str | None:
    """Give an e-mail address as a profile keeps it; None when it is not one."""
    return _email(value)


def _phone(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    digits = re.sub(r"[\s().\-/]", "", str(value)[:VALUE_AT_MOST])
    digits = f"+{digits[2:]}" if digits.startswith("00") else digits
    return digits if _PHONE.fullmatch(digits) else None


def _text(value: Any) -> str | None:
    if not isinstance(value, str) or len(value) > VALUE_AT_MOST or not value.isprintable():
        return None
    return value.strip() or None


def _locale(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    tag = value.replace("_", "-")
    return tag if _LOCALE.fullmatch(tag) else None


def _timezone(value: Any) -> str | None:
    return value if isinstance(value, str) and value in ZONES else None


def _country(value: Any) -> str | None:
    return value.upper() if isinstance(value, str) and value.upper() in ZONES_OF else None


_CHECKS: Final[dict[str, Callable[[Any], str | None]]] = {
    "email": _email,
    "phone": _phone,
    "name": _text,
    "first_name": _text,
    "last_name": _text,
    "locale": _locale,
    "timezone": _timezone,
    "country": _country,
}
"""Each gives the value as it is kept, or None when it is not one."""
