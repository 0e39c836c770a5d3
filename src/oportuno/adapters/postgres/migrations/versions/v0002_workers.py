"""Engines that are there, whether they own buckets or not: who owns too much can only know by this that somebody waits for a share."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the table; a row stands for as long as its engine renews it."""
    op.execute("CREATE TABLE workers (worker integer PRIMARY KEY, until_at bigint NOT NULL) WITH (fillfactor = 50)")
