"""A backtest as text for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from oportuno.entry.backtest.summary import Summary
from oportuno.entry.backtest.words import assumptions, number, opening, people_said, reasons, said, silence_of


def tell(summary: Summary, language: str, console: Console) -> None:
    """Print what would have been said, what was held and why, and what all of that rests on."""
    console.print(said(language, "title"), style="bold")
    for line in opening(summary, language):
        console.print(line)
    console.print(_plays(summary, language))
    for play in summary.plays:
        silent = silence_of(play, language)
        if silent:
            console.print(f"{play.names[language]}: {silent}")
    rows: dict[str, list[tuple[str, ...]]] = {"held": _held(summary, language), "touches": _touches(summary, language)}
    for key, shown in rows.items():
        if shown:
            table = Table(*("" for _ in shown[0]), title=said(language, key), show_header=False)
            table.columns[-1].justify = "right"
            for row in shown:
                table.add_row(*row)
            console.print(table)
    for line in assumptions(summary, language):
        console.print(f"· {line}", style="dim")


def _plays(summary: Summary, language: str) -> Table:
    table = Table(said(language, "play"), said(language, "messages"), said(language, "reached"), said(language, "kept"))
    for column in table.columns[1:]:
        column.justify = "right"
    for play in summary.plays:
        figures = (play.spoken, play.people, sum(play.held.values()))
        table.add_row(play.names[language], *(number(figure, language) for figure in figures))
    return table


def _held(summary: Summary, language: str) -> list[tuple[str, ...]]:
    return [
        (play.names[language], why, number(times, language)) for play in summary.plays for why, times in reasons(play.held, language)
    ]  # fmt: skip


def _touches(summary: Summary, language: str) -> list[tuple[str, ...]]:
    return [
        (said(language, "none") if not times else number(times, language), people_said(people, language))
        for times, people in enumerate(summary.touches)
        if people
    ]
