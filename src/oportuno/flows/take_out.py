"""Taking out what a workspace holds, kind by kind, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Any, Final, Protocol

from oportuno.events.event import Event
from oportuno.flows.reads import MessageRecord
from oportuno.flows.work import Decision, Stored
from oportuno.kit.ids import BUCKETS, Bucket, WorkspaceId

PAGE: Final = 500
"""Rows that are in memory at a time."""


class Holding(StrEnum):
    """What can be taken out."""

    CUSTOMERS = "customers"
    EVENTS = "events"
    MESSAGES = "messages"
    VERDICTS = "verdicts"


class Holdings(Protocol):
    """The port of taking out: everything of one bucket, page by page, in an order that does not move.

    `after` is the last row of the page before; None begins. What belongs to somebody forgotten is never given. Raises Unavailable.
    """

    async def customers(self, workspace: WorkspaceId, bucket: Bucket, *, after: Stored | None, limit: int) -> Sequence[Stored]:
        """Give customers by their number, those who turned out to be another among them."""
        ...

    async def events(self, workspace: WorkspaceId, bucket: Bucket, *, after: Event | None, limit: int) -> Sequence[Event]:
        """Give events by lane and place in it."""
        ...

    async def messages(self, workspace: WorkspaceId, bucket: Bucket, *, after: MessageRecord | None, limit: int) -> Sequence[MessageRecord]:
        """Give messages by customer and id."""
        ...

    async def verdicts(self, workspace: WorkspaceId, bucket: Bucket, *, after: Decision | None, limit: int) -> Sequence[Decision]:
        """Give verdicts by customer and moment."""
        ...


async def take_out(
    holding: Holding,
    workspace: WorkspaceId,
    holdings: Holdings,
    *,
    tell: Callable[[int, int], None] = lambda _done, _whole: None,
    page: int = PAGE,
) -> AsyncIterator[Any]:
    """Give every row of a kind: Stored, Event, MessageRecord or Decision. `tell` hears how many buckets of how many are done.

    It is no snapshot: what is written meanwhile may be in it or not. What stood there when it began is in it, once. Raises Unavailable.
    """
    read: Callable[..., Awaitable[Sequence[Any]]] = getattr(holdings, holding.value)
    for bucket in range(BUCKETS):
        after = None
        while True:
            rows = await read(workspace, bucket, after=after, limit=page)
            for row in rows:
                yield row
            if len(rows) < page:
                break
            after = rows[-1]
        tell(bucket + 1, BUCKETS)
