"""The fan-out's part of the measurements: a price falls, and half of all customers have looked at that product."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import psycopg

from oportuno.adapters.postgres.catalogue_around import PostgresCatalogue
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.catalog.item import item_of
from oportuno.catalog.product import Product
from oportuno.catalog.row import ProductRow
from oportuno.consent.answers import Answered
from oportuno.consent.change import answer
from oportuno.consent.policy import Policy
from oportuno.entry.bench.latency import Sink, probe
from oportuno.entry.bench.parts import Served
from oportuno.entry.bench.people import customer_number, mould_states
from oportuno.events.event import Call, Event, Source
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.step import step
from oportuno.kit.faults import Unavailable
from oportuno.kit.ids import CustomerKey, WorkspaceId, derive, key_of
from oportuno.kit.times import HOUR, Millis
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose
from oportuno.profile.watching import LOOKED_AT

PRODUCT: Final = "lantern"
_AGREE: Final = 5
"""Of so many watchers one said yes to hearing of it; the others are decided about all the same, and silence is the verdict."""
_LOOKS: Final = 3
_LEFT: Final = """
SELECT EXISTS (SELECT FROM fanout_cursors WHERE workspace = %(workspace)s) OR EXISTS (
    SELECT FROM catalogues c CROSS JOIN generate_series(0, 63) b LEFT JOIN fanout_heads h ON h.workspace = c.workspace AND h.bucket = b
    WHERE c.workspace = %(workspace)s AND coalesce(h.n, 0) < c.fanout
)
"""
_BARE: Final = Programme(workspace=1, public_id="ws_bench", version=1, policy=Policy(), brand=Brand(name="Tienda Norte"))


def fond_states(now: Millis) -> list[bytes]:
    """Give the moulds of people, every other one of them with three looks at the product; one watcher of five agrees to be told."""
    states = []
    for number, state in enumerate(mould_states(now)):
        states.append(_fond(state, number, now))
        states.append(state)
    return states


def _fond(state: bytes, number: int, now: Millis) -> bytes:
    for look in range(_LOOKS):
        draft, at = Draft(CustomerKey(0, 1, number + 1), state, 1), now - HOUR * (3 - look)
        if look == 0 and number % _AGREE:
            answer(draft, purpose=Purpose.MARKETING, channel="webhook", state=Answered.DENIED, at=at, source="bench_simulated", notice="v1")
        step(draft, [_looked(draft.key, number * _LOOKS + look, at)], programme=_BARE, now=at)
        state = draft.encode()
    return state


def _looked(key: CustomerKey, number: int, at: Millis) -> Event:
    properties = {"product_id": PRODUCT, "name": "Farol", "price": 100, "currency": "EUR", "visible_seconds": 40}
    body = msgspec.json.encode({"type": "track", "event": "Product Viewed", "properties": properties})
    return Event(
        key=key, lane=0, seq=number + 1, h=derive("look", number), source=Source.LIVE, call=Call.TRACK, name="Product Viewed", at=at,
        received=at, body=body,
    )  # fmt: skip


def lay_out(url: str, workspace: WorkspaceId, prefix: str, customers: int) -> None:
    """Put the watchers' rows in: those of every even customer."""
    item = item_of("product", PRODUCT)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        with cursor.copy("COPY watch (bucket, workspace, item, rank, customer) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int2", "int4", "int8", "int2", "int8"])
            for number in range(0, customers, 2):
                key = key_of(workspace, customer_number(prefix, number))
                copy.write_row((key.bucket, key.workspace, item, LOOKED_AT, key.customer))
        connection.commit()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) watch")


async def measure_fan_out(
    served: Served, workspace: WorkspaceId, sink: Sink, *, customers: int, probes: int, beside: tuple[str, str], first: int = 0
) -> dict[str, Any]:
    """Let the price fall; gives how soon the first watcher and all of them were decided about, CPU of each, and live events beside it.

    `beside` is the write key and prefix of the workspace whose live events are timed to their webhooks at `sink`, idle and meanwhile. The
    watchers' messages go elsewhere: what one host takes a second would be measured else, and not the engine.
    """
    at: dict[str, Any] = {"host": served.host, "port": served.port, "write_key": beside[0], "prefix": beside[1]}
    with _catalogue(served.url) as catalogue:
        await catalogue.upsert(workspace, [_priced(10_000)])
        await probe(sink, count=20, gap=0.02, first=first, **at)
        idle = await probe(sink, count=probes, gap=0.02, first=first + 20, **at)
        memory, before, began = served.memory(), served.cpu(), time.perf_counter()
        await catalogue.upsert(workspace, [_priced(8_000)])
        waiting = asyncio.create_task(asyncio.to_thread(_watch_over, served, workspace, began))
        meanwhile = await probe(sink, count=probes, gap=0.02, first=first + 20 + probes, **at)
        still = not waiting.done()
        soonest, last, handed, after = await waiting
    watchers = (customers + 1) // 2
    return {
        "customers": customers,
        "watchers": watchers,
        "verdicts": _verdicts(served.url, workspace),
        "first_seconds": soonest,
        "all_seconds": last,
        "per_second": watchers / last,
        "handed": handed,
        "cpu_us": {name: (after[name] - before[name]) / watchers * 1e6 for name in after},
        "memory_grew_mb": {name: grown - memory[name] for name, grown in served.memory().items()},
        "idle": idle,
        "meanwhile": meanwhile,
        "still_telling_after_probe": still,
    }


@contextmanager
def _catalogue(url: str) -> Iterator[PostgresCatalogue]:
    yield PostgresCatalogue(Connections(url, name="bench catalogue", most=1, plans=CHANGING))


def _priced(amount: int) -> ProductRow:
    product = Product(id=PRODUCT, name="Farol", price=amount, currency="EUR", stock=9)
    return ProductRow(product=product, told=frozenset({"name", "price", "currency", "stock"}))


def _watch_over(served: Served, workspace: WorkspaceId, began: float) -> tuple[float, float, int, dict[str, float]]:
    """Give when the first watcher was decided about and when all were, how many messages had been handed off by then, and CPU so far."""
    first = 0.0
    with psycopg.connect(served.url, autocommit=True) as connection:
        deadline = began + 3_600
        while time.perf_counter() < deadline:
            if not first:
                found = connection.execute("SELECT FROM verdicts WHERE workspace = %s LIMIT 1", (workspace,)).fetchone()
                first = time.perf_counter() - began if found is not None else 0.0
            left = connection.execute(_LEFT, {"workspace": workspace}).fetchone()
            if first and left is not None and not left[0]:
                last, spent = time.perf_counter() - began, served.cpu()
                row = connection.execute("SELECT count(*) FROM outbox WHERE workspace = %s AND status > 1", (workspace,)).fetchone()
                return first, last, int(row[0]) if row else 0, spent
            time.sleep(0.02 if not first else 0.2)
    raise Unavailable("not_told", "the change was not told through within an hour")


def _verdicts(url: str, workspace: WorkspaceId) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT decided || ' ' || refusal, count(*) FROM verdicts WHERE workspace = %s GROUP BY 1 ORDER BY 1", (workspace,)
        )
        return {str(what).strip(): int(count) for what, count in found.fetchall()}
