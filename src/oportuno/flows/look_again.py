"""A last look at the product that a message speaks of, just before the message is claimed."""

from __future__ import annotations

from typing import Final

from oportuno.consent.refusals import Reason
from oportuno.content.message import Message
from oportuno.flows.facts import FactsAtHand
from oportuno.moments.still_true import no_longer_true, product_told_of

_ANY_VERSION: Final = 2**62
"""Newer than every version of a catalogue."""


async def offer_gone(message: Message, facts: FactsAtHand) -> Reason | None:
    """Say why price or stock no longer are what the message says; None while they are. Locks nothing. Raises Unavailable."""
    said, workspace = message.said, message.key.workspace
    name = product_told_of(said)
    if not name:
        return None
    await facts.refresh()
    await facts.load([(workspace, name)])
    if no_longer_true(said, facts.for_workspace(workspace)) is None:
        return None
    # The news that set this message off may be younger than what is at hand here: nobody falls silent on facts from before it.
    await facts.refresh({workspace: _ANY_VERSION})
    await facts.load([(workspace, name)])
    return no_longer_true(said, facts.for_workspace(workspace))
