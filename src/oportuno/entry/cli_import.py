"""The verbs that bring in what others wrote down: customers, events, orders and products in files."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from oportuno.adapters.files.form import FileForm
from oportuno.entry.cli_app import DataDir, app, sentences, settings_with, step_back
from oportuno.entry.cli_workspace import Which, choose_workspace
from oportuno.events.bring.fields import Kind

if TYPE_CHECKING:
    from oportuno.adapters.postgres.importing import ImportParts
    from oportuno.settings import Settings

T = TypeVar("T")


@app.command("import")
def import_file(
    context: typer.Context,
    kind: Annotated[Kind, typer.Argument(help="What the rows are: orders, products, calls …")],
    file: Annotated[Path, typer.Argument(help="CSV, JSON lines or Parquet; the first two may be compressed with gzip.")],
    workspace: Which = None,
    preset: Annotated[str | None, typer.Option(help="A layout that is known, such as shopify; “oportuno imports” lists them.")] = None,
    mapping: Annotated[str | None, typer.Option(help="A mapping that was remembered under this name.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="FIELD=COLUMN: which column tells a field; may be repeated.")] = None,
    fixed: Annotated[list[str] | None, typer.Option(help="FIELD=VALUE: what holds for rows that do not tell it; may be repeated.")] = None,
    remember: Annotated[str | None, typer.Option(help="Remember the mapping under this name.")] = None,
    form: Annotated[FileForm | None, typer.Option("--format", help="None: told by the file.")] = None,
    separator: Annotated[str, typer.Option(help="The sign between columns. None: seen in the first line.")] = "",
    encoding: Annotated[str, typer.Option(help="utf-8, utf-16, cp1252 or latin-1. None: seen at the beginning.")] = "",
    decimal: Annotated[Literal[".", ","] | None, typer.Option(help="The sign before decimals; with a comma, 1.234,56 is read.")] = None,
    dates: Annotated[Literal["ymd", "dmy", "mdy"] | None, typer.Option(help="The order of dates such as 31/12/2025.")] = None,
    zone: Annotated[str | None, typer.Option("--timezone", help="IANA time zone of moments that tell none. None: the workspace's.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Say what would be stored and what refused, and write nothing.")] = False,
    name: Annotated[str | None, typer.Option(help="The same name goes on behind the last row of before. None: the file's digest.")] = None,
    refused: Annotated[Path | None, typer.Option(help="Where refused rows are written; none: FILE.refused.csv.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Bring in last year's data: nothing of it speaks to anybody. Stopped half-way, the same command goes on where it stopped."""
    from oportuno.entry.bringing.asked import Asked

    step_back(context)
    asked = Asked(
        kind=kind,
        file=file,
        preset=preset or "",
        mapping=mapping or "",
        columns=tuple(column or ()),
        fixed=tuple(fixed or ()),
        remember=remember or "",
        form=form,
        separator=separator.replace("\\t", "\t"),
        encoding=encoding,
        decimal=decimal or "",
        dates=dates or "",
        zone=zone or "",
        dry=dry_run,
        name=name or "",
        refused=refused or file.with_name(file.name + ".refused.csv"),
    )

    async def work(parts: ImportParts) -> list[str]:
        from oportuno.entry.bringing.run import bring

        shop = await choose_workspace(parts.workspaces, workspace)
        with progress(asked.file) as tell:
            return await bring(asked, shop.workspace, parts, tell=tell)

    with sentences():
        for line in with_parts(data_dir, work):
            typer.echo(line)


@app.command("imports")
def imports(workspace: Which = None, data_dir: DataDir = None) -> None:
    """List the layouts that are known, the mappings that are remembered, and what was brought in or stopped half-way."""

    async def work(parts: ImportParts) -> list[str]:
        from oportuno.entry.bringing.told import listed

        shop = await choose_workspace(parts.workspaces, workspace)
        return listed(await parts.imports.every(shop.workspace, limit=50), await parts.imports.mappings(shop.workspace))

    with sentences():
        for line in with_parts(data_dir, work):
            typer.echo(line)


@contextmanager
def progress(file: Path) -> Iterator[Callable[[int, int], None]]:
    """Show how far the file is; only where somebody looks on. The bar hears how much of how much was read."""
    if not sys.stderr.isatty():
        yield lambda _done, _whole: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(file.name, total=None)
        yield lambda done, whole: shown.update(task, completed=done, total=whole)


def with_parts(data_dir: Path | None, work: Callable[[ImportParts], Awaitable[Sequence[T]]]) -> Sequence[T]:
    """Do something with the database at hand, as the verbs about a workspace do."""
    from oportuno.entry.serve import database_for
    from oportuno.wiring import importing, migrate

    with database_for(settings_with(data_dir=data_dir)) as database:
        if database.ours:
            migrate(database.settings)
        # Millions of small values that refer to nothing: looking for circles among them is wasted.
        gc.freeze()
        gc.set_threshold(100_000, 50, 1_000)

        async def run(settings: Settings) -> Sequence[T]:
            async with importing(settings) as parts:
                return await work(parts)

        return asyncio.run(run(database.settings))
