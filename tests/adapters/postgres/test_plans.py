"""Every plan of the engine begins at the keys in hand, whatever the planner believes of the tables: once it believed one to be empty, and
walked all of it for every batch. And every writer locks customers in one order: nobody waits in a ring.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from oportuno.adapters.postgres.database import ENGINE_PLANS
from oportuno.adapters.postgres.states import _LOCK, _UPDATE, _UPDATE_IN_PLACE
from oportuno.adapters.postgres.watch import _BEGIN_WATCH, _END_WATCH, _MOVE_WATCH

_KEYS = {"bucket", "workspace", "customer"}


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _planned(url: str, statement: str, count: int) -> list[dict[str, Any]]:
    """Plan as the engine does, after a look at tables in which there is nobody."""
    options = " ".join(f"-c {name}={value}" for name, value in ENGINE_PLANS.items())
    for place in range(1, count + 1):
        statement = statement.replace("%b", f"${place}", 1)
    with psycopg.connect(url, options=options, autocommit=True) as connection:
        connection.execute("ANALYZE customers, watch, fanouts, fanout_cursors")
        connection.execute(f"PREPARE it AS {statement}")
        row = connection.execute(f"EXPLAIN (FORMAT JSON) EXECUTE it({', '.join(['NULL'] * count)})").fetchone()
    assert row is not None
    return list(_nodes(row[0][0]["Plan"]))


def test_rows_are_locked_one_by_one_in_the_order_in_which_their_keys_are_given_and_no_state_is_sorted(postgres_url: str) -> None:
    nodes = _planned(postgres_url, _LOCK, 3)
    kinds = [node["Node Type"] for node in nodes]
    assert kinds[0] == "Nested Loop"
    assert kinds.index("Function Scan") < kinds.index("LockRows") < kinds.index("Index Scan")
    assert "Sort" not in kinds[kinds.index("LockRows") :]
    assert all(word in nodes[-1]["Index Cond"] for word in _KEYS)


def test_states_are_saved_without_a_join(postgres_url: str) -> None:
    kinds = {node["Node Type"] for node in _planned(postgres_url, _UPDATE, 7)}
    assert kinds == {"Aggregate", "ModifyTable", "Function Scan", "CTE Scan"}


def test_who_is_locked_is_saved_by_the_place_of_their_row_and_no_index_is_asked(postgres_url: str) -> None:
    kinds = [node["Node Type"] for node in _planned(postgres_url, _UPDATE_IN_PLACE, 6)]
    assert kinds == ["Aggregate", "ModifyTable", "Nested Loop", "Function Scan", "Tid Scan", "CTE Scan"]


@pytest.mark.parametrize(("table", "keys"), [("watch", _KEYS | {"item", "rank"}), ("fanouts", {"workspace", "n"})])
def test_whoever_watches_something_else_from_now_on_is_looked_up_by_the_whole_key(postgres_url: str, table: str, keys: set[str]) -> None:
    scans = [node for node in _planned(postgres_url, _MOVE_WATCH, 6) if node.get("Relation Name") == table and "Scan" in node["Node Type"]]
    by_place = [node for node in scans if node["Node Type"] == "Tid Scan"]
    by_key = [node for node in scans if node not in by_place]
    assert len(by_place) == (1 if table == "watch" else 0)
    assert by_key
    for node in by_key:
        assert all(f"({word} = " in node["Index Cond"] for word in keys)


def test_whoever_watches_nothing_more_is_looked_up_by_the_whole_key_too(postgres_url: str) -> None:
    scans = [node for node in _planned(postgres_url, _END_WATCH, 5) if node.get("Relation Name") == "watch" and "Scan" in node["Node Type"]]
    assert [node["Node Type"].replace(" Only", "") for node in scans] == ["Index Scan", "Tid Scan"]
    assert all(f"({word} = " in scans[0]["Index Cond"] for word in _KEYS | {"item", "rank"})


def test_whoever_begins_to_watch_is_looked_up_nowhere(postgres_url: str) -> None:
    assert "watch" not in {node.get("Relation Name") for node in _planned(postgres_url, _BEGIN_WATCH, 5) if "Scan" in node["Node Type"]}
