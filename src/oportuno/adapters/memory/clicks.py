"""The twin of where measured links lead and what was followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oportuno.adapters.memory.tables import ClickRow
from oportuno.channels.machine_clicks import Followed, Verdict
from oportuno.flows.click import MOST_NOTED, ClicksOf
from oportuno.flows.work import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oportuno.adapters.memory.ground import Ground
    from oportuno.channels.machine_clicks import Sign
    from oportuno.content.message import FollowedLink
    from oportuno.flows.click import Settled
    from oportuno.kit.ids import CustomerKey, WorkspaceId
    from oportuno.kit.times import Millis


class MemoryClicks:
    """The port Clicks over the shared rows."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def link(self, workspace: WorkspaceId, id: bytes) -> FollowedLink | None:  # noqa: A002 - the field's own word
        """Give a stored link."""
        await self._ground.pause("clicks.link")
        return self._ground.tables.links.get((workspace, id))

    async def note(self, workspace: WorkspaceId, message: bytes, link: bytes, sign: Sign) -> bool:
        """Note that a link was followed."""
        await self._ground.pause("clicks.note")
        tables = self._ground.tables
        row = tables.messages.get(message)
        if row is None or row.message.key.workspace != workspace:
            return False
        key = row.message.key
        customer = tables.customers.get(key)
        place = (key, message, self._ground.clock.now, link)
        mine = sum(known[:2] == place[:2] for known in tables.clicks)
        if customer is None or customer.status is Status.ERASED or mine >= MOST_NOTED or place in tables.clicks:
            return False
        tables.clicks[place] = ClickRow(sign)
        await self._ground.pause("clicks.noted")
        return True

    async def unsettled(self, after: Millis, limit: int, *, besides: frozenset[WorkspaceId] = frozenset()) -> list[ClicksOf]:
        """Give messages with clicks that wait to be settled."""
        await self._ground.pause("clicks.unsettled")
        tables, ripe = self._ground.tables, self._ground.clock.now - after
        waiting = [
            place
            for place, row in tables.clicks.items()
            if row.verdict is Verdict.UNSETTLED and place[2] < ripe and place[0].workspace not in besides
        ]
        first: dict[tuple[CustomerKey, bytes], Millis] = {}
        for key, message, at, _ in waiting:
            first[key, message] = min(at, first.get((key, message), at))
        found: list[ClicksOf] = []
        for key, message in sorted(first, key=lambda whose: (first[whose], whose[1]))[:limit]:
            row = tables.messages.get(message)
            mine = sorted(place for place in tables.clicks if place[:2] == (key, message))
            found.append(
                ClicksOf(
                    key=key,
                    message=message,
                    handed_at=row.handed_at if row is not None else None,
                    clicks=tuple(Followed(at, link, tables.clicks[key, message, at, link].sign) for _, _, at, link in mine),
                    waiting=tuple(Followed(place[2], place[3], tables.clicks[place].sign) for place in mine if place in waiting),
                )
            )
        return found

    async def settle(self, key: CustomerKey, message: bytes, settled: Sequence[Settled]) -> list[Verdict]:
        """Write verdicts down."""
        await self._ground.pause("clicks.settle")
        written = []
        for click, verdict in settled:
            row = self._ground.tables.clicks.get((key, message, click.at, click.link))
            if row is not None and row.verdict is Verdict.UNSETTLED:
                row.verdict = verdict
                written.append(verdict)
        await self._ground.pause("clicks.settled")
        return written
