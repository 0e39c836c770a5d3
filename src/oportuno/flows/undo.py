"""Undoing a merge: both are folded again from the ledger's snapshots, with the events since that name their own ids.

The last merge goes first. Both rows are locked meanwhile, so the events since are bounded (`EVENTS_SINCE`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from oportuno.events.event import Event, Trust
from oportuno.flows.crossing import (
    EVENTS_SINCE,
    UNDO_WITHIN,
    Across,
    Crossings,
    Joined,
    Kind,
    Merge,
    MergeMove,
    Stage,
    Turn,
    post_event,
    unpack_event,
    winner_of,
)
from oportuno.flows.facts import NO_CATALOGUE, FactsAtHand
from oportuno.flows.fan_out import WatchChange
from oportuno.flows.forward import ids_in
from oportuno.flows.joining import Parting, part
from oportuno.flows.merge import save_of
from oportuno.flows.ports import Programmes
from oportuno.flows.work import Moved, Status, Store, Stored, Writes
from oportuno.kit.faults import Conflict, NotFound
from oportuno.kit.ids import WorkspaceId, write_id
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft
from oportuno.profile.parting import Parted
from oportuno.profile.sections import Core
from oportuno.profile.watching import rewatch

MERGE: Final = "mrg"
"""How the id of a merge is written."""
_TRIES: Final = 5
_WITH_THE_WINNER: Final = frozenset({Stage.EXPORTED, Stage.JOINED, Stage.DONE})


async def undo(
    workspace: WorkspaceId,
    id: bytes,  # noqa: A002 - the field's own word
    *,
    crossings: Crossings,
    store: Store,
    programmes: Programmes,
    facts: FactsAtHand = NO_CATALOGUE,
) -> Merge:
    """Undo a merge and give its entry.

    Raises NotFound (``merge_unknown``), and Conflict: ``merge_unfinished``, ``merge_undone``, ``merge_refused``, ``merge_not_latest`` (a
    later one stands on it), ``undo_too_late`` (after seven days), ``undo_too_large`` (too many events since), ``customer_erased``.
    """
    await facts.refresh()
    for _ in range(_TRIES):
        merge = await crossings.merge(workspace, id)
        if merge is None:
            raise NotFound("merge_unknown", "there is no such merge in this workspace")
        _check_stage(merge)
        family = await crossings.family(merge.winner)
        _check_latest(merge, family)
        keep = any(other.winner == merge.loser and other.stage is Stage.DONE for other in family)
        try:
            await _undo_once(merge, crossings, store, programmes, facts, keep=keep)
        except Moved:
            continue
        return await crossings.merge(workspace, id) or merge
    raise Conflict("merge_busy", "the two customers change all the time: try again")


def _check_stage(merge: Merge) -> None:
    match merge.stage:
        case Stage.UNDONE:
            raise Conflict("merge_undone", "this merge was undone already")
        case Stage.REFUSED:
            raise Conflict("merge_refused", f"this merge was never made: {merge.refusal}")
        case Stage.DONE:
            return
        case _:
            raise Conflict("merge_unfinished", "this merge is on its way: try again in a moment")


def _check_latest(merge: Merge, family: Sequence[Merge]) -> None:
    """Refuse while another merge stands on this one: one into the same winner later, or the winner's own into somebody else."""
    for other in family:
        if other.id == merge.id or other.stage not in _WITH_THE_WINNER:
            continue
        if other.loser == merge.winner or (other.winner == merge.winner and _order(other) > _order(merge)):
            raise Conflict("merge_not_latest", "a later merge stands on this one: undo that one first", place=write_id(MERGE, other.id))


def _order(merge: Merge) -> tuple[Millis, bytes]:
    return merge.joined_at if merge.joined_at is not None else 2**62, merge.id


async def _undo_once(merge: Merge, crossings: Crossings, store: Store, programmes: Programmes, facts: FactsAtHand, *, keep: bool) -> None:
    """Undo under both locks. With `keep`, what the loser folds now is kept in its inbox: an older merge of its own may be undone next."""
    programme = await programmes.programme(merge.winner.workspace)
    loser_key, winner_key = merge.loser, merge.winner
    async with store.work() as work:
        now, rows = await work.lock(sorted((loser_key, winner_key)))
        winner, loser = rows[winner_key], rows[loser_key]
        _check_rows(winner, loser)
        across = work.across()
        joined = await _joined(merge, across, now)
        events = await _events_since(joined, across)
        own, others = _split(events, joined, crossings)
        policy = programme.policy
        for last in (False, False, True):
            known = facts.for_workspace(winner_key.workspace)
            mine, theirs = part(
                _parting(joined, winner, loser, own, others),
                currency=policy.currency,
                half_life=policy.interest_half_life,
                joined_at=merge.joined_at or now,
                now=now,
                facts=known,
            )
            if last or not known.missing:
                break
            await facts.load(known.missing)
        mine.open(Parted).part(((kind, value) for kind, value, _ in theirs.read(Core).ids), loser_key.customer)
        writes = Writes()
        for draft in (mine, theirs):
            writes.watches += [WatchChange(draft.key, *change) for change in rewatch(draft, now, anyway=True)]
        writes.saves.append(save_of(mine, winner, programme))
        crossing = writes.crossing
        crossing.turns.append(Turn(loser_key, loser.version, Status.FORWARDED, Status.ACTIVE, theirs.encode()))
        crossing.merges.append(MergeMove(merge, Stage.DONE, Stage.UNDONE, now))
        crossing.id_returns.append(merge)
        if keep:
            kept = (post_event(event, loser_key, now) for event in others)
            crossing.posts += [posted._replace(kind=Kind.KEPT, version=loser.version + 1) for posted in kept]
        for posted in await across.unfolded(winner_key):
            if _is_losers(unpack_event(posted), joined.moved, crossings):
                crossing.takes.append((winner_key, posted.id))
                crossing.posts.append(posted._replace(key=loser_key))
        await work.commit(writes)


def _parting(joined: Joined, winner: Stored, loser: Stored, own: Sequence[Event], others: Sequence[Event]) -> Parting:
    """Decode everything anew: parting changes what it starts from."""
    return Parting(
        current=Draft(winner.key, winner.state, winner.version),
        winner=Draft(winner.key, joined.winner_state, winner.version),
        loser=Draft(loser.key, joined.loser_state, loser.version),
        vouched=joined.merge.trust > Trust.PUBLIC,
        winners=list(own),
        losers=list(others),
    )


def _check_rows(winner: Stored, loser: Stored) -> None:
    if Status.ERASED in (winner.status, loser.status):
        raise Conflict("customer_erased", "they were forgotten on request: there is nothing left to part")
    if winner.status is not Status.ACTIVE:
        raise Conflict("merge_not_latest", "the winner is one with somebody else: undo that merge first")
    if loser.status is not Status.FORWARDED or winner_of(loser.key, loser.state) != winner.key:
        raise Moved("merge_moved", "the loser forwards to somebody else by now")


async def _joined(merge: Merge, across: Across, now: Millis) -> Joined:
    joined = await across.joined(merge.winner.workspace, merge.id)
    if joined is None or merge.joined_at is None or now - merge.joined_at > UNDO_WITHIN:
        raise Conflict("undo_too_late", "a merge can be undone for seven days: what it takes is not kept longer")
    if joined.merge.stage is not Stage.DONE:
        raise Moved("merge_moved", "somebody else was there first")
    return joined


async def _events_since(joined: Joined, across: Across) -> list[Event]:
    events = await across.folded_since(joined.merge.winner, joined.winner_offsets, joined.winner_version, EVENTS_SINCE + 1)
    if len(events) > EVENTS_SINCE:
        raise Conflict("undo_too_large", f"more than {EVENTS_SINCE} events came since: this merge is not undone any more")
    return sorted(events, key=lambda event: (event.received, event.lane, event.seq))


def _split(events: Sequence[Event], joined: Joined, crossings: Crossings) -> tuple[list[Event], list[Event]]:
    """Give the winner's events and the loser's. What names somebody who was parted from the winner before is neither's."""
    parted = Draft(joined.merge.winner, joined.winner_state).read(Parted)
    own: list[Event] = []
    others: list[Event] = []
    for event in events:
        if _is_losers(event, joined.moved, crossings):
            others.append(event)
        elif parted.owner(*ids_in(event)) is None:
            own.append(event)
    return own, others


def _is_losers(event: Event, moved: frozenset[bytes], crossings: Crossings) -> bool:
    """Say whether an event names the loser: its user id decides, as at the door."""
    user, anonymous = ids_in(event)
    workspace = event.key.workspace
    if user:
        return crossings.mark(workspace, "user", user) in moved
    return bool(anonymous) and crossings.mark(workspace, "anonymous", anonymous) in moved
