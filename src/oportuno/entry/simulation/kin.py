"""The checker's part about who is who: what holds when two customers turn out to be one, told from commits alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oportuno.adapters.memory import MemoryWorld
from oportuno.consent.answers import Answered, Consents
from oportuno.flows.crossing import Kind, MergeMove, Stage, winner_of
from oportuno.flows.work import Status, Writes
from oportuno.kit.ids import CustomerKey
from oportuno.profile.draft import Draft

_GONE: Final = frozenset({Status.MERGING, Status.FORWARDED})
_NO: Final = frozenset({Answered.DENIED, Answered.WITHDRAWN})


class Kin:
    """Who stands for whom."""

    def __init__(self, world: MemoryWorld) -> None:
        self.world = world

    def final(self, key: CustomerKey) -> CustomerKey:
        """Say who stands for a customer now."""
        customers = self.world.tables.customers
        while (row := customers.get(key)) is not None and row.status in _GONE:
            key = winner_of(key, row.state)
        return key

    def joined(self, writes: Writes) -> Iterator[tuple[CustomerKey, CustomerKey]]:
        """Give (loser, winner) of those who become one with this commit."""
        for move in writes.crossing.merges:
            if move.stage is Stage.JOINED:
                yield move.merge.loser, self._winner(move)

    def looser(self, writes: Writes) -> Iterator[str]:
        """Say what became looser by meeting: a yes where either said no, or a channel that was closed and is open."""
        states = {save.key: save.state for save in writes.saves}
        for move in writes.crossing.merges:
            if move.stage is not Stage.JOINED:
                continue
            winner = self._winner(move)
            row = self.world.tables.crossed.merges[move.merge.loser.workspace, move.merge.id]
            after = Draft(winner, states[winner]).read(Consents)
            for before in (Draft(winner, move.winner_state or b"").read(Consents), Draft(winner, row.loser_state).read(Consents)):
                for place, answer in before.answers.items():
                    if answer.state in _NO and after.answers[place].state not in _NO:
                        yield f"{place} is a yes where one of the two said no"
                if not before.suppressed.keys() <= after.suppressed.keys():
                    yield "a channel that one of the two closed is open"

    def left(self) -> Iterator[str]:
        """Say what must not be left once everything came to rest."""
        tables = self.world.tables
        if any(row.status is Status.MERGING for row in tables.customers.values()):
            yield "somebody is left between two customers"
        for row in tables.crossed.merges.values():
            if row.merge.stage not in {Stage.DONE, Stage.REFUSED}:
                yield f"a merge stands at {row.merge.stage.name.lower()}"
            if row.merge.refusal not in {"", "customer_erased", "alias_onto_itself", "customer_merged"}:
                yield f"a merge was refused: {row.merge.refusal}"
        if any(posted.kind is not Kind.KEPT for posted in tables.crossed.inbox.values()):
            yield "something still lies in an inbox"
        for customer in tables.identities.values():
            rows = [row for key, row in tables.customers.items() if key.customer == customer]
            if any(row.status in _GONE for row in rows):
                yield "an id leads to somebody who only forwards"

    def _winner(self, move: MergeMove) -> CustomerKey:
        rows = self.world.tables.crossed.merges
        return rows[move.merge.loser.workspace, move.merge.id].merge.winner
