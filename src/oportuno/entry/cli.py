"""The command line: `oportuno <verb>`. Each verb imports what it needs when it is called, so that a process carries only its own part."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from oportuno.kit.faults import BadInput, Fault
from oportuno.settings import Settings, read_settings

app = typer.Typer(
    name="oportuno",
    help="Listen, know, decide whether to speak, and explain why. Self-hosted and consent-first.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
workspace_app = typer.Typer(no_args_is_help=True, help="Make workspaces (a workspace is a brand: the tenant).")
app.add_typer(workspace_app, name="workspace")

EXIT_FAULT = 1
"""Something went wrong here."""
EXIT_INPUT = 2
"""What was given cannot be used."""
EXIT_ENVIRONMENT = 3
"""The machine does not allow it: port taken, no permission, data directory of another version, database gone."""

Port = Annotated[int | None, typer.Option(help="Port of the HTTP side; 0 lets the system choose. [PORT]", min=0, max=65535)]
Host = Annotated[str | None, typer.Option(help="Address to listen on. [OPORTUNO_HOST]")]
DataDir = Annotated[Path | None, typer.Option(help="Where the embedded PostgreSQL keeps its files. [OPORTUNO_DATA_DIR]")]
Descriptor = Annotated[int | None, typer.Option(hidden=True)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@contextmanager
def sentences() -> Iterator[None]:
    """Turn a fault into one sentence on standard error and an exit code."""
    try:
        yield
    except Fault as fault:
        give_up(fault)


def give_up(fault: Fault) -> NoReturn:
    """Say a fault and leave with its exit code."""
    place = f"{fault.place}: " if fault.place and fault.place not in fault.sentence else ""
    print(f"oportuno: {place}{fault.sentence} ({fault.code})", file=sys.stderr)
    if isinstance(fault, BadInput):
        raise SystemExit(EXIT_INPUT)
    raise SystemExit(EXIT_ENVIRONMENT if fault.status == 503 else EXIT_FAULT)  # noqa: PLR2004 - Unavailable's status


def settings_with(*, port: int | None = None, host: str | None = None, data_dir: Path | None = None) -> Settings:
    """Read the settings, the command line's options first."""
    return read_settings(port=port, host=host, data_dir=data_dir)


@app.command()
def serve(port: Port = None, host: Host = None, data_dir: DataDir = None) -> None:
    """Run everything: PostgreSQL (unless DATABASE_URL is set), the HTTP side, one engine and one deliverer."""
    with sentences():
        from oportuno.entry.serve import serve as run

        raise SystemExit(run(settings_with(port=port, host=host, data_dir=data_dir)))


@app.command()
def api(port: Port = None, host: Host = None, descriptor: Descriptor = None, lifeline: Descriptor = None) -> None:
    """Run one HTTP process: collector, API and the customers' pages. Any number may run side by side."""
    with sentences():
        from oportuno.entry.parts import run_api

        run_api(settings_with(port=port, host=host), descriptor=descriptor, lifeline=lifeline)


@app.command()
def engine(lifeline: Descriptor = None) -> None:
    """Run one engine: it folds events, advances journeys and decides. Any number may run side by side."""
    with sentences():
        from oportuno.entry.parts import run_engine

        run_engine(settings_with(), lifeline=lifeline)


@app.command()
def deliver(lifeline: Descriptor = None) -> None:
    """Run one deliverer: it claims messages and hands them to providers. Any number may run side by side."""
    with sentences():
        from oportuno.entry.parts import run_deliver

        run_deliver(settings_with(), lifeline=lifeline)


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database's tables up to this version. Safe to run while older processes work."""
    with sentences():
        from oportuno.entry.serve import database_for
        from oportuno.wiring import migrate as run

        with database_for(settings_with(data_dir=data_dir)) as database:
            run(database.settings)
        typer.echo("the database is up to date")


def main() -> None:
    """Run the command line; an interruption is not an error worth a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
