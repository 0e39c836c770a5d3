"""Catalogue, watches, fan-out, merges, and what the engine and the deliverer remember beyond their processes.

Written as SQL, as the first schema is.
"""

from importlib.resources import files

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create everything."""
    script = files("oportuno.adapters.postgres.migrations.versions").joinpath("v0003_who_cares.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(script.replace("%", "%%"))
