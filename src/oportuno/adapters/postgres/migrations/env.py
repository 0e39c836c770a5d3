"""How Alembic reaches the database: on the connection that `migrate` hands over, nothing else."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=None, version_table="oportuno_schema")
with context.begin_transaction():
    context.run_migrations()
