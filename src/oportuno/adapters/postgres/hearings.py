"""What was heard of messages (port Hearings): filed with its message when it was believed, kept aside whole when not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.postgres.database import Connection
from oportuno.adapters.postgres.suppressions import mark_under
from oportuno.channels.hearing import Hearing, Proof, What
from oportuno.content.message import Message
from oportuno.flows.hear_back import HeardAs, HearingRecord
from oportuno.flows.hearing_effects import Spoken
from oportuno.flows.reads import Spot
from oportuno.flows.work import NotedHearing, OutboxStatus
from oportuno.kit.ids import CustomerKey, WorkspaceId, day_of_id
from oportuno.kit.times import Millis, day_of

_END: Final = Spot(2**62, b"\xff" * 16)
_REPORTS_TAKE: Final = 100
"""Days after its hand-off in which a provider still tells of a message by its own id."""
_WAITS_AT_MOST: Final = 40
"""Days that a message may be older than its hand-off: what a journey says expires within 30."""
_MESSAGE: Final = msgspec.msgpack.Decoder(Message)

# A workspace at a time: both indexes begin with it.
_BY_ID: Final = """
SELECT o.bucket, o.workspace, o.customer, o.id, o.status, o.handed_at, o.mark, o.body FROM workspaces w
CROSS JOIN LATERAL (SELECT * FROM outbox WHERE workspace = w.workspace AND id = %s AND day = %s LIMIT 1) o LIMIT 1
"""
_BY_REF: Final = """
SELECT o.bucket, o.workspace, o.customer, o.id, o.status, o.handed_at, o.mark, o.body FROM workspaces w
CROSS JOIN LATERAL (
    SELECT * FROM outbox WHERE workspace = w.workspace AND provider_ref = %s AND provider_ref <> '' AND day BETWEEN %s AND %s LIMIT 1
) o
WHERE %s IN (0, w.workspace) LIMIT 1
"""
_KEEP: Final = """
INSERT INTO unmatched_hearings (workspace, id, heard_as, what, channel, source, proof, at, heard_at, message, provider_ref, status, detail,
    address, said, raw)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, clock_millis(), %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_RELEASE: Final = "DELETE FROM unmatched_hearings WHERE workspace IN (0, %s) AND id = %s"
_KEPT: Final = """
SELECT workspace, id, heard_as, what, channel, source, proof, at, heard_at, message, provider_ref, status, detail, address, said, raw
FROM unmatched_hearings
"""
_UNMATCHED: Final = f"{_KEPT} WHERE workspace = %s AND (heard_at, id) < (%s, %s) ORDER BY heard_at DESC, id DESC LIMIT %s"
# By workspace, because the index begins with it; and only what finds its message now, or the rest of an account that others use too would
# stand before it for ever.
_EARLY: Final = """
SELECT u.workspace, u.id, u.heard_as, u.what, u.channel, u.source, u.proof, u.at, u.heard_at, u.message, u.provider_ref, u.status, u.detail,
    u.address, u.said, u.raw
FROM (SELECT workspace FROM workspaces UNION ALL SELECT 0) k JOIN unmatched_hearings u ON u.workspace = k.workspace AND u.heard_at >= %s
WHERE u.heard_as = 'unmatched' AND u.provider_ref <> '' AND EXISTS (
    SELECT 1 FROM workspaces w CROSS JOIN LATERAL (
        SELECT 1 FROM outbox
        WHERE workspace = w.workspace AND provider_ref = u.provider_ref AND provider_ref <> '' AND day BETWEEN %s AND %s LIMIT 1
    ) o WHERE u.workspace IN (0, w.workspace)
)
ORDER BY u.heard_at, u.id LIMIT %s
"""
_FILED: Final = "SELECT h.workspace, h.message, h.id, h.what, h.channel, h.source, h.proof, h.at, h.heard_at, h.status, h.detail"
_OF_MESSAGE: Final = f"""{_FILED} FROM outbox o JOIN hearings h
ON h.bucket = o.bucket AND h.workspace = o.workspace AND h.customer = o.customer AND h.message = o.id AND h.day = o.day
WHERE o.workspace = %s AND o.id = %s AND o.day = %s AND o.body <> '' ORDER BY h.at, h.id
"""
_RECENT: Final = f"""{_FILED} FROM hearings h
WHERE h.workspace = %s AND h.heard_at <= %s AND (h.heard_at, h.id) < (%s, %s) ORDER BY h.heard_at DESC, h.id DESC LIMIT %s
"""
_BEFORE: Final = """
SELECT 1 FROM hearings WHERE bucket = %s AND workspace = %s AND customer = %s AND message = %s AND id = %s AND day = %s
"""
_FILE: Final = """
WITH filed AS (
    INSERT INTO hearings (bucket, workspace, customer, message, id, day, what, channel, source, proof, at, heard_at, status, detail)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, clock_millis(), %s, %s) ON CONFLICT DO NOTHING RETURNING 1
)
SELECT must_be(count(*), 1, 'a hearing') FROM filed
"""


async def filed_before(connection: Connection, note: NotedHearing) -> bool:
    """Say whether a report is filed already."""
    place = (*note.key, note.message, note.hearing.id, day_of_id(note.message))
    return await (await connection.execute(_BEFORE, place)).fetchone() is not None


async def file_hearings(connection: Connection, notes: Sequence[NotedHearing]) -> None:
    """File reports with their messages, beside what else a unit of work writes."""
    for key, message, heard in notes:
        told = (heard.what, heard.channel, heard.source, heard.proof, heard.at, heard.status, heard.detail)
        await connection.execute(_FILE, (*key, message, heard.id, day_of_id(message), *map(_plain, told)))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value


class PostgresHearings:
    """The port Hearings. `looking` connections only read, `changing` ones not."""

    def __init__(self, looking: Connections, changing: Connections, secret: bytes) -> None:
        self._looking = looking
        self._changing = changing
        self._secret = secret

    def mark(self, workspace: WorkspaceId, channel: str, address: str) -> bytes:
        """See the port."""
        return mark_under(self._secret, workspace, channel, address)

    async def message(self, hearing: Hearing) -> Spoken | None:
        """See the port."""
        rows: list[tuple[Any, ...]] = []
        if hearing.message:
            rows = await self._rows(_BY_ID, hearing.message, day_of_id(hearing.message))
        if not rows and hearing.provider_ref and "\0" not in hearing.provider_ref:
            day = day_of(hearing.at)
            rows = await self._rows(_BY_REF, hearing.provider_ref, day - _REPORTS_TAKE, day + 2, hearing.workspace)
        for bucket, workspace, customer, id_, status, handed_at, mark, body in rows:
            return Spoken(
                key=CustomerKey(bucket, workspace, customer),
                id=bytes(id_),
                status=OutboxStatus(status),
                handed=handed_at is not None,
                mark=bytes(mark),
                message=_MESSAGE.decode(body) if body else None,
            )
        return None

    async def keep(self, hearing: Hearing, heard_as: HeardAs) -> bool:
        """See the port."""
        told = (
            hearing.workspace, hearing.id, heard_as, hearing.what, hearing.channel, hearing.source, hearing.proof, hearing.at,
            hearing.message, hearing.provider_ref, hearing.status, hearing.detail, hearing.address, hearing.text, hearing.raw,
        )  # fmt: skip
        async with self._changing.lend() as connection:
            return (await connection.execute(_KEEP, tuple(map(_plain, told)))).rowcount == 1

    async def release(self, hearing: Hearing) -> None:
        """See the port."""
        async with self._changing.lend() as connection:
            await connection.execute(_RELEASE, (hearing.workspace, hearing.id))

    async def of_message(self, workspace: WorkspaceId, id: bytes) -> list[Hearing]:  # noqa: A002 - the port's word
        """See the port."""
        return [_filed(row).hearing for row in await self._rows(_OF_MESSAGE, workspace, id, day_of_id(id))]

    async def hearings(self, workspace: WorkspaceId, *, before: Spot | None, limit: int) -> list[HearingRecord]:
        """See the port."""
        spot = before or _END
        return [_filed(row) for row in await self._rows(_RECENT, workspace, spot.at, spot.at, spot.tie, limit)]

    async def unmatched(self, workspace: WorkspaceId, *, before: Spot | None, limit: int) -> list[HearingRecord]:
        """See the port."""
        spot = before or _END
        return [_kept(row) for row in await self._rows(_UNMATCHED, workspace, spot.at, spot.tie, limit)]

    async def early(self, *, since: Millis, limit: int) -> list[Hearing]:
        """See the port."""
        day = day_of(since)
        return [_kept(row).hearing for row in await self._rows(_EARLY, since, day - _WAITS_AT_MOST, day + 2, limit)]

    async def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self._looking.lend() as connection:
            return await (await connection.execute(statement.encode(), values)).fetchall()


def _filed(row: tuple[Any, ...]) -> HearingRecord:
    workspace, message, id_, what, channel, source, proof, at, heard_at, status, detail = row
    hearing = Hearing(
        id=bytes(id_), what=What(what), channel=channel, source=source, at=at, proof=Proof(proof), workspace=workspace,
        message=bytes(message), status=status, detail=detail,
    )  # fmt: skip
    return HearingRecord(hearing=hearing, heard_as=HeardAs.TAKEN, heard_at=heard_at)


def _kept(row: tuple[Any, ...]) -> HearingRecord:
    workspace, id_, heard_as, what, channel, source, proof, at, heard_at, message, ref, status, detail, address, said, raw = row
    hearing = Hearing(
        id=bytes(id_), what=What(what), channel=channel, source=source, at=at, proof=Proof(proof), workspace=workspace,
        message=bytes(message), provider_ref=ref, address=address, status=status, detail=detail, text=said, raw=bytes(raw),
    )  # fmt: skip
    return HearingRecord(hearing=hearing, heard_as=HeardAs(heard_as), heard_at=heard_at)
