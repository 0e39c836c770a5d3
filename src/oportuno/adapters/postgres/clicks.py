"""Where measured links lead and what was followed, on PostgreSQL (port Clicks)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

from oportuno.adapters.postgres.arrays import Byteas, Int2s, Int4s, Int8s, Texts
from oportuno.adapters.postgres.connections import Connections
from oportuno.adapters.postgres.database import Connection
from oportuno.channels.machine_clicks import Followed, Sign, Verdict
from oportuno.content.message import FollowedLink
from oportuno.flows.click import MOST_NOTED, ClicksOf, Settled
from oportuno.kit.ids import CustomerKey, WorkspaceId, day_of_id
from oportuno.kit.times import DAY, Millis

KEPT: Final[Millis] = 400 * DAY
"""How long a click is kept, and a link that no mail carries any more."""
_REMEMBERED: Final = 4_096
"""Links that a process remembers: they never change."""

# A link that stands is not touched more than once in thirty days, and not locked at all in between: every mail of a workspace names it.
_KEEP = """
INSERT INTO links AS l (workspace, id, url, cart, used)
SELECT k.workspace, k.id, k.url, k.cart <> 0, clock_millis() / 2592000000
FROM unnest(%b::int4[], %b::bytea[], %b::text[], %b::int2[]) AS k(workspace, id, url, cart)
WHERE NOT EXISTS (SELECT FROM links s WHERE s.workspace = k.workspace AND s.id = k.id AND s.used >= clock_millis() / 2592000000)
ORDER BY 1, 2
ON CONFLICT (workspace, id) DO UPDATE SET used = greatest(l.used, excluded.used)
"""
_LINK = "SELECT url, cart FROM links WHERE workspace = %s AND id = %s"
# Who is forgotten while they follow a link leaves no note of it. The lock lets either the note be there before the erasure looks for it, or
# the erasure be seen here.
_NOTE = """
WITH whose AS MATERIALIZED (
    SELECT c.bucket, c.workspace, c.customer, c.status FROM outbox o JOIN customers c USING (bucket, workspace, customer)
    WHERE o.workspace = %(workspace)s AND o.id = %(message)s AND o.day = %(day)s AND o.body <> '' FOR SHARE OF c
)
INSERT INTO clicks (bucket, workspace, customer, message, at, link, sign)
SELECT w.bucket, w.workspace, w.customer, %(message)s, clock_millis(), %(link)s, %(sign)s FROM whose w
WHERE w.status <> 3 AND %(most)s > (
    SELECT count(*) FROM clicks k
    WHERE k.bucket = w.bucket AND k.workspace = w.workspace AND k.customer = w.customer AND k.message = %(message)s
)
ON CONFLICT DO NOTHING
"""
_UNSETTLED = """
WITH ripe AS MATERIALIZED (
    SELECT bucket, workspace, customer, message, min(at) AS since FROM clicks
    WHERE verdict = '' AND at < clock_millis() - %(after)s AND workspace <> ALL(%(besides)s::int4[])
    GROUP BY 1, 2, 3, 4 ORDER BY 5 LIMIT %(limit)s
)
SELECT r.bucket, r.workspace, r.customer, r.message, o.handed_at, c.at, c.link, c.sign,
    c.verdict = '' AND c.at < clock_millis() - %(after)s
FROM ripe r
JOIN clicks c ON c.bucket = r.bucket AND c.workspace = r.workspace AND c.customer = r.customer AND c.message = r.message
LEFT JOIN outbox o ON o.bucket = r.bucket AND o.workspace = r.workspace AND o.customer = r.customer AND o.id = r.message
    AND o.day = get_byte(r.message, 0) * 256 + get_byte(r.message, 1)
ORDER BY r.since, r.message, c.at, c.link
"""
_SETTLE = """
UPDATE clicks c SET verdict = k.verdict FROM unnest(%b::int8[], %b::bytea[], %b::text[]) AS k(at, link, verdict)
WHERE c.bucket = %b::int2 AND c.workspace = %b::int4 AND c.customer = %b::int8 AND c.message = %b::bytea AND c.at = k.at
    AND c.link = k.link AND c.verdict = ''
RETURNING k.verdict
"""
OLD_CLICKS: Final = "DELETE FROM clicks WHERE at < statement_millis() - %s"
OLD_LINKS: Final = "DELETE FROM links WHERE used < (clock_millis() - %s) / 2592000000 - 1"


async def keep_links(connection: Connection, links: Sequence[FollowedLink]) -> None:
    """Store where a mail's links lead, in the transaction of its claim."""
    if links:
        columns = (
            Int4s(link.workspace for link in links),
            Byteas(link.id for link in links),
            Texts(link.url for link in links),
            Int2s(int(link.cart) for link in links),
        )
        await connection.execute(_KEEP, columns)


class PostgresClicks:
    """The port Clicks. `looking` connections only read, `changing` ones not."""

    def __init__(self, looking: Connections, changing: Connections) -> None:
        self._looking = looking
        self._changing = changing
        self._links: OrderedDict[tuple[WorkspaceId, bytes], FollowedLink] = OrderedDict()

    async def link(self, workspace: WorkspaceId, id: bytes) -> FollowedLink | None:  # noqa: A002 - the field's own word
        """See the port."""
        known = self._links.get((workspace, id))
        if known is not None:
            self._links.move_to_end((workspace, id))
            return known
        async with self._looking.lend() as connection:
            row = await (await connection.execute(_LINK, (workspace, id))).fetchone()
        if row is None:
            return None
        found = self._links[workspace, id] = FollowedLink(workspace=workspace, id=id, url=row[0], cart=row[1])
        if len(self._links) > _REMEMBERED:
            self._links.popitem(last=False)
        return found

    async def note(self, workspace: WorkspaceId, message: bytes, link: bytes, sign: Sign) -> bool:
        """See the port."""
        named = {"workspace": workspace, "message": message, "day": day_of_id(message), "link": link, "sign": sign.value}
        async with self._changing.lend() as connection:
            done = await connection.execute(_NOTE, {**named, "most": MOST_NOTED})
        return done.rowcount > 0

    async def unsettled(self, after: Millis, limit: int, *, besides: frozenset[WorkspaceId] = frozenset()) -> list[ClicksOf]:
        """See the port."""
        named = {"after": after, "limit": limit, "besides": list(besides)}
        async with self._changing.lend() as connection:
            rows = await (await connection.execute(_UNSETTLED, named, binary=True)).fetchall()
        found: dict[tuple[CustomerKey, bytes], list[tuple[Any, ...]]] = {}
        for row in rows:
            found.setdefault((CustomerKey(*row[:3]), bytes(row[3])), []).append(row[4:])
        return [_clicks_of(key, message, clicks) for (key, message), clicks in found.items()]

    async def settle(self, key: CustomerKey, message: bytes, settled: Sequence[Settled]) -> list[Verdict]:
        """See the port."""
        columns = (
            Int8s(each.click.at for each in settled),
            Byteas(each.click.link for each in settled),
            Texts(each.verdict.value for each in settled),
        )
        async with self._changing.lend() as connection:
            rows = await (await connection.execute(_SETTLE, (*columns, *key, message))).fetchall()
        return [Verdict(row[0]) for row in rows]


def _clicks_of(key: CustomerKey, message: bytes, rows: Sequence[tuple[Any, ...]]) -> ClicksOf:
    clicks = [(Followed(at, bytes(link), Sign(sign)), ripe) for _, at, link, sign, ripe in rows]
    return ClicksOf(
        key=key,
        message=message,
        handed_at=rows[0][0],
        clicks=tuple(click for click, _ in clicks),
        waiting=tuple(click for click, ripe in clicks if ripe),
    )
