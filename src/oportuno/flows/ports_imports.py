"""The port of imports: how far each file was brought in, and which mappings are remembered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from oportuno.flows.ports import Arrival
from oportuno.kit.ids import WorkspaceId
from oportuno.kit.times import Millis


class ImportTally(msgspec.Struct, kw_only=True):
    """What became of the rows of a file so far."""

    rows: int = 0
    events: int = 0
    """That were new."""
    known: int = 0
    """Calls that had been brought in before."""
    refused: int = 0
    left_out: int = 0
    """Rows that the mapping leaves out on purpose."""
    answers: int = 0
    """Answers about consent that were recorded with their proof, or that said no."""
    unproven: int = 0
    """Yeses without their proof, which count for nothing."""
    reasons: dict[str, int] = {}
    """Refused rows by code."""


def counted_on(tally: ImportTally, brought: int, new: int) -> ImportTally:
    """Give a tally with what a piece added to the log."""
    return msgspec.structs.replace(tally, events=tally.events + new, known=tally.known + brought - new)


class ImportRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One import, as it is remembered."""

    id: bytes
    name: str
    kind: str
    mapping: bytes
    position: int = 0
    """Rows that are done with; a resumed import goes on behind them."""
    tally: ImportTally = msgspec.field(default_factory=ImportTally)
    begun_at: Millis = 0
    moved_at: Millis = 0
    finished_at: Millis | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """How an import moves on with a piece."""

    id: bytes
    since: int
    """The position before: another one means that somebody else brings in the same file."""
    position: int
    tally: ImportTally
    finished: bool = False


class Imports(Protocol):
    """Where imports are written."""

    async def begin(self, workspace: WorkspaceId, record: ImportRecord) -> tuple[ImportRecord, Millis]:
        """Give the import of this id as it stands, made now if there was none, and the store's clock. Raises Unavailable."""
        ...

    async def bring(self, workspace: WorkspaceId, arrivals: Sequence[Arrival], step: Step) -> int | None:
        """Commit events by the bulk lane together with the import's step; gives how many events were new.

        None: the import stands elsewhere than the step says, and nothing was written. To the step's tally it adds, by `counted_on`, what
        of these events was new. Raises Unavailable.
        """
        ...

    async def every(self, workspace: WorkspaceId, *, limit: int) -> list[ImportRecord]:
        """Give the latest imports, the one that moved last first."""
        ...

    async def keep_mapping(self, workspace: WorkspaceId, name: str, mapping: bytes) -> None:
        """Remember a mapping under a name; the former one of this name is replaced."""
        ...

    async def mappings(self, workspace: WorkspaceId) -> dict[str, bytes]:
        """Give the remembered mappings by name."""
        ...
