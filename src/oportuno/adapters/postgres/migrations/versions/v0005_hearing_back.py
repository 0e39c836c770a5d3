"""What is heard of messages that were sent, and what follows from it.

Written as SQL, as the first schema is.
"""

from importlib.resources import files

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create everything."""
    script = files("oportuno.adapters.postgres.migrations.versions").joinpath("v0005_hearing_back.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(script.replace("%", "%%"))
