"""The ports on PostgreSQL: one query module a table group, every statement described where it stands."""
