"""Contacts from us that no message of ours was: a call by the shop, a letter of another system. They take their place like messages."""

from __future__ import annotations

from oportuno.attention.ledger import Attention, Touch, forget_old
from oportuno.events.event import Event
from oportuno.events.touchpoints import contact_in
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft


def count_contact(draft: Draft, event: Event, *, now: Millis, longest: Millis) -> bool:
    """Count the contact from us that an event tells of, at the time when it was made; say whether there was one to count.

    It was made, so it counts whatever the limits allow, and however late we hear of it; what is older than the `longest` window, in which
    nothing looks at it any more, is not kept. The same event again changes nothing.
    """
    contact = contact_in(event)
    at = min(event.at, event.received)
    if contact is None or at <= now - longest or any(touch.id == event.h for touch in draft.read(Attention).touches):
        return False
    attention = draft.open(Attention)
    forget_old(attention, now=now, longest=longest)
    attention.touches.append(Touch(id=event.h, at=at, channel=contact.channel, made=True, service=contact.service))
    return True
