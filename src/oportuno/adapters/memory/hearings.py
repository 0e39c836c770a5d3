"""The twin of what was heard of messages, and of the list of addresses that are not written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oportuno.consent.reach import GRAVITY, Silenced, plain_address
from oportuno.flows.hear_back import HeardAs, HearingRecord
from oportuno.flows.hearing_effects import Spoken
from oportuno.flows.work import Moved, OutboxStatus, told_by
from oportuno.kit.ids import derive

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oportuno.adapters.memory.ground import Ground
    from oportuno.adapters.memory.tables import MessageRow, Tables
    from oportuno.channels.hearing import Hearing
    from oportuno.flows.reads import Spot
    from oportuno.flows.work import Listed, NotedHearing
    from oportuno.kit.ids import WorkspaceId
    from oportuno.kit.times import Millis


def mark_of_address(workspace: WorkspaceId, channel: str, address: str) -> bytes:
    """Give what stands for an address on the list."""
    return derive("suppression", workspace, channel, plain_address(address))


def list_addresses(tables: Tables, listed: Iterable[Listed]) -> None:
    """List addresses, inside the commit: of two reasons the graver stands, of equals the older."""
    for each in listed:
        mark = each.mark or mark_of_address(each.workspace, each.channel, each.address)
        place = (each.workspace, each.channel, mark)
        known = tables.suppressions.get(place)
        new = each._replace(mark=mark, address="", customer=None)
        if known is None:
            tables.suppressions[place] = new
        else:
            graver = _weight(known.silenced) < _weight(each.silenced)
            source = told_by(known.source, each.source, graver=graver)
            tables.suppressions[place] = new._replace(
                silenced=each.silenced if graver else known.silenced,
                source=source,
                note=each.note if source == each.source != known.source or (graver and source == each.source) else known.note,
            )
        if each.customer is not None:
            tables.silent_because.add((each.customer, each.channel, mark))


def _weight(silenced: Silenced) -> tuple[int, Millis]:
    return GRAVITY.get(silenced.reason, 0), -silenced.since


def check_hearings(tables: Tables, notes: Iterable[NotedHearing]) -> None:
    """Raise Moved when one of the reports is filed already."""
    if any((note.key, note.message, note.hearing.id) in tables.hearings for note in notes):
        raise Moved("hearing_moved", "the same report was filed meanwhile")


def file_hearings(tables: Tables, notes: Iterable[NotedHearing], now: Millis) -> None:
    """File reports with their messages, inside the commit."""
    for note in notes:
        tables.hearings[note.key, note.message, note.hearing.id] = HearingRecord(hearing=note.hearing, heard_as=HeardAs.TAKEN, heard_at=now)


class MemoryHearings:
    """The port Hearings over the shared rows."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def mark(self, workspace: WorkspaceId, channel: str, address: str) -> bytes:
        """Give what stands for an address."""
        return mark_of_address(workspace, channel, address)

    async def message(self, hearing: Hearing) -> Spoken | None:
        """Find the message that a report is about."""
        await self._ground.pause("hearings.message")
        emptied = self._ground.tables.emptied.get(hearing.message)
        if emptied is not None:
            return Spoken(emptied, hearing.message, OutboxStatus.CANCELLED, handed=True, mark=b"", message=None)
        row = self._ground.tables.messages.get(hearing.message)
        if row is None and hearing.provider_ref:
            row = next((each for each in self._ground.tables.messages.values() if _known_as(each, hearing)), None)
        if row is None:
            return None
        message = row.message
        return Spoken(message.key, message.id, row.status, row.handed_at is not None, row.mark, message)

    async def keep(self, hearing: Hearing, heard_as: HeardAs) -> bool:
        """Keep a report that changes nothing."""
        await self._ground.pause("hearings.keep")
        record = HearingRecord(hearing=hearing, heard_as=heard_as, heard_at=self._ground.clock.now)
        return self._ground.tables.unmatched.setdefault((hearing.workspace, hearing.id), record) is record

    async def release(self, hearing: Hearing) -> None:
        """Let go of a kept report."""
        await self._ground.pause("hearings.release")
        for workspace in (0, hearing.workspace):
            self._ground.tables.unmatched.pop((workspace, hearing.id), None)

    async def of_message(self, workspace: WorkspaceId, id: bytes) -> list[Hearing]:  # noqa: A002 - the port's word
        """Give what was heard of one message."""
        await self._ground.pause("hearings.of_message")
        found = [
            record.hearing
            for (key, message, _), record in self._ground.tables.hearings.items()
            if key.workspace == workspace and message == id
        ]
        return sorted(found, key=lambda hearing: (hearing.at, hearing.id))

    async def hearings(self, workspace: WorkspaceId, *, before: Spot | None, limit: int) -> list[HearingRecord]:
        """Give what was heard and believed, the latest heard first."""
        await self._ground.pause("hearings.hearings")
        return _page([each for place, each in self._ground.tables.hearings.items() if place[0].workspace == workspace], before, limit)

    async def unmatched(self, workspace: WorkspaceId, *, before: Spot | None, limit: int) -> list[HearingRecord]:
        """Give what was kept without a message."""
        await self._ground.pause("hearings.unmatched")
        return _page([each for place, each in self._ground.tables.unmatched.items() if place[0] == workspace], before, limit)

    async def early(self, *, since: Millis, limit: int) -> list[Hearing]:
        """Give unmatched reports that overtook their hand-off."""
        await self._ground.pause("hearings.early")
        found = [
            each
            for each in self._ground.tables.unmatched.values()
            if each.heard_at >= since and each.heard_as is HeardAs.UNMATCHED and each.hearing.provider_ref
            if any(_known_as(row, each.hearing) for row in self._ground.tables.messages.values())
        ]
        return [each.hearing for each in sorted(found, key=lambda each: each.spot)][:limit]


def _known_as(row: MessageRow, hearing: Hearing) -> bool:
    own = hearing.workspace in {0, row.message.key.workspace}
    return own and row.answer is not None and row.answer.provider_ref == hearing.provider_ref


def _page(found: list[HearingRecord], before: Spot | None, limit: int) -> list[HearingRecord]:
    found.sort(key=lambda record: record.spot, reverse=True)
    return [each for each in found if before is None or each.spot < before][:limit]
