"""Bring a database to this release's schema and make the days' partitions."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

import psycopg

from oportuno.adapters.postgres.database import RESTORE_UNFINISHED, UNFINISHED
from oportuno.adapters.postgres.housekeeping import FEWEST_DEDUPE_DAYS, MAKE_PARTITIONS, partitioned
from oportuno.kit.faults import BadInput, Unavailable
from oportuno.kit.ids import BUCKETS

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK: Final = 0x6F706F72


def migrate(url: str, *, secret: bytes, restoring: bool = False) -> None:
    """Migrate to the newest schema, under a lock so that several processes may start at once. `secret` is kept if one stands already.

    Raises Unavailable when the database does not answer, was written by a newer release, has another number of buckets or was not restored
    to the end (`restoring` is said by who restores), and BadInput when `url` is no address.
    """
    with reach(url, name="migrate") as guard:
        guard.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        unfinished = guard.execute(UNFINISHED).fetchone()
        if unfinished and unfinished[0] and not restoring:
            raise Unavailable("restore_unfinished", RESTORE_UNFINISHED)
        make_schema(url, "head")
        guard.execute("INSERT INTO installation (secret, buckets) VALUES (%s, %s) ON CONFLICT DO NOTHING", (secret, BUCKETS), prepare=False)
        stored = guard.execute("SELECT buckets FROM installation").fetchone()
        if stored is None or stored[0] != BUCKETS:
            raise Unavailable("buckets_differ", f"this database has {stored and stored[0]} buckets; this release has {BUCKETS}")
        for table in partitioned(FEWEST_DEDUPE_DAYS):
            guard.execute(MAKE_PARTITIONS, table)


def make_schema(url: str, schema: str) -> None:
    """Bring the tables up to a schema: its number, or ``head``. Raises Unavailable when they were written by a newer release."""
    # Imported here: the engine and the deliverer never migrate and need not carry Alembic in memory.
    from alembic import command
    from alembic.util.exc import CommandError
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool)
    config = _alembic()
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, schema)
    except CommandError as fault:
        raise Unavailable("schema_newer", "this database was written by a newer release of Oportuno") from fault


def schemas() -> list[str]:
    """Give the numbers of all schemas that this release knows, the newest first."""
    from alembic.script import ScriptDirectory

    return [script.revision for script in ScriptDirectory.from_config(_alembic()).walk_revisions()]


def _alembic() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(files("oportuno.adapters.postgres").joinpath("migrations")))
    return config


def reach(url: str, *, name: str) -> psycopg.Connection:
    """Connect, in autocommit. Raises Unavailable, and BadInput when `url` is no address."""
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=10, application_name=f"oportuno {name}")
    except psycopg.OperationalError as fault:
        raise Unavailable("database_gone", "the database does not answer") from fault
    except psycopg.ProgrammingError:
        # Its text may quote the address, and with it the password.
        sentence = "the database's address cannot be read: it looks like postgresql://user@host/name"
        raise BadInput("database_address", sentence, place="DATABASE_URL") from None
