"""An engine's look for what nobody announced costs the same however many workspaces there are, and misses none of them."""

from __future__ import annotations

import asyncio
import time

import psycopg
import pytest

from oportuno.adapters.postgres.database import ENGINE_PLANS, connect
from oportuno.adapters.postgres.sweep import Sweep
from oportuno.kit.ids import BUCKETS
from oportuno.kit.times import HOUR, SECOND

pytestmark = pytest.mark.postgres

WORKSPACES = 900
LANES = 4
EVERYTHING = frozenset(range(BUCKETS))


@pytest.fixture(scope="module")
def crowded_url(postgres_url: str) -> str:
    """A database of many workspaces, each with one unread event in the last lane, and one that was read."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO workspaces (public_id, name, timezone, locale)"
            " SELECT 'ws_' || w, 'Tienda Norte', 'UTC', 'es' FROM generate_series(1, %s::int) w",
            (WORKSPACES,),
        )
        connection.execute("INSERT INTO lanes SELECT l, l %% 2, clock_millis() FROM generate_series(1, %s::int) l", (LANES,))
        connection.execute(
            "INSERT INTO events SELECT workspace %% 64, workspace, l, clock_millis() * 1000 + l, 1, '', 0, 0, '', 0, 0, ''"
            " FROM workspaces, generate_series(%s::int, %s::int) l",
            (LANES - 1, LANES),
        )
        connection.execute("INSERT INTO offsets SELECT bucket, workspace, lane, seq FROM events WHERE lane = %s", (LANES - 1,))
    return postgres_url


async def round_of(sweep: Sweep, elapsed: int, every: int) -> list[list[tuple[int, ...]]]:
    """Look again and again until every workspace was looked at."""
    pieces: list[list[tuple[int, ...]]] = []
    now = time.time_ns() // 1_000_000
    while not pieces or sweep._left:
        found = await sweep.look(EVERYTHING, now=now, elapsed=elapsed)
        assert found is not None
        pieces.append(found)
        elapsed += every
    return pieces


def test_each_look_is_a_piece_and_all_pieces_are_the_whole(crowded_url: str) -> None:
    async def story() -> None:
        connection = await connect(crowded_url, name="test", plans=ENGINE_PLANS)
        sweep = Sweep(connection)
        assert sweep.hurries
        first = await round_of(sweep, 0, 0)
        assert not sweep.hurries
        found = [unit for piece in first for unit in piece]
        assert len(found) == len(set(found)) == WORKSPACES
        assert {lane for _, _, lane, _ in found} == {LANES}
        assert max(map(len, first)) <= 65_536 // (BUCKETS * LANES)
        # Afterwards every two seconds a small piece, and never two of them at once.
        assert await sweep.look(EVERYTHING, now=0, elapsed=SECOND) is None
        calm = await round_of(sweep, 3 * SECOND, 2 * SECOND)
        assert max(map(len, calm)) <= 4_096 // (BUCKETS * LANES)
        assert sum(map(len, calm)) == WORKSPACES
        # Once an hour to the bottom.
        deep = await round_of(sweep, 2 * HOUR, 0)
        assert len(deep) == len(first)
        await connection.close()

    asyncio.run(asyncio.wait_for(story(), 300))
