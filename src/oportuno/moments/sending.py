"""What a program of the shop asks to be sent to one customer: a service message that no journey proposes."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from oportuno.content.said import Because
from oportuno.kit.ids import CustomerKey, dated, derive
from oportuno.kit.times import Millis, day_of
from oportuno.moments.proposal import Proposal
from oportuno.profile.purposes import Purpose

JOURNEY: Final = "transactional"
"""Under this name the message stands in lists, beside the journeys."""
NOTICE: Final = "shop_notice"
"""The kind of evidence it stands on."""
DATA: Final = "data"
"""Under this name a template sees what the program sent with it."""
GIVEN: Final = "given"
"""Under this name a body that was given whole goes with the message: ``subject``, ``html``, ``text``."""
_STEP: Final = "send"


BASES: Final = ("contract", "legal_obligation", "vital")
"""On what ground a shop may write without being asked (GDPR, article 6): it belongs to something that was agreed (an order, an account, an
appointment); the law obliges it (a recall, an invoice); it may concern somebody's health or life. Consent and interest are marketing's."""


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent: a published message with its data, or a body given whole."""

    basis: str
    """One of `BASES`."""
    channel: str
    template: str = ""
    """Key of the published message; empty: the body is given."""
    data: dict[str, Any] = {}
    subject: str = ""
    html: str = ""
    text: str = ""
    language: str = ""
    """In which it is written, or to be written; empty: the customer's own."""
    lasts: Millis
    """After so long it is not handed over any more."""


def propose_sending(key: CustomerKey, sending: Sending, *, named: str, now: Millis) -> Proposal:
    """Propose to say what was asked for; `named` tells this request from all others of its moment."""
    facts: dict[str, Any] = {"at": now, "basis": sending.basis}
    if sending.language:
        facts["language"] = sending.language
    whole = {"subject": sending.subject, "html": sending.html, "text": sending.text}
    return Proposal(
        id=dated(day_of(now), derive("sending", key.workspace, key.customer, named, now)),
        journey=JOURNEY,
        version=1,
        step=_STEP,
        template=sending.template,
        channel=sending.channel,
        purpose=Purpose.SERVICE,
        because=Because(kind=NOTICE, facts=facts, read=("core",)),
        expires_at=now + sending.lasts,
        context={DATA: sending.data} if sending.template else {GIVEN: whole},
        made_at=now,
    )
