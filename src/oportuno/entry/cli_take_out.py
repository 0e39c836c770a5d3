"""The verb that takes out what a workspace holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from oportuno.entry.cli_app import DataDir, app, sentences
from oportuno.entry.cli_import import progress, with_parts
from oportuno.entry.cli_workspace import Which, choose_workspace
from oportuno.flows.take_out import Holding

if TYPE_CHECKING:
    from oportuno.adapters.postgres.importing import ImportParts


@app.command("take-out")
def take_out_file(
    kind: Annotated[Holding, typer.Argument(help="What to take out: customers, events, messages or verdicts.")],
    file: Annotated[Path, typer.Argument(help="Where to write it.")],
    workspace: Which = None,
    form: Annotated[Literal["csv", "jsonl"] | None, typer.Option("--format", help="None: told by the file's name, else csv.")] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace a file that is there already.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Write everything of one kind that the workspace holds into a file. Personal data is in it: keep it safe."""

    async def work(parts: ImportParts) -> list[str]:
        from oportuno.entry.taking_out import Wanted, write_out

        shop = await choose_workspace(parts.workspaces, workspace)
        wanted = Wanted(kind=kind, file=file, form=form or "", overwrite=overwrite)
        with progress(file) as tell:
            rows = await write_out(wanted, shop.workspace, parts, tell=tell)
        return [f"{rows} {kind.value} written to {file}"]

    with sentences():
        for line in with_parts(data_dir, work):
            typer.echo(line)
