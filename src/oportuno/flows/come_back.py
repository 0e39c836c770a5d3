"""After a backup was restored: what was said between its moment and now is not known, so nothing that may have been said is said again.

Whatever was due by now, by a timer or in the outbox, may have left before the database was lost. What promotes and may have left is never
said again: it is silent by name, or unknown where it stood in the outbox. What serves is done again, with the same ids as then. Timers of
later are as they were.
"""

from __future__ import annotations

from typing import Final

from oportuno.attention.ledger import Attention, confirm
from oportuno.channels.channel import Answer, Outcome
from oportuno.consent.refusals import Refusal
from oportuno.decision.decide import drop_overdue, next_decision
from oportuno.flows.ending import saved
from oportuno.flows.work import Decision, MoveMessage, OutboxStatus, SaveCustomer, Status, Store, Waiting, Writes
from oportuno.journeys.advance import let_go_overdue, next_timer
from oportuno.journeys.journey import Journey
from oportuno.kit.ids import CustomerKey
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft

RESTORED: Final = "restored from a backup"
"""Beside every message of which it is not known whether it left before."""


async def silence_overdue(key: CustomerKey, journeys: tuple[Journey, ...], store: Store, *, until: Millis) -> int:
    """End what promotes of one customer and was due by `until`: walks that lead to it, and proposals that waited. Says how many ended.

    `journeys`: the workspace's; none where they cannot be read, then every walk that was due ends. Raises Unavailable, Moved.
    """
    async with store.work() as work:
        now, rows = await work.lock([key])
        stored = rows[key]
        if stored.status is not Status.ACTIVE or not stored.version:
            return 0
        draft = Draft(key, stored.state, stored.version)
        ended = let_go_overdue(draft, journeys, until=until)
        verdicts = drop_overdue(draft, refusal=Refusal.RESTORED, until=until, now=now)
        if not ended and not verdicts:
            return 0
        moments = [moment for moment in (next_timer(draft, journeys), next_decision(draft)) if moment is not None]
        save = SaveCustomer(key, stored.version, draft.encode(), min(moments, default=None), due_changed=True)
        await work.commit(Writes(saves=[save], decisions=[Decision(key, verdict) for verdict in verdicts]))
    return ended + len(verdicts)


async def leave_in_doubt(waiting: Waiting, store: Store) -> None:
    """Settle a promoting message that waited, or was in hand, when the backup was made: unknown, and counted as a touch.

    Raises Unavailable, Moved.
    """
    message = waiting.message
    async with store.work() as work:
        now, rows = await work.lock([message.key])
        stored = rows[message.key]
        writes = Writes(
            moves=[
                MoveMessage(
                    message.key,
                    message.id,
                    waiting.status,
                    OutboxStatus.UNKNOWN,
                    now,
                    answer=Answer(outcome=Outcome.UNKNOWN, detail=RESTORED),
                    reason=RESTORED,
                )
            ]
        )
        if waiting.status is OutboxStatus.PENDING and stored.status is Status.ACTIVE and stored.version:
            draft = Draft(stored.key, stored.state, stored.version)
            confirm(draft.open(Attention), id=message.id, channel=message.said.channel, now=now, cost=message.said.cost)
            writes.saves.append(saved(draft, stored))
        await work.commit(writes)
