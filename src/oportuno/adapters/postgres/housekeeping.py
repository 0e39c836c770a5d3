"""What must be done every hour whoever is awake: partitions ahead, ids of events let go, drained lanes retired, replayed rejects dropped.

Any number of processes may do it at once; doing it again does nothing. Events, verdicts and messages are never dropped here: that needs
the archive's word that it has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from oportuno.adapters.postgres.clicks import KEPT as CLICKS_KEPT
from oportuno.adapters.postgres.clicks import OLD_CLICKS, OLD_LINKS
from oportuno.adapters.postgres.database import Connection, translated
from oportuno.adapters.postgres.intake import LANE_LOCK
from oportuno.flows.crossing import UNDO_WITHIN
from oportuno.flows.hear_back import KEPT_UNMATCHED_DAYS
from oportuno.flows.tracking_plan import KEPT as VIOLATIONS_KEPT
from oportuno.flows.work import SEND_KEYS_KEPT
from oportuno.kit.ids import BUCKETS
from oportuno.kit.times import DAY, Millis

AHEAD: Final = 3
"""Days of partitions kept ready; each empty one costs every fetch a probe, so not more."""
FEWEST_DEDUPE_DAYS: Final = 30
"""An id stamped up to 30 days back is remembered for 30 days more, under the stamp's day: so twice as many days are kept."""
HOUSE_LOCK: Final = 0x686F7573
_REJECTS_KEPT: Final[Millis] = 30 * DAY

KEEPING: Final[Mapping[str, str]] = {"lock_timeout": "2000", "idle_session_timeout": "60000"}
"""Making a partition waits for everybody who is in the table, and everybody waits behind it: not for long. And a keeper whose machine is
stopped is gone after a minute, so that another can keep house."""
MAKE_PARTITIONS: Final = "SELECT make_partitions(%s, %s, %s)"


def partitioned(dedupe_days: int) -> tuple[tuple[str, int, int], ...]:
    """Give what `MAKE_PARTITIONS` is called with, one table a call: (table, days back, days ahead)."""
    return (
        ("events", 1, AHEAD),
        ("verdicts", 1, AHEAD),
        ("outbox", 1, AHEAD),
        ("hearings", 1, AHEAD),
        ("attempts", 1, AHEAD),
        ("seen", 2 * dedupe_days + 2, AHEAD),
    )


_OLD_SEEN: Final = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
WHERE p.relname = 'seen' AND c.relname ~ '^seen_[0-9]{8}$'
  AND c.relname < 'seen_' || to_char(date '1970-01-01' + (clock_millis() / 86400000)::int - %s, 'YYYYMMDD')
"""
# What undoing a merge takes: the two states, and the events that were folded out of an inbox.
_OLD_MERGES: Final = """
UPDATE merges SET loser_state = NULL, winner_state = NULL, winner_offsets = NULL
WHERE joined_at < clock_millis() - %s AND (loser_state IS NOT NULL OR winner_state IS NOT NULL)
"""
_OLD_INBOX: Final = "DELETE FROM inbox WHERE kind = 2 AND at < clock_millis() - %s"
_OLD_REJECTS: Final = "DELETE FROM rejects WHERE received < clock_millis() - %s"
# A lane's writer is gone when its lock can be had; a lane that is drained then can never hold anything new. The locks come first, in a
# statement of their own: whether a lane is drained must be seen after its writer's last commit.
_LEFT: Final = "SELECT lane FROM lanes WHERE pg_try_advisory_xact_lock(%s, lane)"
_RETIRE: Final = """
DELETE FROM lanes l WHERE l.lane = ANY(%s) AND NOT EXISTS (
    SELECT 1 FROM generate_series(0, 63) b CROSS JOIN workspaces w
    LEFT JOIN offsets o ON o.bucket = b AND o.workspace = w.workspace AND o.lane = l.lane
    CROSS JOIN LATERAL (
        SELECT seq FROM events e WHERE e.bucket = b AND e.workspace = w.workspace AND e.lane = l.lane ORDER BY seq DESC LIMIT 1
    ) last
    WHERE last.seq > coalesce(o.seq, 0)
)
"""
# A lane's number is never given again. Its offsets stay a day longer than it does: by then no engine holds a batch of it any more (a batch
# is refused ten minutes after it was read), so none can find them away and evaluate from the beginning.
_NOTE_RETIRED: Final = """
INSERT INTO retired_lanes (lane, retired_at)
SELECT DISTINCT o.lane, clock_millis() FROM offsets o
WHERE NOT EXISTS (SELECT FROM lanes l WHERE l.lane = o.lane) AND NOT EXISTS (SELECT FROM retired_lanes r WHERE r.lane = o.lane)
ON CONFLICT DO NOTHING
"""
_FORGET_RETIRED: Final = """
WITH past AS (DELETE FROM retired_lanes WHERE retired_at < clock_millis() - %s RETURNING lane)
DELETE FROM offsets o USING past WHERE o.lane = past.lane
"""
_OFFSETS_KEPT: Final[Millis] = DAY
# 13 months: as long as a complaint may be asked about, and a year is compared with the one before.
_OLD_HEARINGS: Final = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
WHERE p.relname = 'hearings' AND c.relname ~ '^hearings_[0-9]{8}$'
  AND c.relname < 'hearings_' || to_char(date '1970-01-01' + (clock_millis() / 86400000)::int - %s, 'YYYYMMDD')
"""
_HEARINGS_KEPT_DAYS: Final = 396
_OLD_ODD_HEARINGS: Final = "DELETE FROM hearings_odd WHERE heard_at < clock_millis() - %s"
_OLD_UNMATCHED: Final = "DELETE FROM unmatched_hearings WHERE heard_at < clock_millis() - %s"
_OLD_VIOLATIONS: Final = "DELETE FROM plan_violations WHERE last_at < clock_millis() - %s"
_OLD_SEND_KEYS: Final = "DELETE FROM send_keys WHERE at < statement_millis() - %s"
_OLD_QUESTIONS: Final = "DELETE FROM questions WHERE kept_until < clock_millis()"
_OLD_POISON: Final = """
DELETE FROM poisoned p USING customers c
WHERE c.bucket = p.bucket AND c.workspace = p.workspace AND c.customer = p.customer AND c.version <> p.version
  AND p.last_at < clock_millis() - %s
"""
_POISON_KEPT: Final[Millis] = 30 * DAY
# A bucket without a head has told nothing yet, and a walk that goes on still reads its row.
_TOLD_THROUGH: Final = """
DELETE FROM fanouts f USING (
    SELECT workspace, min(n) AS n FROM fanout_heads GROUP BY workspace HAVING count(*) = %s
) past
WHERE f.workspace = past.workspace AND f.n <= past.n
  AND NOT EXISTS (SELECT FROM fanout_cursors k WHERE k.workspace = f.workspace AND k.n = f.n)
"""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What one round did."""

    partitions_made: int = 0
    seen_days_dropped: int = 0
    rejects_dropped: int = 0
    lanes_retired: int = 0
    merges_settled: int = 0
    """Merges that can no longer be undone, whose states were let go of."""
    offsets_dropped: int = 0
    """Of lanes that were retired more than a day ago."""
    poison_dropped: int = 0
    """Customers who raised a month ago and have gone on since."""
    fanouts_dropped: int = 0
    """Changes of catalogues that everybody concerned has heard of, or that have expired."""


async def keep_house(connection: Connection, *, dedupe_days: int) -> Kept:
    """Do one round, unless somebody is at it. Raises Unavailable when the database is gone."""
    async with translated():
        # One keeper at a time: two that make the same day's partition at once would stop each other.
        mine = await (await connection.execute("SELECT pg_try_advisory_lock(%s, 0)", (HOUSE_LOCK,))).fetchone()
        if not (mine and mine[0]):
            return Kept()
        made = 0
        for table in partitioned(dedupe_days):
            row = await (await connection.execute(MAKE_PARTITIONS, table)).fetchone()
            made += int(row[0]) if row else 0
        old = await (await connection.execute(_OLD_SEEN, (2 * dedupe_days + 2,))).fetchall()
        for (name,) in old:
            # The name was made by us from a date; it is checked to be one before it is put into a statement.
            if name.removeprefix("seen_").isdigit():
                await connection.execute(f"DROP TABLE IF EXISTS {name}".encode())
        await _drop_hearings(connection)
        rejects = await connection.execute(_OLD_REJECTS, (_REJECTS_KEPT,))
        merges = await connection.execute(_OLD_MERGES, (UNDO_WITHIN,))
        await connection.execute(_OLD_INBOX, (UNDO_WITHIN + DAY,))
        await connection.execute(_OLD_QUESTIONS)
        await connection.execute(_OLD_SEND_KEYS, (SEND_KEYS_KEPT,))
        await connection.execute(OLD_CLICKS, (CLICKS_KEPT,))
        await connection.execute(OLD_LINKS, (CLICKS_KEPT,))
        await connection.execute(_OLD_VIOLATIONS, (VIOLATIONS_KEPT,))
        told = await connection.execute(_TOLD_THROUGH, (BUCKETS,))
        async with connection.transaction():
            left = await (await connection.execute(_LEFT, (LANE_LOCK,))).fetchall()
            retired = await connection.execute(_RETIRE, ([lane for (lane,) in left],))
        await connection.execute(_NOTE_RETIRED)
        offsets = await connection.execute(_FORGET_RETIRED, (_OFFSETS_KEPT,))
        poison = await connection.execute(_OLD_POISON, (_POISON_KEPT,))
        await connection.execute("SELECT pg_advisory_unlock(%s, 0)", (HOUSE_LOCK,))
    return Kept(
        partitions_made=made,
        seen_days_dropped=len(old),
        rejects_dropped=rejects.rowcount,
        lanes_retired=retired.rowcount,
        merges_settled=merges.rowcount,
        offsets_dropped=offsets.rowcount,
        poison_dropped=poison.rowcount,
        fanouts_dropped=told.rowcount,
    )


async def _drop_hearings(connection: Connection) -> None:
    """Let go of what was heard too long ago."""
    for (name,) in await (await connection.execute(_OLD_HEARINGS, (_HEARINGS_KEPT_DAYS,))).fetchall():
        # The name was made by us from a date; it is checked to be one before it is put into a statement.
        if name.removeprefix("hearings_").isdigit():
            await connection.execute(f"DROP TABLE IF EXISTS {name}".encode())
    await connection.execute(_OLD_ODD_HEARINGS, (_HEARINGS_KEPT_DAYS * DAY,))
    await connection.execute(_OLD_UNMATCHED, (KEPT_UNMATCHED_DAYS * DAY,))
