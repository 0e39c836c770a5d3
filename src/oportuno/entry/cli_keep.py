"""The verbs that keep an installation: back it up, bring it back, look whether all is well."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from oportuno.entry.cli_app import DataDir, app, sentences, settings_with, speak_alone
from oportuno.kit.times import to_text


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it.")],
    overwrite: Annotated[bool, typer.Option(help="Replace a file that is there already.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Write everything into one file, as it stands at one moment, while everybody goes on working. Keep it safe: all is in it."""
    with sentences():
        from oportuno.entry.serve import database_for
        from oportuno.wiring.keeping import back_up

        with database_for(settings_with(data_dir=data_dir)) as database:
            manifest = back_up(database.settings, file, overwrite=overwrite, tell=_tell)
    rows = sum(kept.rows for kept in manifest.tables.values())
    typer.echo(f"{rows} rows as of {manifest.created_at} written to {file}")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    erasures: Annotated[Path | None, typer.Option(help="The list of who was forgotten. [OPORTUNO_ERASURES_FILE]")] = None,
    without_erasures: Annotated[bool, typer.Option(help="There is no list: who was forgotten since the backup is known again.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Bring a backup back into an empty database, forget again who was forgotten since, and repeat nothing that may have been said."""
    with sentences():
        from oportuno.entry.serve import database_for
        from oportuno.wiring.keeping import list_to_restore_by
        from oportuno.wiring.keeping import restore as run

        settings = settings_with(data_dir=data_dir)
        listed = list_to_restore_by(settings, erasures, without=without_erasures)
        with database_for(settings, alone=True) as database:
            done = asyncio.run(run(database.settings, file, erasures=listed, tell=_tell))
    typer.echo(f"{done.rows} rows as of {to_text(done.at)} restored")
    typer.echo(f"{done.forgotten} forgotten again")
    typer.echo(f"{done.in_doubt} messages that may have left before are unknown; {done.silenced} that were due are silent")


def _tell(table: str, rows: int) -> None:
    if rows:
        typer.echo(f"{table}: {rows}", err=True)


@app.command()
def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    language: Annotated[Literal["en", "es"], typer.Option(help="In which it is said.")] = "en",
    data_dir: DataDir = None,
) -> None:
    """Look at the whole installation and say what is wrong. Ends with 1 when something is."""
    speak_alone(context)
    with sentences():
        from oportuno.entry.doctor.finding import State
        from oportuno.entry.doctor.look import examine
        from oportuno.entry.serve import database_for
        from oportuno.kit.faults import Unavailable

        settings = settings_with(data_dir=data_dir)
        embedded = settings.data_dir if settings.database_url is None else None
        try:
            with database_for(settings) as database:
                findings = examine(database.settings, embedded=embedded)
        except Unavailable as fault:
            findings = examine(settings, embedded=embedded, gone=fault)
    if as_json:
        told = [{"about": each.named, "state": each.state.value, "says": each.words.told(language)} for each in findings]
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        for each in findings:
            typer.echo(each.line(language))
    raise SystemExit(int(any(each.state is State.FAILURE for each in findings)))
