"""Whose turn it is in an engine's next batch.

A batch is filled by class and in turn over workspaces. In company, when somebody far behind and somebody up to date share an engine, every
other batch holds nothing but news: so news waits for little, and the backlog goes on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from oportuno.flows.ports import LaneClass
from oportuno.kit.ids import Bucket, WorkspaceId

Unit = tuple[Bucket, WorkspaceId, int]
"""(bucket, workspace, lane)."""

SHARES: Final = {"live": 60, "timers": 15, "told": 20, "bulk": 5}
"""Shares of a batch by class (ENGINE: fairness); what a class leaves unused, the others borrow."""
_WORKSPACES_A_BATCH: Final = 16


class Helping(NamedTuple):
    """What is read of one workspace and class."""

    lane_class: int
    workspace: WorkspaceId
    units: list[Unit]
    each: int
    """At most so many events of each unit."""

    @property
    def asked(self) -> int:
        """How many events that may be."""
        return self.each * len(self.units)


@dataclass(slots=True)
class Turns:
    """The units in which something waits, as far as it was announced or found."""

    # Dictionaries as ordered sets: what was read and has more goes to the end, so that no bucket is read before all others were.
    _pending: dict[int, dict[WorkspaceId, dict[Unit, None]]] = field(default_factory=lambda: {int(c): defaultdict(dict) for c in LaneClass})
    _behind: set[tuple[int, WorkspaceId]] = field(default_factory=set)
    """(class, workspace) that gave most of what was asked for when last read, and have more."""
    _turn: int = 0

    def add(self, lane_class: int, workspace: WorkspaceId, units: Iterable[Unit]) -> None:
        """Take note that something waits in these units."""
        self._pending[lane_class][workspace].update(dict.fromkeys(units))

    def waiting(self, resting: Collection[WorkspaceId]) -> bool:
        """Say whether anything waits that is not to rest."""
        return any(self._waiting(c, resting) for c in self._pending)

    def live(self) -> bool:
        """Say whether live events wait, whoever's they are."""
        return any(self._pending[LaneClass.LIVE].values())

    def news(self, resting: Collection[WorkspaceId]) -> bool:
        """Say whether live events of somebody wait who is up to date with them."""
        return bool(self._news(resting))

    def behind(self, resting: Collection[WorkspaceId]) -> bool:
        """Say whether somebody waits who is far behind."""
        return any((c, workspace) in self._behind for c in self._pending for workspace in self._waiting(c, resting))

    def plan(self, limit: int, owned: Collection[Bucket], resting: Collection[WorkspaceId], *, news_alone: bool = False) -> list[Helping]:
        """Say what to read, at most `limit` events: by shares, borrowed when unused, workspaces in turn. What is read waits no more.

        A class is never left out for a small limit: each that waits gets one event at least, so four of them need a limit of four.
        """
        waiting = {c: self._waiting(c, resting) for c in self._pending}
        if news_alone:
            waiting = {int(LaneClass.LIVE): self._news(resting)}
        busy = [c for c in waiting if waiting[c]]
        total = sum(SHARES[LaneClass(c).name.lower()] for c in busy) or 1
        plan = []
        self._turn += 1
        for c in busy:
            share = max(1, limit * SHARES[LaneClass(c).name.lower()] // total)
            turn = self._turn % len(waiting[c])
            workspaces = (waiting[c][turn:] + waiting[c][:turn])[: min(_WORKSPACES_A_BATCH, share)]
            for workspace in workspaces:
                units = [unit for unit in self._pending[c][workspace] if unit[0] in owned]
                self._pending[c][workspace] = {}
                if units:
                    each = max(1, share // len(workspaces))
                    chosen = units if len(units) <= each else units[:each]
                    self.add(c, workspace, units[len(chosen) :])
                    plan.append(Helping(c, workspace, sorted(chosen), each // len(chosen)))
        return plan

    def read(self, helping: Helping, count: int, more: Iterable[Unit]) -> None:
        """Learn that a helping gave `count` events, and in which of its units more may wait."""
        lane_class, workspace = helping.lane_class, helping.workspace
        self.add(lane_class, workspace, more)
        if self._pending[lane_class][workspace] and count >= max(1, helping.asked // 2):
            self._behind.add((lane_class, workspace))
        else:
            self._behind.discard((lane_class, workspace))

    def _waiting(self, lane_class: int, resting: Collection[WorkspaceId]) -> list[WorkspaceId]:
        return [w for w, units in self._pending[lane_class].items() if units and w not in resting]

    def _news(self, resting: Collection[WorkspaceId]) -> list[WorkspaceId]:
        live = int(LaneClass.LIVE)
        return [w for w in self._waiting(live, resting) if (live, w) not in self._behind]
