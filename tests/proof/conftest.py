"""The proofs' races are run as a shop would run them: on a PostgreSQL that waits for the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest


@pytest.fixture(scope="module")
def postgres_server(postgres_server: str) -> Iterator[str]:
    """The session's server, waiting for the disk meanwhile."""
    if os.environ.get("TEST_DATABASE_URL"):
        yield postgres_server  # Its own settings stand.
        return
    for waits in ("on", "off"):
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET fsync = {waits}")
            connection.execute("SELECT pg_reload_conf()")
        if waits == "on":
            yield postgres_server
