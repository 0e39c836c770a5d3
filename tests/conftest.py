"""What every test may ask for. One PostgreSQL server a session, one fresh database a test module that asks."""

from __future__ import annotations

import gc
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from oportuno.adapters.postgres.embedded import EmbeddedPostgres
from oportuno.adapters.postgres.migrate import migrate

# The same examples every time and on every machine, however slow; `--hypothesis-profile=explore` looks for new ones.
settings.register_profile("explore", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("explore"), derandomize=True, database=None)
settings.load_profile("same")


def pytest_runtest_teardown() -> None:
    """An engine keeps its process from looking for circles, for good. Here the process is the tests', and outlives it."""
    if not gc.isenabled():
        gc.unfreeze()
        gc.enable()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name raw bytes by their parameter (pytest numbers them): a name must not tell the second in which a body was packed."""
    return argname if isinstance(val, bytes) else None


class ByModule(LoadScopeScheduling):
    """With several workers (``-n 2``) a module's tests stay with one, in their order: they share a database. The browser's share a shop."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return "tests/browser" if module.startswith("tests/browser/") else module


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByModule:
    """Modules are given out in the order in which one worker alone would take them."""
    config.option.loadscopereorder = False
    return ByModule(config, log)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A running PostgreSQL: the one named by TEST_DATABASE_URL, or an embedded one."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="oportuno-test-"))
    server = EmbeddedPostgres(folder / "postgres")
    try:
        url = server.start()
        with psycopg.connect(url, autocommit=True) as connection:
            # Nobody kills this server, and nothing on it outlives the session: what proves durability starts a server of its own.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield url
    finally:
        pid = server.pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)  # Nothing need be kept: no last checkpoint.
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def fresh_database(server: str, *, like: str = "template1") -> str:
    """Make a database on the server, empty or like another one that nobody uses, and give its url."""
    name = f"t{secrets.token_hex(6)}"
    deadline = time.monotonic() + 120
    with psycopg.connect(server, autocommit=True) as connection:
        made = False
        while not made:
            try:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
                made = True
            except psycopg.errors.ObjectInUse:
                # Whoever left a moment ago is still on the way out, or PostgreSQL's own housekeeping looks in. It waited five seconds.
                assert time.monotonic() < deadline, f"{like} is in use for good"
    return psycopg.conninfo.make_conninfo(server, dbname=name)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """The name of a migrated database, to be copied: that takes a tenth of what migrating does."""
    url = fresh_database(postgres_server)
    migrate(url, secret=b"0" * 32)
    return str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


@pytest.fixture(scope="module")
def postgres_url(postgres_server: str, postgres_template: str) -> str:
    """A migrated database of this module's own."""
    return fresh_database(postgres_server, like=postgres_template)
