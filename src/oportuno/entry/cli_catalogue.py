"""The verbs about a catalogue: take in a feed."""

from __future__ import annotations

import asyncio
import csv
import gc
import gzip
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Final, Self

import typer

from oportuno.entry.cli_app import EXIT_INPUT, DataDir, app, sentences, settings_with
from oportuno.entry.cli_workspace import Which, choose_workspace
from oportuno.kit.faults import BadInput

if TYPE_CHECKING:
    from oportuno.catalog.row import RowFault
    from oportuno.flows.catalogue import Imported, Read, Wanted
    from oportuno.settings import Settings

catalogue_app = typer.Typer(no_args_is_help=True, help="Take in what the shop sells.")
app.add_typer(catalogue_app, name="catalogue")

_PIECE: Final = 256 * 1024
_GZIP: Final = b"\x1f\x8b"


class FeedFormat(StrEnum):
    """The forms of feeds that are read."""

    csv = "csv"
    jsonl = "jsonl"
    google_merchant = "google-merchant"


@catalogue_app.command("import")
def import_feed(
    file: Annotated[Path, typer.Argument(help="The feed; it may be compressed with gzip.")],
    workspace: Which = None,
    form: Annotated[FeedFormat | None, typer.Option("--format", help="None: told by the file's name.")] = None,
    full: Annotated[bool, typer.Option(help="The feed is the whole catalogue: what is not in it is withdrawn.")] = False,
    force: Annotated[bool, typer.Option(help="Withdraw even if less than half of the known products are in it.")] = False,
    history: Annotated[bool, typer.Option(help="Old news: rows say by `at` since when they held; nobody is told.")] = False,
    quiet: Annotated[bool, typer.Option(help="What is new in it is no news, as while a catalogue is filled in parts.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Say what would be done, and write nothing.")] = False,
    refused: Annotated[Path | None, typer.Option(help="Where refused rows are named; none: FILE.refused.csv.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Take a feed of products into the catalogue. The same feed again writes nothing."""
    with sentences():
        from oportuno.flows.catalogue import Wanted

        shape = form or _form_of(file)
        beside = refused or file.with_name(file.name + ".refused.csv")
        wanted = Wanted(full=full, force=force, history=history, launches=not quiet, dry=dry_run)
        done = _with_catalogue(data_dir, lambda settings: _take(settings, file, shape, workspace, wanted, beside))
    for line in told(done, dry=dry_run, beside=beside):
        typer.echo(line)
    if done.fault is not None:
        print(f"oportuno: {done.fault.place}: {done.fault.sentence} ({done.fault.code})", file=sys.stderr)
        raise SystemExit(EXIT_INPUT)


def told(done: Imported, *, dry: bool, beside: Path) -> list[str]:
    """Tell what became of a feed, in lines."""
    lines = [f"note: {note}" for note in done.notes]
    verb = "would be written" if dry else "written"
    lines.append(f"{done.rows} rows read, {done.written} {verb}, {done.unchanged} unchanged, {done.withdrawn} withdrawn")
    lines += [f"  {kind.value}: {count}" for kind, count in sorted(done.changes.items(), key=lambda each: each[0].value)]
    if done.refused:
        lines.append(f"{done.refused} rows refused: see {beside}")
    return lines


def _form_of(file: Path) -> FeedFormat:
    names = [each.lower() for each in file.suffixes if each.lower() != ".gz"]
    known = {".csv": FeedFormat.csv, ".tsv": FeedFormat.csv, ".txt": FeedFormat.csv, ".xml": FeedFormat.google_merchant}
    known |= {".jsonl": FeedFormat.jsonl, ".ndjson": FeedFormat.jsonl}
    found = known.get(names[-1]) if names else None
    if found is None:
        raise BadInput(
            "feed_format", "the name does not say what it is: tell it by --format csv, jsonl or google-merchant", place=str(file)
        )
    return found


async def _take(settings: Settings, file: Path, form: FeedFormat, workspace: str | None, wanted: Wanted, beside: Path) -> Imported:
    from oportuno.flows.catalogue import FeedImport, lasts_of
    from oportuno.wiring import importing

    async with importing(settings) as parts:
        catalogue = parts.catalogue
        shop = await choose_workspace(parts.workspaces, workspace)
        policy = (await parts.programmes.programme(shop.workspace)).policy
        now = (await catalogue.standing(shop.workspace)).now
        with _Refusals(beside) as refusals, _opened(file) as (source, size), _progress(size) as tell:
            feed = _reader(form)(_pieces(source), policy.currency, now)
            run = FeedImport(
                shop.workspace,
                catalogue,
                wanted._replace(lasts=lasts_of(policy)),
                refuse=refusals.put,
                tell=lambda _so_far: tell(source.tell()),
            )
            return await run.run(feed)


def _reader(form: FeedFormat) -> Callable[[Iterator[bytes], str, int], Iterator[Read]]:
    from oportuno.catalog.feed_rows import read_csv, read_jsonl
    from oportuno.catalog.feed_xml import read_xml

    readers = {FeedFormat.csv: read_csv, FeedFormat.jsonl: read_jsonl, FeedFormat.google_merchant: read_xml}
    chosen = readers[form]
    return lambda chunks, currency, now: chosen(chunks, currency=currency, now=now)


def _pieces(source: IO[bytes]) -> Iterator[bytes]:
    """Read a file piece by piece, unpacked if it is packed."""
    from oportuno.catalog.feed_text import FeedBroken

    packed = source.read(2) == _GZIP
    source.seek(0)
    stream: IO[bytes] = gzip.GzipFile(fileobj=source) if packed else source  # type: ignore[assignment]  # it reads as a file does
    while True:
        try:
            piece = stream.read(_PIECE)
        except (EOFError, gzip.BadGzipFile, OSError) as fault:
            raise FeedBroken("feed_cut", "the file ends in the middle, or cannot be read further", place="file") from fault
        if not piece:
            return
        yield piece


class _Refusals:
    """The file of refused rows: made when the first one comes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def put(self, fault: RowFault) -> None:
        """Name a refused row. Raises BadInput when the file cannot be written."""
        try:
            if self._file is None:
                self._file = self._path.open("w", encoding="utf-8", newline="")
                csv.writer(self._file).writerow(("line", "field", "code", "sentence"))
            csv.writer(self._file).writerow((fault.line, fault.field, fault.code, fault.sentence))
        except OSError as refusal:
            raise BadInput("file_unwritable", "the file of refused rows cannot be written", place=str(self._path)) from refusal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ended: object) -> None:
        if self._file is not None:
            self._file.close()


@contextmanager
def _opened(file: Path) -> Iterator[tuple[IO[bytes], int]]:
    try:
        source = file.open("rb")
    except OSError as fault:
        raise BadInput("file_unreadable", f"the file cannot be read: {fault.strerror}", place=str(file)) from fault
    with source:
        yield source, file.stat().st_size


@contextmanager
def _progress(size: int) -> Iterator[Callable[[int], None]]:
    """Show how far the file is read; only where somebody looks on."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    with Progress(BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("feed", total=size)
        yield lambda done: shown.update(task, completed=done)


def _with_catalogue(data_dir: Path | None, work: Callable[[Settings], Awaitable[Imported]]) -> Imported:
    """Do something with the database at hand, as the verbs about a workspace do."""
    from oportuno.entry.serve import database_for
    from oportuno.wiring import migrate

    with database_for(settings_with(data_dir=data_dir)) as database:
        if database.ours:
            migrate(database.settings)

        # Millions of small values that refer to nothing: looking for circles among them was a fifth of the work.
        gc.freeze()
        gc.set_threshold(100_000, 50, 1_000)

        async def run() -> Imported:
            return await work(database.settings)

        return asyncio.run(run())
