"""A recorder for proofs: beside each committed state, in the same transaction, what the step was given.

With it a run under any storm of kills can be done again one customer at a time, in order, on one quiet thread, and compared byte for byte.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from oportuno.adapters.postgres.database import translated
from oportuno.adapters.postgres.store import PostgresStore
from oportuno.adapters.postgres.work import PostgresWork
from oportuno.flows.crossing import Stage
from oportuno.flows.work import Writes
from oportuno.kit.ids import CustomerKey
from oportuno.kit.times import Millis

TABLE = """
CREATE TABLE IF NOT EXISTS journal (
    bucket smallint, workspace integer, customer bigint, version bigint, now bigint, trusted boolean, events bytea[],
    PRIMARY KEY (bucket, workspace, customer, version)
)
"""
EXPORTS = "CREATE TABLE IF NOT EXISTS exports (id bytea PRIMARY KEY, at bigint)"
"""When each merge's loser left: what the replay of a merge needs beside the ledger."""
_EXPORT = "INSERT INTO exports VALUES (%s, %s)"
_NOTE = "INSERT INTO journal VALUES (%s, %s, %s, %s, %s, %s, %s)"


class Notes:
    """What the next commit's steps were given, put there by the watched `step`."""

    def __init__(self) -> None:
        self.steps: dict[CustomerKey, tuple[int, Millis, bool, list[bytes]]] = {}
        self.die_at = 0
        """The process kills itself around this commit of a merge's step: counted by halves, odd before it, even after it. 0: never."""
        self._crossed = 0

    def cross(self) -> None:
        """Count a moment before or after a commit of a merge's step, and die there if it is the one."""
        self._crossed += 1
        if self._crossed == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)


class JournalStore:
    """PostgreSQL's store, whose commits also write the journal."""

    def __init__(self, store: PostgresStore, notes: Notes) -> None:
        self._store = store
        self._notes = notes

    @asynccontextmanager
    async def work(self) -> AsyncIterator[_JournalWork]:
        self._notes.steps.clear()
        async with self._store.work() as work:
            yield _JournalWork(work, self._notes)

    async def find(self, workspace: int, kind: str, value: str) -> int | None:
        return await self._store.find(workspace, kind, value)


class _JournalWork:
    def __init__(self, work: PostgresWork, notes: Notes) -> None:
        self._work = work
        self._notes = notes

    async def lock(self, keys: Sequence[CustomerKey]) -> Any:
        return await self._work.lock(keys)

    def across(self) -> Any:
        return self._work.across()

    async def commit(self, writes: Writes) -> None:
        connection = self._work._connection
        saved = {save.key for save in writes.saves}
        async with translated(), connection.pipeline():
            for key, (version, now, trusted, events) in self._notes.steps.items():
                if key in saved:
                    await connection.execute(_NOTE, (*key, version, now, trusted, events))
            for move in writes.crossing.merges:
                if move.stage is Stage.EXPORTED:
                    await connection.execute(_EXPORT, (move.merge.id, move.at))
        if writes.crossing:
            self._notes.cross()
        await self._work.commit(writes)
        if writes.crossing:
            self._notes.cross()

    async def rehearse(self, writes: Writes) -> None:
        await self._work.rehearse(writes)
