"""Every place that holds a customer's personal data, and how it is emptied. Erasure walks this registry; a canary test proves it.

The row itself stays as a tombstone: an upsert can never bring the person back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from oportuno.adapters.postgres.arrays import Byteas, Int4s, Int8s
from oportuno.adapters.postgres.database import Connection
from oportuno.events.traces import names_any, traces_in
from oportuno.kit.ids import CustomerKey
from oportuno.profile.draft import CodecTooNew, Draft
from oportuno.profile.sections import Core

EVENTS_A_PIECE: Final = 5_000
"""Rows of the log that one piece of the second pass looks at: some 20 ms."""
WATCHES_A_PIECE: Final = 20_000
REJECTS_A_PIECE: Final = 100
"""They are read whole."""
_MOST_TRACES: Final = 500

Spot: TypeAlias = tuple[Any, ...]


class Piece(NamedTuple):
    """What one piece of a sweep left behind."""

    spot: Spot | None
    """Where the next begins; None: the place is empty."""
    traces: frozenset[str] = frozenset()
    """By what else the person is named, found on the way."""


Sweep: TypeAlias = Callable[[Connection, CustomerKey, Spot, frozenset[str]], Awaitable[Piece]]


class Place(NamedTuple):
    """A table that holds something of a customer."""

    at_once: str = ""
    """Done in the first pass, under the customer's lock. Parameters: bucket, workspace, customer, by name; HERS: the customer's rows."""
    later: Sweep | None = None
    """Done in the second pass."""


def _by_customer(statement: str) -> Sweep:
    """Give a sweep that is one statement: what one person has there is bounded, and found by an index that begins with the customer."""

    async def sweep(connection: Connection, key: CustomerKey, _spot: Spot, _traces: frozenset[str]) -> Piece:
        await connection.execute(_of_hers(statement).encode(), key._asdict())
        return Piece(None)

    return sweep


def _of_hers(statement: str) -> str:
    """Write out what HERS stands for: the rows of one customer."""
    return statement.replace("HERS", "bucket = %(bucket)s AND workspace = %(workspace)s AND customer = %(customer)s")


# ── The log: the customer is no part of its key, so one bucket's share of the workspace is read through, in order ──────────────────────

_PART: Final = (
    "SELECT lane, seq, customer = %(customer)s FROM events"
    " WHERE bucket = %(bucket)s AND workspace = %(workspace)s AND (lane, seq) > (%(lane)s, %(seq)s) ORDER BY lane, seq LIMIT %(most)s"
)
_BODIES: Final = (
    "SELECT e.body FROM unnest(%(lanes)b::int4[], %(seqs)b::int8[]) AS k(lane, seq) JOIN events e ON"
    " e.bucket = %(bucket)s AND e.workspace = %(workspace)s AND e.lane = k.lane AND e.seq = k.seq"
)
_BLANK: Final = (
    "UPDATE events e SET body = '\\x7b7d', name = '' FROM unnest(%(lanes)b::int4[], %(seqs)b::int8[]) AS k(lane, seq)"
    " WHERE e.bucket = %(bucket)s AND e.workspace = %(workspace)s AND e.lane = k.lane AND e.seq = k.seq"
)


async def _sweep_events(connection: Connection, key: CustomerKey, spot: Spot, _traces: frozenset[str]) -> Piece:
    lane, seq = spot or (-1, 0)
    where = key._asdict()
    rows = await (await connection.execute(_PART, {**where, "lane": lane, "seq": seq, "most": EVENTS_A_PIECE}, binary=True)).fetchall()
    hers = [(lane, seq) for lane, seq, mine in rows if mine]
    found: set[str] = set()
    if hers:
        named = {**where, "lanes": Int4s(lane for lane, _ in hers), "seqs": Int8s(seq for _, seq in hers)}
        for (body,) in await (await connection.execute(_BODIES, named, binary=True)).fetchall():
            found |= traces_in(bytes(body))
        await connection.execute(_BLANK, named)
    last = (rows[-1][0], rows[-1][1]) if len(rows) == EVENTS_A_PIECE else None
    return Piece(last, frozenset(found))


# ── Rejects: nobody knows whose they are, because they could not be read; so each is searched for the person's ids ─────────────────────

_SOME_REJECTS: Final = (
    "SELECT received, id, raw FROM rejects WHERE workspace = %s AND (received, id) > (%s, %s) ORDER BY received, id LIMIT %s"
)
_DROP_REJECTS: Final = (
    "DELETE FROM rejects r USING unnest(%b::int8[], %b::bytea[]) AS k(received, id)"
    " WHERE r.workspace = %s AND r.received = k.received AND r.id = k.id"
)


async def _sweep_rejects(connection: Connection, key: CustomerKey, spot: Spot, traces: frozenset[str]) -> Piece:
    received, id_ = spot or (-1, b"")
    some = await connection.execute(_SOME_REJECTS, (key.workspace, received, id_, REJECTS_A_PIECE), binary=True)
    rows = [(at, bytes(name), bytes(raw)) for at, name, raw in await some.fetchall()]
    hers = [(at, name) for at, name, raw in rows if names_any(raw, traces)]
    if hers:
        await connection.execute(_DROP_REJECTS, (Int8s(at for at, _ in hers), Byteas(name for _, name in hers), key.workspace))
    return Piece((rows[-1][0], rows[-1][1]) if len(rows) == REJECTS_A_PIECE else None)


# ── Unmatched hearings: nobody knows whose they are either, often not even which workspace's ───────────────────────────────────────────

_SOME_UNMATCHED: Final = (
    "SELECT workspace, id, address || ' ' || detail || ' ' || said, raw FROM unmatched_hearings"
    " WHERE workspace IN (0, %s) AND (workspace, id) > (%s, %s) ORDER BY workspace, id LIMIT %s"
)
_DROP_UNMATCHED: Final = (
    "DELETE FROM unmatched_hearings r USING unnest(%b::int4[], %b::bytea[]) AS k(workspace, id)"
    " WHERE r.workspace = k.workspace AND r.id = k.id"
)


async def _sweep_unmatched(connection: Connection, key: CustomerKey, spot: Spot, traces: frozenset[str]) -> Piece:
    workspace, id_ = spot or (-1, b"")
    some = await connection.execute(_SOME_UNMATCHED, (key.workspace, workspace, id_, REJECTS_A_PIECE), binary=True)
    rows = [(whose, bytes(name), f"{told} ".encode() + bytes(raw)) for whose, name, told, raw in await some.fetchall()]
    hers = [(whose, name) for whose, name, told in rows if names_any(told, traces)]
    if hers:
        await connection.execute(_DROP_UNMATCHED, (Int4s(whose for whose, _ in hers), Byteas(name for _, name in hers)))
    return Piece((rows[-1][0], rows[-1][1]) if len(rows) == REJECTS_A_PIECE else None)


# ── Watches: found by what is watched, not by who watches ───────────────────────────────────────────────────────────────────────────────

_PART_OF_WATCH: Final = """
WITH part AS MATERIALIZED (
    SELECT item, rank, customer FROM watch WHERE bucket = %(bucket)s AND workspace = %(workspace)s
        AND (item, rank, customer) > (%(item)s, %(rank)s, %(last)s) ORDER BY item, rank, customer LIMIT %(most)s
), gone AS (
    DELETE FROM watch w USING part p WHERE p.customer = %(customer)s AND w.bucket = %(bucket)s AND w.workspace = %(workspace)s
        AND w.item = p.item AND w.rank = p.rank AND w.customer = p.customer
)
SELECT item, rank, customer, (SELECT count(*) FROM part) FROM part ORDER BY item DESC, rank DESC, customer DESC LIMIT 1
"""


async def _sweep_watch(connection: Connection, key: CustomerKey, spot: Spot, _traces: frozenset[str]) -> Piece:
    item, rank, last = spot or (-(2**63), -1, 0)
    given = {**key._asdict(), "item": item, "rank": rank, "last": last, "most": WATCHES_A_PIECE}
    row = await (await connection.execute(_PART_OF_WATCH, given, binary=True)).fetchone()
    return Piece((row[0], row[1], row[2]) if row is not None and row[3] == WATCHES_A_PIECE else None)


# ── The registry ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

REGISTRY: Final[dict[str, Place]] = {
    "erasures": Place(
        at_once=(
            "INSERT INTO erasures (bucket, workspace, customer, asked_at, last_state) SELECT %(bucket)s, %(workspace)s, %(customer)s,"
            " clock_millis(), coalesce((SELECT state FROM customers WHERE HERS), '') ON CONFLICT DO NOTHING"
        )
    ),
    "customers": Place(
        at_once=(
            "INSERT INTO customers (bucket, workspace, customer, status, version, state)"
            " VALUES (%(bucket)s, %(workspace)s, %(customer)s, 3, 1, '') ON CONFLICT (bucket, workspace, customer)"
            " DO UPDATE SET status = 3, version = customers.version + 1, state = '', due_at = NULL"
        )
    ),
    "due": Place(at_once="DELETE FROM due WHERE HERS"),
    "poisoned": Place(at_once="DELETE FROM poisoned WHERE HERS"),
    "identities": Place(at_once="DELETE FROM identities WHERE workspace = %(workspace)s AND customer = %(customer)s"),
    "inbox": Place(at_once="DELETE FROM inbox WHERE HERS"),
    # Those in somebody's hand have lost their body too: who finds them abandoned must not be able to send them again.
    "outbox": Place(
        at_once=(
            "UPDATE outbox SET body = '', items = '{}', status = 5, reason = 'customer_gone', answer = NULL, ended_at = clock_millis(),"
            " provider_ref = '', mark = '' WHERE HERS AND status IN (0, 1)"
        ),
        later=_by_customer(
            # What a provider answered may quote the address.
            "UPDATE outbox SET body = '', items = '{}', reason = 'customer_gone', answer = NULL, provider_ref = '', mark = ''"
            " WHERE HERS AND body <> ''"
        ),
    ),
    "mailbox": Place(
        later=_by_customer(
            "DELETE FROM mailbox m USING outbox o"
            " WHERE o.bucket = %(bucket)s AND o.workspace = %(workspace)s AND o.customer = %(customer)s"
            " AND m.workspace = o.workspace AND m.id = o.id"
        )
    ),
    "clicks": Place(later=_by_customer("DELETE FROM clicks WHERE HERS")),
    "verdicts": Place(later=_by_customer("DELETE FROM verdicts WHERE HERS")),
    "consent_ledger": Place(later=_by_customer("UPDATE consent_ledger SET personal = NULL, salt = NULL WHERE HERS")),
    "quarantine": Place(later=_by_customer("DELETE FROM quarantine WHERE HERS")),
    "hearings": Place(later=_by_customer("DELETE FROM hearings WHERE HERS")),
    # What a provider answered may quote the address.
    "attempts": Place(later=_by_customer("DELETE FROM attempts WHERE HERS")),
    "suppressed_customers": Place(later=_by_customer("DELETE FROM suppressed_customers WHERE HERS")),
    "watch": Place(later=_sweep_watch),
    "merges": Place(
        # Who was joined to them is the same person under another number: what stands under that number is emptied with theirs.
        at_once=(
            "WITH RECURSIVE joined AS (SELECT bucket, workspace, loser, loser_state FROM merges"
            " WHERE workspace = %(workspace)s AND winner = %(customer)s AND stage IN (1, 2, 3)"
            " UNION SELECT m.bucket, m.workspace, m.loser, m.loser_state FROM merges m JOIN joined j"
            " ON m.workspace = j.workspace AND m.winner = j.loser WHERE m.stage IN (1, 2, 3))"
            " INSERT INTO erasures (bucket, workspace, customer, asked_at, last_state)"
            " SELECT bucket, workspace, loser, clock_millis(), coalesce(loser_state, '') FROM joined ON CONFLICT DO NOTHING"
        ),
        later=_by_customer(
            "UPDATE merges SET loser_state = NULL, winner_state = NULL, winner_offsets = NULL, moved = NULL"
            " WHERE workspace = %(workspace)s AND (loser = %(customer)s OR winner = %(customer)s)"
        ),
    ),
    "events": Place(later=_sweep_events),
    # These two last: by then the log has told every id by which the person is named.
    "unmatched_hearings": Place(later=_sweep_unmatched),
    "rejects": Place(later=_sweep_rejects),
}

NOTHING_PERSONAL: Final[dict[str, str]] = {
    "imports": "names of files, and counts of their rows",
    "mappings": "headings of columns",
    "oportuno_schema": "the schema's number",
    "installation": "the installation's secret",
    "workspaces": "a shop's name and settings",
    "keys": "hashes of keys of programs",
    "standings": "where the fifths of a workspace's buyers begin: four numbers each",
    "together": "products found together by at least five customers",
    "signings": "by what a shop's server signs",
    "plan_violations": "names of events and properties, and what was expected of them: no value that was sent",
    "hooks": "addresses at which a shop's systems post, and their secrets",
    "mail_hooks": "addresses at which mail providers post, and what their posts are verified by",
    "mail_hook_tokens": "hashes of what a mail provider signed, let go after a day",
    "providers": "whom a shop's mail is handed to, and their secrets, sealed",
    "mail_days": "how many mails were taken on a day: of receivers only the large ones' names",
    "warm_up_days": "how many mails a domain was let send on a day",
    "brake_releases": "where a brake was let go, and why",
    "definitions": "journeys, messages and policies as the shop wrote them",
    "questions": "keyed hashes of addresses and when they were asked to confirm: what keeps strangers from drowning them in questions,"
    " so it must outlast the customers that strangers make, and is let go after the time of the policy's limit",
    "suppressions": "keyed hashes of addresses that are not written to: who asked for silence, or does not exist, must stay unwritten"
    " when the customer is forgotten and comes back by another list",
    "links": "addresses of the shop that mails led to: none in which a customer's name, contact, order or message stands",
    "seen": "keyed hashes of message ids, which are random, let go after some weeks",
    "send_keys": "keyed hashes of idempotency keys and of what was asked for under them, let go after a month",
    "lanes": "processes that write the log",
    "retired_lanes": "processes that wrote the log",
    "offsets": "how far the log was read",
    "leases": "engines and their buckets",
    "workers": "engines",
    "parts": "processes, and how they are",
    "part_sums": "what processes counted",
    "products": "what is sold",
    "product_prices": "what is sold",
    "categories": "what is sold",
    "stores": "the shop's stores",
    "stock": "what is sold",
    "rates": "exchange rates",
    "catalogues": "versions of the catalogue",
    "fanouts": "changes of the catalogue",
    "fanout_heads": "how far changes of the catalogue were told",
    "fanout_cursors": "how far changes of the catalogue were told: the number of one customer, moved on within minutes",
}
"""Every other table, and what is in it instead. A law test fails on a table that stands in neither list."""

_ERASED: Final = "SELECT pg_notify('oportuno_erased', %s)"
SWEEPS: Final = {name: place.later for name, place in REGISTRY.items() if place.later is not None}


async def erase(connection: Connection, key: CustomerKey) -> None:
    """Do the first pass for one customer, inside the caller's transaction and under the row's lock."""
    for place in REGISTRY.values():
        if place.at_once:
            await connection.execute(_of_hers(place.at_once).encode(), key._asdict())
    await connection.execute(_ERASED, (str(key.workspace),))


# ── The second pass ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

_NEXT: Final = """
SELECT bucket, workspace, customer, place, spot, last_state, traces FROM erasures
WHERE done_at IS NULL ORDER BY asked_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_GO_ON: Final = """
UPDATE erasures SET place = %s, spot = %s, traces = %s, last_state = '' WHERE bucket = %s AND workspace = %s AND customer = %s
"""
_DONE: Final = """
UPDATE erasures SET place = '', spot = '', traces = '', last_state = '', done_at = clock_millis()
WHERE bucket = %s AND workspace = %s AND customer = %s
"""


async def advance(connection: Connection) -> bool:
    """Do one bounded piece for whoever has waited longest, in a transaction of its own; False when there is nobody to do it for."""
    async with connection.transaction():
        job = await (await connection.execute(_NEXT, binary=True)).fetchone()
        if job is None:
            return False
        key, place = CustomerKey(*job[:3]), job[3] or next(iter(SWEEPS))
        spot = tuple(msgspec.msgpack.decode(job[4])) if job[4] else ()
        traces = frozenset(msgspec.msgpack.decode(job[6]) if job[6] else ()) | _traces_of(key, bytes(job[5]))
        piece = await SWEEPS[place](connection, key, spot, traces)
        onward = place if piece.spot is not None else _after(place)
        if onward:
            kept = sorted(traces | piece.traces)[:_MOST_TRACES]
            packed = msgspec.msgpack.encode(piece.spot) if piece.spot is not None else b""
            await connection.execute(_GO_ON, (onward, packed, msgspec.msgpack.encode(kept), *key))
        else:
            await connection.execute(_DONE, tuple(key))
    return True


def _after(place: str) -> str:
    names = list(SWEEPS)
    following = names.index(place) + 1
    return names[following] if following < len(names) else ""


def _traces_of(key: CustomerKey, state: bytes) -> frozenset[str]:
    """Read by what the customer was named out of the state they had. One that a newer release wrote tells nothing: the log will."""
    if not state:
        return frozenset()
    try:
        core = Draft(key, state).read(Core)
    except (CodecTooNew, msgspec.DecodeError):
        return frozenset()
    contacts = [core.traits[name].value for name in ("email", "phone") if name in core.traits]
    return frozenset([value for _, value, _ in core.ids] + [str(value) for value in contacts if value])
