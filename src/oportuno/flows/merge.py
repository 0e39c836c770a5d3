"""Merging: the loser leaves, the winner takes in, the ids go over; each a unit of work of its own, taken up again by whoever lives.

One round of an engine looks at the buckets it owns and does what waits there: snapshots and events that lie in inboxes, merges that were
asked for, and merges whose winner has joined. A batch of each is one transaction. Two engines with the same bucket are harmless: stages and
inboxes move by compare-and-set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from oportuno.attention.ledger import Attention
from oportuno.consent.answers import granted_purposes
from oportuno.consent.refusals import Refusal
from oportuno.decision.decide import drop_pending, next_decision
from oportuno.events.event import Trust
from oportuno.flows.crossing import (
    Crossings,
    Keep,
    Kind,
    Merge,
    MergeMove,
    Offsets,
    Posted,
    Stage,
    Turn,
    forwarded,
    unpack_event,
    winner_of,
)
from oportuno.flows.facts import NO_CATALOGUE, FactsAtHand
from oportuno.flows.fan_out import WatchChange
from oportuno.flows.forward import GONE
from oportuno.flows.joining import join, leave
from oportuno.flows.poison import Newer, Step, step_into
from oportuno.flows.ports import Programmes
from oportuno.flows.programme import Programme, ProgrammeUnreadable
from oportuno.flows.react import join_writes
from oportuno.flows.work import Cancel, Decision, LockHeld, Moved, SaveCustomer, Status, Store, Stored, Writes
from oportuno.journeys.advance import next_timer
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import Bucket, CustomerKey, WorkspaceId, key_of
from oportuno.kit.times import Millis
from oportuno.profile.draft import CodecTooNew, Draft
from oportuno.profile.watching import rewatch, unwatch


class Crossed(msgspec.Struct, frozen=True, kw_only=True):
    """What one round did."""

    exported: int = 0
    joined: int = 0
    done: int = 0
    events: int = 0
    """Events that were folded by the customer who stands now for the one they came for, or were sent on."""
    moved: bool = False
    """Somebody else was there first, or a newer release wrote one of the states; what is left comes again."""

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do."""
        return not (self.exported or self.joined or self.done or self.events or self.moved)


async def merge_once(
    crossings: Crossings,
    store: Store,
    programmes: Programmes,
    buckets: frozenset[Bucket],
    facts: FactsAtHand = NO_CATALOGUE,
    *,
    limit: int,
) -> Crossed:
    """Do what waits in these buckets, at most `limit` of each kind. Raises Unavailable."""
    merges, inbox = await crossings.open(buckets, limit)
    if not merges and not inbox:
        return Crossed()
    known = await _known(programmes, {merge.loser.workspace for merge in merges} | {posted.key.workspace for posted in inbox})
    round_ = _Round(store, known, facts)
    try:
        await round_.take_in([posted for posted in inbox if posted.key.workspace in known])
        await round_.export([merge for merge in merges if merge.stage is Stage.ASKED and merge.loser.workspace in known])
        await round_.finish([merge for merge in merges if merge.stage is Stage.JOINED])
        on_its_way = {posted.id for posted in inbox if posted.kind is Kind.SNAPSHOT}
        await round_.give_up([merge for merge in merges if merge.stage is Stage.EXPORTED and merge.id not in on_its_way])
    except (Moved, LockHeld, Newer, CodecTooNew):
        return msgspec.structs.replace(round_.done(), moved=True)
    return round_.done()


async def _known(programmes: Programmes, workspaces: set[WorkspaceId]) -> dict[WorkspaceId, Programme]:
    known = {}
    for workspace in sorted(workspaces):
        try:
            known[workspace] = await programmes.programme(workspace)
        except (NotFound, ProgrammeUnreadable):
            continue
    return known


class _Joining(NamedTuple):
    winner: Stored
    loser: Stored
    posted: Posted
    merge: Merge
    offsets: Offsets
    """How far the winner's bucket is read."""


class _Round:
    """One round on its way."""

    def __init__(self, store: Store, programmes: Mapping[WorkspaceId, Programme], facts: FactsAtHand) -> None:
        self.store = store
        self.facts = facts
        self.programmes = programmes
        self.counts = {"exported": 0, "joined": 0, "done": 0, "events": 0}

    def done(self) -> Crossed:
        """Say what was committed."""
        return msgspec.convert(self.counts, Crossed)

    # ── The loser leaves ────────────────────────────────────────────────────────────────────────────────────────────

    async def export(self, merges: Sequence[Merge]) -> None:
        """Lock both, turn the loser into a forwarder on its way, and address its state to the winner."""
        first: dict[CustomerKey, Merge] = {}
        for merge in merges:
            # One at a time for each customer: what follows depends on how the one before ended.
            if merge.loser not in first and merge.winner not in first:
                first[merge.loser] = merge
        chosen = list(first.values())
        if not chosen:
            return
        async with self.store.work() as work:
            now, rows = await work.lock(sorted({key for merge in chosen for key in (merge.loser, merge.winner)}))
            # Whoever left before the ids of those they took in have come would leave these ids behind, with a forwarder.
            receiving = await work.across().receiving([merge.loser for merge in chosen])
            chosen = [merge for merge in chosen if merge.loser not in receiving]
            if not chosen:
                return
            writes = Writes()
            for merge in chosen:
                self._export(merge, rows[merge.loser], rows[merge.winner], now, writes)
            await work.commit(writes)
        self.counts["exported"] += len(chosen)

    def _export(self, merge: Merge, loser: Stored, winner: Stored, now: Millis, writes: Writes) -> None:
        refusal = ""
        if Status.ERASED in (loser.status, winner.status):
            refusal = "customer_erased"
        elif loser.status in GONE:
            refusal = "customer_merged"
        elif merge.loser == merge.winner:
            refusal = "alias_onto_itself"
        if refusal:
            writes.crossing.merges.append(MergeMove(merge, Stage.ASKED, Stage.REFUSED, now, refusal=refusal))
            return
        if winner.status in GONE:
            # It is one with somebody by now: who that is decides the next round, under their lock.
            further = winner_of(winner.key, winner.state)
            writes.crossing.merges.append(MergeMove(merge, Stage.ASKED, Stage.ASKED, now, winner=further.customer))
            return
        crossing = writes.crossing
        try:
            draft = Draft(loser.key, loser.state, loser.version)
            draft.granted = granted_purposes(draft, now)
            verdicts = drop_pending(draft, items=(), refusal=Refusal.MERGING, now=now)
            watches = unwatch(draft)
            # What waits has reserved its place. Should something wait without one all the same, its claim finds nobody and falls silent.
            waits = draft.has(Attention) and any(not touch.made for touch in draft.read(Attention).touches)
            leave(draft, now)
            snapshot = draft.encode()
        except CodecTooNew:
            raise
        except Exception as fault:  # noqa: BLE001 - whose state cannot be read stays who they are
            crossing.merges.append(MergeMove(merge, Stage.ASKED, Stage.REFUSED, now, refusal=f"merge_failed {type(fault).__name__}"))
            return
        writes.decisions += [Decision(loser.key, verdict) for verdict in verdicts]
        writes.watches += [WatchChange(loser.key, *change) for change in watches]
        crossing.turns.append(Turn(loser.key, loser.version, Status.ACTIVE, Status.MERGING, forwarded(merge.winner.customer)))
        crossing.merges.append(MergeMove(merge, Stage.ASKED, Stage.EXPORTED, now, loser_state=snapshot))
        crossing.posts.append(Posted(merge.winner, merge.id, Kind.SNAPSHOT, loser.key.customer, now, snapshot))
        if waits:
            writes.cancels.append(Cancel(loser.key, (), "", Refusal.MERGING.value, now))

    # ── The winner takes in ─────────────────────────────────────────────────────────────────────────────────────────

    async def take_in(self, inbox: Sequence[Posted]) -> None:
        """Fold snapshots, and events that came for somebody who is one with the addressee by now."""
        if not inbox:
            return
        by_key: dict[CustomerKey, list[Posted]] = {}
        for posted in inbox:
            by_key.setdefault(posted.key, []).append(posted)
        async with self.store.work() as work:
            senders = {sender_of(posted) for posted in inbox if posted.kind is Kind.SNAPSHOT}
            now, rows = await work.lock(sorted(by_key.keys() | senders))
            units = {posted.key[:2] for posted in inbox if posted.kind is Kind.SNAPSHOT}
            offsets = await work.across().offsets(sorted(units)) if units else {}
            merges = await work.across().entries([posted for posted in inbox if posted.kind is Kind.SNAPSHOT])
            writes = Writes()
            for key, mine in by_key.items():
                row = rows[key]
                if row.status is not Status.ACTIVE:
                    self._send_on(row, mine, merges, now, writes)
                elif mine[0].kind is Kind.SNAPSHOT:
                    # Events wait for the next round: they belong behind it.
                    joining = _Joining(row, rows[sender_of(mine[0])], mine[0], merges[mine[0].id], offsets[key[:2]])
                    self._join(joining, writes, now)
                else:
                    await self._fold(row, mine, now, writes)
            await work.commit(writes)

    def _join(self, joining: _Joining, writes: Writes, now: Millis) -> None:
        row, sender, posted, merge, offsets = joining
        crossing = writes.crossing
        crossing.takes.append((row.key, posted.id))
        try:
            draft = Draft(row.key, row.state, row.version)
            draft.granted = granted_purposes(draft, now)
            join(draft, Draft(sender.key, posted.body), vouched=merge.trust > Trust.PUBLIC, now=now)
            watches = rewatch(draft, now, anyway=True)
            save = save_of(draft, row, self.programmes[row.key.workspace])
        except CodecTooNew:
            raise
        except Exception as fault:  # noqa: BLE001 - a state that cannot be read must not keep the other one silent: they stay two
            crossing.turns.append(Turn(sender.key, sender.version, Status.MERGING, Status.ACTIVE, posted.body))
            crossing.merges.append(MergeMove(merge, Stage.EXPORTED, Stage.REFUSED, now, refusal=f"merge_failed {type(fault).__name__}"))
            return
        writes.watches += [WatchChange(row.key, *change) for change in watches]
        writes.saves.append(save)
        crossing.merges.append(
            MergeMove(
                merge,
                Stage.EXPORTED,
                Stage.JOINED,
                now,
                winner=row.key.customer,
                winner_state=row.state,
                winner_version=row.version + 1,
                winner_offsets=offsets,
            )
        )
        self.counts["joined"] += 1

    async def _fold(self, row: Stored, inbox: list[Posted], now: Millis, writes: Writes) -> None:
        events = [msgspec.structs.replace(unpack_event(posted), key=row.key) for posted in inbox]
        for last in (False, False, True):
            part, facts = Writes(), self.facts.for_workspace(row.key.workspace)
            step_into(part, row, events, Step(self.programmes[row.key.workspace], now, trusted=True, facts=facts))
            if last or not facts.missing:
                break
            await self.facts.load(facts.missing)
        join_writes(writes, part)
        writes.crossing.keeps += [Keep(row.key, posted.id, row.version + 1) for posted in inbox]
        self.counts["events"] += len(inbox)

    def _send_on(self, row: Stored, inbox: list[Posted], merges: Mapping[bytes, Merge], now: Millis, writes: Writes) -> None:
        """The addressee is somebody else by now, or was forgotten: then what was addressed to them is forgotten with them."""
        crossing = writes.crossing
        crossing.takes += [(row.key, posted.id) for posted in inbox]
        self.counts["events"] += len(inbox)
        if row.status in GONE:
            winner = winner_of(row.key, row.state)
            crossing.posts += [posted._replace(key=winner) for posted in inbox]
            return
        for posted in inbox:
            merge = merges.get(posted.id)
            if posted.kind is Kind.EVENT:
                writes.redactions.append(unpack_event(posted))
            elif merge is not None:
                crossing.merges.append(MergeMove(merge, Stage.EXPORTED, Stage.REFUSED, now, refusal="customer_erased"))
                writes.erasures.append(merge.loser)

    # ── The ids go over ─────────────────────────────────────────────────────────────────────────────────────────────

    async def finish(self, merges: Sequence[Merge]) -> None:
        """Give the loser's ids to the winner; the loser stays as a forwarder. With a winner who was forgotten meanwhile they go too."""
        if not merges:
            return
        async with self.store.work() as work:
            now, rows = await work.lock(sorted({key for merge in merges for key in (merge.loser, merge.winner)}))
            writes = Writes()
            for merge in merges:
                row = rows[merge.loser]
                if row.status is Status.MERGING and rows[merge.winner].status is Status.ERASED:
                    writes.erasures.append(merge.loser)
                elif row.status is Status.MERGING:
                    state = forwarded(merge.winner.customer)
                    writes.crossing.turns.append(Turn(row.key, row.version, Status.MERGING, Status.FORWARDED, state))
                    writes.crossing.id_moves.append(merge)
                writes.crossing.merges.append(MergeMove(merge, Stage.JOINED, Stage.DONE, now))
            await work.commit(writes)
        self.counts["done"] += len(merges)

    async def give_up(self, merges: Sequence[Merge]) -> None:
        """Whose winner was forgotten while their state was on its way is the same person, and forgotten too."""
        for merge in merges:
            heir: CustomerKey | None = merge.winner
            while heir is not None:
                heir = await self._give_up(merge, heir)

    async def _give_up(self, merge: Merge, heir: CustomerKey) -> CustomerKey | None:
        """Look at whom the state went to; gives who stands for them, if they are one with somebody by now."""
        async with self.store.work() as work:
            now, rows = await work.lock(sorted((merge.loser, heir)))
            row = rows[heir]
            if row.status in GONE:
                return winner_of(heir, row.state)
            if row.status is Status.ERASED and rows[merge.loser].status is Status.MERGING:
                writes = Writes(erasures=[merge.loser])
                writes.crossing.merges.append(MergeMove(merge, Stage.EXPORTED, Stage.REFUSED, now, refusal="customer_erased"))
                await work.commit(writes)
                self.counts["done"] += 1
        return None


def sender_of(posted: Posted) -> CustomerKey:
    """Say from whom a row of an inbox comes."""
    return key_of(posted.key.workspace, posted.sender)


def save_of(draft: Draft, stored: Stored, programme: Programme) -> SaveCustomer:
    """Write a draft back with its earliest timer."""
    moments = [moment for moment in (next_timer(draft, programme.journeys), next_decision(draft)) if moment is not None]
    due_at = min(moments, default=None)
    return SaveCustomer(stored.key, stored.version, draft.encode(), due_at, due_changed=due_at != stored.due_at)
