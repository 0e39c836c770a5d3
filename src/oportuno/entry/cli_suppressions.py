"""The verbs about the list of suppressions: bring one in, take it back, write ours out, lift an address."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from oportuno.adapters.files.form import FileForm
from oportuno.entry.cli_app import DataDir, app, sentences, step_back
from oportuno.entry.cli_import import progress, with_parts
from oportuno.entry.cli_workspace import Which, choose_workspace

if TYPE_CHECKING:
    from oportuno.adapters.postgres.importing import ImportParts
    from oportuno.entry.suppression_files import BroughtList

suppressions_app = typer.Typer(no_args_is_help=True, help="Addresses that are not written to, whoever their customer is.")
app.add_typer(suppressions_app, name="suppressions")

Cause = Literal["hard_bounce", "soft_bounces", "complaint", "unsubscribed", "manual", "invalid"]


@suppressions_app.command("import")
def import_list(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The list: CSV, also compressed with gzip, or Parquet.")],
    reason: Annotated[
        Cause | None, typer.Option(help="Why, of rows that tell no reason. None: told by the kind of list, else manual.")
    ] = None,
    address_column: Annotated[str | None, typer.Option(help="The column of addresses. None: known by its heading.")] = None,
    reason_column: Annotated[str | None, typer.Option(help="The column of reasons. None: known by its heading.")] = None,
    form: Annotated[FileForm | None, typer.Option("--format", help="None: told by the file.")] = None,
    separator: Annotated[str, typer.Option(help="The sign between columns. None: seen in the first line.")] = "",
    encoding: Annotated[str, typer.Option(help="utf-8, utf-16, cp1252 or latin-1. None: seen at the beginning.")] = "",
    dry_run: Annotated[bool, typer.Option(help="Say what would become of the rows, and write nothing.")] = False,
    name: Annotated[str | None, typer.Option(help="By which it can be taken back. None: told by the file's digest.")] = None,
    refused: Annotated[Path | None, typer.Option(help="Where refused rows are written; none: FILE.refused.csv.")] = None,
    workspace: Which = None,
    data_dir: DataDir = None,
) -> None:
    """Put a file's addresses on the list: ours, Mailchimp's, SendGrid's, Mailgun's, Postmark's or Amazon SES's. Twice changes nothing."""
    step_back(context)

    async def work(parts: ImportParts) -> list[str]:
        from oportuno.adapters.files.opened import open_file
        from oportuno.entry.suppression_files import ListAsked, ListRefusals, bring_list

        shop = await choose_workspace(parts.workspaces, workspace)
        asked = ListAsked(
            file=file,
            form=form,
            separator=separator.replace("\\t", "\t"),
            encoding=encoding,
            address=address_column or "",
            cause=reason_column or "",
            reason=reason or "",
            name=name or "",
            dry=dry_run,
        )
        headings = open_file(file, form=form, separator=asked.separator, encoding=encoding).headings or ()
        aside = refused or file.with_name(file.name + ".refused.csv")
        with progress(file) as tell, ListRefusals(aside, headings) as refusals:
            done = await bring_list(asked, shop.workspace, parts, refuse=refusals.refuse, tell=tell)
        return _became(done, aside, dry=dry_run)

    with sentences():
        for line in with_parts(data_dir, work):
            typer.echo(line)


def _became(done: BroughtList, aside: Path, *, dry: bool) -> list[str]:
    tally = done.tally
    would = "would be " if dry else ""
    rest = f"{tally.standing} standing, {tally.refused} refused"
    lines = [
        done.taken_as,
        f"{tally.rows} rows: {tally.added} {would}added, {tally.graver} {would}made graver, " + rest,
    ]
    lines += [f"  {reason}: {count}" for reason, count in sorted(tally.reasons.items())]
    lines += [f"  refused, {code}: {count}" for code, count in sorted(tally.codes.items())]
    if tally.refused:
        lines.append(f"the refused rows, their lines and reasons: {aside}")
    if tally.added and not dry:
        lines.append(f"to take it back: oportuno suppressions take-back {quote(done.name)}")
    return lines


@suppressions_app.command("take-back")
def take_back_list(
    name: Annotated[str, typer.Argument(help="The name under which the list came in.")],
    workspace: Which = None,
    data_dir: DataDir = None,
) -> None:
    """Lift what a list added. What anybody else has said of an address since, and what was heard of it, stands."""

    async def work(parts: ImportParts) -> list[str]:
        from oportuno.flows.suppression_lists import take_back

        shop = await choose_workspace(parts.workspaces, workspace)
        done = await take_back(shop.workspace, name, suppressions=parts.suppressions)
        kept = f", {done.kept} kept because something was heard of a customer there" if done.kept else ""
        return [f"{done.lifted} lifted{kept}"]

    with sentences():
        for line in with_parts(data_dir, work):
            typer.echo(line)


@suppressions_app.command("export")
def export_list(
    file: Annotated[Path, typer.Argument(help="Where to write it, as CSV.")],
    addresses: Annotated[
        bool, typer.Option("--addresses", help="Those that are some customer's now, with the address: of the others only a hash is kept.")
    ] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace a file that is there already.")] = False,
    workspace: Which = None,
    data_dir: DataDir = None,
) -> None:
    """Write the list into a file. Addresses are not kept; those of present customers can be worked out."""

    async def work(parts: ImportParts) -> list[str]:
        from oportuno.entry.suppression_files import write_list
        from oportuno.kit.faults import BadInput

        if file.exists() and not overwrite:
            raise BadInput("file_differs", "this file is there already; --overwrite replaces it", place=str(file))
        shop = await choose_workspace(parts.workspaces, workspace)
        with progress(file) as tell:
            rows = await write_list(file, shop.workspace, parts.suppressions, parts.holdings if addresses else None, tell=tell)
        return [f"{rows} entries written to {file}"]

    with sentences():
        for line in with_parts(data_dir, work):
            typer.echo(line)


@suppressions_app.command("lift")
def lift_address(
    address: Annotated[str, typer.Argument(help="The address.")],
    reason: Annotated[str, typer.Option(help="Why it may be written to again; it is written into the ledger.")],
    workspace: Which = None,
    data_dir: DataDir = None,
) -> None:
    """Take an address off the list. What its customer said stands: who left or complained has to say yes anew."""

    async def work(parts: ImportParts) -> list[str]:
        from oportuno.flows.suppressions import Keeper

        shop = await choose_workspace(parts.workspaces, workspace)
        keeper = Keeper(store=parts.store, reads=parts.reads, programmes=parts.programmes, suppressions=parts.suppressions)
        mark = parts.suppressions.mark(shop.workspace, "email", address)
        done = await keeper.lift(shop.workspace, mark, why=reason, actor="command line")
        return [f"lifted: it was on the list as {done.reason}"]

    with sentences():
        for line in with_parts(data_dir, work):
            typer.echo(line)
