"""May a workspace's marketing by e-mail start? Asked where it is laid down, so that nobody finds out by silence; the claim asks again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from oportuno.channels.channel import Channel
from oportuno.channels.ways import ALL_SIGNED, domain_of
from oportuno.consent.house_rules import held_by_house_rules
from oportuno.consent.refusals import Reason, Refusal
from oportuno.flows.programme import Brand
from oportuno.journeys.journey import Journey, Send
from oportuno.kit.faults import BadInput
from oportuno.profile.purposes import Purpose


class BrokenRule(NamedTuple):
    """A rule of the house that a workspace does not keep."""

    word: str
    """The word of the brand that it is about."""
    reason: Reason
    """The silence that every such message would become."""
    fault: BadInput
    """What to do, to be said with its place."""


def broken_rule(brand: Brand, signs: Sequence[str], *, sandbox: bool) -> BrokenRule | None:
    """Give the first rule that a brand and its ways out do not keep; None: marketing may start.

    `signs` says of each way for which domain it signs. Without any way nothing can leave, and nothing is known to be wrong with it; of a
    sandbox, too, only the address counts. A brand without a sender sends nothing yet.
    """
    if not brand.sender:
        return None
    held = held_by_house_rules(legal=brand.legal, sender=brand.sender, signs=[ALL_SIGNED] if sandbox or not signs else signs)
    if held is None:
        return None
    if held.refusal is Refusal.NO_POSTAL_ADDRESS:
        sentence = "marketing by e-mail needs the shop's name and postal address at its foot: say it in the policy, as legal of the brand"
        return BrokenRule("legal", held, BadInput("postal_address_missing", sentence))
    if held.refusal is Refusal.MAIL_UNSIGNED:
        sentence = "marketing by e-mail needs a DKIM signature: set OPORTUNO_DKIM_DOMAIN, or a provider that signs for the sender's domain"
        return BrokenRule("sender", held, BadInput("mail_unsigned", sentence))
    signed = ", ".join(sorted({each for each in signs if each}))
    sentence = f"the sender is of {domain_of(brand.sender) or 'no domain'} and the signature of {signed}: one organisation's must be both"
    return BrokenRule("sender", held, BadInput("sender_unaligned", sentence))


def promotes_by_mail(journey: Journey) -> bool:
    """Say whether a step of a journey sends marketing by e-mail."""
    sent = (step for step in journey.steps if isinstance(step, Send))
    return any(step.channel == Channel.EMAIL and step.purpose is not Purpose.SERVICE for step in sent)
