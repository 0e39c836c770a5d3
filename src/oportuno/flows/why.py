"""Why was this said, or not said? From stored facts only."""

from __future__ import annotations

from typing import NamedTuple

from oportuno.flows.reads import MessageRecord, Reads
from oportuno.flows.work import Decision
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import WorkspaceId


class Why(NamedTuple):
    """All that was decided about one proposal, and the message made of it, if any."""

    record: MessageRecord | None
    verdicts: list[Decision]
    """Oldest first; never empty when there is no message."""


async def why(workspace: WorkspaceId, id: bytes, *, reads: Reads) -> Why:  # noqa: A002 - the field's own word
    """Explain a message or a silence. Raises NotFound when this id was never proposed here."""
    record = await reads.message(workspace, id)
    key = record.message.key if record else await reads.whose(workspace, id)
    verdicts = await reads.verdicts_on(key, id) if key else []
    if record is None and not verdicts:
        raise NotFound("message_unknown", "there is no such message in this workspace")
    return Why(record, verdicts)
