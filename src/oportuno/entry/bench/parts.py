"""The thing measured: `oportuno serve` as it ships, on a data directory of its own, with every part's CPU and memory."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import psutil
import psycopg

from oportuno.entry.bench.load import Plan
from oportuno.kit.faults import Unavailable

_PARTS: Final = ("api", "engine", "deliver")
_INGEST: Final = ("lane", "directory")
_DECIDE: Final = ("engine",)


class Served:
    """A running server and one workspace on it."""

    def __init__(self, process: subprocess.Popen[str], address: str, url: str) -> None:
        self.process = process
        self.host, port = address.removeprefix("http://").split(":")
        self.port = int(port)
        self.url = url

    def parts(self, name: str) -> list[psutil.Process]:
        """Give the processes of one part."""
        found = [child for child in psutil.Process(self.process.pid).children() if name in child.cmdline()]
        if not found:
            raise Unavailable("part_missing", f"the part {name} does not run")
        return found

    def cpu(self) -> dict[str, float]:
        """Give CPU seconds so far: of each part, and of PostgreSQL by what it did."""
        spent = {name: sum(map(_cpu, self.parts(name))) for name in _PARTS}
        spent |= {"pg_ingest": 0.0, "pg_decide": 0.0, "pg_other": 0.0}
        with psycopg.connect(self.url) as connection:
            rows = connection.execute("SELECT pid, application_name FROM pg_stat_activity WHERE pid <> pg_backend_pid()").fetchall()
        for pid, name in rows:
            kind = str(name).removeprefix("oportuno ").split(" ")[0]
            share = "pg_ingest" if kind in _INGEST else "pg_decide" if kind in _DECIDE else "pg_other"
            try:
                spent[share] += _cpu(psutil.Process(pid))
            except psutil.Error:
                continue
        return spent

    def memory(self) -> dict[str, float]:
        """Give the resident megabytes of each part, of the largest process where there are several."""
        return {name: max(process.memory_info().rss for process in self.parts(name)) / 1e6 for name in _PARTS}

    def stop_engine(self) -> None:
        """Hold the engine where it is."""
        for process in self.parts("engine"):
            process.send_signal(signal.SIGSTOP)

    def continue_engine(self) -> None:
        """Let the engine go on."""
        for process in self.parts("engine"):
            process.send_signal(signal.SIGCONT)

    def unread(self, *, most: int = 1) -> int:
        """Count events not yet evaluated, up to `most`."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute(
                "SELECT count(*) FROM (SELECT 1 FROM events e LEFT JOIN offsets o USING (bucket, workspace, lane)"
                " WHERE e.seq > coalesce(o.seq, 0) LIMIT %s) waiting",
                (most,),
            ).fetchone()
        return int(row[0]) if row else 0

    def await_drained(self, most_seconds: float) -> float:
        """Wait until every stored event is evaluated; gives the moment at which it was (perf_counter)."""
        deadline = time.perf_counter() + most_seconds
        with psycopg.connect(self.url, autocommit=True) as connection:
            while time.perf_counter() < deadline:
                at = time.perf_counter()
                # The last event of each (bucket, workspace, lane) against its offset: one probe each, however many events.
                row = connection.execute(_BEHIND).fetchone()
                if row is not None and not row[0]:
                    return at
                time.sleep(0.05)
        raise Unavailable("not_drained", f"the engine did not catch up within {most_seconds:.0f} s")


_BEHIND: Final = """
SELECT EXISTS (
    SELECT 1 FROM generate_series(0, 63) b CROSS JOIN workspaces w CROSS JOIN lanes l
    LEFT JOIN offsets o ON o.bucket = b AND o.workspace = w.workspace AND o.lane = l.lane
    CROSS JOIN LATERAL (
        SELECT e.seq FROM events e WHERE e.bucket = b AND e.workspace = w.workspace AND e.lane = l.lane ORDER BY e.seq DESC LIMIT 1
    ) last
    WHERE last.seq > coalesce(o.seq, 0)
)
"""


@contextmanager
def serve(*, environment: dict[str, str] | None = None) -> Iterator[Served]:
    """Run `oportuno serve` on a fresh data directory; stop it and clear up at the end."""
    folder = Path(tempfile.mkdtemp(prefix="oportuno-bench-"))
    folder.chmod(0o755)
    command = [sys.executable, "-m", "oportuno", "serve", "--port", "0", "--data-dir", str(folder)]
    own = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "OPORTUNO_DATABASE_URL", "PORT"}}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=own | (environment or {}))
    try:
        line = process.stdout.readline() if process.stdout else ""
        if " at http" not in line:
            raise Unavailable("server_did_not_start", f"oportuno serve said: {line.strip() or 'nothing'}")
        from oportuno.adapters.postgres.embedded import EmbeddedPostgres

        yield Served(process, line.rsplit(" ", 1)[1].strip(), EmbeddedPostgres(folder / "postgres").url)
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
        shutil.rmtree(folder, ignore_errors=True)


def command(served: Served, *arguments: str) -> str:
    """Run one `oportuno` verb against the server's database and give what it printed."""
    environment = os.environ | {"DATABASE_URL": served.url}
    done = subprocess.run([sys.executable, "-m", "oportuno", *arguments], capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise Unavailable("verb_failed", f"oportuno {arguments[0]} said: {done.stderr.strip()}")
    return done.stdout


def start(served: Served, *arguments: str) -> subprocess.Popen[bytes]:
    """Start one `oportuno` verb against the server's database and come back at once; what it says is not kept."""
    command = [sys.executable, "-m", "oportuno", *arguments]
    return subprocess.Popen(command, env=os.environ | {"DATABASE_URL": served.url}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def send(plan: Plan) -> dict[str, Any]:
    """Run the load generator as a process of its own and give its report."""
    with start_sending(plan) as process:
        out, _ = process.communicate()
    return dict(json.loads(out))


def start_sending(plan: Plan) -> subprocess.Popen[str]:
    """Start the load generator and come back at once."""
    text = msgspec.json.encode(plan).decode()
    return subprocess.Popen([sys.executable, "-m", "oportuno.entry.bench.load", text], stdout=subprocess.PIPE, text=True)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
