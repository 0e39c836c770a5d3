"""What the soak notes every few seconds of a running server: memory, tables, how old what waits has grown, open files, connections."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg

COUNTED: Final = (
    "watch",
    "due",
    "leases",
    "offsets",
    "fanout_cursors",
    "inbox",
    "merges",
    "parts",
    "lanes",
    "workers",
    "identities",
    "customers",
)
"""Tables whose rows are counted outright: they are small, and the server's own count is an estimate."""
PARTITION: Final = re.compile(r"_\d{8}$")

_TABLES: Final = """
SELECT relname, pg_total_relation_size(relid), n_live_tup, n_dead_tup, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables
"""
_AGES: Final = """
SELECT clock_millis(),
  (SELECT min(first.received) FROM generate_series(0, 63) b CROSS JOIN workspaces w CROSS JOIN lanes l
     LEFT JOIN offsets o ON o.bucket = b AND o.workspace = w.workspace AND o.lane = l.lane
     CROSS JOIN LATERAL (SELECT e.received FROM events e WHERE e.bucket = b AND e.workspace = w.workspace AND e.lane = l.lane
                         AND e.seq > coalesce(o.seq, 0) ORDER BY e.seq LIMIT 1) first),
  (SELECT min(greatest(not_before, created_at)) FROM outbox WHERE status = 0 AND not_before <= clock_millis()),
  (SELECT min(handed_at) FROM outbox WHERE status = 1),
  (SELECT min(due_at) FROM due WHERE due_at <= clock_millis())
"""
AGES: Final = ("unread_s", "outbox_s", "in_hand_s", "timer_s")


class Sampler:
    """Looks at one running server, from outside."""

    def __init__(self, supervisor: int, url: str) -> None:
        self._supervisor = psutil.Process(supervisor)
        self._url = url

    def look(self) -> dict[str, Any]:
        """Give one sample. Megabytes, seconds, counts; an age of 0 says that nothing waits."""
        with psycopg.connect(self._url, autocommit=True, application_name="soak") as connection:
            ages = _ages(connection)
            tables = _tables(connection)
            counts = {name: _one(connection, f"SELECT count(*) FROM {name}") for name in COUNTED}  # noqa: S608 - names of ours
            states = _one(connection, "SELECT coalesce(sum(octet_length(state)), 0) FROM customers")
            connections = _one(connection, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
            statuses = connection.execute("SELECT status, count(*) FROM outbox GROUP BY 1").fetchall()
        return {
            "at": round(time.time(), 1),
            "ages": ages,
            "parts": self._parts(),
            "tables": tables,
            "rows": counts,
            "state_bytes": states,
            "connections": connections - 1,
            "outbox": {str(status): count for status, count in statuses},
        }

    def _parts(self) -> dict[str, dict[str, Any]]:
        """Give each kind of process: the memory of its own (MB, all of its kind), open files, and which processes they are."""
        found: dict[str, dict[str, Any]] = {}
        for process in [self._supervisor, *self._supervisor.children(recursive=True)]:
            try:
                kind = self._kind(process)
                mine = {"mb": private_mb(process), "files": process.num_fds()}
            except psutil.Error:
                continue
            known = found.setdefault(kind, {"mb": 0.0, "files": 0, "pids": []})
            known["mb"] = round(known["mb"] + mine["mb"], 2)
            known["files"] += mine["files"]
            known["pids"].append(process.pid)
        if "postgres" in found:
            # Its processes come and go with connections.
            found["postgres"]["pids"] = []
        return found

    def _kind(self, process: psutil.Process) -> str:
        if process.pid == self._supervisor.pid:
            return "supervisor"
        words = process.cmdline()
        return next(
            (name for name in ("api", "engine", "deliver", "hear") if name in words),
            "postgres" if "postgres" in " ".join(words) else "other",
        )


def private_mb(process: psutil.Process) -> float:
    """Give the memory that is this process's own (MB): its part of what is backed by no file, and nothing of PostgreSQL's shared buffers.

    Files are left out: how much of a library counts here depends on who else on the machine has it open.
    """
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        told = {words[0]: int(words[1]) for words in map(str.split, lines[1:])}
        return told["Pss_Anon:"] / 1024
    except (OSError, KeyError, ValueError):
        memory = process.memory_info()
        return float(memory.rss - memory.shared) / 2**20


def _ages(connection: psycopg.Connection[Any]) -> dict[str, float]:
    row = connection.execute(_AGES).fetchone()
    if row is None:
        return dict.fromkeys(AGES, 0.0)
    now, *since = row
    return {name: 0.0 if at is None else round(max(0, now - at) / 1000, 3) for name, at in zip(AGES, since, strict=True)}


def _tables(connection: psycopg.Connection[Any]) -> dict[str, list[int]]:
    """Give of each table, its partitions together: bytes, live rows, dead rows, and rows inserted, updated and deleted so far."""
    found: dict[str, list[int]] = {}
    for name, *figures in connection.execute(_TABLES).fetchall():
        table = PARTITION.sub("", str(name))
        found[table] = [known + int(more) for known, more in zip(found.get(table, [0] * 6), figures, strict=True)]
    return found


def _one(connection: psycopg.Connection[Any], statement: str) -> int:
    row = connection.execute(statement).fetchone()  # type: ignore[call-overload] - a name of ours, above
    return int(row[0]) if row else 0
