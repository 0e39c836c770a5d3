"""What raises, or what the database refuses: sought by halves, set aside by the kind of its fault, and nothing else stops for it.

Three things may be poisonous: one event (the customer goes on without it), a customer's state or timer (whatever comes for them raises),
and what a step wants written. Each costs one customer's events, visibly, and never the batch.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from oportuno.catalog.product import NO_FACTS, Facts
from oportuno.consent.refusals import Refusal
from oportuno.events.event import Event
from oportuno.flows.fan_out import WatchChange
from oportuno.flows.programme import Programme
from oportuno.flows.step import Outcome, step
from oportuno.flows.work import Cancel, Decision, Moved, Poisoned, Quarantine, SaveCustomer, Stored, Unwritable, Writes
from oportuno.kit.faults import Fault, Unavailable
from oportuno.kit.ids import Bucket, CustomerKey
from oportuno.kit.times import HOUR, Millis
from oportuno.profile.draft import CodecTooNew, Draft

Rehearse: TypeAlias = Callable[[Sequence[CustomerKey]], Awaitable[None]]
_PUT_OFF: Final[Millis] = HOUR
"""A customer whose state or timer raises is looked at again after this long."""


class Newer(Exception):
    """A newer release wrote a section of a customer in this bucket."""

    def __init__(self, bucket: Bucket, section: str) -> None:
        super().__init__(bucket, section)
        self.bucket = bucket
        self.section = section


class Step(NamedTuple):
    """By what a customer is stepped."""

    programme: Programme
    now: Millis
    trusted: bool
    facts: Facts = NO_FACTS


def step_into(writes: Writes, stored: Stored, events: Sequence[Event], by: Step) -> None:
    """Step one customer and add what becomes of it to the writes, whatever raises. Raises Newer alone."""
    try:
        draft, outcome = _try(stored, events, by)
        save = _save(stored, draft, outcome)
    except CodecTooNew as newer:
        raise Newer(stored.key.bucket, newer.place) from newer
    except Exception as fault:  # noqa: BLE001 - whatever a step raises may cost one event, never the batch
        _around_poison(writes, stored, events, by, fault)
    else:
        _add(writes, stored.key, save, outcome, by.now)
        writes.let_go += draft.lightened


def set_aside(writes: Writes, stored: Stored, events: Sequence[Event], fault: str, now: Millis) -> None:
    """Leave a customer's state as it is and set the events aside; the timer is put off, and the customer named as poisoned."""
    writes.saves.append(SaveCustomer(stored.key, stored.version, stored.state, now + _PUT_OFF, due_changed=True))
    writes.quarantines += [Quarantine(event, fault) for event in events if not event.of_catalogue]
    writes.poisoned.append(Poisoned(stored.key, fault, now, stored.version + 1))


async def unwritable(keys: Sequence[CustomerKey], rehearse: Rehearse) -> Mapping[CustomerKey, str]:
    """Find those of the customers whose writes the database refuses, each with the kind of its fault.

    `rehearse` writes what becomes of some customers and takes it back. When even nobody's writes are refused, nobody is to blame. Raises
    what concerns nobody in particular: Moved, Unavailable.
    """
    found: dict[CustomerKey, str] = {}
    halves: list[Sequence[CustomerKey]] = [keys, ()]
    while halves:
        part = halves.pop()
        try:
            await rehearse(part)
        except (Moved, Unavailable, Newer):
            raise
        except Exception as fault:  # noqa: BLE001 - it is among these
            if len(part) > 1:
                halves += [part[len(part) // 2 :], part[: len(part) // 2]]
            elif part:
                found[part[0]] = name_of(fault)
            else:
                break
    return found


def name_of(fault: BaseException) -> str:
    """Name a fault without its text: the text may hold what the event held."""
    if isinstance(fault, Unwritable):
        return fault.place or fault.code
    frame = fault.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f" at {frame.tb_frame.f_code.co_name}:{frame.tb_lineno}" if frame else ""
    return f"{fault.code if isinstance(fault, Fault) else type(fault).__name__}{place}"


def _around_poison(writes: Writes, stored: Stored, events: Sequence[Event], by: Step, fault: Exception) -> None:
    """Leave out the events that raise and step with the rest.

    Sought by halves: many customers are locked meanwhile, and one of them may have brought hundreds of events. When the customer raises
    even without events it is the state or a timer, and no event is asked.
    """
    if _raised(stored, (), by) is not None:
        set_aside(writes, stored, events, name_of(fault), by.now)
        return
    good: list[Event] = []
    bad: list[Quarantine] = []
    halves = [list(events)]
    while halves:
        part = halves.pop()
        poison = _raised(stored, good + part, by)
        if poison is None:
            good += part
        elif len(part) > 1:
            halves += [part[len(part) // 2 :], part[: len(part) // 2]]
        else:
            bad += [Quarantine(event, name_of(poison)) for event in part if not event.of_catalogue]
    draft, outcome = _try(stored, good, by)
    _add(writes, stored.key, _save(stored, draft, outcome), outcome, by.now)
    writes.quarantines += bad


def _raised(stored: Stored, events: Sequence[Event], by: Step) -> Exception | None:
    try:
        draft, outcome = _try(stored, events, by)
        _save(stored, draft, outcome)
    except CodecTooNew as newer:
        raise Newer(stored.key.bucket, newer.place) from newer
    except Exception as fault:  # noqa: BLE001 - that is what is asked
        return fault
    return None


def _try(stored: Stored, events: Sequence[Event], by: Step) -> tuple[Draft, Outcome]:
    draft = Draft(stored.key, stored.state, stored.version)
    return draft, step(draft, events, programme=by.programme, now=by.now, clock_trusted=by.trusted, facts=by.facts)


def _save(stored: Stored, draft: Draft, outcome: Outcome) -> SaveCustomer | None:
    moved = outcome.due_at != stored.due_at
    if not (draft.changed or moved or not stored.version):
        return None
    return SaveCustomer(stored.key, stored.version, draft.encode(), outcome.due_at, due_changed=moved)


def _add(writes: Writes, key: CustomerKey, save: SaveCustomer | None, outcome: Outcome, now: Millis) -> None:
    if save is not None:
        writes.saves.append(save)
    # Most steps bring none of these.
    if outcome.verdicts:
        writes.decisions += [Decision(key, verdict) for verdict in outcome.verdicts]
    if outcome.messages:
        writes.messages += outcome.messages
    if outcome.cancelled:
        writes.cancels += [Cancel(key, items, "", reason, now) for items, reason in outcome.cancelled]
    if outcome.overtaken:
        writes.cancels += [
            Cancel(key, (), "", Refusal.OVERTAKEN.value, now, only=each.id, facts={"journey": each.journey, "step": each.step})
            for each in outcome.overtaken
        ]
    if outcome.watches:
        writes.watches += [WatchChange(key, *change) for change in outcome.watches]
    if outcome.ledger:
        writes.ledger += outcome.ledger
