"""What a dead deliverer had in hand: nobody knows whether it was taken."""

from __future__ import annotations

from oportuno.channels.channel import Answer, Outcome
from oportuno.flows.ending import back_off
from oportuno.flows.ports import Outbox
from oportuno.flows.work import Moved, MoveMessage, OutboxStatus, Store, Waiting, Writes
from oportuno.kit.times import Millis


async def recover_once(outbox: Outbox, store: Store, *, limit: int = 100) -> int:
    """Settle up to `limit` abandoned messages and say how many. Raises Unavailable; what was not settled is found again.

    A marketing message is unknown for ever: never sent again, and its touch stands. A service message waits to be sent once more with
    the same idempotency key and Message-ID, unless it has expired.
    """
    abandoned = await outbox.abandoned(limit)
    settled = 0
    for waiting in abandoned.waiting:
        async with store.work() as work:
            now, _ = await work.lock([waiting.message.key])
            try:
                await work.commit(Writes(moves=[_settle(waiting, now)]))
            except Moved:
                continue
        settled += 1
    return settled


def _settle(waiting: Waiting, now: Millis) -> MoveMessage:
    message = waiting.message
    unknown = MoveMessage(
        message.key,
        message.id,
        OutboxStatus.HANDING,
        OutboxStatus.UNKNOWN,
        now,
        answer=Answer(outcome=Outcome.UNKNOWN, detail="deliverer died"),
        reason="deliverer died",
        held_by=waiting.deliverer,
    )
    again = now + back_off(message, waiting.attempts)
    if message.marketing or again >= message.expires_at:
        return unknown
    return unknown._replace(status=OutboxStatus.PENDING, not_before=again)
