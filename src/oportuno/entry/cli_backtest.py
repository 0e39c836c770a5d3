"""The verb that looks back: what the plays would have said."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from oportuno.entry.cli_app import app, sentences, step_back

if TYPE_CHECKING:
    from rich.console import Console


@app.command("backtest")
def backtest(
    context: typer.Context,
    weeks: Annotated[int, typer.Option(min=1, max=40, help="How many weeks at the end of the data are looked at.")] = 8,
    households: Annotated[int, typer.Option(min=0, help="Only so many of the data's customers; 0: all of them.")] = 0,
    data: Annotated[tuple[str, Path] | None, typer.Option(help="Another data set and its file: online-retail FILE.parquet.")] = None,
    language: Annotated[Literal["es", "en"], typer.Option(help="In which language it is told.")] = "en",
    picture: Annotated[Path | None, typer.Option(help="Where the picture is written, as SVG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Say what the plays would have said over the demonstration's real orders and prices, to how many, and what they kept to themselves."""
    import msgspec
    from rich.console import Console

    step_back(context)
    with sentences():
        from oportuno.entry.backtest.picture import draw
        from oportuno.entry.backtest.told import tell
        from oportuno.entry.demo.backtest_ground import backtest_demo
        from oportuno.entry.demo.run import chosen_data

        chosen = chosen_data(data)
        console = Console(stderr=True)
        console.print(chosen.terms[language], style="dim")
        with _bar(console) as bar:
            found = backtest_demo(chosen, weeks=weeks, customers=households, ends=time.time_ns() // 1_000_000, tell=bar)
        if picture is not None:
            picture.write_text(draw(found, language), encoding="utf-8")
        if as_json:
            typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        else:
            tell(found, language, Console())


@contextmanager
def _bar(console: Console) -> Iterator[Callable[[int, int], None]]:
    """Show how far it is, where somebody looks on."""
    if not console.is_terminal:
        yield lambda _done, _whole: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task("orders", total=None)
        yield lambda done, whole: shown.update(task, completed=done, total=whole)
