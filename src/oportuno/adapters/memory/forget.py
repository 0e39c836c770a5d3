"""The twin of forgetting: at once what must not speak any more, place after place what is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from oportuno.adapters.memory.tables import CustomerRow, ErasureRow
from oportuno.events.traces import names_any, traces_in
from oportuno.flows.crossing import Stage
from oportuno.flows.forget import Erasure
from oportuno.flows.work import OutboxStatus, Status
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Core

if TYPE_CHECKING:
    from oportuno.adapters.memory.ground import Ground
    from oportuno.adapters.memory.tables import Tables
    from oportuno.flows.reads import Spot
    from oportuno.kit.ids import CustomerKey, WorkspaceId
    from oportuno.kit.times import Millis

_JOINED: Final = frozenset({Stage.EXPORTED, Stage.JOINED, Stage.DONE})
_WAITING: Final = frozenset({OutboxStatus.PENDING, OutboxStatus.HANDING})


def erase_at_once(tables: Tables, key: CustomerKey, now: Millis) -> None:
    """Do the first pass, inside the commit."""
    row = tables.customers.setdefault(key, CustomerRow())
    mine = tables.messages_of(key)
    if key not in tables.erasures:
        tables.erasures[key] = ErasureRow(now, _traces_of(key, row.state), letters={each.message.id for each in mine})
    row.status, row.state, row.due_at = Status.ERASED, b"", None
    row.version += 1
    tables.identities = {name: owner for name, owner in tables.identities.items() if (name[0], owner) != (key.workspace, key.customer)}
    for each in mine:
        if each.status in _WAITING:
            del tables.messages[each.message.id]
    crossed = tables.crossed
    crossed.inbox = {place: posted for place, posted in crossed.inbox.items() if place[0] != key}
    for loser, state in _joined_to(tables, key):
        if loser not in tables.erasures:
            letters = {each.message.id for each in tables.messages_of(loser)}
            tables.erasures[loser] = ErasureRow(now, _traces_of(loser, state), letters=letters)


def _joined_to(tables: Tables, key: CustomerKey) -> Iterator[tuple[CustomerKey, bytes]]:
    """Give who was joined to a customer, however far back: the same person under other numbers."""
    for row in tables.crossed.merges.values():
        if row.merge.winner == key and row.merge.stage in _JOINED:
            yield row.merge.loser, row.loser_state
            yield from _joined_to(tables, row.merge.loser)


class MemoryErasures:
    """The port Erasures over the shared rows. One piece is one place."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def advance(self) -> bool:
        """Do one bounded piece."""
        await self._ground.pause("erasures.advance")
        tables = self._ground.tables
        found = min(((job.asked_at, key) for key, job in tables.erasures.items() if job.done_at is None), default=None)
        if found is None:
            return False
        key = found[1]
        job = tables.erasures[key]
        place = job.place or next(iter(_SWEEPS))
        _SWEEPS[place](tables, key, job)
        following = list(_SWEEPS).index(place) + 1
        job.place = list(_SWEEPS)[following] if following < len(_SWEEPS) else ""
        if not job.place:
            job.done_at, job.traces = self._ground.clock.now, set()
        await self._ground.pause("erasures.advanced")
        return True

    async def erasure(self, key: CustomerKey) -> Erasure | None:
        """Say how far one erasure is."""
        await self._ground.pause("erasures.erasure")
        job = self._ground.tables.erasures.get(key)
        return None if job is None else Erasure(key=key, asked_at=job.asked_at, done_at=job.done_at, place=job.place)

    async def erasures(self, workspace: WorkspaceId, *, before: Spot | None, limit: int) -> list[Erasure]:
        """Give the workspace's erasures, the latest asked for first."""
        await self._ground.pause("erasures.erasures")
        found = [
            Erasure(key=key, asked_at=job.asked_at, done_at=job.done_at, place=job.place)
            for key, job in self._ground.tables.erasures.items()
            if key.workspace == workspace
        ]
        found.sort(key=lambda erasure: erasure.spot, reverse=True)
        return [each for each in found if before is None or each.spot < before][:limit]


def _messages(tables: Tables, key: CustomerKey, _job: ErasureRow) -> None:
    tables.emptied.update((id_, key) for id_, row in tables.messages.items() if row.message.key == key)
    tables.messages = {id_: row for id_, row in tables.messages.items() if row.message.key != key}
    tables.attempts = {id_: told for id_, told in tables.attempts.items() if id_ in tables.messages}


def _letters(tables: Tables, key: CustomerKey, job: ErasureRow) -> None:
    tables.letters = {name: each for name, each in tables.letters.items() if name[0] != key.workspace or each.message not in job.letters}


def _clicks(tables: Tables, key: CustomerKey, _job: ErasureRow) -> None:
    tables.clicks = {place: row for place, row in tables.clicks.items() if place[0] != key}


def _decisions(tables: Tables, key: CustomerKey, _job: ErasureRow) -> None:
    tables.decisions = [decision for decision in tables.decisions if decision.key != key]


def _ledger(tables: Tables, key: CustomerKey, _job: ErasureRow) -> None:
    for id_, entry in tables.ledger.items():
        if entry.key == key:
            tables.ledger[id_] = entry._replace(proof={}, notice="", language="", actor="")


def _quarantines(tables: Tables, key: CustomerKey, _job: ErasureRow) -> None:
    tables.quarantines = [kept for kept in tables.quarantines if kept.event.key != key]


def _hearings(tables: Tables, key: CustomerKey, _job: ErasureRow) -> None:
    tables.hearings = {place: record for place, record in tables.hearings.items() if place[0] != key}
    tables.silent_because = {row for row in tables.silent_because if row[0] != key}


def _unmatched(tables: Tables, key: CustomerKey, job: ErasureRow) -> None:
    for (workspace, id_), record in list(tables.unmatched.items()):
        heard = record.hearing
        told = f"{heard.address} {heard.detail} {heard.text} ".encode() + heard.raw
        if workspace in {0, key.workspace} and names_any(told, job.traces):
            del tables.unmatched[workspace, id_]


def _watches(tables: Tables, key: CustomerKey, _job: ErasureRow) -> None:
    tables.watch = {row for row in tables.watch if (row[0], row[1], row[4]) != tuple(key)}


def _merges(tables: Tables, key: CustomerKey, _job: ErasureRow) -> None:
    for row in tables.crossed.merges.values():
        if key in (row.merge.loser, row.merge.winner):
            row.loser_state, row.winner_state, row.winner_offsets, row.moved = b"", b"", (), None


def _events(tables: Tables, key: CustomerKey, job: ErasureRow) -> None:
    for rows in tables.events.values():
        for place, event in enumerate(rows):
            if event.key == key:
                job.traces |= traces_in(event.body)
                rows[place] = msgspec.structs.replace(event, body=b"{}", name="")


def _rejects(tables: Tables, key: CustomerKey, job: ErasureRow) -> None:
    tables.rejects = [each for each in tables.rejects if each.workspace != key.workspace or not names_any(each.raw, job.traces)]


_SWEEPS: Final[dict[str, Callable[[Tables, CustomerKey, ErasureRow], None]]] = {
    "outbox": _messages,
    "mailbox": _letters,
    "clicks": _clicks,
    "verdicts": _decisions,
    "consent_ledger": _ledger,
    "quarantine": _quarantines,
    "hearings": _hearings,
    "watch": _watches,
    "merges": _merges,
    "events": _events,
    "unmatched_hearings": _unmatched,
    "rejects": _rejects,
}


def _traces_of(key: CustomerKey, state: bytes) -> set[str]:
    if not state:
        return set()
    try:
        core = Draft(key, state).read(Core)
    except msgspec.DecodeError:
        return set()
    contacts = [core.traits[name].value for name in ("email", "phone") if name in core.traits]
    return {value for _, value, _ in core.ids} | {str(value) for value in contacts if value}
