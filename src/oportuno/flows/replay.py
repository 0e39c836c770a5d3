"""Replay: an event that was set aside is evaluated after all, once what was wrong with it was mended on our side."""

from __future__ import annotations

from oportuno.events.event import Event, Source
from oportuno.flows.ports import Arrival, Intake, LaneClass
from oportuno.flows.reads import Rejects, SetAside
from oportuno.kit.ids import derive
from oportuno.kit.times import Millis, day_of


async def replay_set_aside(found: SetAside, event: Event, *, intake: Intake, rejects: Rejects, now: Millis) -> int:
    """Store the event once more, as old news: it folds the profile and starts nothing. Gives 1, or 0 when it was replayed before.

    It gets an identity of its own, so that one that is set aside again can be replayed again. Raises Unavailable.
    """
    if found.replayed:
        return 0
    again = Arrival(
        key=event.key,
        h=derive("set aside", event.h, found.id),
        source=Source.REPLAY,
        call=event.call,
        name=event.name,
        at=event.at,
        received=now,
        body=event.body,
        day=day_of(now),
        trust=event.trust,
    )
    stored = await intake.store([again], [], LaneClass.BULK)
    await rejects.mark_set_aside_replayed(event.key.workspace, found.id)
    return stored
