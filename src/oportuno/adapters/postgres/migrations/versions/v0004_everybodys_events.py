"""Imports, and what others call what happened.

Written as SQL, as the first schema is.
"""

from importlib.resources import files

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create everything."""
    script = files("oportuno.adapters.postgres.migrations.versions").joinpath("v0004_everybodys_events.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(script.replace("%", "%%"))
