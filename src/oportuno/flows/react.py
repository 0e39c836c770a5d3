"""React: one batch of happenings becomes states, verdicts and messages, in one transaction.

Fetch → lock → step → commit. Two guards make it safe whoever else writes: the offset's compare-and-set fences workers from each other, the
row lock fences the worker from everybody else who writes a customer. What raises costs the customer it concerns, never the batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

import msgspec

from oportuno.catalog.product import Facts
from oportuno.decision.verdict import Verdict
from oportuno.events.event import Event
from oportuno.flows.facts import NO_CATALOGUE, FactsAtHand, KnownFacts
from oportuno.flows.forward import forward, send_back
from oportuno.flows.poison import Newer, Step, set_aside, step_into, unwritable
from oportuno.flows.ports import Feed, Fetched, Programmes
from oportuno.flows.programme import Programme, ProgrammeUnreadable
from oportuno.flows.work import LockHeld, Moved, Quarantine, Status, Store, Stored, Work, Writes
from oportuno.kit.faults import NotFound, Unavailable
from oportuno.kit.ids import Bucket, CustomerKey, WorkspaceId
from oportuno.kit.times import MINUTE, Millis

_STALE: Final[Millis] = 10 * MINUTE
"""A batch that was fetched so long before its locks were won is read again. Offsets of lanes that are gone are kept a day longer, so no
sleeper finds them away and believes that it is the first; once the locks are won, whoever stands still loses them within seconds."""
_NOTHING: Final[Mapping[tuple[str, str], int]] = {}
_NOBODY: Final[Mapping[CustomerKey, str]] = {}


class GivenUp(NamedTuple):
    """A bucket that was left to a newer release, and the section that it wrote."""

    bucket: Bucket
    section: str


class Reacted(msgspec.Struct, frozen=True, kw_only=True):
    """What one round did: for metrics and for the loop's pace."""

    events: int = 0
    told: int = 0
    """Customers who heard of a change of the catalogue."""
    timers: int = 0
    verdicts: int = 0
    messages: int = 0
    quarantined: int = 0
    moved: bool = False
    """Somebody else committed first, or holds a row; nothing was written and the batch comes again."""
    given_up: GivenUp | None = None
    """Nothing was written; the batch comes again without that bucket."""
    decided: Mapping[tuple[str, str], int] = _NOTHING
    """How often what was decided, by the first reason."""
    let_go: tuple[str, ...] = ()
    """What states let go of to stay small."""
    waited: Millis = 0
    """How long the oldest of the events had waited since it was received."""
    left: tuple[WorkspaceId, ...] = ()
    """Workspaces whose programme cannot be read: their events and timers wait."""


class _Batch(NamedTuple):
    fetched: Fetched
    happenings: Mapping[CustomerKey, list[Event]]
    programmes: Mapping[WorkspaceId, Programme]
    facts: FactsAtHand


async def react_once(feed: Feed, store: Store, programmes: Programmes, facts: FactsAtHand = NO_CATALOGUE, *, limit: int) -> Reacted:
    """Take one batch from fetch to commit. Raises Unavailable when the store is gone, or refuses everything."""
    fetched = await feed.fetch(limit)
    if not fetched.events and not fetched.due and fetched.telling.empty:
        return Reacted()
    # Nobody is told of a change on facts from before it.
    await facts.refresh(fetched.telling.versions)
    batch, left = await _batch(fetched, programmes, facts)
    if left:
        feed.again(fetched)
        for workspace in left:
            feed.leave(workspace)
        return Reacted(left=tuple(left))
    try:
        writes = await _react(batch, store, feed)
    except (Moved, LockHeld):
        feed.again(fetched)
        return Reacted(moved=True)
    except Newer as newer:
        feed.again(fetched)
        feed.give_up(newer.bucket, newer.section)
        return Reacted(given_up=GivenUp(newer.bucket, newer.section))
    return Reacted(
        events=len(fetched.events),
        told=len(fetched.telling.events),
        timers=len(fetched.due),
        verdicts=len(writes.decisions),
        messages=len(writes.messages),
        quarantined=len(writes.quarantines),
        decided=Counter((verdict.decided.value, _first_reason(verdict)) for _, verdict in writes.decisions),
        let_go=tuple(writes.let_go),
        waited=max(0, fetched.now - min((event.received for event in fetched.events), default=fetched.now)),
    )


def _first_reason(verdict: Verdict) -> str:
    return verdict.reasons[0].refusal.value if verdict.reasons else ""


async def _batch(fetched: Fetched, programmes: Programmes, facts: FactsAtHand) -> tuple[_Batch, list[WorkspaceId]]:
    """Order the happenings by customer and look up what their workspaces have laid down; name those where it cannot be read."""
    happenings: dict[CustomerKey, list[Event]] = {}
    for event in chain(fetched.events, fetched.telling.events):
        mine = happenings.get(event.key)
        if mine is None:
            happenings[event.key] = [event]
        else:
            mine.append(event)
    for key, _ in fetched.due:
        happenings.setdefault(key, [])
    known: dict[WorkspaceId, Programme] = {}
    left: list[WorkspaceId] = []
    for workspace in sorted({key.workspace for key in happenings}):
        try:
            known[workspace] = await programmes.programme(workspace)
        except NotFound:
            continue
        except ProgrammeUnreadable:
            left.append(workspace)
    return _Batch(fetched, happenings, known, facts), left


async def _react(batch: _Batch, store: Store, feed: Feed) -> Writes:
    try:
        return await _commit(batch, store, feed, _NOBODY)
    except (Moved, Unavailable, Newer):
        raise
    except Exception as fault:
        refused = await _refused(batch, store)
        if not refused or len(refused) == len(batch.happenings) > 1:
            raise Unavailable("store_refuses", f"the store refuses what concerns nobody in particular: {type(fault).__name__}") from fault
        return await _commit(batch, store, feed, refused)


async def _commit(batch: _Batch, store: Store, feed: Feed, refused: Mapping[CustomerKey, str]) -> Writes:
    async with store.work() as work:
        now, writes = await _step_all(work, batch, sorted(batch.happenings), refused)
        writes.offsets = batch.fetched.offsets
        writes.heads, writes.walks = batch.fetched.telling.heads, batch.fetched.telling.walks
        await work.commit(writes)
    feed.decided(now)
    return writes


async def _refused(batch: _Batch, store: Store) -> Mapping[CustomerKey, str]:
    async def rehearse(keys: Sequence[CustomerKey]) -> None:
        async with store.work() as work:
            _, writes = await _step_all(work, batch, keys, _NOBODY)
            await work.rehearse(writes)

    return await unwritable(sorted(batch.happenings), rehearse)


async def _step_all(work: Work, batch: _Batch, keys: Sequence[CustomerKey], refused: Mapping[CustomerKey, str]) -> tuple[Millis, Writes]:
    locked_at, stored = await work.lock(keys)
    fetched = batch.fetched
    if locked_at - fetched.now > _STALE:
        raise Moved("batch_stale", "this batch was read too long ago")
    # The batch's one clock is the store's; it was read again under the locks, because winning them may have taken time.
    now = max(fetched.now, locked_at)
    writes = Writes()
    waiting: list[CustomerKey] = []
    for key in keys:
        if key in refused:
            set_aside(writes, stored[key], batch.happenings[key], refused[key], now)
        else:
            waiting.append(key)
    for last in (False, False, True):
        waiting = await _step_each(writes, batch, [stored[key] for key in waiting], now, whatever=last)
    return now, writes


async def _step_each(writes: Writes, batch: _Batch, customers: Sequence[Stored], now: Millis, *, whatever: bool) -> list[CustomerKey]:
    """Step customers on the facts at hand, fetch those that were missing, and name who is to be stepped again on them.

    `whatever`: who still misses some goes on without.
    """
    again: list[CustomerKey] = []
    missing: set[tuple[WorkspaceId, str]] = set()
    known: dict[WorkspaceId, KnownFacts] = {}
    parts = _parts(writes)
    for stored in customers:
        key = stored.key
        facts = known.get(key.workspace)
        if facts is None:
            facts = known[key.workspace] = batch.facts.for_workspace(key.workspace)
        before = list(map(len, parts))
        _step_one(writes, stored, batch, facts, now)
        if facts.missing and not whatever:
            _take_back(parts, before)
            missing |= facts.missing
            again.append(key)
            # With a list of its own of what is missing.
            del known[key.workspace]
    if missing:
        await batch.facts.load(missing)
    return again


def _take_back(parts: Sequence[list[Any]], lengths: Sequence[int]) -> None:
    """Take back what was added since the writes were so long."""
    for part, length in zip(parts, lengths, strict=True):
        del part[length:]


def _parts(writes: Writes) -> tuple[list[Any], ...]:
    """Give every list to which the step of one customer adds."""
    return (
        writes.saves,
        writes.decisions,
        writes.messages,
        writes.cancels,
        writes.quarantines,
        writes.poisoned,
        writes.redactions,
        writes.watches,
        writes.ledger,
        writes.let_go,
        writes.crossing.posts,
    )


def _step_one(writes: Writes, stored: Stored, batch: _Batch, facts: Facts, now: Millis) -> None:
    events = batch.happenings[stored.key]
    programme = batch.programmes.get(stored.key.workspace)
    if stored.status is not Status.ACTIVE:
        # Whoever they are one with watches for themselves, and of whom was forgotten there is nothing to blank.
        events = [event for event in events if not event.of_catalogue]
    if forward(writes, stored, events, now):
        return
    if stored.status is Status.ERASED:
        writes.redactions += events
    elif programme is None:
        writes.quarantines += [Quarantine(event, "workspace_unknown") for event in events if not event.of_catalogue]
    else:
        step_into(writes, stored, send_back(writes, stored, events, now), Step(programme, now, batch.fetched.clock_trusted, facts))


def join_writes(writes: Writes, part: Writes) -> None:
    """Add what becomes of one customer."""
    for whole, more in zip(_parts(writes), _parts(part), strict=True):
        whole.extend(more)
