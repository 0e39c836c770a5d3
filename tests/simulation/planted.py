"""Bugs planted on purpose, to prove that the checker sees. Each is a variant of one part; nothing of it exists in the product."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from oportuno.adapters.memory import crossing, feed, store
from oportuno.adapters.memory.store import MemoryStore, MemoryWork
from oportuno.attention import ledger
from oportuno.consent import gate, merging
from oportuno.consent.answers import Answered
from oportuno.consent.permit import _SEAL, Permit
from oportuno.consent.refusals import Reason
from oportuno.entry.simulation.history import History, SimulatedWorld
from oportuno.flows import deliver
from oportuno.flows.fan_out import Telling, told
from oportuno.flows.work import OutboxStatus
from oportuno.moments import product

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


class UnlockedWork(MemoryWork):
    """Reads states without their locks, and writes back whatever it made of them."""

    async def lock(self, keys):
        await self.ground.pause("store.read")
        rows = {key: self._read(key) for key in sorted(set(keys))}
        await self.ground.pause("store.read")
        return self.ground.clock.now, rows

    def check(self, writes):
        rows = self.ground.tables.customers
        current = [save._replace(base_version=rows[save.key].version if save.key in rows else 0) for save in writes.saves]
        writes.saves[:] = [save._replace(due_changed=True) for save in current]
        super().check(writes)


def states_read_without_the_lock(seed: int, monkeypatch: pytest.MonkeyPatch) -> History:
    world = SimulatedWorld()
    world.store = MemoryStore(world, UnlockedWork)
    return History(seed, world=world)


def recheck_skipped(seed: int, monkeypatch: pytest.MonkeyPatch) -> History:
    """The claim believes that what was permitted once is permitted still."""
    asked = gate.examine

    def believe(draft, ask, *, policy, now, clock_trusted=True):
        answer = asked(draft, ask, policy=policy, now=now, clock_trusted=clock_trusted)
        if not isinstance(answer, Reason):
            return answer
        return Permit(
            _SEAL,
            ask=ask.id,
            key=draft.key,
            channel=ask.channel,
            address="somebody@example.com",
            purpose=ask.purpose,
            granted_at=now,
            expires_at=ask.expires_at,
            facts={},
        )

    monkeypatch.setattr(deliver, "examine", believe)
    return History(seed)


class CountingWork(MemoryWork):
    """Counts the customer's messages before it waits for the lock."""

    counts: dict[str, dict] = {}

    async def lock(self, keys):
        await self.ground.pause("store.count")
        made = (OutboxStatus.HANDING, OutboxStatus.ACCEPTED, OutboxStatus.UNKNOWN)
        self.counts[self.actor] = {
            key: [row.handed_at or 0 for row in self.ground.tables.messages_of(key) if row.status in made] for key in keys
        }
        return await super().lock(keys)


def limit_by_count_then_insert(seed: int, monkeypatch: pytest.MonkeyPatch) -> History:
    """The limit is a count over what was sent, made before the lock: two may find the same room."""
    world = SimulatedWorld()
    world.store = MemoryStore(world, CountingWork)
    monkeypatch.setattr(CountingWork, "counts", {})

    def room(attention, limits, now, *, cost=1, besides=b""):
        counted = CountingWork.counts.get(world.actor, {})
        touches = [ledger.Touch(id=b"", at=at, channel="", made=True) for times in counted.values() for at in times]
        return ledger.room_from(ledger.Attention(touches=touches), limits, now, cost=cost)

    monkeypatch.setattr(gate, "room_from", room)
    return History(seed, world=world)


def watches_forgotten(seed: int, monkeypatch: pytest.MonkeyPatch) -> History:
    """The state says what the customer watches, and the table never hears of it."""
    monkeypatch.setattr(store, "write_watches", lambda _tables, _changes: None)
    return History(seed)


def news_for_everybody(seed: int, monkeypatch: pytest.MonkeyPatch) -> History:
    """A change goes to everybody, and nobody looks again whether they care."""

    def tell(tables, *_where, now, **_how):
        fresh = [each for each in tables.fan_outs if each.expires_at > now and each.name == "Product Price Dropped"]
        return Telling(events=[told(each, key) for each in fresh[-1:] for key in sorted(tables.customers)])

    monkeypatch.setattr(feed, "tell", tell)
    monkeypatch.setattr(product, "care", lambda *_: product.Reason(why="wished", section="wishlist"))
    return History(seed)


def the_looser_of_two_answers(seed: int, monkeypatch: pytest.MonkeyPatch) -> History:
    """Of two who turn out to be one, a yes of the one outweighs the no of the other."""
    states = list(Answered)
    monkeypatch.setattr(merging, "stricter", lambda one, other: min(one, other, key=lambda answer: states.index(answer.state)))
    return History(seed)


def ids_left_behind(seed: int, monkeypatch: pytest.MonkeyPatch) -> History:
    """A loser's ids stay with the forwarder."""

    def finish(tables, writes):
        writes.id_moves.clear()
        apply(tables, writes)

    apply = crossing.apply_crossing
    monkeypatch.setattr(store, "apply_crossing", finish)
    return History(seed)


BUGS = {
    "states read without the lock": (states_read_without_the_lock, "2"),
    "the re-check at the claim skipped": (recheck_skipped, "4"),
    "a limit by count, then insert": (limit_by_count_then_insert, "5"),
    "watches that are not written": (watches_forgotten, "13"),
    "news for everybody": (news_for_everybody, "13"),
    "a yes outweighs a no when two become one": (the_looser_of_two_answers, "14"),
    "the ids of who became somebody else stay behind": (ids_left_behind, "14"),
}
"""What is planted, and the number of the promise that it must be caught by."""


@contextmanager
def planted(bug: str, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Give a maker of histories in which the bug lives."""
    with monkeypatch.context() as patched:
        yield lambda seed: BUGS[bug][0](seed, patched)
