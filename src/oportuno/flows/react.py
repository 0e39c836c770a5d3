"""React: one batch of happenings becomes states, verdicts and messages, in one transaction.

Fetch → lock → step → commit. Two guards make it safe whoever else writes: the offset's compare-and-set fences workers from each other, the
row lock fences the worker from everybody else who writes a customer. An exception in a step fails that customer's event, never the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from oportuno.events.event import Event
from oportuno.flows.ports import Feed, Fetched, Programmes
from oportuno.flows.programme import Programme
from oportuno.flows.step import Outcome, step
from oportuno.flows.work import Cancel, Decision, Moved, Quarantine, SaveCustomer, Status, Store, Stored, Writes
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import CustomerKey, WorkspaceId
from oportuno.kit.times import Millis
from oportuno.profile.draft import CodecTooNew, Draft


class Reacted(msgspec.Struct, frozen=True, kw_only=True):
    """What one round did: for metrics and for the loop's pace."""

    events: int = 0
    timers: int = 0
    verdicts: int = 0
    messages: int = 0
    quarantined: int = 0
    moved: bool = False
    """Somebody else committed first; nothing was written and the batch comes again."""


async def react_once(feed: Feed, store: Store, programmes: Programmes, *, limit: int) -> Reacted:
    """Take one batch from fetch to commit. Raises Unavailable when the store is gone and CodecTooNew when a newer release wrote a state."""
    fetched = await feed.fetch(limit)
    if not fetched.events and not fetched.due:
        return Reacted()
    happenings = _by_customer(fetched)
    known = await _programmes_of({key.workspace for key in happenings}, programmes)
    try:
        async with store.work() as work:
            locked_at, stored = await work.lock(sorted(happenings))
            # The batch's one clock is the store's; it was read again under the locks, because winning them may have taken time.
            now = max(fetched.now, locked_at)
            writes = Writes(offsets=fetched.offsets)
            for key, events in happenings.items():
                _step_one(stored[key], events, known.get(key.workspace), now=now, trusted=fetched.clock_trusted, writes=writes)
            await work.commit(writes)
    except Moved:
        feed.again(fetched)
        return Reacted(moved=True)
    return Reacted(
        events=len(fetched.events),
        timers=len(fetched.due),
        verdicts=len(writes.decisions),
        messages=len(writes.messages),
        quarantined=len(writes.quarantines),
    )


def _by_customer(fetched: Fetched) -> dict[CustomerKey, list[Event]]:
    happenings: dict[CustomerKey, list[Event]] = {}
    for event in fetched.events:
        mine = happenings.get(event.key)
        if mine is None:
            happenings[event.key] = [event]
        else:
            mine.append(event)
    for key, _ in fetched.due:
        happenings.setdefault(key, [])
    return happenings


async def _programmes_of(workspaces: set[WorkspaceId], programmes: Programmes) -> dict[WorkspaceId, Programme]:
    known = {}
    for workspace in sorted(workspaces):
        try:
            known[workspace] = await programmes.programme(workspace)
        except NotFound:
            continue
    return known


def _step_one(stored: Stored, events: list[Event], programme: Programme | None, *, now: Millis, trusted: bool, writes: Writes) -> None:
    if stored.status is Status.ERASED:
        writes.redactions += events
        return
    if programme is None:
        writes.quarantines += [Quarantine(event, "workspace_unknown") for event in events]
        return
    try:
        draft, outcome = _try(stored, events, programme, now=now, trusted=trusted)
    except CodecTooNew:
        raise
    except Exception as fault:  # noqa: BLE001 - whatever a step raises may cost one event, never the batch
        _step_around_poison(stored, events, programme, fault, now=now, trusted=trusted, writes=writes)
        return
    _write(stored, draft, outcome, now=now, writes=writes)


def _try(stored: Stored, events: Sequence[Event], programme: Programme, *, now: Millis, trusted: bool) -> tuple[Draft, Outcome]:
    draft = Draft(stored.key, stored.state, stored.version)
    return draft, step(draft, events, programme=programme, now=now, clock_trusted=trusted)


def _step_around_poison(
    stored: Stored, events: list[Event], programme: Programme, fault: Exception, *, now: Millis, trusted: bool, writes: Writes
) -> None:
    """Leave out the events that raise and step with the rest; a timer that raises is put off and changes nothing.

    Sought by halves: many customers are locked meanwhile, and one of them may have brought hundreds of events.
    """
    good: list[Event] = []
    halves = [events]
    while halves:
        part = halves.pop()
        try:
            _try(stored, good + part, programme, now=now, trusted=trusted)
        except CodecTooNew:
            raise
        except Exception as poison:  # noqa: BLE001 - it is among these
            if len(part) > 1:
                halves += [part[len(part) // 2 :], part[: len(part) // 2]]
            else:
                writes.quarantines += [Quarantine(event, _name(poison)) for event in part]
        else:
            good += part
    try:
        draft, outcome = _try(stored, good, programme, now=now, trusted=trusted)
    except Exception:  # noqa: BLE001 - even without events: the state itself or a timer raises
        if stored.due_at is not None and stored.due_at <= now:
            later = SaveCustomer(stored.key, stored.version, stored.state, now + _PUT_OFF, due_changed=True)
            writes.saves.append(later)
        writes.quarantines += [Quarantine(event, _name(fault)) for event in good]
        return
    _write(stored, draft, outcome, now=now, writes=writes)


def _write(stored: Stored, draft: Draft, outcome: Outcome, *, now: Millis, writes: Writes) -> None:
    key = stored.key
    if draft.changed or outcome.due_at != stored.due_at or not stored.version:
        writes.saves.append(SaveCustomer(key, stored.version, draft.encode(), outcome.due_at, due_changed=outcome.due_at != stored.due_at))
    for verdict in outcome.verdicts:
        writes.decisions.append(Decision(key, verdict))
    writes.messages += outcome.messages
    for items, reason in outcome.cancelled:
        writes.cancels.append(Cancel(key, items, "", reason, now))


def _name(fault: Exception) -> str:
    """Name a fault without its text: the text may hold what the event held."""
    frame = fault.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f" at {frame.tb_frame.f_code.co_name}:{frame.tb_lineno}" if frame else ""
    return f"{type(fault).__name__}{place}"


_PUT_OFF: Millis = 60 * 60 * 1_000
"""A customer whose timer raises is looked at again after this long; unused where nothing raises."""
