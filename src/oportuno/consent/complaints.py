"""While a complaint is open there is no marketing: we do not sell to somebody whom we still owe an answer."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from oportuno.consent.answers import Consents
from oportuno.events.event import Event, Trust
from oportuno.events.touchpoints import Touchpoint
from oportuno.kit.times import DAY, Millis
from oportuno.profile.draft import Draft

_OPENS: Final = {Touchpoint.COMPLAINT_OPENED.value: True, Touchpoint.COMPLAINT_CLOSED.value: False}
"""The two events that the shop's help desk sends."""
NAMES: Final = frozenset(_OPENS)
_MOST: Final = 20
"""Complaints of one customer that are told apart; when so many are open at once, a further one changes nothing: it is silent already."""
_REMEMBER_CLOSED: Final[Millis] = DAY
"""How long a closed one is remembered, so that an «opened» which arrives after it does not open it again."""
_LONGEST: Final = 64


class _Numbered(msgspec.Struct):
    complaint_id: Any = None


class _Told(msgspec.Struct):
    properties: _Numbered | None = None


_TOLD: Final = msgspec.json.Decoder(_Told)


def hear_complaint(draft: Draft, event: Event) -> None:
    """Fold one of the two events: per `complaint_id` the last by event time counts, and of equal times the opening.

    Anybody may open one, which makes us silent; only the shop's server, or whoever it vouches for, may close one. Without an id, or with
    one that cannot be read, it is about the customer's one complaint without a number.
    """
    number, at = _number(event), min(event.at, event.received)
    opened = _OPENS[event.name]
    if not opened and event.trust is Trust.PUBLIC:
        return
    known = draft.read(Consents).complaints
    found = known.get(number)
    if found is not None and (at, opened) <= found:
        return
    if found is None and len(known) >= _MOST and all(is_open for _, is_open in known.values()):
        return
    complaints = draft.open(Consents).complaints
    complaints[number] = (at, opened)
    newest = max(since for since, _ in complaints.values())
    for name, (since, is_open) in sorted(complaints.items(), key=lambda entry: entry[1][0]):
        if not is_open and (since < newest - _REMEMBER_CLOSED or len(complaints) > _MOST):
            del complaints[name]


def open_since(consents: Consents) -> Millis:
    """Say since when a complaint is open, the oldest of them; 0: none is."""
    return min((at for at, is_open in consents.complaints.values() if is_open), default=0)


def _number(event: Event) -> str:
    try:
        told = _TOLD.decode(event.body).properties
    except (msgspec.DecodeError, RecursionError):
        return ""
    value = told.complaint_id if told is not None else None
    return str(value)[:_LONGEST] if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
