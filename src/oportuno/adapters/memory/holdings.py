"""The twin of taking out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from oportuno.adapters.memory.reads import record_of
from oportuno.flows.reads import spot_of
from oportuno.flows.work import Decision, Status, Stored

if TYPE_CHECKING:
    from oportuno.adapters.memory.ground import Ground
    from oportuno.events.event import Event
    from oportuno.flows.reads import MessageRecord
    from oportuno.kit.ids import Bucket, CustomerKey, WorkspaceId

T = TypeVar("T")


class MemoryHoldings:
    """The port Holdings over the shared rows."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def customers(self, workspace: WorkspaceId, bucket: Bucket, *, after: Stored | None, limit: int) -> list[Stored]:
        """Give customers by their number."""
        await self._ground.pause("holdings.customers")
        rows = (
            Stored(key, row.status, row.version, row.state, row.due_at)
            for key, row in self._ground.tables.customers.items()
            if self._here(key, workspace, bucket) and row.status is not Status.ERASED
        )
        return _behind(rows, lambda row: row.key.customer, after, limit)

    async def events(self, workspace: WorkspaceId, bucket: Bucket, *, after: Event | None, limit: int) -> list[Event]:
        """Give events by lane and place in it."""
        await self._ground.pause("holdings.events")
        rows = (event for event in self._ground.tables.all_events() if event.body and self._here(event.key, workspace, bucket))
        return _behind(rows, lambda event: (event.lane, event.seq), after, limit)

    async def messages(self, workspace: WorkspaceId, bucket: Bucket, *, after: MessageRecord | None, limit: int) -> list[MessageRecord]:
        """Give messages by customer and id."""
        await self._ground.pause("holdings.messages")
        rows = (record_of(row) for row in self._ground.tables.messages.values() if self._here(row.message.key, workspace, bucket))
        return _behind(rows, lambda record: (record.message.key.customer, record.message.id), after, limit)

    async def verdicts(self, workspace: WorkspaceId, bucket: Bucket, *, after: Decision | None, limit: int) -> list[Decision]:
        """Give verdicts by customer and moment."""
        await self._ground.pause("holdings.verdicts")
        rows = (each for each in self._ground.tables.decisions if self._here(each.key, workspace, bucket))
        return _behind(rows, lambda each: (each.key.customer, *spot_of(each)), after, limit)

    def _here(self, key: CustomerKey, workspace: WorkspaceId, bucket: Bucket) -> bool:
        return key.workspace == workspace and key.bucket == bucket and key not in self._ground.tables.erasures


def _behind(rows: Iterable[T], place: Callable[[T], Any], after: T | None, limit: int) -> list[T]:
    return sorted((row for row in rows if after is None or place(row) > place(after)), key=place)[:limit]
