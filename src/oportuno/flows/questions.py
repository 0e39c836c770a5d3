"""How often one address was asked to confirm, whoever asked in its name: a public key can make any number of customers of one address."""

from __future__ import annotations

from typing import NamedTuple

from oportuno.consent.confirm import ask_once_more
from oportuno.consent.policy import Policy
from oportuno.consent.refusals import Reason, Refusal
from oportuno.content.message import Message
from oportuno.flows.work import Questioned, Work
from oportuno.kit.times import Millis


class _Free(NamedTuple):
    """Nothing speaks against it."""

    questioned: list[Questioned]
    """To be committed with the claim."""


async def may_ask(work: Work, message: Message, address: str, policy: Policy, now: Millis) -> _Free | Reason:
    """Say whether a claim may ask this address, or why not (``asked_enough``). What asks nothing always may.

    Exact, however many claims are made at once: until the end of this one's transaction no other learns how often the address was asked.
    The same message counts once, however often it is tried.
    """
    if not message.said.confirms:
        return _Free([])
    place = (message.key.workspace, address.strip().casefold())
    asked = ask_once_more(await work.questions(*place), message.id, policy.confirm_limit, now)
    if isinstance(asked, int):
        return Reason(refusal=Refusal.ASKED_ENOUGH, facts={"free_at": asked})
    return _Free([Questioned(*place, asked, until=max(at for _, at in asked) + policy.confirm_limit.per)])
