"""What is taken out becomes a file: a row as the API shows it, its parts as columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from oportuno.adapters.files.written import CsvOut, JsonLinesOut
from oportuno.consent.answers import granted_purposes
from oportuno.entry.http.api.shapes import CUSTOMER, EventShape, MessageShape, VerdictShape, event_shape, message_shape, verdict_shape
from oportuno.flows.reads import Reads
from oportuno.flows.standings import Standings
from oportuno.flows.take_out import Holding, Holdings, take_out
from oportuno.flows.work import Stored
from oportuno.kit.faults import BadInput
from oportuno.kit.ids import WorkspaceId, write_id
from oportuno.kit.times import Millis
from oportuno.profile.draft import Draft
from oportuno.profile.view import picture
from oportuno.profile.worth import BreakPoints

_LINES: Final = frozenset({".jsonl", ".ndjson"})
_OF_WHOM: Final = ("ids", "first_seen", "last_seen", "events")
_SECTIONS: Final = ("cart", "orders", "value", "rfm", "wishlist", "views", "interests", "declared", "muted", "let_go", "closed")
COLUMNS: Final[dict[Holding, tuple[str, ...]]] = {
    Holding.CUSTOMERS: ("customer", "status", *_OF_WHOM, "traits", *_SECTIONS),
    Holding.EVENTS: ("customer", *EventShape.model_fields),
    Holding.MESSAGES: tuple(MessageShape.model_fields),
    Holding.VERDICTS: tuple(VerdictShape.model_fields),
}
"""The columns of each kind of file."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants taken out. An empty form is told by the file's name."""

    kind: Holding
    file: Path
    form: str = ""
    overwrite: bool = False


class Parts(Protocol):
    """What taking out needs of the world."""

    @property
    def holdings(self) -> Holdings:
        """What there is."""
        ...

    @property
    def reads(self) -> Reads:
        """The store's clock."""
        ...

    @property
    def standings(self) -> Standings:
        """Where the fifths of the buyers end."""
        ...


async def write_out(wanted: Wanted, workspace: WorkspaceId, parts: Parts, *, tell: Callable[[int, int], None]) -> int:
    """Write the file, row by row; gives how many. It has its name only once it is whole.

    `tell` hears how much of how much is done. Raises BadInput (``file_differs``, ``file_unwritable``), Unavailable.
    """
    if wanted.file.exists() and not wanted.overwrite:
        raise BadInput("file_differs", "this file is there already; --overwrite replaces it", place=str(wanted.file))
    lines = wanted.form == "jsonl" or (not wanted.form and wanted.file.suffix.lower() in _LINES)
    begun = wanted.file.with_name(wanted.file.name + ".part")
    columns = COLUMNS[wanted.kind]
    shown = _Shown(await parts.reads.now(), await parts.standings.break_points(workspace))
    count = 0
    try:
        begun.touch(mode=0o600)
        with (JsonLinesOut if lines else CsvOut)(begun, columns) as out:
            out.begin()
            async for row in take_out(wanted.kind, workspace, parts.holdings, tell=tell):
                found = shown.row(wanted.kind, row)
                out.put([found.get(column) for column in columns])
                count += 1
        begun.replace(wanted.file)
    except OSError as refusal:
        raise BadInput("file_unwritable", "the file cannot be written", place=str(wanted.file)) from refusal
    finally:
        begun.unlink(missing_ok=True)
    return count


class _Shown:
    """Shows rows as the API does, at one moment."""

    def __init__(self, now: Millis, points: BreakPoints | None) -> None:
        self._now = now
        self._points = points

    def row(self, kind: Holding, row: Any) -> dict[str, Any]:
        """Show a row by its columns; what a consent closes is not there."""
        if kind is Holding.CUSTOMERS:
            return self._customer(row)
        if kind is Holding.EVENTS:
            return {"customer": write_id(CUSTOMER, row.key.customer), **event_shape(row).model_dump(mode="json")}
        return (message_shape if kind is Holding.MESSAGES else verdict_shape)(row).model_dump(mode="json")

    def _customer(self, row: Stored) -> dict[str, Any]:
        draft = Draft(row.key, row.state, row.version)
        draft.granted = granted_purposes(draft, self._now)
        profile = picture(draft, self._now, self._points)
        whom = profile.pop("customer")
        traits = whom.pop("traits") | profile.pop("traits", {})
        return {"customer": write_id(CUSTOMER, row.key.customer), "status": row.status.name.lower(), **whom, **profile, "traits": traits}
