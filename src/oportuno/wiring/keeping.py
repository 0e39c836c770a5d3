"""Wiring of what keeps an installation: backing up, restoring, and the list of who was forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from oportuno.kit.faults import BadInput, NotFound
from oportuno.kit.ids import CustomerKey, WorkspaceId
from oportuno.kit.times import Millis
from oportuno.settings import Settings
from oportuno.wiring import database_url

if TYPE_CHECKING:
    from oportuno.adapters.erasure_list import Listed
    from oportuno.adapters.postgres.backup_file import BackupIn, Manifest
    from oportuno.adapters.postgres.database import Connection
    from oportuno.adapters.postgres.erased_again import ErasuresNoted
    from oportuno.flows.ports import Programmes
    from oportuno.flows.work import Store
    from oportuno.journeys.journey import Journey

_AT_ONCE: Final = 500


class Restored(NamedTuple):
    """What restoring did."""

    at: Millis
    """The moment of the backup: nothing later is in it."""
    rows: int
    forgotten: int
    """People who were forgotten again, by the list."""
    in_doubt: int
    """Promoting messages that may have left: unknown now."""
    silenced: int
    """Walks and proposals that were due and may have spoken: ended."""


def back_up(settings: Settings, file: Path, *, overwrite: bool, tell: Callable[[str, int], None]) -> Manifest:
    """Write a backup. Raises BadInput, Unavailable."""
    from oportuno.adapters.postgres.backup import back_up as run

    return run(database_url(settings), file, overwrite=overwrite, tell=tell)


async def restore(settings: Settings, file: Path, *, erasures: Path | None, tell: Callable[[str, int], None]) -> Restored:
    """Restore a backup into the empty database, forget again by the list, and settle what was on its way.

    Raises BadInput, Conflict, Unavailable. What it left unfinished is begun anew by the next call.
    """
    from oportuno.adapters.erasure_list import read_list
    from oportuno.adapters.postgres.backup_file import read_whole
    from oportuno.adapters.postgres.restore import Restoring

    url = database_url(settings)
    with read_whole(file) as backup:
        listed = read_list(erasures, backup.manifest.installation) if erasures is not None else []
        restoring = Restoring(url, backup)
        restoring.begin()
        restoring.load(tell=tell)
        until = restoring.settle()
        settled = await _settle(url, listed, until)
        restoring.end()
        return _restored(backup, settled)


def _restored(backup: BackupIn, settled: tuple[int, int, int]) -> Restored:
    forgotten, in_doubt, silenced = settled
    rows = sum(kept.rows for kept in backup.manifest.tables.values())
    return Restored(backup.manifest.at, rows, forgotten, in_doubt, silenced)


async def _settle(url: str, listed: list[Listed], until: Millis) -> tuple[int, int, int]:
    from oportuno.adapters.postgres.connections import CHANGING, Connections
    from oportuno.adapters.postgres.database import ENGINE_PLANS, connect
    from oportuno.adapters.postgres.erased_again import forget_again
    from oportuno.adapters.postgres.restore import waiting
    from oportuno.adapters.postgres.store import PostgresStore
    from oportuno.adapters.postgres.workspaces import PostgresProgrammes, PostgresWorkspaces
    from oportuno.flows.come_back import leave_in_doubt

    connection = await connect(url, name="restore", plans=ENGINE_PLANS)
    looking = Connections(url, name="restore looking", most=1, plans=CHANGING)
    store = await PostgresStore.open(url, name="restore", size=1)
    try:
        forgotten = await forget_again(connection, listed)
        in_doubt = 0
        while found := await waiting(connection, _AT_ONCE):
            for each in found:
                await leave_in_doubt(each, store)
            in_doubt += len(found)
        silenced = await _silence(connection, store, PostgresProgrammes(PostgresWorkspaces(looking)), until)
    finally:
        await store.close()
        await looking.close()
        await connection.close()
    return forgotten, in_doubt, silenced


async def _silence(connection: Connection, store: Store, programmes: Programmes, until: Millis) -> int:
    from oportuno.adapters.postgres.restore import overdue
    from oportuno.flows.come_back import silence_overdue

    journeys: dict[WorkspaceId, tuple[Journey, ...]] = {}
    after: CustomerKey | None = None
    silenced = 0
    while keys := await overdue(connection, until, after, _AT_ONCE):
        for key in keys:
            if key.workspace not in journeys:
                journeys[key.workspace] = await _journeys(programmes, key.workspace)
            silenced += await silence_overdue(key, journeys[key.workspace], store, until=until)
        after = keys[-1]
    return silenced


async def _journeys(programmes: Programmes, workspace: WorkspaceId) -> tuple[Journey, ...]:
    from oportuno.flows.programme import ProgrammeUnreadable

    try:
        return (await programmes.programme(workspace)).journeys
    except (NotFound, ProgrammeUnreadable):
        return ()


def erasures_file(settings: Settings) -> Path | None:
    """Say where the list of erasures is kept; None: nowhere, because the database is somebody else's and no place was set."""
    if settings.erasures_file is not None:
        return settings.erasures_file
    return settings.data_dir / "erasures" if settings.database_url is None else None


def list_to_restore_by(settings: Settings, given: Path | None, *, without: bool) -> Path | None:
    """Choose the list to forget again by: the one that was given, else the installation's own. None only where that was said.

    Raises BadInput ``erasures_list_missing``.
    """
    if without:
        return None
    found = given or erasures_file(settings)
    if found is None or not found.is_file():
        sentence = (
            "there is no list of erasures: who was forgotten after the backup was made would be known again."
            " Name it with --erasures, or say --without-erasures"
        )
        raise BadInput("erasures_list_missing", sentence, place=str(found or ""))
    return found


@asynccontextmanager
async def noting_erasures(settings: Settings, path: Path) -> AsyncIterator[ErasuresNoted]:
    """Wire what keeps the list of erasures in step. Raises Unavailable."""
    from oportuno.adapters.erasure_list import ErasureList
    from oportuno.adapters.postgres.connections import Connections
    from oportuno.adapters.postgres.erased_again import ErasuresNoted, installation

    connections = Connections(database_url(settings), name="noting erasures", most=1)
    try:
        yield ErasuresNoted(connections, ErasureList(path, await installation(connections)))
    finally:
        await connections.close()
