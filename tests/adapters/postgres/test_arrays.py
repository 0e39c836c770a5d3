"""What is written as an array is read back as it was, whatever its values and however many."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oportuno.adapters.postgres.arrays import Byteas, Int2s, Int4s, Int8s, Texts, Tids, register_arrays

_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))


@pytest.fixture(scope="module")
def connection(postgres_url: str):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        register_arrays(connection)
        yield connection


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    small=st.lists(st.integers(-(2**15), 2**15 - 1)),
    middle=st.lists(st.integers(-(2**31), 2**31 - 1)),
    large=st.lists(st.integers(-(2**63), 2**63 - 1)),
    raw=st.lists(st.binary(max_size=200)),
    texts=st.lists(_TEXT),
)
def test_every_array_comes_back_as_it_went(connection, small, middle, large, raw, texts) -> None:  # noqa: PLR0917 - one for each type
    row = connection.execute(
        "SELECT %b::int2[], %b::int4[], %b::int8[], %b::bytea[], %b::text[]",
        (Int2s(small), Int4s(middle), Int8s(large), Byteas(raw), Texts(texts)),
        binary=True,
    ).fetchone()
    assert row == (small, middle, large, raw, texts)


@pytest.mark.parametrize(("kind", "value"), [(Int2s, 2**15), (Int4s, 2**31), (Int8s, 2**63)])
def test_a_number_that_does_not_fit_is_an_error_and_never_another_number(connection, kind, value) -> None:
    with pytest.raises(OverflowError):
        connection.execute("SELECT %b", (kind([value]),))


def test_the_places_of_rows_come_back_as_a_result_gave_them(connection) -> None:
    asked = "SELECT ctid FROM pg_class ORDER BY ctid"
    places = [place for (place,) in connection.execute(asked, binary=True).fetchall()]
    assert len(places) > 1
    found = connection.execute("SELECT %b::tid[] = ARRAY(" + asked + ")", (Tids(places),)).fetchone()
    assert found == (True,)
    assert connection.execute("SELECT %b::tid[]", (Tids(),), binary=True).fetchone() == ([],)
