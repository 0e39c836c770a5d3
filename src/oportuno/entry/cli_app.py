"""The command line's application and what all verbs share: options, settings, and how a fault is said."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Final, NoReturn

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
EXIT_FAULT = 1
"""Something went wrong here."""
EXIT_INPUT = 2
"""What was given cannot be used."""
EXIT_ENVIRONMENT = 3
"""The machine does not allow it: port taken, no permission, data directory of another version, database gone."""

PROCESS: Final = "process"
"""What the context carries when a process is this command's alone, and not a test or a program that calls it."""
_IN_NO_HURRY: Final = 10

Port = Annotated[int | None, typer.Option(help="Port of the HTTP side; 0 lets the system choose. [PORT]", min=0, max=65535)]
Host = Annotated[str | None, typer.Option(help="Address to listen on. [OPORTUNO_HOST]")]
DataDir = Annotated[Path | None, typer.Option(help="Where the embedded PostgreSQL keeps its files. [OPORTUNO_DATA_DIR]")]
Descriptor = Annotated[int | None, typer.Option(hidden=True)]


def step_back(context: typer.Context) -> None:
    """Leave the processor to whoever answers people: what this process does may take its time."""
    if context.obj == PROCESS and hasattr(os, "setpriority"):
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, _IN_NO_HURRY)


def speak_alone(context: typer.Context) -> None:
    """Keep what is logged away from what a verb says: on standard error, and only what is broken."""
    if context.obj == PROCESS:
        from oportuno.entry.logs import set_up

        set_up("error", part="cli")


@contextmanager
def sentences() -> Iterator[None]:
    """Turn a fault into one sentence on standard error and an exit code."""
    try:
        yield
    except Fault as fault:
        give_up(fault)


def give_up(fault: Fault) -> NoReturn:
    """Say a fault and leave with its exit code."""
    for each in getattr(fault, "faults", (fault,)):
        place = f"{each.place}: " if each.place and each.place not in each.sentence else ""
        print(f"oportuno: {place}{each.sentence} ({each.code})", file=sys.stderr)
    if isinstance(fault, BadInput):
        raise SystemExit(EXIT_INPUT)
    raise SystemExit(EXIT_ENVIRONMENT if fault.status == 503 else EXIT_FAULT)  # noqa: PLR2004 - Unavailable's status


def settings_with(*, port: int | None = None, host: str | None = None, data_dir: Path | None = None) -> Settings:
    """Read the settings, the command line's options first."""
    return read_settings(port=port, host=host, data_dir=data_dir)
