"""Lists of suppressions as files: one comes in, rehearsed or for good, and ours goes out."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, Protocol

import msgspec

from oportuno.adapters.files.form import FileForm
from oportuno.adapters.files.opened import digest_of, open_file
from oportuno.adapters.files.written import CsvOut, still
from oportuno.catalog.once import Once
from oportuno.channels.channel import Channel
from oportuno.consent.suppression_lists import layout_of
from oportuno.events.bring.rows import Line
from oportuno.flows.suppression_lists import ListImport, Tally, known_addresses, whole_list
from oportuno.flows.suppressions import Suppression, Suppressions
from oportuno.flows.take_out import Holdings
from oportuno.flows.work import Store
from oportuno.kit.faults import BadInput
from oportuno.kit.ids import WorkspaceId, write_id
from oportuno.kit.times import to_text

SUPPRESSION: Final = "sup"
COLUMNS: Final = ("suppression", "channel", "reason", "since", "source", "note")
"""Of our list as a file. Addresses are not kept."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,59}")
_DIGEST: Final = 12
_TEXT_AT_ONCE: Final = 64 * 1024


class ListAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A list as it was asked to come in. Empty is not told."""

    file: Path
    form: FileForm | None = None
    separator: str = ""
    encoding: str = ""
    address: str = ""
    """The column of addresses."""
    cause: str = ""
    """The column of reasons."""
    reason: str = ""
    """Of rows that tell none."""
    name: str = ""
    """By which it can be taken back; none: told by the file's digest."""
    dry: bool = False
    channel: str = Channel.EMAIL.value


class BroughtList(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a list."""

    name: str
    taken_as: str
    tally: Tally


class ListParts(Protocol):
    """What a list needs of the world to come in."""

    @property
    def store(self) -> Store:
        """Where it is committed."""
        ...

    @property
    def suppressions(self) -> Suppressions:
        """The list of suppressions."""
        ...


async def bring_list(
    asked: ListAsked,
    workspace: WorkspaceId,
    parts: ListParts,
    *,
    refuse: Callable[[Line, str, str, str], None],
    tell: Callable[[int, int], None] = lambda _done, _whole: None,
) -> BroughtList:
    """Bring a list in. `tell` hears how much of how much was read, `refuse` of each row that is refused. Raises the family of Fault."""
    if asked.name and not _NAME.fullmatch(asked.name):
        raise BadInput("list_name", "a list's name has 1 to 60 letters, digits, spaces and . _ -", place="name")
    opened = open_file(asked.file, form=asked.form, separator=asked.separator, encoding=asked.encoding)
    if opened.headings is None:
        raise BadInput("list_form", "a list of suppressions is a CSV or Parquet file", place=asked.file.name)
    layout = layout_of(opened.headings, address=asked.address, cause=asked.cause, reason=asked.reason)
    name = asked.name or digest_of(asked.file)[:_DIGEST]
    run = ListImport(workspace, store=parts.store, suppressions=parts.suppressions, channel=asked.channel, name=name, refuse=refuse)
    wanted = frozenset(filter(None, (layout.address, layout.cause, layout.status)))
    lines = opened.lines(frozenset(opened.headings) | wanted, lambda done: tell(done, opened.whole))
    tally = await run.run(lines, layout, dry=asked.dry, first=Once().add)
    told = f", the reason in “{layout.cause}”" if layout.cause else f", reason {layout.reason}"
    return BroughtList(name=name, taken_as=f"{opened.taken_as}: {layout.tool}, addresses in “{layout.address}”{told}", tally=tally)


class ListRefusals(CsvOut):
    """The file of refused rows: the columns of the list itself, so that it comes in again once they are mended, and where and why."""

    def __init__(self, path: Path, headings: tuple[str, ...]) -> None:
        self._own = headings
        super().__init__(path, (*headings, "refused_line", "refused_column", "refused_code", "refused_because", "refused_row"))

    def refuse(self, line: Line, column: str, code: str, sentence: str) -> None:
        """Write a refused row. Raises BadInput."""
        self.put(
            (*(line.cells.get(heading) for heading in self._own), line.at or line.number, column, code, sentence, line.raw.rstrip("\r\n"))
        )


async def write_list(
    file: Path, workspace: WorkspaceId, suppressions: Suppressions, holdings: Holdings | None, *, tell: Callable[[int, int], None]
) -> int:
    """Write our list into a file that has its name once it is whole; gives how many rows. Raises BadInput, Unavailable.

    With `holdings`, the addresses on it that are some customer's now, and of those the address.
    """
    columns = ("address", *COLUMNS) if holdings is not None else COLUMNS
    begun, count = file.with_name(file.name + ".part"), 0
    try:
        begun.touch(mode=0o600)
        with CsvOut(begun, columns) as out:
            out.begin()
            if holdings is None:
                async for each in whole_list(workspace, suppressions):
                    out.put(_cells(each))
                    count += 1
            else:
                once = Once()
                async for address, each in known_addresses(
                    workspace, Channel.EMAIL, holdings=holdings, suppressions=suppressions, tell=tell
                ):
                    if once.add(each.mark.hex()):
                        out.put((address, *_cells(each)))
                        count += 1
        begun.replace(file)
    except OSError as refusal:
        raise BadInput("file_unwritable", "the file cannot be written", place=str(file)) from refusal
    finally:
        begun.unlink(missing_ok=True)
    return count


async def list_as_text(workspace: WorkspaceId, suppressions: Suppressions) -> AsyncIterator[str]:
    """Give our list as the text of a CSV file, some rows at a time."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    async for each in whole_list(workspace, suppressions):
        writer.writerow([still(cell) for cell in _cells(each)])
        if text.tell() > _TEXT_AT_ONCE:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _cells(each: Suppression) -> tuple[str, ...]:
    return (write_id(SUPPRESSION, each.mark), each.channel, each.reason, to_text(each.since), each.source, each.note)
