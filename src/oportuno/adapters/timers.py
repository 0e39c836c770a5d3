"""Whose timers come first when more are due than a batch takes: both adapters' rule."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice, zip_longest

from oportuno.kit.ids import CustomerKey, WorkspaceId
from oportuno.kit.times import Millis

Due = tuple[CustomerKey, Millis]
"""(customer, when the earliest timer is due)."""


def in_turn(due: Iterable[Due], limit: int) -> list[Due]:
    """Take the oldest of each workspace in turn, up to `limit`: nobody waits behind a neighbour's hundred thousand."""
    waiting: dict[WorkspaceId, list[Due]] = {}
    for each in sorted(due, key=_when):
        waiting.setdefault(each[0].workspace, []).append(each)
    rounds = zip_longest(*waiting.values())
    return list(islice((each for each in chain.from_iterable(rounds) if each is not None), limit))


def _when(due: Due) -> tuple[Millis, CustomerKey]:
    return due[1], due[0]
