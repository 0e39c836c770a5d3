"""The command line: `oportuno <verb>`.

Each verb imports what it needs when it is called, so that a process carries only its own part.
"""

from __future__ import annotations

from oportuno.entry import (
    cli_backtest,
    cli_catalogue,
    cli_import,
    cli_keep,
    cli_run,
    cli_suppressions,
    cli_take_out,
    cli_workspace,
)
from oportuno.entry.cli_app import PROCESS, app

__all__ = [
    "app",
    "cli_backtest",
    "cli_catalogue",
    "cli_import",
    "cli_keep",
    "cli_run",
    "cli_suppressions",
    "cli_take_out",
    "cli_workspace",
    "main",
]


def main() -> None:
    """Run the command line; an interruption is not an error worth a traceback."""
    try:
        app(obj=PROCESS)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
