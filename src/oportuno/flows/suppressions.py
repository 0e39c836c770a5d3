"""The list of suppressions: addresses that are not written to, whoever their customer is, and who may take one off it again.

An address stands on it under a keyed hash, so that the list outlasts the customers and tells nobody's address. It is looked at in every
claim, once, by its key; what a customer's own state knows of their address is looked at where it is decided.
"""

from __future__ import annotations

from oportuno.consent.gate import forbids_listed
from oportuno.consent.permit import Permit
from oportuno.consent.refusals import Reason
from oportuno.content.message import Message
from oportuno.decision.decide import ask_of
from oportuno.flows.work import Work
from oportuno.profile.draft import Draft


async def against(work: Work, message: Message, draft: Draft, permit: Permit) -> Reason | None:
    """Say what the list has against handing this message to the address of its permit (``suppressed``); None: nothing."""
    found = await work.listed(permit.key.workspace, permit.channel, permit.address)
    return None if found is None else forbids_listed(draft, ask_of(message.said), found)
