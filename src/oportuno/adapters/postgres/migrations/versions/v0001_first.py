"""The first schema.

Written as SQL: partitions, storage and fill factors are the point of it, and SQLAlchemy's table language does not say them.
"""

from importlib.resources import files

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create everything."""
    script = files("oportuno.adapters.postgres.migrations.versions").joinpath("v0001_first.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(script.replace("%", "%%"))
