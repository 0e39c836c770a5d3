"""The verbs about a workspace: make one, lay down its definitions, give them out, and say why."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from oportuno.entry.cli_app import DataDir, app, sentences, settings_with
from oportuno.kit.faults import BadInput, NotFound

if TYPE_CHECKING:
    from oportuno.flows.definitions import Workspace, Workspaces
    from oportuno.flows.reads import Reads
    from oportuno.flows.why import Why
    from oportuno.settings import Settings

T = TypeVar("T")
_FOLDERS = ("journeys", "messages")
_LANGUAGES = ("es", "en")

workspace_app = typer.Typer(no_args_is_help=True, help="Make and list workspaces (a workspace is a brand: the tenant).")
app.add_typer(workspace_app, name="workspace")

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Which = Annotated[str | None, typer.Option("--workspace", "-w", help="The workspace, ws_…; not needed when there is only one.")]


@workspace_app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What the brand is called.")],
    timezone: Annotated[str, typer.Option(help="IANA time zone of the brand.")] = "UTC",
    locale: Annotated[str, typer.Option(help="Language and country, for example es-ES.")] = "es-ES",
    sandbox: Annotated[bool, typer.Option(help="A test: messages reach nothing but its own mailbox.")] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Make a workspace and print its keys. They are shown this once."""

    async def work(workspaces: Workspaces, _reads: Reads) -> dict[str, str]:
        from oportuno.flows.open_workspace import open_workspace

        opened = await open_workspace(
            name, timezone=timezone, locale=locale, sandbox=sandbox, workspaces=workspaces, chance=secrets.token_bytes
        )
        return {"workspace": opened.workspace.public_id, "write_key": opened.write_key, "secret_key": opened.secret_key}

    made = _with_workspaces(data_dir, work)
    if as_json:
        typer.echo(json.dumps(made))
        return
    for word, value in made.items():
        typer.echo(f"{word:<10}  {value}")
    typer.echo("The keys are not stored and cannot be shown again. The secret key belongs on servers only.", err=True)


@workspace_app.command("list")
def list_workspaces(as_json: Json = False, data_dir: DataDir = None) -> None:
    """List the workspaces of this installation."""

    async def work(workspaces: Workspaces, _reads: Reads) -> list[Workspace]:
        return await workspaces.every()

    found = _with_workspaces(data_dir, work)
    if as_json:
        typer.echo(json.dumps([{"workspace": each.public_id, "name": each.name, "sandbox": each.sandbox} for each in found]))
        return
    for each in found:
        typer.echo(f"{each.public_id}  {each.name}{'  (sandbox)' if each.sandbox else ''}")


@app.command("apply")
def apply_folder(
    path: Annotated[Path, typer.Argument(help="Folder with journeys/, messages/, policy.yaml and tracking-plan.yaml.")],
    workspace: Which = None,
    data_dir: DataDir = None,
) -> None:
    """Check every file of a folder and publish all of them together, or none. What is not in the folder stays as it is."""
    with sentences():
        files = read_folder(path)

    async def work(workspaces: Workspaces, settings: Settings) -> str:
        from oportuno.adapters.mjml import Mrml
        from oportuno.flows.apply import apply
        from oportuno.wiring.ways import signing_now

        chosen = await choose_workspace(workspaces, workspace)
        signs = await signing_now(settings, chosen.workspace)
        done = await apply(files, workspace=chosen.workspace, workspaces=workspaces, compiler=Mrml(), signs=signs)
        lines = [f"{kind} {key} version {version}" for kind, key, version in done.published]
        return "\n".join([*lines, f"{len(done.published)} published, {done.unchanged} unchanged"])

    typer.echo(_with_database(data_dir, lambda workspaces, _reads, settings: work(workspaces, settings)))


@app.command("export")
def export_folder(
    path: Annotated[Path, typer.Argument(help="Folder to write to.")],
    workspace: Which = None,
    overwrite: Annotated[bool, typer.Option(help="Replace files that say something else.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Write the definitions in force into a folder, as they were applied. A webhook's secret is among them: keep the folder safe."""

    async def work(workspaces: Workspaces, _reads: Reads) -> dict[str, str]:
        from oportuno.flows.apply import export

        return await export((await choose_workspace(workspaces, workspace)).workspace, workspaces=workspaces)

    files = _with_workspaces(data_dir, work)
    with sentences():
        write_folder(path, files, overwrite=overwrite)
    typer.echo(f"{len(files)} files written to {path}")


@app.command("why")
def why_message(
    message: Annotated[str, typer.Argument(help="A message's or proposal's id, msg_….")],
    language: Annotated[str, typer.Option(help="es or en.")] = "en",
    workspace: Which = None,
    data_dir: DataDir = None,
) -> None:
    """Say why a message was said, or why there was silence, from what is stored."""

    async def work(workspaces: Workspaces, reads: Reads) -> tuple[Why, int, str]:
        from oportuno.flows.why import why
        from oportuno.kit.ids import read_id

        if language not in _LANGUAGES:
            raise BadInput("language_unknown", f"“{language}” is not a language that reasons are told in: es or en", place="--language")
        chosen = await choose_workspace(workspaces, workspace)
        found = await why(chosen.workspace, read_id("msg", message), reads=reads)
        return found, await reads.now(), found.zone or chosen.timezone

    found, now, zone = _with_workspaces(data_dir, work)
    for line in tell(found, language, now, zone):
        typer.echo(line)


def tell(found: Why, language: str, now: int, zone: str) -> list[str]:
    """Tell an explanation in lines, the customer's days and hours by the clock of `zone`."""
    from oportuno.consent.refusals import sentence
    from oportuno.content.because import because_line, because_points
    from oportuno.kit.times import to_text

    said = found.record.message.said if found.record else found.verdicts[0].verdict.proposal
    lines = [because_line(said.because, language, now=now, zone=zone)]
    lines += [f"  · {point}" for point in because_points(said.because, language, now=now, zone=zone)]
    for _, verdict in found.verdicts:
        reasons = "; ".join(sentence(each.refusal, reader="marketer", language=language) + _facts(each.facts) for each in verdict.reasons)
        lines.append(f"{to_text(verdict.at)}  {verdict.decided.value}{': ' + reasons if reasons else ''}")
    if found.record is not None:
        ended = found.record.ended_at or found.record.handed_at or found.record.created_at
        detail = found.record.reason or (found.record.answer.detail if found.record.answer else "")
        lines.append(f"{to_text(ended)}  {found.record.status.name.lower()}{': ' + detail if detail else ''}")
    return lines


def _facts(facts: Mapping[str, object]) -> str:
    """Tell what a refusal was about, for example which template and which line; empty when it kept nothing."""
    told = ", ".join(f"{name} {value}" for name, value in facts.items() if value and isinstance(value, str))
    return f" ({told})" if told else ""


def read_folder(path: Path) -> dict[str, str]:
    """Read the YAML files of a folder by their names in it. Raises BadInput when it cannot be read or holds none."""
    found = sorted(each for folder in _FOLDERS for each in (path / folder).glob("*.y*ml"))
    single = [path / name for name in ("policy.yaml", "tracking-plan.yaml")]
    files: dict[str, str] = {}
    for each in [*found, *(each for each in single if each.is_file())]:
        name = each.relative_to(path).as_posix()
        try:
            files[name] = each.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as fault:
            raise BadInput("file_unreadable", "the file cannot be read as UTF-8 text", place=name) from fault
    if not files:
        raise BadInput(
            "folder_empty", "there are no journeys/*.yaml, messages/*.yaml, policy.yaml or tracking-plan.yaml here", place=str(path)
        )
    return files


def write_folder(path: Path, files: dict[str, str], *, overwrite: bool) -> None:
    """Write files into a folder. Raises BadInput, with nothing written, when one says something else already and may not be replaced."""
    for name, text in files.items():
        target = path / name
        if not overwrite and target.exists() and target.read_text(encoding="utf-8", errors="replace") != text:
            raise BadInput("file_differs", "this file says something else already; --overwrite replaces it", place=name)
    try:
        for name, text in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text(text, encoding="utf-8")
    except OSError as fault:
        raise BadInput("folder_unwritable", f"the folder cannot be written: {fault.strerror}", place=str(path)) from fault


async def choose_workspace(workspaces: Workspaces, public_id: str | None) -> Workspace:
    """Give the workspace that is named, or the only one. Raises BadInput, NotFound."""
    if public_id:
        return await workspaces.named(public_id)
    every = await workspaces.every()
    if len(every) > 1:
        raise BadInput("workspace_needed", "there are several workspaces: name one with --workspace ws_…", place="--workspace")
    if not every:
        raise NotFound("workspace_unknown", "there is no workspace yet: make one with “oportuno workspace create”")
    return every[0]


def _with_workspaces(data_dir: Path | None, work: Callable[[Workspaces, Reads], Awaitable[T]]) -> T:
    """Do something with the workspaces of the database at hand."""
    return _with_database(data_dir, lambda workspaces, reads, _settings: work(workspaces, reads))


def _with_database(data_dir: Path | None, work: Callable[[Workspaces, Reads, Settings], Awaitable[T]]) -> T:
    """Do something with the database at hand: the one that is set, the one that `serve` runs, or one started for this."""
    with sentences():
        from oportuno.entry.serve import database_for
        from oportuno.wiring import migrate, workspaces_alone

        with database_for(settings_with(data_dir=data_dir)) as database:
            if database.ours:
                migrate(database.settings)

            async def run() -> T:
                async with workspaces_alone(database.settings) as (workspaces, reads):
                    return await work(workspaces, reads, database.settings)

            return asyncio.run(run())
    raise AssertionError
