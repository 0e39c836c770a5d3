"""`oportuno serve`: a small supervisor that runs every part on one machine and stops it again, PostgreSQL last.

It carries no part itself. The parts are child processes in its process group; each holds the reading end of a pipe (its lifeline) and
leaves when the supervisor is gone, even after kill -9. The listening socket belongs to the supervisor, so that a restarted HTTP process
loses no caller.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pydantic import SecretStr

from oportuno.kit.faults import Unavailable
from oportuno.settings import Settings

if TYPE_CHECKING:
    from oportuno.adapters.postgres.embedded import EmbeddedPostgres

_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 30.0
_HEALTHY_AFTER = 60.0
"""Seconds after which a restarted part counts as well again."""
_PATIENCE = 20.0
"""Seconds a part gets to finish what it has in hand before it is killed."""
_START_PATIENCE = 180.0
"""Seconds for the parts to answer: a machine that is very busy is no fault, and what is broken says so above."""
_HOLD_PATIENCE = 20.0
"""Seconds that a verb which works on the data directory for a moment is waited for."""
_STAYS = "serve"
"""What stands in the hold's file while the holder stays."""


@dataclass
class Part:
    """One child process and how often it had to be started again."""

    name: str
    arguments: Sequence[str]
    descriptors: Sequence[int]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = _FIRST_PAUSE
    again_at: float = field(default=0.0)


class Database:
    """The database of this installation: the one that was set, or a server of our own in the data directory."""

    def __init__(self, settings: Settings, server: EmbeddedPostgres | None) -> None:
        self.settings = settings
        """The settings, with the database's address."""
        self._server = server
        # The embedded database's list lies beside it, unless a better place was set.
        self.erasures_file = settings.erasures_file or (None if server is None else (settings.data_dir / "erasures").resolve())

    @property
    def ours(self) -> bool:
        """Whether this process started the server, and so nobody else works on it."""
        return self._server is not None

    def mend(self) -> bool:
        """Start our own server again if it died; says whether it had to."""
        if self._server is None or self._server.alive():
            return False
        self._server.start()
        return True


@contextmanager
def database_for(settings: Settings, *, alone: bool = False) -> Iterator[Database]:
    """Give the database. Our own server is stopped at the end, unless another command runs it: then it is only used.

    `alone`: the data directory must be ours for as long as we run, because what we run with it is there once.
    Raises Unavailable when the server cannot be started, or the directory is somebody else's.
    """
    if settings.database_url is not None:
        yield Database(settings, None)
        return
    from oportuno.adapters.postgres.embedded import EmbeddedPostgres

    server = EmbeddedPostgres(settings.data_dir / "postgres")
    with _hold_file(settings.data_dir) as held:
        ours = _hold(held, server, settings.data_dir, alone=alone)
        try:
            url = server.start()
            ready = settings.model_copy(update={"database_url": SecretStr(url)})
            yield Database(ready, server if ours else None)
        finally:
            if ours:
                server.stop()


def _hold_file(data_dir: Path) -> TextIO:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        return (data_dir / ".held").open("a+")
    except OSError as fault:
        raise Unavailable("data_dir_unusable", f"the data directory cannot be used: {fault.strerror}", place=str(data_dir)) from None


def _hold(held: TextIO, server: EmbeddedPostgres, data_dir: Path, *, alone: bool) -> bool:
    """Hold the data directory until this process ends, or find that the server runs already. Says whether it is ours.

    A verb that holds it for a moment is waited for; one that stays is not.
    """
    limit = time.monotonic() + _HOLD_PATIENCE
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.seek(0)
            stays = held.read().strip() == _STAYS
            if alone and (stays or time.monotonic() > limit):
                sentence = "another “oportuno serve” runs on this data directory: stop it first, or give this one its own with --data-dir"
                raise Unavailable("data_dir_in_use", sentence, place=str(data_dir)) from None
            if not alone and server.alive():
                return False
            if time.monotonic() > limit + _START_PATIENCE:
                raise Unavailable("postgres_did_not_start", "the data directory is held, but no PostgreSQL runs on it") from None
            time.sleep(0.1)
        else:
            held.truncate(0)
            held.write(_STAYS if alone else "")
            held.flush()
            return True


def serve(settings: Settings, *, prepare: Callable[[Settings], None] | None = None, then: Callable[[str], None] | None = None) -> int:
    """Run everything until SIGTERM or SIGINT; gives the exit code.

    Prints one line with the address on standard output when everything answers. `prepare` is called before the parts start, with the
    settings they will have; `then` when everything answers, with the address. Raises Unavailable when it cannot start.
    """
    stop = _Stop()
    listener = listen_on(settings.host, settings.port)
    address = f"http://{_host_name(settings.host)}:{listener.getsockname()[1]}"
    with listener, database_for(settings, alone=True) as database:
        from oportuno.wiring import migrate

        migrate(database.settings)
        if prepare is not None:
            prepare(database.settings.model_copy(update={"public_url": settings.public_url or address}))
        return _Supervisor(database, listener, stop, address).run(then)


def listen_on(host: str, port: int) -> socket.socket:
    """Open the listening socket. Raises Unavailable in one sentence: port taken, not permitted, no such address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except PermissionError:
        listener.close()
        raise Unavailable("port_not_permitted", f"this user may not listen on port {port}") from None
    except OSError as fault:
        listener.close()
        if fault.errno == 98:  # noqa: PLR2004 - EADDRINUSE
            raise Unavailable("port_taken", f"port {port} on {host} is taken by another program") from None
        raise Unavailable("address_unusable", f"cannot listen on {host}: {fault.strerror or fault}") from None
    return listener


def _host_name(host: str) -> str:
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


class _Stop:
    """Whether somebody asked us to stop; wakes a waiting select."""

    def __init__(self) -> None:
        self.asked = False
        self.reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: object) -> None:
        self.asked = True
        os.write(self._writer, b"!")


class _Supervisor:
    """Starts the parts, keeps them alive, ends them."""

    def __init__(self, database: Database, listener: socket.socket, stop: _Stop, address: str) -> None:
        settings = database.settings
        self._address = address
        self._database = database
        self._environment = os.environ | {
            "OPORTUNO_DATABASE_URL": settings.database_url.get_secret_value() if settings.database_url else "",
            "OPORTUNO_PUBLIC_URL": settings.public_url or address,
            "OPORTUNO_LOG_LEVEL": settings.log_level,
            # What was said as an option holds for the parts too: the sealing key lies there.
            "OPORTUNO_DATA_DIR": str(settings.data_dir.resolve()),
        }
        if database.erasures_file is not None:
            self._environment["OPORTUNO_ERASURES_FILE"] = str(database.erasures_file)
        if settings.demo_dir is not None:
            self._environment["OPORTUNO_DEMO_DIR"] = str(settings.demo_dir)
        self._listener = listener
        self._stop = stop
        self._lifeline, self._held = os.pipe2(os.O_CLOEXEC)
        door = listener.fileno()
        self._parts = [
            Part("api", ["--descriptor", str(door), "--lifeline", str(self._lifeline)], [door, self._lifeline]),
            *(Part("engine", ["--lifeline", str(self._lifeline)], [self._lifeline]) for _ in range(database.settings.engines)),
            Part("deliver", ["--lifeline", str(self._lifeline)], [self._lifeline]),
        ]
        if settings.mail_in_port is not None or settings.mail_in_dir is not None:
            self._parts.append(Part("mail-in", ["--lifeline", str(self._lifeline)], [self._lifeline]))

    def run(self, then: Callable[[str], None] | None = None) -> int:
        """Run until somebody asks us to stop; `then` is told when everything answers."""
        try:
            for part in self._parts:
                self._start(part)
            if self._wait_ready():
                print(f"Oportuno is ready at {self._address}", flush=True)
                if then is not None:
                    then(self._address)
            while not self._stop.asked:
                self._mend()
                select.select([self._stop.reader], [], [], 0.2)
        finally:
            self._end()
        return 0

    def _wait_ready(self) -> bool:
        limit = time.monotonic() + _START_PATIENCE
        while not self._stop.asked:
            self._mend()
            if _answers(f"{self._address}/readyz"):
                return True
            if time.monotonic() > limit:
                raise Unavailable(
                    "not_ready", f"the parts did not become ready within {_START_PATIENCE:.0f} seconds; their words are above"
                )
            select.select([self._stop.reader], [], [], 0.1)
        return False

    def _start(self, part: Part) -> None:
        part.process = subprocess.Popen(  # noqa: S603 - our own program with our own arguments
            # -P: a file in the working directory must not pass for a library.
            [sys.executable, "-P", "-m", "oportuno", part.name, *part.arguments],
            env=self._environment,
            pass_fds=part.descriptors,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
        )
        part.started = time.monotonic()

    def _mend(self) -> None:
        """Start again what has died, each time after a longer pause."""
        if self._database.mend():
            print("oportuno: PostgreSQL had ended; it was started again", file=sys.stderr, flush=True)
        now = time.monotonic()
        for part in self._parts:
            if part.process is None:
                if now >= part.again_at:
                    self._start(part)
                continue
            code = part.process.poll()
            if code is None:
                if now - part.started > _HEALTHY_AFTER:
                    part.pause = _FIRST_PAUSE
                continue
            print(f"oportuno: {part.name} ended ({_ending(code)}); starting it again in {part.pause:g} s", file=sys.stderr, flush=True)
            part.process, part.again_at = None, now + part.pause
            part.pause = min(part.pause * 2, _LONGEST_PAUSE)

    def _end(self) -> None:
        """Ask every part to finish, wait, and kill what does not."""
        running = [part.process for part in self._parts if part.process is not None and part.process.poll() is None]
        for process in running:
            process.terminate()
        limit = time.monotonic() + _PATIENCE
        for process in running:
            try:
                process.wait(max(0.1, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        os.close(self._held)
        os.close(self._lifeline)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)  # noqa: PLR2004 - OK
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
