"""A service message of a customer who is one with another goes to whoever stands for them: it is still owed."""

from __future__ import annotations

from typing import Final

from oportuno.consent.refusals import Refusal
from oportuno.flows.crossing import winner_of
from oportuno.flows.work import HandOver, Moved, MoveMessage, OutboxStatus, Status, Store, Waiting, Writes
from oportuno.kit.ids import CustomerKey
from oportuno.kit.times import SECOND, Millis

_PUT_OFF: Final[Millis] = SECOND
"""How long a message of a customer on the way to another waits: a merge takes no longer."""


async def hand_over(waiting: Waiting, winner: CustomerKey, store: Store) -> bool:
    """Give the message to the winner, or let it wait while the loser is on the way there; with the winner forgotten it falls silent.

    Id and Message-ID stay. Both rows are locked, in key order, so neither undoing the merge nor forgetting the winner passes in between.
    False: it is elsewhere by now; look again. Raises Unavailable with nothing changed, or all.
    """
    message = waiting.message
    loser = message.key
    async with store.work() as work:
        now, rows = await work.lock(sorted((loser, winner)))
        row, move = rows[loser], MoveMessage(loser, message.id, OutboxStatus.PENDING, OutboxStatus.PENDING, now)
        if row.status is Status.MERGING:
            writes = Writes(moves=[move._replace(not_before=min(now + _PUT_OFF, message.expires_at))])
        elif row.status is not Status.FORWARDED or winner_of(loser, row.state) != winner:
            return False
        elif rows[winner].status is Status.ERASED:
            writes = Writes(moves=[move._replace(status=OutboxStatus.CANCELLED, reason=Refusal.CUSTOMER_GONE.value)])
        else:
            writes = Writes(hand_overs=[HandOver(message, winner)])
        try:
            await work.commit(writes)
        except Moved:
            return False
    return True
