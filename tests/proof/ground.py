"""Where a proof takes place: a PostgreSQL that may be killed, the processes around it, and the moments at which the database was away."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import psycopg

from oportuno.adapters.postgres.embedded import EmbeddedPostgres
from oportuno.adapters.postgres.migrate import migrate

HERE = Path(__file__).parent
UNREAD = (
    "SELECT EXISTS (SELECT 1 FROM events e LEFT JOIN offsets o USING (bucket, workspace, lane) WHERE e.seq > coalesce(o.seq, 0)),"
    " EXISTS (SELECT 1 FROM due WHERE due_at < clock_millis() + %s)"
)

BEHIND = """
SELECT count(*) FROM (
    SELECT 1 FROM events e LEFT JOIN offsets o USING (bucket, workspace, lane) WHERE e.seq > coalesce(o.seq, 0) LIMIT %s
) waiting
"""


class Ground:
    """One database and the processes on it. With `server` (a url) the database is a new one there, and PostgreSQL is not killed."""

    def __init__(self, server: str = "") -> None:
        self.folder = Path()
        """Of its own, from entering on."""
        self.embedded: EmbeddedPostgres | None = None
        self.server = server
        self.url = ""
        self.away: list[tuple[float, float]] = []
        """From when to when (seconds since 1970) PostgreSQL did not answer because it was killed."""
        self.processes: list[subprocess.Popen[bytes]] = []
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="oportuno-proof-"))
        self.folder.chmod(0o755)
        if not self.server:
            self.embedded = EmbeddedPostgres(self.folder / "postgres")
            self.url = self.embedded.start()
        else:
            name = f"proof{secrets.token_hex(6)}"
            with psycopg.connect(self.server, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            self.url = psycopg.conninfo.make_conninfo(self.server, dbname=name)
        migrate(self.url, secret=b"s" * 32)
        return self

    def __exit__(self, *_: object) -> None:
        self._disconnect()
        for process in self.processes:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if self.embedded is not None:
            self.embedded.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, statement: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and give its rows; once more on a new connection, if PostgreSQL was killed under the old one."""
        try:
            return self._execute(statement, parameters)
        except psycopg.OperationalError:
            self._disconnect()
            return self._execute(statement, parameters)

    def _execute(self, statement: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = psycopg.connect(self.url, autocommit=True)
        cursor = self._connection.execute(statement, parameters)
        result = cursor.pgresult
        return cursor.fetchall() if result is not None and result.status == psycopg.pq.ExecStatus.TUPLES_OK else []

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def workspace(self, *, name: str = "Tienda Norte") -> int:
        """Make a workspace and give its number."""
        made = self.execute(
            "INSERT INTO workspaces (public_id, name, timezone, locale) VALUES (%s, %s, 'UTC', 'es') RETURNING workspace",
            (f"ws_{secrets.token_hex(6)}", name),
        )
        return int(made[0][0])

    def start(self, script: str, *arguments: object, wait_for: bytes = b"") -> subprocess.Popen[bytes]:
        """Start one of the proofs' processes; with `wait_for`, return when its first line begins with that."""
        command = [sys.executable, str(HERE / script), self.url, *map(str, arguments)]
        return self._start(command, os.environ.copy(), wait_for)

    def oportuno(self, verb: str, **settings: str) -> subprocess.Popen[bytes]:
        """Start a part of the product as it ships, for example ``engine`` or ``deliver``."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("OPORTUNO_", "DATABASE_URL"))}
        return self._start([sys.executable, "-m", "oportuno", verb], own | settings | {"DATABASE_URL": self.url}, b"")

    def _start(self, command: list[str], environment: dict[str, str], wait_for: bytes) -> subprocess.Popen[bytes]:
        with (self.folder / "processes.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE if wait_for else subprocess.DEVNULL, stderr=log, env=environment)
        self.processes.append(process)
        if wait_for and process.stdout is not None:
            line = process.stdout.readline()
            if not line.startswith(wait_for):
                raise RuntimeError(f"{command[1]} said {line!r}: {self.log()[-600:]}")
        return process

    def log(self) -> str:
        """What the processes said on standard error."""
        path = self.folder / "processes.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill -9, and wait for its end."""
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self.processes.remove(process)

    def kill_postgres(self) -> None:
        """Kill -9 of the server, and its start anew. Call it on the thread that started it: the server is bound to that thread's life."""
        server = self.embedded
        if server is None:
            raise RuntimeError("this PostgreSQL is shared and must live")
        gone = time.time()
        if server.pid is not None:
            os.kill(server.pid, signal.SIGKILL)
        if server._process is not None:
            server._process.wait()
        server.start()
        self.away.append((gone, time.time()))

    def unread(self, ahead: int = 0) -> bool:
        """Whether an event waits to be evaluated, or a timer that is due within `ahead` milliseconds."""
        return self.execute(UNREAD, (ahead,)) != [(False, False)]

    def behind(self, most: int) -> int:
        """Count the events that wait to be evaluated, up to `most`."""
        return int(self.execute(BEHIND, (most,))[0][0])

    def present(self, since: int, until: int) -> int:
        """Give how many of the milliseconds between two moments PostgreSQL was there."""
        gone = sum(max(0.0, min(b * 1000, until) - max(a * 1000, since)) for a, b in self.away)
        return round(until - since - gone)
