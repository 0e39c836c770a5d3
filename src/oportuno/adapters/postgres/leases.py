"""Which buckets an engine owns: by lease, each engine its fair share, and none of those in which a newer release has written.

An engine tells of itself beside its lease: what it gave up, whom it leaves alone, whether it doubts the clock. The health page reads it,
and the other engines learn by it which buckets are theirs alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from oportuno.adapters.postgres.database import Connection
from oportuno.kit.ids import BUCKETS, Bucket, WorkspaceId
from oportuno.kit.times import MINUTE, SECOND, Millis

LEASE: Final[Millis] = 5 * SECOND
_RENEW: Final[Millis] = 1_500
_GIVEN_UP: Final[Millis] = 5 * MINUTE
_LEFT: Final[Millis] = 5 * SECOND

# A worker says that it is there before it owns anything, or those that own everything would never know that somebody waits for a share.
# What others would take is shared fairly; what all others have given up is taken by whoever can, beyond any share.
_ACQUIRE = """
WITH here AS (
    INSERT INTO workers (worker, until_at, says) VALUES (%(me)b::int4, clock_millis() + %(lease)b::int8, %(says)b::text::jsonb)
    ON CONFLICT (worker) DO UPDATE SET until_at = excluded.until_at, says = excluded.says
), gone AS (DELETE FROM workers WHERE until_at <= clock_millis() - 60000 AND worker <> %(me)b::int4),
others AS MATERIALIZED (SELECT coalesce(says -> 'given_up', '{}') AS given_up FROM workers
    WHERE until_at > clock_millis() AND worker <> %(me)b::int4),
shared AS MATERIALIZED (SELECT b::int2 AS bucket FROM generate_series(0, %(last)b::int4) b
    WHERE b <> ALL(%(not_mine)b::int2[]) AND EXISTS (SELECT FROM others WHERE NOT given_up ? b::text)),
kept AS (
    UPDATE leases SET until_at = clock_millis() + %(lease)b::int8, last_now = greatest(last_now, %(latest)b::int8)
    WHERE worker = %(me)b::int4 AND until_at > clock_millis() AND bucket <> ALL(%(not_mine)b::int2[]) RETURNING bucket, last_now
), fair AS (SELECT ceil((SELECT count(*) FROM shared)::numeric / ((SELECT count(*) FROM others) + 1))::int AS most),
free AS (
    SELECT bucket FROM leases WHERE until_at <= clock_millis() AND bucket IN (SELECT bucket FROM shared)
    ORDER BY bucket
    LIMIT greatest(0, (SELECT most FROM fair) - (SELECT count(*) FROM kept WHERE bucket IN (SELECT bucket FROM shared)))
    FOR UPDATE SKIP LOCKED
), alone AS (
    SELECT bucket FROM leases
    WHERE until_at <= clock_millis() AND bucket <> ALL(%(not_mine)b::int2[]) AND bucket NOT IN (SELECT bucket FROM shared)
    ORDER BY bucket FOR UPDATE SKIP LOCKED
), won AS (
    UPDATE leases l SET worker = %(me)b::int4, until_at = clock_millis() + %(lease)b::int8
    FROM (SELECT bucket FROM free UNION ALL SELECT bucket FROM alone) f WHERE l.bucket = f.bucket RETURNING l.bucket, l.last_now
)
SELECT (SELECT most FROM fair), bucket, last_now, bucket IN (SELECT bucket FROM shared)
FROM (SELECT * FROM kept UNION ALL SELECT * FROM won) held
"""
_RELEASE = """
UPDATE leases SET until_at = 0, last_now = greatest(last_now, %b::int8) WHERE worker = %b::int4 AND bucket = ANY(%b::int2[])
"""
_LEAVE = "DELETE FROM workers WHERE worker = %b"


class Leases:
    """One engine's buckets. With `fixed` ones there is no lease: for tests of two owners."""

    def __init__(self, connection: Connection, worker: int, *, fixed: frozenset[Bucket] | None, elapsed: Callable[[], Millis]) -> None:
        self.worker = worker
        self.owned: frozenset[Bucket] = fixed or frozenset()
        self._fixed = fixed
        self._connection = connection
        self._elapsed = elapsed
        self._renewed: Millis | None = None
        self._given_up: dict[Bucket, tuple[Millis, str]] = {}
        self._left: dict[WorkspaceId, Millis] = {}

    def give_up(self, bucket: Bucket, section: str) -> None:
        """Let a bucket go and do not take it for some minutes."""
        self._given_up[bucket] = self._elapsed() + _GIVEN_UP, section
        self.owned = self.owned - {bucket}
        self._renewed = None

    def leave(self, workspace: WorkspaceId) -> None:
        """Leave a workspace alone for some seconds."""
        self._left[workspace] = self._elapsed() + _LEFT

    @property
    def resting(self) -> list[WorkspaceId]:
        """The workspaces that are left alone now."""
        if self._left:
            elapsed = self._elapsed()
            self._left = {workspace: until for workspace, until in self._left.items() if until > elapsed}
        return sorted(self._left)

    async def renew(self, *, latest: Millis, trusted: bool) -> Millis | None:
        """Renew what is owned and take what is due, if it is time to. Gives, when buckets were won, by which time they were last decided.

        `latest` is the time by which this engine last decided; `trusted` whether it believes the clock.
        """
        elapsed = self._elapsed()
        if self._renewed is not None and elapsed - self._renewed < _RENEW:
            return None
        self._renewed = elapsed
        self._given_up = {bucket: entry for bucket, entry in self._given_up.items() if entry[0] > elapsed}
        if self._fixed is not None:
            before, self.owned = self.owned, frozenset(self._fixed.difference(self._given_up))
            return 0 if self.owned - before else None
        not_mine = sorted(self._given_up)
        if not_mine:
            await self._release(not_mine, latest)
        asked = {
            "me": self.worker, "lease": LEASE, "last": BUCKETS - 1, "not_mine": not_mine, "latest": latest, "says": self._says(trusted),
        }  # fmt: skip
        rows = await (await self._connection.execute(_ACQUIRE, asked, binary=True)).fetchall()
        held = {int(bucket): int(last_now) for _, bucket, last_now, _ in rows}
        shared = sorted(int(bucket) for _, bucket, _, of_others in rows if of_others)
        surplus = shared[int(rows[0][0]) :] if rows else []
        if surplus:
            # More workers came: give the surplus up, so that each has its fair share.
            await self._release(surplus, latest)
        gained = held.keys() - self.owned - set(surplus)
        self.owned = frozenset(held.keys() - set(surplus))
        return max(held[bucket] for bucket in gained) if gained else None

    async def end(self, latest: Millis) -> None:
        """Give everything up and be gone."""
        if self._fixed is None:
            await self._release(sorted(self.owned), latest)
            await self._connection.execute(_LEAVE, (self.worker,))

    async def _release(self, buckets: list[Bucket], latest: Millis) -> None:
        await self._connection.execute(_RELEASE, (latest, self.worker, buckets))

    def _says(self, trusted: bool) -> str:  # noqa: FBT001 - one private caller
        says: dict[str, Any] = {}
        if self._given_up:
            says["given_up"] = {str(bucket): section for bucket, (_, section) in self._given_up.items()}
        if self.resting:
            says["left"] = self.resting
        if not trusted:
            says["clock_doubted"] = True
        return msgspec.json.encode(says).decode()
