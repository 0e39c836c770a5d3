"""What a journey would propose if its first word were due at this moment: for whoever asks, without walking it."""

from __future__ import annotations

from typing import Any

from oportuno.catalog.product import NO_FACTS, Facts
from oportuno.journeys.journey import Journey, Send
from oportuno.journeys.propose import proposed
from oportuno.journeys.walks import Walks
from oportuno.kit.ids import derive
from oportuno.kit.times import Millis
from oportuno.moments.evidence import KINDS, gather
from oportuno.moments.proposal import Proposal
from oportuno.moments.seen import Seen
from oportuno.profile.draft import Draft


def propose_now(draft: Draft, journey: Journey, *, item: str = "", now: Millis, facts: Facts = NO_FACTS) -> Proposal | None:
    """Propose what the journey's first send would say now; None when it has none, or nothing to speak about.

    Where the customer is on it, the evidence is that of their walk; else it is as if its trigger had come now, about `item` if one is
    named. Its filter, waits and branches are not asked: what they hold against it is a matter of events that did not happen.
    """
    send = next((step for step in journey.steps if isinstance(step, Send)), None)
    if send is None:
        return None
    walk = next((walk for walk in draft.read(Walks).going if walk.journey == journey.key), None) if draft.has(Walks) else None
    told: dict[str, Any] = {"product_id": item} if item else {}
    if walk is not None:
        told = {name: value for name, value in walk.facts.items() if name in KINDS[send.because].about}
    seen = Seen(event=walk.event if walk else journey.trigger[0], at=walk.started_at if walk else now, about=told)
    evidence = gather(draft, send.because, seen, facts)
    if evidence is None:
        return None
    key = draft.key
    of = derive("what if", key.workspace, key.customer, journey.key, item, now)
    return proposed(send, evidence, of=of, journey=journey.key, version=journey.version, at=now, made_at=now)
