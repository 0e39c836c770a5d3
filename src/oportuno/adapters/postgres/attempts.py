"""How each hand-off of a message ended: written with the ending, never changed."""

from __future__ import annotations

from collections.abc import Sequence

from oportuno.adapters.postgres.database import Connection
from oportuno.flows.reads import endings
from oportuno.flows.work import MoveMessage, OutboxStatus
from oportuno.kit.ids import day_of_id

# Its number and when it was claimed stand in the message's own row, which the move has just left as it is to stay.
_NOTE = """
INSERT INTO attempts (bucket, workspace, customer, message, day, n, part, claimed_at, ended_at, way, outcome, detail)
SELECT bucket, workspace, customer, id, day, attempts, %b::int4, handed_at, %b, %b, %b, %b FROM outbox
WHERE bucket = %b AND workspace = %b AND customer = %b AND id = %b AND day = %b
"""


async def note_attempts(connection: Connection, moves: Sequence[MoveMessage]) -> None:
    """Note what ended, after the moves were made and inside their transaction."""
    for move in moves:
        if move.expect is OutboxStatus.HANDING:
            for part, told in enumerate(endings(move)):
                await connection.execute(_NOTE, (part, move.at, *told, *move.key, move.id, day_of_id(move.id)))
