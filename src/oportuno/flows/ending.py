"""What becomes of a claim: where its message goes, and whether its touch stands, is given back, or becomes a reservation again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from oportuno.attention.ledger import Attention, release, reserve
from oportuno.channels.channel import Answer, Outcome
from oportuno.content.message import Message
from oportuno.flows.ports import Clock
from oportuno.flows.work import Moved, MoveMessage, OutboxStatus, SaveCustomer, Status, Store, Stored, Waiting, Writes
from oportuno.kit.faults import Unavailable
from oportuno.kit.times import MINUTE, SECOND, Millis
from oportuno.profile.draft import CodecTooNew, Draft

LONGEST_BACK_OFF: Final[Millis] = 15 * MINUTE
_TRIES: Final = 3
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0


async def record(
    waiting: Waiting,
    store: Store,
    *,
    touch: bytes,
    answer: Answer | None,
    deliverer: int,
    clock: Clock,
    leaving: Callable[[], bool],
    tried: tuple[Answer, ...] = (),
) -> None:
    """Write down what became of a claim, and try again until it is written. Moved again and again: somebody has declared it meanwhile.

    No answer: the hand-off certainly did not begin; the message is pending again, its touch a reservation again. `tried` are the answers of
    all providers that this claim was offered to, in order.
    """
    pause, tries = _FIRST_PAUSE, _TRIES
    while True:
        try:
            async with store.work() as work:
                now, rows = await work.lock([waiting.message.key])
                writes = _ending(waiting, touch, answer, rows[waiting.message.key], now=now, deliverer=deliverer)
                writes.moves = [move._replace(tried=tried) for move in writes.moves]
                await work.commit(writes)
        except Moved:
            # A race that was lost inside the database is lost once; what stands elsewhere does so after a fresh read too. Whoever gave up
            # at the first would leave it in hand for as long as this deliverer lives: nobody takes it over before that.
            tries -= 1
            if not tries:
                return
        except Unavailable:
            if leaving():
                raise
            await clock.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)
        else:
            return


def _ending(waiting: Waiting, touch: bytes, answer: Answer | None, stored: Stored, *, now: Millis, deliverer: int) -> Writes:
    """Say what an ending changes: where the message goes, and whether its touch stands, is given back, or becomes a reservation again."""
    message = waiting.message
    status, not_before = _where_to(waiting, answer, now)
    counts = answer is not None and answer.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN)
    if status is OutboxStatus.UNKNOWN and answer is not None and not counts:
        answer = doubtful(answer.detail)
    move = MoveMessage(
        message.key,
        message.id,
        OutboxStatus.HANDING,
        status,
        now,
        not_before=not_before,
        answer=answer,
        reason=answer.detail if answer is not None else "void",
        held_by=deliverer,
    )
    writes = Writes(moves=[move])
    if not counts and stored.status is Status.ACTIVE and stored.version:
        # What a newer release wrote meanwhile cannot be read here: then the touch stands, and the ending is written all the same.
        with suppress(CodecTooNew):
            writes.saves.append(saved(_taken_back(message, touch, stored, again=status is OutboxStatus.PENDING, now=now), stored))
    return writes


def _taken_back(message: Message, touch: bytes, stored: Stored, *, again: bool, now: Millis) -> Draft:
    """Take a touch back that certainly did not happen; where it is tried again, it is a reservation."""
    draft = Draft(stored.key, stored.state, stored.version)
    attention = draft.open(Attention)
    release(attention, id=touch)
    if again:
        said = message.said
        reserve(
            attention,
            id=message.id,
            channel=said.channel,
            now=now,
            until=message.expires_at,
            cost=said.cost,
            items=said.items,
            service=not message.marketing,
            worth=said.worth,
        )
    return draft


def _where_to(waiting: Waiting, answer: Answer | None, now: Millis) -> tuple[OutboxStatus, Millis | None]:
    message = waiting.message
    if answer is None:
        return OutboxStatus.PENDING, now
    if answer.outcome is Outcome.ACCEPTED:
        return OutboxStatus.ACCEPTED, None
    if answer.outcome is Outcome.REFUSED_FOR_GOOD:
        return OutboxStatus.UNKNOWN if waiting.doubt else OutboxStatus.REFUSED, None
    asked = answer.retry_after if answer.retry_after is not None else back_off(message, waiting.attempts)
    again = now + max(asked, 0)
    if answer.outcome is Outcome.UNKNOWN:
        if message.marketing or again >= message.expires_at:
            return OutboxStatus.UNKNOWN, None
        return OutboxStatus.PENDING, again
    # Past its expiry it is looked at once more, only to be named as expired.
    return OutboxStatus.PENDING, min(again, message.expires_at)


def doubtful(reason: str) -> Answer:
    """Answer for a message that is not tried again although an earlier attempt may have reached the customer: that doubt stands."""
    return Answer(outcome=Outcome.UNKNOWN, detail=f"an earlier attempt may have been taken; not tried again: {reason}")


def back_off(message: Message, attempts: int) -> Millis:
    """Say how long to wait after so many attempts: doubling from two seconds, spread by the message's own id, at most 15 minutes."""
    length: Millis = min(LONGEST_BACK_OFF, (2 * SECOND) << min(attempts, 12))
    return length * (768 + message.id[-1]) // 1024


def saved(draft: Draft, stored: Stored) -> SaveCustomer:
    """Give the save of a customer whose timers a delivery does not touch."""
    return SaveCustomer(stored.key, stored.version, draft.encode(), stored.due_at, due_changed=False)
