"""One change of one customer from outside the engine: read under the lock, thought through, written at once with what it entails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from oportuno.attention.ledger import Attention, release
from oportuno.consent.answers import granted_purposes
from oportuno.decision.decide import next_decision
from oportuno.flows.crossing import winner_of
from oportuno.flows.fan_out import WatchChange
from oportuno.flows.forward import GONE
from oportuno.flows.ports import Programmes
from oportuno.flows.reads import Reads
from oportuno.flows.work import Moved, OutboxStatus, SaveCustomer, Status, Store, Stored, Writes
from oportuno.journeys.advance import next_timer
from oportuno.journeys.journey import Journey
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import CustomerKey
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose
from oportuno.profile.watching import rewatch

_TRIES: Final = 5
_LOOKED_AT: Final = 100
"""Messages of a customer that are looked through for what waits."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer did."""

    at: Millis
    """Since when it holds: of an answer given before, that earlier moment."""
    changed: bool
    """False: it was so already."""
    dropped: int = 0
    """How many messages and proposals that waited were dropped because of it."""
    number: int = 0
    """Of an answer on one of our pages: by this an undo names it."""


class Act(msgspec.Struct, kw_only=True):
    """What a change of the draft entails, to be committed with it."""

    heard: Heard
    writes: Writes


Change: TypeAlias = Callable[[Draft, Millis], Act]


class Counter:
    """Where changes are taken: the ports they need, together."""

    def __init__(self, *, store: Store, reads: Reads, programmes: Programmes) -> None:
        self.store = store
        self.reads = reads
        self.programmes = programmes

    async def change(self, key: CustomerKey, act: Change, *, may_be_new: bool = False) -> Heard:
        """Change a customer under the lock. Raises NotFound (``customer_gone``) when erased or, unless they may be new, unknown."""
        programme = await self.programmes.programme(key.workspace)
        tries = _TRIES
        while True:
            try:
                done = await self._change_once(key, act, programme.journeys, may_be_new=may_be_new)
                if isinstance(done, Heard):
                    return done
                key = done
            except Moved:
                # Only a customer without a row yet can be overtaken here: two may find nothing to lock.
                tries -= 1
                if not tries:
                    raise

    async def _change_once(self, key: CustomerKey, act: Change, journeys: tuple[Journey, ...], *, may_be_new: bool) -> Heard | CustomerKey:
        """Change them once, or say who they are by now."""
        async with self.store.work() as work:
            now, rows = await work.lock([key])
            stored = rows[key]
            if stored.status in GONE:
                return winner_of(key, stored.state)
            if stored.status is not Status.ACTIVE or (stored.version == 0 and not may_be_new):
                raise NotFound("customer_gone", "there is no such customer any more")
            draft = Draft(key, stored.state, stored.version)
            draft.granted = before = granted_purposes(draft, now)
            done = act(draft, now)
            # Whatever it entails is theirs under the number that they have now: a link may name one that they had before a merge.
            done.writes.cancels = [cancel._replace(key=key) for cancel in done.writes.cancels]
            done.writes.decisions = [decision._replace(key=key) for decision in done.writes.decisions]
            done.writes.ledger = [entry._replace(key=key) for entry in done.writes.ledger]
            settle(draft, stored, done.writes, since=(now, before), journeys=journeys)
            if draft.changed or done.writes.ledger:
                await work.commit(done.writes)
            return done.heard

    async def waiting(self, key: CustomerKey, items: tuple[str, ...]) -> dict[bytes, str]:
        """Give the messages that wait about any of the items (without items: all that promote), with their channels.

        Read before the lock: it says which reservations to give back and how many to speak of; what is cancelled, the commit decides.
        """
        records = await self.reads.messages(key, before=None, limit=_LOOKED_AT)
        return {
            record.message.id: record.message.said.channel
            for record in records
            if record.status is OutboxStatus.PENDING
            and (record.message.marketing or items)
            and (not items or not set(items).isdisjoint(record.message.said.items))
        }


def give_back(draft: Draft, concerned: Callable[[bytes, str], bool]) -> None:
    """Give back the reservations whose id and channel are concerned; never a touch that was made."""
    found = [touch.id for touch in draft.read(Attention).touches if not touch.made and concerned(touch.id, touch.channel)]
    if found:
        attention = draft.open(Attention)
        for touch_id in found:
            release(attention, id=touch_id)


def settle(
    draft: Draft, stored: Stored, writes: Writes, *, since: tuple[Millis, frozenset[Purpose]], journeys: tuple[Journey, ...]
) -> None:
    """Add to the writes what a changed draft entails: its save, its timers, what it watches. `since`: now, and what was granted before."""
    now, before = since
    if not draft.changed:
        return
    draft.granted = granted_purposes(draft, now)
    news = rewatch(draft, now, anyway=draft.granted != before)
    writes.watches += [WatchChange(draft.key, *change) for change in news]
    writes.saves.append(_save(draft, stored, journeys))


def _save(draft: Draft, stored: Stored, journeys: tuple[Journey, ...]) -> SaveCustomer:
    moments = [moment for moment in (next_timer(draft, journeys), next_decision(draft)) if moment is not None]
    due_at = min(moments, default=None)
    return SaveCustomer(stored.key, stored.version, draft.encode(), due_at, due_changed=due_at != stored.due_at)
