"""Why was this said, or not said? From stored facts only."""

from __future__ import annotations

from typing import NamedTuple

from oportuno.content.seen import zone_of_customer
from oportuno.flows.reads import MessageRecord, Reads
from oportuno.flows.work import Decision
from oportuno.kit.faults import NotFound
from oportuno.kit.ids import WorkspaceId
from oportuno.profile.draft import Draft


class Why(NamedTuple):
    """All that was decided about one proposal, and the message made of it, if any."""

    record: MessageRecord | None
    verdicts: list[Decision]
    """Oldest first; never empty when there is no message."""
    zone: str | None = None
    """The customer's time zone, in which their days and hours are told; None when unknown."""


async def why(workspace: WorkspaceId, id: bytes, *, reads: Reads) -> Why:  # noqa: A002 - the field's own word
    """Explain a message or a silence. Raises NotFound when this id was never proposed here."""
    record = await reads.message(workspace, id)
    key = record.message.key if record else await reads.whose(workspace, id)
    verdicts = await reads.verdicts_on(key, id) if key else []
    if record is None and not verdicts:
        raise NotFound("message_unknown", "there is no such message in this workspace")
    stored = await reads.customer(key) if key else None
    zone = zone_of_customer(Draft(stored.key, stored.state)) if stored is not None and stored.state else None
    return Why(record, verdicts, zone)
