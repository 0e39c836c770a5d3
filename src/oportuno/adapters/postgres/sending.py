"""How sending domains stand, and what they may send while they are new, in PostgreSQL (ports Sending and DomainStandings)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import msgspec

from oportuno.adapters.postgres.connections import Connections
from oportuno.channels.brake import ANY, FEWEST_TO_SLOW, OVER, Brake
from oportuno.channels.channel import Answer
from oportuno.channels.warm_up import WarmUp, most_of_day, until_tomorrow
from oportuno.flows.providers import DomainStanding, Release
from oportuno.kit.ids import WorkspaceId
from oportuno.kit.times import DAY, MINUTE, Millis, day_of

_MOST_COMPLAINTS: Final = 20_000
"""Complaints read of one workspace: far more than stop it."""
_SHARE: Final = 50
"""A process takes one in so many of a day's mails at once, so that what is left when it dies is little."""
_LOOK_AGAIN: Final[Millis] = MINUTE
"""How long a used-up day is believed: somebody may change the schedule."""

_NOW: Final = "SELECT clock_millis()"
_COUNT: Final = """
INSERT INTO mail_days (workspace, domain, receivers, day, accepted)
SELECT w, d, r, (clock_millis() / 86400000)::int, n FROM unnest(%s::int[], %s::text[], %s::text[], %s::bigint[]) AS counted (w, d, r, n)
ORDER BY w, d, r
ON CONFLICT (workspace, domain, receivers, day) DO UPDATE SET accepted = mail_days.accepted + excluded.accepted
"""
_ACCEPTED: Final = """
SELECT domain, receivers, sum(accepted)::bigint FROM mail_days
WHERE workspace = %s AND day > (statement_millis() / 86400000)::int - %s GROUP BY 1, 2
"""
# A complaint bears its message's day, and the message's answer says between whom it went. All that is heard, mostly that mail arrived, is a
# thousand times as much: complaints have an index of their own. Who calls a mail spam does so while it is young: older days are not probed.
COMPLAINTS: Final = """
SELECT o.answer, h.heard_at FROM hearings h CROSS JOIN LATERAL (
    SELECT answer FROM outbox WHERE workspace = h.workspace AND id = h.message AND day = h.day AND answer IS NOT NULL LIMIT 1
) o
WHERE h.what = 'complaint' AND h.heard_at > statement_millis() - %s AND h.day > (statement_millis() / 86400000)::int - 100
    AND h.workspace = %s AND h.channel = 'email'
ORDER BY h.heard_at DESC LIMIT %s
"""
# Where fewer complain, nothing is braked.
_COMPLAINED: Final = """
SELECT workspace FROM hearings
WHERE what = 'complaint' AND heard_at > statement_millis() - %s AND day > (statement_millis() / 86400000)::int - 100
GROUP BY workspace HAVING count(*) >= %s ORDER BY workspace
"""
_RELEASES: Final = (
    "SELECT domain, receivers, max(at) FROM brake_releases WHERE workspace = %s AND at > statement_millis() - %s GROUP BY 1, 2"
)
_RELEASE: Final = """
INSERT INTO brake_releases (workspace, domain, receivers, at, reason, actor) VALUES (%s, %s, %s, clock_millis(), %s, %s)
ON CONFLICT DO NOTHING
"""
_DAY_BEGINS: Final = "INSERT INTO warm_up_days (workspace, domain, day, taken) VALUES (%s, %s, %s, 0) ON CONFLICT DO NOTHING"
_TAKEN: Final = "SELECT taken FROM warm_up_days WHERE workspace = %s AND domain = %s AND day = %s FOR UPDATE"
_TAKE: Final = "UPDATE warm_up_days SET taken = taken + %s WHERE workspace = %s AND domain = %s AND day = %s"
_ANSWER: Final = msgspec.msgpack.Decoder(Answer)

_Domain = tuple[WorkspaceId, str]


class PostgresDomainStandings:
    """The port DomainStandings on PostgreSQL."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def of(self, workspace: WorkspaceId) -> list[DomainStanding]:
        """See the port."""
        accepted: Counter[tuple[str, str]] = Counter()
        complaints: Counter[tuple[str, str]] = Counter()
        async with self._connections.lend() as connection:
            for domain, receivers, count in await (await connection.execute(_ACCEPTED, (workspace, OVER // DAY))).fetchall():
                accepted[domain, receivers] += count
                accepted[domain, ANY] += count
            rows = await (await connection.execute(_RELEASES, (workspace, OVER))).fetchall()
            released = {(domain, receivers): at for domain, receivers, at in rows}
            for stored, heard_at in await (await connection.execute(COMPLAINTS, (OVER, workspace, _MOST_COMPLAINTS))).fetchall():
                answer = _ANSWER.decode(bytes(stored))
                let_go = released.get((answer.sender, ANY), 0)
                for receivers in (answer.receiver, ANY):
                    if answer.sender and heard_at > max(let_go, released.get((answer.sender, receivers), 0)):
                        complaints[answer.sender, receivers] += 1
        return [
            DomainStanding(
                domain=domain, receivers=receivers, accepted=accepted[domain, receivers], complaints=complaints[domain, receivers]
            )
            for domain, receivers in sorted({*accepted, *complaints})
        ]

    async def release(self, release: Release) -> None:
        """See the port."""
        given = (release.workspace, release.domain, release.receivers, release.reason, release.actor)
        async with self._connections.lend() as connection:
            await connection.execute(_RELEASE, given)

    async def brakes(self) -> dict[tuple[WorkspaceId, str, str], Brake]:
        """Give every brake of the installation that is on. Raises Unavailable."""
        async with self._connections.lend() as connection:
            workspaces = [row[0] for row in await (await connection.execute(_COMPLAINED, (OVER, FEWEST_TO_SLOW))).fetchall()]
        found: dict[tuple[WorkspaceId, str, str], Brake] = {}
        for workspace in workspaces:
            for each in await self.of(workspace):
                if each.brake is not Brake.NONE:
                    found[workspace, each.domain, each.receivers] = each.brake
        return found


class PostgresSending:
    """The port Sending on PostgreSQL, for one process: counts and lots in memory, written and read now and then (`keep_up`)."""

    def __init__(self, connections: Connections, monotonic: Callable[[], float]) -> None:
        self._connections = connections
        self._standings = PostgresDomainStandings(connections)
        self._monotonic = monotonic
        self._brakes: dict[tuple[WorkspaceId, str, str], Brake] = {}
        self._counted: Counter[tuple[WorkspaceId, str, str]] = Counter()
        self._lots: dict[_Domain, _Lot] = {}
        self._shut: dict[_Domain, float] = {}
        self._turns: dict[_Domain, asyncio.Lock] = {}

    def brake(self, workspace: WorkspaceId, sender: str, receiver: str) -> Brake:
        """See the port."""
        return self._brakes.get((workspace, sender, receiver), Brake.NONE)

    def accepted(self, workspace: WorkspaceId, sender: str, receiver: str) -> None:
        """See the port."""
        if sender:
            self._counted[workspace, sender, receiver] += 1

    async def may_go(self, workspace: WorkspaceId, sender: str, warm_up: WarmUp, *, marketing: bool) -> Millis:
        """See the port."""
        domain = workspace, sender
        async with self._turns.setdefault(domain, asyncio.Lock()):
            now, lot = self._monotonic(), self._lots.get(domain)
            if lot is not None and lot.left > 0 and now < lot.ends:
                lot.left -= 1
                return 0
            shut = self._shut.get(domain, 0.0)
            if marketing and now < shut:
                return max(1, round((shut - now) * 1000))
            return await self._take(domain, warm_up, marketing=marketing)

    def came_back(self, workspace: WorkspaceId, sender: str) -> None:
        """See the port."""
        lot = self._lots.get((workspace, sender))
        if lot is not None and self._monotonic() < lot.ends:
            lot.left += 1

    async def keep_up(self) -> None:
        """Write what was counted, and read how domains stand. Raises Unavailable; what was not written is written next time."""
        counted, self._counted = self._counted, Counter()
        if counted:
            rows = sorted(counted.items())
            columns = [[each[0][place] for each in rows] for place in range(3)]
            try:
                async with self._connections.lend() as connection:
                    await connection.execute(_COUNT, (*columns, [count for _, count in rows]))
            except BaseException:
                self._counted.update(counted)
                raise
        self._brakes = await self._standings.brakes()

    async def _take(self, domain: _Domain, warm_up: WarmUp, *, marketing: bool) -> Millis:
        async with self._connections.lend() as connection, connection.transaction():
            row = await (await connection.execute(_NOW)).fetchone()
            now = int(row[0]) if row else 0
            most, key = most_of_day(warm_up, now), (*domain, day_of(now))
            if most is None:
                return 0
            await connection.execute(_DAY_BEGINS, key)
            lot = _lot(await (await connection.execute(_TAKEN, key)).fetchone(), most)
            if lot <= 0 and marketing:
                wait = until_tomorrow(now)
                self._shut[domain] = self._monotonic() + min(wait, _LOOK_AGAIN) / 1000
                return wait
            # What is not marketing goes whatever the day holds, and counts in it.
            await connection.execute(_TAKE, (max(lot, 1), *key))
        self._lots[domain] = _Lot(max(lot, 1) - 1, self._monotonic() + until_tomorrow(now) / 1000)
        return 0


class _Lot:
    """What a process took of a domain's day and has not handed off yet."""

    def __init__(self, left: int, ends: float) -> None:
        self.left = left
        self.ends = ends


def _lot(row: tuple[Any, ...] | None, most: int) -> int:
    left = most - (int(row[0]) if row else 0)
    return min(left, max(1, most // _SHARE))
