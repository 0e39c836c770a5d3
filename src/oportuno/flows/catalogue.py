"""A feed goes into the catalogue: read row by row, written chunk by chunk; what was refused is named, and the rest is in."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import msgspec

from oportuno.catalog.feed_text import FeedBroken, Note
from oportuno.catalog.once import Once
from oportuno.catalog.prices import as_of
from oportuno.catalog.product import Change, ChangeKind, Product
from oportuno.catalog.row import ProductRow, RowFault, join_rows
from oportuno.consent.policy import Policy
from oportuno.flows.ports_catalogue import NEWS_LASTS, Catalogue, How, Written
from oportuno.kit.faults import BadInput, NotFound
from oportuno.kit.ids import WorkspaceId
from oportuno.kit.times import Millis

CHUNK: Final = 2_000
"""Rows of one transaction: so long other writers of the catalogue wait."""
_PAGE: Final = 10_000
_LEAST_KEPT: Final = 0.5
_MOST_NOTES: Final = 100

Read: TypeAlias = ProductRow | RowFault | Note


class Wanted(NamedTuple):
    """How a feed is to be taken."""

    full: bool = False
    """What is not in it is withdrawn, if it came whole."""
    force: bool = False
    """Withdraw even if less than half of the known products are in it."""
    history: bool = False
    """Old news: prices and products are written, nobody is told."""
    launches: bool = True
    """False: nothing new in it is news, as while a catalogue is filled for the first time."""
    dry: bool = False
    """Work everything out and write nothing."""
    lasts: Mapping[ChangeKind, Millis] = NEWS_LASTS


class Imported(msgspec.Struct, kw_only=True):
    """What became of a feed."""

    rows: int = 0
    """That could be read and were not refused."""
    written: int = 0
    unchanged: int = 0
    refused: int = 0
    withdrawn: int = 0
    changes: Counter[ChangeKind] = msgspec.field(default_factory=Counter)
    notes: list[str] = []
    fault: BadInput | None = None
    """Why the feed was not taken as a whole: broken, or a full one that is too small. What was read stands; nothing is withdrawn."""
    version: int = 0


class _Chunk:
    """Rows on their way into one transaction: each product once, single variants of one product joined."""

    def __init__(self) -> None:
        self.rounds: list[dict[str, ProductRow]] = []
        self.count = 0
        self.last = ""

    def put(self, row: ProductRow) -> None:
        """Add a row; one of a product that is there already goes into a later round, unless it can be joined."""
        name = row.product.id
        self.count += 1
        self.last = name
        for each in self.rounds:
            known = each.get(name)
            if known is None:
                each[name] = row
                return
            if known.single and row.single and known.at == row.at:
                each[name] = join_rows(known, row)
                return
        self.rounds.append({name: row})


class FeedImport:
    """One import of one feed."""

    def __init__(
        self,
        workspace: WorkspaceId,
        catalogue: Catalogue,
        wanted: Wanted,
        *,
        refuse: Callable[[RowFault], None],
        tell: Callable[[Imported], None] = lambda _so_far: None,
        heard: Callable[[Sequence[Change]], None] = lambda _changes: None,
    ) -> None:
        if wanted.full and wanted.history:
            raise BadInput("feed_full_history", "a feed of history is never the full catalogue", place="full")
        self._workspace = workspace
        self._catalogue = catalogue
        self._wanted = wanted
        self._refuse = refuse
        self._tell = tell
        self._heard = heard
        self._how = How()
        self._now: Millis = 0
        self._once = Once()
        self._opened = Once()
        self.done = Imported()

    async def run(self, feed: Iterable[Read]) -> Imported:
        """Take a feed. Raises Unavailable; what was committed before stands, and the same feed can be taken again."""
        standing = await self._catalogue.standing(self._workspace)
        self._now = standing.now
        self._how = How(
            speaks=not self._wanted.history,
            launches=self._wanted.launches and standing.filled,
            began=standing.now,
            lasts=self._wanted.lasts,
            dry=self._wanted.dry,
        )
        chunk = _Chunk()
        try:
            for each in feed:
                if isinstance(each, Note):
                    self._note(each)
                elif isinstance(each, RowFault):
                    self._turn_away(each)
                elif self._first_time(each):
                    # Variants of one product stay together where they stand together.
                    if chunk.count >= CHUNK and each.product.id != chunk.last:
                        await self._write(chunk)
                        chunk = _Chunk()
                    chunk.put(each)
        except FeedBroken as fault:
            self.done.fault = fault
        await self._write(chunk)
        if self._wanted.full and self.done.fault is None:
            await self._withdraw_the_rest()
        if self.done.fault is None and not standing.filled and not self._wanted.dry:
            # Not before: when a first import ends in the middle, what the next one brings is still no news.
            await self._catalogue.mark_filled(self._workspace)
        self._tell(self.done)
        return self.done

    def _note(self, note: Note) -> None:
        if len(self.done.notes) < _MOST_NOTES:
            self.done.notes.append(str(note))

    def _turn_away(self, fault: RowFault) -> None:
        self.done.refused += 1
        self._refuse(fault)

    def _first_time(self, row: ProductRow) -> bool:
        """Look at what only the whole feed can tell: ids that come twice, moments to come."""
        if row.at > self._now:
            self._turn_away(RowFault("moment_to_come", "a price cannot be told before it holds", field="at", line=row.line))
            return False
        if row.at and not self._wanted.history:
            self._turn_away(
                RowFault("moment_of_history", "only an import of history tells since when a price has held", field="at", line=row.line)
            )
            return False
        name = row.product.id
        known = f"{name}\0{row.product.variants[0].id}" if row.single else name
        if not self._wanted.history and not self._once.add(known):
            self._turn_away(
                RowFault("id_twice", f"“{name[:60]}” stands in this feed already: the first row counts", field="id", line=row.line)
            )
            return False
        self.done.rows += 1
        return True

    async def _write(self, chunk: _Chunk) -> None:
        for each in chunk.rounds:
            again = [row for name, row in each.items() if row.single and name in self._opened]
            opening = [row for name, row in each.items() if not (row.single and name in self._opened)]
            for row in opening:
                if row.single or self._wanted.full:
                    self._opened.add(row.product.id)
            for rows, replaces in ((opening, self._wanted.full), (again, False)):
                if rows:
                    self._count(await self._catalogue.upsert(self._workspace, rows, self._how._replace(replaces_variants=replaces)), rows)
        self._tell(self.done)

    def _count(self, written: Written, rows: Sequence[ProductRow]) -> None:
        self.done.written += written.written
        self.done.unchanged += written.unchanged
        self.done.version = written.version
        self.done.changes.update(each.kind for each in written.changes)
        self._heard(written.changes)
        if written.nameless:
            lines = {row.product.id: row.line for row in rows}
            for name in written.nameless:
                self.done.rows -= 1
                sentence = f"“{name[:60]}” is not known: a new product needs a name"
                self._turn_away(RowFault("name_missing", sentence, field="name", line=lines[name]))

    async def _withdraw_the_rest(self) -> None:
        known, kept = 0, 0
        async for page in self._pages():
            known += len(page)
            kept += sum(name in self._opened for name in page)
        if known and kept < known * _LEAST_KEPT and not self._wanted.force:
            self.done.fault = BadInput(
                "feed_too_small", f"only {kept} of {known} known products are in this full feed: nothing was withdrawn", place="full"
            )
            return
        async for page in self._pages():
            gone = [name for name in page if name not in self._opened]
            for start in range(0, len(gone), CHUNK):
                written = await self._catalogue.withdraw(self._workspace, gone[start : start + CHUNK], self._how)
                self.done.withdrawn += written.written
                self.done.version = written.version
                self.done.changes.update(each.kind for each in written.changes)
                self._heard(written.changes)

    async def _pages(self) -> AsyncIterator[list[str]]:
        """Give the ids of what is sold, page by page."""
        after = ""
        while page := await self._catalogue.ids(self._workspace, after=after, limit=_PAGE):
            yield [name for name, withdrawn in page if not withdrawn]
            after = page[-1][0]


def lasts_of(policy: Policy) -> Mapping[ChangeKind, Millis]:
    """Say how long each kind of news may be told in a workspace."""
    return {kind: policy.news.get(kind.name.lower(), NEWS_LASTS[kind]) for kind in ChangeKind}


async def product_as_of(workspace: WorkspaceId, product: str, at: Millis | None, catalogue: Catalogue) -> Product:
    """Give a product as it is, or as it was priced at a moment. Raises NotFound when the shop had not told of it."""
    found = await catalogue.product(workspace, product)
    if found is not None and at is not None:
        found = as_of(found, await catalogue.prices(workspace, product), at)
    if found is None:
        raise NotFound("product_unknown", "there is no such product in this workspace", place="product")
    return found
