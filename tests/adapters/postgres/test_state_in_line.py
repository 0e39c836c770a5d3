"""A state at its ceiling stands in its row: PostgreSQL neither compresses it nor moves it out, which would cost more than a step."""

from __future__ import annotations

import psycopg
import pytest

from oportuno.profile.draft import SIZE_CEILING


@pytest.mark.parametrize("size", [2_000, SIZE_CEILING])
def test_a_state_up_to_the_ceiling_is_stored_in_line_and_as_it_is(postgres_url: str, size: int) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO customers (bucket, workspace, customer, version, state) VALUES (1, 1, %s, 1, %s)", (size, b"ana " * (size // 4))
        )
        stored = connection.execute("SELECT pg_column_size(state), octet_length(state) FROM customers WHERE customer = %s", (size,))
        column, octets = stored.fetchone() or (0, 0)
        assert octets == size
        assert column >= size, "compressed"
        outside = connection.execute(
            "SELECT coalesce(pg_relation_size(nullif(reltoastrelid, 0)), 0) FROM pg_class WHERE relname = 'customers'"
        ).fetchone()
        assert outside == (0,)
