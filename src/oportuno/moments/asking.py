"""The one message that a pending answer sets off: please confirm that it was you."""

from __future__ import annotations

from typing import Final

from oportuno.consent.answers import Consents
from oportuno.consent.confirm import mark_of
from oportuno.consent.gate import address_of
from oportuno.consent.policy import Policy
from oportuno.content.said import Because
from oportuno.kit.ids import dated, derive
from oportuno.kit.times import DAY, Millis, day_of
from oportuno.moments.proposal import Proposal
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

JOURNEY: Final = "double-opt-in"
"""Under this name the message stands in lists, beside the journeys."""
MESSAGE: Final = "confirm-subscription"
"""Key of the message; a workspace may lay down its own under it."""
JOINING: Final = "asked_to_join"
"""The kind of evidence it stands on."""
_STEP: Final = "confirm"
_WAITS: Final[Millis] = DAY
"""How long it may wait for a mail server that is away: whoever asked has forgotten it by then."""


def ask_to_confirm(draft: Draft, place: str, *, policy: Policy, now: Millis) -> Proposal:
    """Propose to ask about a pending answer. The same answer is proposed once, however often the step is done."""
    asked, key = draft.read(Consents).answers[place], draft.key
    channel = place.rpartition("/")[2]
    return Proposal(
        id=dated(day_of(asked.at), derive("confirm", key.workspace, key.customer, place, asked.at)),
        journey=JOURNEY,
        version=1,
        step=_STEP,
        template=MESSAGE,
        channel=channel,
        purpose=Purpose.SERVICE,
        because=Because(kind=JOINING, facts={"at": asked.at}, read=("core",)),
        expires_at=now + min(_WAITS, policy.confirm_within),
        confirms=place,
        context={"confirm_by": now + policy.confirm_within, "address": mark_of(key, address_of(draft, channel))},
        made_at=now,
    )
