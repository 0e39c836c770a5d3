"""Forgetting somebody, in two passes.

The first is one transaction under the customer's lock: a tombstone in place of the state, the ids out of the directory, everything that
waits cancelled. From its commit on nothing is said and nothing is known. The second empties the log, the letters and whatever else is in
the registry of personal data, a bounded piece at a time, without the lock, and goes on where it was left whoever died meanwhile.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from oportuno.flows.reads import Spot
from oportuno.kit.ids import CustomerKey, WorkspaceId
from oportuno.kit.times import Millis


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who asked to be forgotten, and how far that is."""

    key: CustomerKey
    asked_at: Millis
    """From then on nothing is said and nothing is known."""
    done_at: Millis | None = None
    """Since when nothing of them is stored anywhere; None: the second pass is on its way."""
    place: str = ""
    """What is being emptied now; empty before the second pass began and after it ended."""

    @property
    def spot(self) -> Spot:
        """Its place in a list."""
        return Spot(self.asked_at, self.key.customer.to_bytes(8, "big"))


class Erasures(Protocol):
    """Who asked to be forgotten. Every call raises Unavailable when the store is gone."""

    async def advance(self) -> bool:
        """Do one bounded piece of the second pass of somebody; False when nobody is waiting for one, or others are at it."""
        ...

    async def erasure(self, key: CustomerKey) -> Erasure | None:
        """Say how far one erasure is; None when it was never asked for."""
        ...

    async def erasures(self, workspace: WorkspaceId, *, before: Spot | None, limit: int) -> list[Erasure]:
        """Give the workspace's erasures, the latest asked for first."""
        ...


async def forget_on(erasures: Erasures, *, most: int) -> int:
    """Go on with the second passes until nothing is left to do, or `most` pieces are done; says how many were."""
    for done in range(most):
        if not await erasures.advance():
            return done
    return most
