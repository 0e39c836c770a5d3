"""The verbs that run something: everything at once, one part, a migration, a measurement."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oportuno.entry.cli_app import DataDir, Descriptor, Host, Port, app, sentences, settings_with


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


@app.command("mail-in")
def mail_in(lifeline: Descriptor = None) -> None:
    """Take in mail that comes back: bounces, complaints, answers. `oportuno serve` does it where a port or a folder is set for it."""
    with sentences():
        from oportuno.entry.parts import run_mail_in

        run_mail_in(settings_with(), lifeline=lifeline)


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database's tables up to this version. Safe to run while older processes work."""
    with sentences():
        from oportuno.entry.serve import database_for
        from oportuno.wiring import migrate as run

        with database_for(settings_with(data_dir=data_dir)) as database:
            run(database.settings)
        typer.echo("the database is up to date")


@app.command()
def reseal(
    data_dir: DataDir = None,
    new_key: Annotated[bool, typer.Option("--new-key", help="Make a new key first; the old ones still open what they sealed.")] = False,
) -> None:
    """Seal every secret in the database with the key that seals now: after a new key, and once what was stored before keys."""
    with sentences():
        from asyncio import run

        from oportuno.entry.serve import database_for
        from oportuno.wiring.sealing import reseal as run_reseal

        with database_for(settings_with(data_dir=data_dir)) as database:
            done = run(run_reseal(database.settings, new_key=new_key))
        typer.echo(", ".join(f"{count} of {table}" for table, count in done.items()))


@app.command()
def bench(
    quick: Annotated[bool, typer.Option(help="Small sizes: some minutes instead of an hour.")] = False,
    page: Annotated[Path | None, typer.Option(help="Write the results' page here.")] = None,
    record: Annotated[Path | None, typer.Option(help="Write the results as JSON here.")] = None,
) -> None:
    """Measure speed and memory on this machine, through HTTP, with real processes."""
    with sentences():
        from oportuno.entry.bench.run import run_bench

        run_bench(quick=quick, page=page, record=record)


@app.command()
def simulate(
    seed: Annotated[int, typer.Option(help="The same seed walks the same way.")] = 1,
    histories: Annotated[int, typer.Option(min=1, help="How many histories to walk.")] = 1_000,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each.")] = 100,
    trace: Annotated[bool, typer.Option(help="Print every step: for one history that failed.")] = False,
) -> None:
    """Walk random histories on the real rules with a virtual clock, and check the promises after each step."""
    with sentences():
        from oportuno.entry.simulate import simulate as run

        raise SystemExit(run(seed=seed, histories=histories, steps=steps, trace=trace))


@app.command()
def demo(
    port: Port = None,
    data_dir: DataDir = None,
    wait: Annotated[int, typer.Option(min=1, max=3_600, help="Seconds a left basket rests; in a real shop it is half an hour.")] = 20,
    households: Annotated[int, typer.Option(min=0, help="Only so many of the data's customers; 0: all of them.")] = 0,
    data: Annotated[tuple[str, Path] | None, typer.Option(help="Another data set and its file: online-retail FILE.parquet.")] = None,
) -> None:
    """Run the demonstration: a shop, its mailbox and its decisions, on this machine alone."""
    with sentences():
        from oportuno.entry.demo.run import chosen_data, run

        raise SystemExit(run(settings_with(port=port, data_dir=data_dir), data=chosen_data(data), customers=households, wait_seconds=wait))
