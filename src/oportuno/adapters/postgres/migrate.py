"""Bring a database to this release's schema and make the days' partitions."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

import psycopg
from psycopg import sql

from oportuno.kit.faults import Unavailable
from oportuno.kit.ids import BUCKETS
from oportuno.kit.times import DAY, Millis, date_of_day

_AHEAD: Final = 3
"""Days of partitions kept ready; each empty one costs every fetch a probe, so not more."""
_SEEN_BACK: Final = 31
_LOCK: Final = 0x6F706F72


def migrate(url: str, *, secret: bytes) -> None:
    """Migrate to the newest schema, under a lock so that several processes may start at once. `secret` is kept if one stands already.

    Raises Unavailable when the database was written by a newer release or with another number of buckets.
    """
    # Imported here: the engine and the deliverer never migrate and need not carry Alembic in memory.
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    with psycopg.connect(url, autocommit=True) as guard:
        guard.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool)
        config = Config()
        config.set_main_option("script_location", str(files("oportuno.adapters.postgres").joinpath("migrations")))
        try:
            with engine.begin() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except CommandError as fault:
            raise Unavailable("schema_newer", "this database was written by a newer release of Oportuno") from fault
        guard.execute("INSERT INTO installation (secret, buckets) VALUES (%s, %s) ON CONFLICT DO NOTHING", (secret, BUCKETS), prepare=False)
        stored = guard.execute("SELECT buckets FROM installation").fetchone()
        if stored is None or stored[0] != BUCKETS:
            raise Unavailable("buckets_differ", f"this database has {stored and stored[0]} buckets; this release has {BUCKETS}")
        make_partitions(guard)


def make_partitions(connection: psycopg.Connection) -> None:
    """Make the partitions from a few days ago to `_AHEAD` days ahead. Doing it again does nothing."""
    row = connection.execute("SELECT clock_millis()").fetchone()
    today = int(row[0]) // DAY if row else 0
    for day in range(today - 1, today + _AHEAD + 1):
        _partition(connection, "events", day, day * DAY * 1000, (day + 1) * DAY * 1000)
        _partition(connection, "verdicts", day, day, day + 1)
        _partition(connection, "outbox", day, day, day + 1)
    for day in range(today - _SEEN_BACK, today + _AHEAD + 1):
        _partition(connection, "seen", day, day, day + 1)


def _partition(connection: psycopg.Connection, table: str, day: int, low: Millis, high: Millis) -> None:
    name = f"{table}_{date_of_day(day):%Y%m%d}"
    connection.execute(
        sql.SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
            sql.Identifier(name), sql.Identifier(table), sql.Literal(low), sql.Literal(high)
        )
    )
