"""Complaints are found without looking at all that is heard.

Written as SQL, as the first schema is.
"""

from importlib.resources import files

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the index, and the clock by which an index is searched."""
    script = files("oportuno.adapters.postgres.migrations.versions").joinpath("v0006_complaints.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(script.replace("%", "%%"))
