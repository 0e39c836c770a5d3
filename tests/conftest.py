"""What every test may ask for. One PostgreSQL server a session, one fresh database a test module that asks."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from oportuno.adapters.postgres.embedded import EmbeddedPostgres
from oportuno.adapters.postgres.migrate import migrate

# The same examples every time and on every machine, however slow; `--hypothesis-profile=explore` looks for new ones.
settings.register_profile("explore", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("explore"), derandomize=True, database=None)
settings.load_profile("same")


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
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def fresh_database(server: str) -> str:
    """Make an empty database on the server and give its url."""
    name = f"t{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return psycopg.conninfo.make_conninfo(server, dbname=name)


@pytest.fixture(scope="module")
def postgres_url(postgres_server: str) -> str:
    """A migrated database of this module's own."""
    url = fresh_database(postgres_server)
    migrate(url, secret=b"0" * 32)
    return url
