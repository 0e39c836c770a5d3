"""What marketing by e-mail must have before it starts: who writes and from where, and a signature that speaks for the From.

A shop that lacks one of these is not stopped from deciding: each message falls silent under the rule's own name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from oportuno.channels.ways import aligned, domain_of
from oportuno.consent.refusals import Reason, Refusal

HOUSE_RULES: Final = frozenset({Refusal.NO_POSTAL_ADDRESS.value, Refusal.MAIL_UNSIGNED.value, Refusal.SENDER_UNALIGNED.value})
"""The refusals of this file: what a shop lacks, whoever the message is for."""
_FEWEST_WORDS: Final = 3


def has_postal_address(legal: str) -> bool:
    """Say whether a brand's legal line can be somebody's name and postal address: some words, and a number of a house or a district."""
    return len(legal.split()) >= _FEWEST_WORDS and any(sign.isdigit() for sign in legal)


def held_by_house_rules(*, legal: str, sender: str, signs: Iterable[str]) -> Reason | None:
    """Say which rule keeps a shop's marketing by e-mail from starting; None: it may.

    `legal` and `sender` are the brand's, `signs` says of each way out for which domain it signs both List-Unsubscribe headers: `ALL_SIGNED`
    of one that does for any, empty of one that does not.
    """
    if not has_postal_address(legal):
        return Reason(refusal=Refusal.NO_POSTAL_ADDRESS)
    signing = [each for each in signs if each]
    if not signing:
        return Reason(refusal=Refusal.MAIL_UNSIGNED)
    domain = domain_of(sender)
    if not any(aligned(domain, each) for each in signing):
        return Reason(refusal=Refusal.SENDER_UNALIGNED, facts={"sender": domain, "signed": sorted(set(signing))})
    return None
