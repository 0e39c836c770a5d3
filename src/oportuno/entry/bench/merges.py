"""The merges' part of the measurements: many pairs of customers turn out to be one, while events go on coming."""

from __future__ import annotations

import time
from typing import Any, Final

import psycopg

from oportuno.adapters.postgres.crossing import CROSSING_NEWS
from oportuno.entry.bench.parts import Served
from oportuno.entry.bench.people import customer_number
from oportuno.flows.crossing import merge_id
from oportuno.kit.faults import Unavailable
from oportuno.kit.ids import WorkspaceId, key_of

_PATIENCE: Final = 600.0
_LOOK: Final = 0.02
_ASK: Final = """
INSERT INTO merges (bucket, workspace, id, loser, winner, reason, asked_by, trust, asked_at)
VALUES (%s, %s, %s, %s, %s, 'request', 'bench', 2, clock_millis()) RETURNING pg_notify(%s, '')
"""
_TOOK: Final = "SELECT joined_at - asked_at FROM merges WHERE workspace = %s AND id = %s AND stage = 3"
_STAGES: Final = "SELECT count(*) FILTER (WHERE stage = 3), count(*) FROM merges WHERE workspace = %s"
_STIR: Final = "SELECT pg_notify(%s, '')"
_JOINED: Final = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY joined_at - asked_at), percentile_cont(0.99) WITHIN GROUP (ORDER BY joined_at - asked_at)
FROM merges WHERE workspace = %s
"""


def measure_one_merge(served: Served, workspace: WorkspaceId, prefix: str, *, first: int, pairs: int) -> dict[str, float]:
    """Ask for one merge after the other, each when the one before is done; gives milliseconds from asking to being one person."""
    took = []
    with psycopg.connect(served.url, autocommit=True) as connection, connection.cursor() as cursor:
        for number in range(first, first + 2 * pairs, 2):
            loser, winner = (key_of(workspace, customer_number(prefix, place)) for place in (number, number + 1))
            name = merge_id(loser, winner)
            cursor.execute(_ASK, (loser.bucket, workspace, name, loser.customer, winner.customer, CROSSING_NEWS))
            began = time.perf_counter()
            while True:
                found = cursor.execute(_TOOK, (workspace, name)).fetchone()
                if found is not None:
                    took.append(float(found[0]))
                    break
                if time.perf_counter() - began > _PATIENCE:
                    raise Unavailable("merges_not_done", "a merge was not done in time")
                time.sleep(_LOOK)
    took.sort()
    return {"n": pairs, "p50": took[len(took) // 2], "p99": took[int(len(took) * 0.99)]}


def measure_merges(served: Served, workspace: WorkspaceId, prefix: str, *, pairs: int) -> dict[str, Any]:
    """Ask for `pairs` merges at once: customer number n goes into number n + pairs. Gives the rate, and CPU microseconds a merge."""
    before, began = served.cpu(), time.perf_counter()
    with psycopg.connect(served.url, autocommit=True) as connection, connection.cursor() as cursor:
        columns = "bucket, workspace, id, loser, winner, reason, asked_by, trust, asked_at"
        now = time.time_ns() // 1_000_000
        with cursor.copy(f"COPY merges ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int2", "int4", "bytea", "int8", "int8", "text", "text", "int2", "int8"])
            for number in range(pairs):
                loser = key_of(workspace, customer_number(prefix, number))
                winner = key_of(workspace, customer_number(prefix, number + pairs))
                name = merge_id(loser, winner)
                copy.write_row((loser.bucket, workspace, name, loser.customer, winner.customer, "request", "bench", 2, now))
        cursor.execute(_STIR, (CROSSING_NEWS,))
        while True:
            done, asked = cursor.execute(_STAGES, (workspace,)).fetchone() or (0, 0)
            if done == asked:
                break
            if time.perf_counter() - began > _PATIENCE:
                raise Unavailable("merges_not_done", f"{asked - done} of {asked} merges were not done in time")
            time.sleep(_LOOK)
        seconds = time.perf_counter() - began
        half, most = cursor.execute(_JOINED, (workspace,)).fetchone() or (0, 0)
    after = served.cpu()
    return {
        "merges": pairs,
        "per_second": pairs / seconds,
        "joined_ms": {"p50": half, "p99": most},
        "cpu_us": {name: (after[name] - before[name]) / pairs * 1e6 for name in after},
    }
