"""Bring a database to this release's schema and make the days' partitions."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

import psycopg

from oportuno.adapters.postgres.housekeeping import FEWEST_DEDUPE_DAYS, MAKE_PARTITIONS, partitioned
from oportuno.kit.faults import BadInput, Unavailable
from oportuno.kit.ids import BUCKETS

_LOCK: Final = 0x6F706F72


def migrate(url: str, *, secret: bytes) -> None:
    """Migrate to the newest schema, under a lock so that several processes may start at once. `secret` is kept if one stands already.

    Raises Unavailable when the database does not answer, was written by a newer release or has another number of buckets, and BadInput when
    `url` is no address.
    """
    # Imported here: the engine and the deliverer never migrate and need not carry Alembic in memory.
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    with _reach(url) as guard:
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
        for table in partitioned(FEWEST_DEDUPE_DAYS):
            guard.execute(MAKE_PARTITIONS, table)


def _reach(url: str) -> psycopg.Connection:
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as fault:
        raise Unavailable("database_gone", "the database does not answer") from fault
    except psycopg.ProgrammingError:
        # Its text may quote the address, and with it the password.
        sentence = "the database's address cannot be read: it looks like postgresql://user@host/name"
        raise BadInput("database_address", sentence, place="DATABASE_URL") from None
