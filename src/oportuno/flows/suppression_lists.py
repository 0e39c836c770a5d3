"""Whole lists of suppressions come in and go out: any number of addresses, a piece at a time, and what came in can be taken back.

Coming in is idempotent. Of an address that stands there already the graver reason stands, and a list gives way to everybody else who tells
of it: so taking a list back lifts what it added and nothing that anybody else has said, another list included.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple, TypeAlias

import msgspec

from oportuno.consent.gate import address_of
from oportuno.consent.reach import GRAVITY, Silenced
from oportuno.consent.suppression_lists import Entry, Layout, entry_of
from oportuno.events.bring.rows import Line
from oportuno.events.bring.values import Unfit
from oportuno.flows.suppressions import Suppression, Suppressions
from oportuno.flows.take_out import Holding, Holdings, take_out
from oportuno.flows.work import LIST, Listed, Store, Work, Writes
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import WorkspaceId
from oportuno.profile.draft import Draft

PIECE: Final = 1_000
"""Addresses of one commit."""

Refuse: TypeAlias = Callable[[Line, str, str, str], None]
"""Hears of a refused row: the row, its column, a code and a sentence."""


class Tally(msgspec.Struct, kw_only=True):
    """What became of a list's rows; of a dry run, what would."""

    rows: int = 0
    added: int = 0
    """Addresses that were not on the list."""
    graver: int = 0
    """Addresses that were, for a lighter reason."""
    standing: int = 0
    """Addresses that were, for the same reason or a graver one, and those that the file names once more."""
    refused: int = 0
    reasons: dict[str, int] = {}
    """Rows that were taken, by reason."""
    codes: dict[str, int] = {}
    """Rows that were refused, by code."""


class TakenBack(NamedTuple):
    """What taking a list back did."""

    lifted: int
    kept: int
    """Addresses that stay, because something was heard of a customer there."""


class ListImport:
    """Brings one list into the list of suppressions."""

    def __init__(
        self, workspace: WorkspaceId, *, store: Store, suppressions: Suppressions, channel: str, name: str, refuse: Refuse
    ) -> None:
        self._workspace = workspace
        self._store = store
        self._list = suppressions
        self._channel = channel
        self._source = source_of(name)
        self._refuse = refuse
        self._tally = Tally()

    async def run(self, lines: Iterable[Line], layout: Layout, *, dry: bool, first: Callable[[str], bool] = lambda _address: True) -> Tally:
        """Bring the rows in, a commit for every `PIECE`; stopped anywhere, the same once more does the rest. A dry run writes nothing.

        `first` says of an address whether this file has not named it before: only a dry run, which writes nothing that would tell, asks.
        Raises BadInput where the file cannot be read further, Unavailable; what was committed stays.
        """
        entries = self._entries(lines, layout)
        while piece := list(islice(entries, PIECE)):
            marked: dict[bytes, str] = {}
            for address, reason in piece:
                mark = self._list.mark(self._workspace, self._channel, address)
                again = mark in marked
                if again or (dry and not first(mark.hex())):
                    self._tally.standing += 1
                    if not again:
                        continue
                if mark not in marked or GRAVITY[marked[mark]] < GRAVITY[reason]:
                    marked[mark] = reason
            await self._put(marked, dry=dry)
        return self._tally

    def _entries(self, lines: Iterable[Line], layout: Layout) -> Iterator[Entry]:
        for line in lines:
            self._tally.rows += 1
            try:
                if line.broken is not None:
                    raise line.broken
                entry = entry_of(line.cells, layout)
            except Unfit as unfit:
                self._tally.refused += 1
                self._tally.codes[unfit.code] = self._tally.codes.get(unfit.code, 0) + 1
                self._refuse(line, unfit.place, unfit.code, unfit.sentence)
                continue
            self._tally.reasons[entry.reason] = self._tally.reasons.get(entry.reason, 0) + 1
            yield entry

    async def _put(self, marked: dict[bytes, str], *, dry: bool) -> None:
        standing = await self._list.standing(self._workspace, self._channel, list(marked))
        for mark, reason in marked.items():
            known = standing.get(mark)
            if known is None:
                self._tally.added += 1
            elif GRAVITY[known.reason] < GRAVITY[reason]:
                self._tally.graver += 1
            else:
                self._tally.standing += 1
        if dry:
            return
        async with self._store.work() as work:
            await self._write(work, marked)

    async def _write(self, work: Work, marked: dict[bytes, str]) -> None:
        now, _ = await work.lock([])
        # In one order whoever writes: two who bring the same list in at once wait for each other and never both.
        listed = [
            Listed(self._workspace, self._channel, Silenced(reason, now), self._source, mark=mark)
            for mark, reason in sorted(marked.items())
        ]
        await work.commit(Writes(listed=listed))


def source_of(name: str) -> str:
    """Give what a list's entries are told by, in the words of `Suppression.source`."""
    return f"{LIST}{name}"


async def take_back(workspace: WorkspaceId, name: str, *, suppressions: Suppressions) -> TakenBack:
    """Lift every address that a list added. What was heard of one since stands. Raises NotFound (``list_unknown``), Unavailable."""
    lifted = kept = 0
    before = None
    while page := await suppressions.suppressions(workspace, before=before, limit=PIECE, source=source_of(name)):
        gone = await suppressions.take_back(page)
        lifted, kept = lifted + gone, kept + len(page) - gone
        before = page[-1].spot
    if not lifted + kept:
        raise NotFound("list_unknown", "nothing on the list of suppressions was added by an import of this name")
    return TakenBack(lifted, kept)


async def whole_list(workspace: WorkspaceId, suppressions: Suppressions) -> AsyncIterator[Suppression]:
    """Give every entry, the latest first. Addresses are not among what is kept."""
    before = None
    while page := await suppressions.suppressions(workspace, before=before, limit=PIECE):
        for each in page:
            yield each
        before = page[-1].spot


async def known_addresses(
    workspace: WorkspaceId,
    channel: str,
    *,
    holdings: Holdings,
    suppressions: Suppressions,
    tell: Callable[[int, int], None] = lambda _done, _whole: None,
) -> AsyncIterator[tuple[str, Suppression]]:
    """Give the addresses on the list that are some customer's now: of the others only the hash is left. `tell` hears how far it is.

    An address that several customers have is given as often.
    """
    waiting: dict[bytes, list[str]] = {}
    count = 0
    async for row in take_out(Holding.CUSTOMERS, workspace, holdings, tell=tell):
        address = address_of(Draft(row.key, row.state, row.version), channel)
        if address:
            waiting.setdefault(suppressions.mark(workspace, channel, address), []).append(address)
            count += 1
        if count >= PIECE:
            for pair in await _standing(workspace, channel, waiting, suppressions):
                yield pair
            waiting, count = {}, 0
    for pair in await _standing(workspace, channel, waiting, suppressions):
        yield pair


async def _standing(
    workspace: WorkspaceId, channel: str, waiting: dict[bytes, list[str]], suppressions: Suppressions
) -> list[tuple[str, Suppression]]:
    found = await suppressions.standing(workspace, channel, list(waiting))
    return [(address, found[mark]) for mark, addresses in waiting.items() if mark in found for address in addresses]
