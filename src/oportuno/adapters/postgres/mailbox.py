"""A sandbox's mailbox on PostgreSQL."""

from __future__ import annotations

from typing import Any

from oportuno.adapters.postgres.connections import Connections
from oportuno.flows.ports import Letter
from oportuno.kit.ids import WorkspaceId, day_of_id
from oportuno.kit.times import Millis

# Who is forgotten while a letter is on its way gets none. The lock lets either the letter be there before the erasure looks for it, or the
# erasure be seen here.
_PUT = """
WITH whose AS MATERIALIZED (
    SELECT c.status FROM outbox o JOIN customers c USING (bucket, workspace, customer)
    WHERE o.workspace = %(workspace)s AND o.id = %(message)s AND o.day = %(day)s FOR SHARE OF c
)
INSERT INTO mailbox (workspace, id, at, address, subject, raw, message)
SELECT %(workspace)s, %(id)s, %(at)s, %(address)s, %(subject)s, %(raw)s, %(message)s
WHERE NOT EXISTS (SELECT 1 FROM mailbox WHERE workspace = %(workspace)s AND id = %(id)s)
    AND NOT EXISTS (SELECT 1 FROM whose WHERE status = 3)
"""
_LETTERS = """
SELECT workspace, id, at, address, subject, raw, message FROM mailbox
WHERE workspace = %s AND at < %s ORDER BY at DESC, id DESC LIMIT %s
"""
_LETTER = "SELECT workspace, id, at, address, subject, raw, message FROM mailbox WHERE workspace = %s AND id = %s LIMIT 1"
_EVER = 2**62


class PostgresMailbox:
    """The port Mailbox. `connections` must be allowed to write if anything is to be put."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def put(self, letter: Letter) -> None:
        """See the port."""
        row = {name: getattr(letter, name) for name in Letter.__struct_fields__}
        async with self._connections.lend() as connection:
            # A subject may hold what PostgreSQL's text cannot.
            subject, day = letter.subject.replace("\x00", " "), day_of_id(letter.message)
            await connection.execute(_PUT, {**row, "subject": subject, "day": day})

    async def letters(self, workspace: WorkspaceId, limit: int, before: Millis | None = None) -> list[Letter]:
        """See the port."""
        async with self._connections.lend() as connection:
            cursor = await connection.execute(_LETTERS, (workspace, _EVER if before is None else before, limit))
            return [_letter(row) for row in await cursor.fetchall()]

    async def letter(self, workspace: WorkspaceId, id: bytes) -> Letter | None:  # noqa: A002 - the field's own word
        """See the port."""
        async with self._connections.lend() as connection:
            row = await (await connection.execute(_LETTER, (workspace, id))).fetchone()
        return None if row is None else _letter(row)


def _letter(row: tuple[Any, ...]) -> Letter:
    workspace, name, at, address, subject, raw, message = row
    return Letter(workspace=workspace, id=bytes(name), at=at, address=address, subject=subject, raw=bytes(raw), message=bytes(message))
