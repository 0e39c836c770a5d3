"""Every writer locks customers in one order, whatever the tables hold: nobody waits in a ring. And no state is carried through a sort."""

from __future__ import annotations

import psycopg
from psycopg.rows import dict_row

from oportuno.adapters.postgres.database import ENGINE_PLANS
from oportuno.adapters.postgres.work import _LOCK


def _nodes(plan: dict[str, object]) -> list[dict[str, object]]:
    parts = plan.get("Plans", [])
    assert isinstance(parts, list)
    return [plan, *(node for part in parts for node in _nodes(part))]


def _planned(url: str) -> list[dict[str, object]]:
    options = " ".join(f"-c {name}={value}" for name, value in ENGINE_PLANS.items())
    with psycopg.connect(url, options=options, row_factory=dict_row) as connection:
        numbered = _LOCK
        for n in (1, 2, 3):
            numbered = numbered.replace("%b", f"${n}", 1)
        connection.execute(f"PREPARE locking AS {numbered}")
        row = connection.execute("EXPLAIN (FORMAT JSON) EXECUTE locking('{}', '{}', '{}')").fetchone()
    assert row is not None
    return _nodes(row["QUERY PLAN"][0]["Plan"])


def test_rows_are_locked_one_by_one_in_the_order_of_their_keys_and_only_keys_are_sorted(postgres_url: str) -> None:
    for analysed in (False, True):
        if analysed:
            # Once it believed that there is hardly a customer, the planner began at their table and walked all of it, for every batch.
            with psycopg.connect(postgres_url, autocommit=True) as connection:
                connection.execute("ANALYZE customers")
        nodes = _planned(postgres_url)
        kinds = [node["Node Type"] for node in nodes]
        assert kinds[0] == "Nested Loop"
        assert kinds.index("Sort") < kinds.index("LockRows") < kinds.index("Index Scan")
        assert "customer" in str(nodes[-1]["Index Cond"])
