"""Files as the world writes them: cut into rows, decoded, unpacked; and written so that no spreadsheet runs them."""

from __future__ import annotations

import csv
import gzip
import io

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from oportuno.adapters.files.csv_rows import csv_lines, sniff
from oportuno.adapters.files.form import FileForm
from oportuno.adapters.files.opened import digest_of, open_file
from oportuno.adapters.files.written import CsvOut, still
from oportuno.kit.faults import BadInput

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Two cores shared with others: a slow draw says nothing about the promise."""


def rows(path, columns=frozenset(), **given_ways):
    return [
        (line.number, line.at, dict(line.cells), line.broken and line.broken.code) for line in open_file(path, **given_ways).lines(columns)
    ]


def write(tmp_path, raw, name="clientes.csv"):
    path = tmp_path / name
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize(("sign", "said"), [(";", "semicolon"), (",", "comma"), ("\t", "tab"), ("|", "bar")])
def test_encoding_and_separator_are_seen_and_said(tmp_path, encoding, sign, said):
    text = "\r\n".join((sign.join(("id", "nombre", "año")), sign.join(("1", "Íñigo", "2025"))))
    path = write(tmp_path, text.encode(encoding))
    opened = open_file(path)
    assert said in opened.taken_as
    assert opened.headings == ("id", "nombre", "año")
    assert [dict(line.cells) for line in opened.lines(frozenset())] == [{"id": "1", "nombre": "Íñigo", "año": "2025"}]


def test_quotes_hold_newlines_separators_and_quotes(tmp_path):
    path = write(tmp_path, b'id,note\r\n1,"one, ""two""\nthree"\r\n\r\n2,x\r\n')
    assert rows(path) == [(1, 3, {"id": "1", "note": 'one, "two"\nthree'}, None), (2, 5, {"id": "2", "note": "x"}, None)]


def test_a_row_of_another_width_is_broken_and_its_neighbours_are_not(tmp_path):
    path = write(tmp_path, b"id,a,b\n1,x,y\n2,x\n3,x,y,z\n4,x,y")
    assert [(number, code) for number, _, _, code in rows(path)] == [(1, None), (2, "row_columns"), (3, "row_columns"), (4, None)]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "file_empty"),
        (b"id,id\n1,2\n", "column_twice"),
        (b'id,a\n1,"never closed\n', "quote_open"),
        (b"id,a\n" + b"1,x\n" * 30_000 + "2,ñ".encode("cp1252"), "encoding_broken"),
        (b"id,a\n1," + b"x" * 1_100_000, "line_too_long"),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_where(tmp_path, raw, code):
    with pytest.raises(BadInput) as fault:
        rows(write(tmp_path, raw))
    assert fault.value.code == code
    assert fault.value.place


def test_what_is_said_counts_more_than_what_is_seen(tmp_path):
    path = write(tmp_path, "id;a,b;c\n1;x,y;ñ\n".encode("latin-1"))
    assert rows(path, separator=",", encoding="latin-1") == [(1, 2, {"id;a": "1;x", "b;c": "y;ñ"}, None)]
    with pytest.raises(BadInput) as fault:
        rows(path, encoding="ebcdic")
    assert fault.value.code == "csv_encoding_unknown"


def test_gzip_is_unpacked_and_a_cut_file_is_told(tmp_path):
    packed = gzip.compress(b"id,a\n" + b"".join(b"%d,x\n" % number for number in range(20_000)))
    assert len(rows(write(tmp_path, packed, "c.csv.gz"))) == 20_000
    with pytest.raises(BadInput) as fault:
        rows(write(tmp_path, packed[: len(packed) // 2], "cut.csv.gz"))
    assert fault.value.code == "file_cut"


def test_json_lines(tmp_path):
    path = write(tmp_path, b'\xef\xbb\xbf{"a": {"b": 1}}\n\nnot json\n[1]\n{"a": 2}', "e.jsonl")
    assert [(number, at, cells, code) for number, at, cells, code in rows(path)] == [
        (1, 1, {"a": {"b": 1}}, None),
        (2, 3, {}, "row_malformed"),
        (3, 4, {}, "row_malformed"),
        (4, 5, {"a": 2}, None),
    ]
    with pytest.raises(BadInput) as fault:
        rows(write(tmp_path, b'[{"a": 1}]', "list.json"))
    assert fault.value.code == "json_list"


def test_parquet_gives_only_the_columns_that_somebody_looks_at(tmp_path):
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"id": [1, 2, 3], "name": ["a", None, "c"], "heavy": ["x" * 1000] * 3}), path, row_group_size=2)
    opened = open_file(path)
    assert (opened.form, opened.headings, opened.whole) == (FileForm.PARQUET, ("id", "name", "heavy"), 3)
    assert [dict(line.cells) for line in opened.lines(frozenset({"id", "name"}))] == [
        {"id": 1, "name": "a"},
        {"id": 2, "name": None},
        {"id": 3, "name": "c"},
    ]
    with pytest.raises(BadInput) as fault:
        open_file(write(tmp_path, b"PAR1 and then nothing of the kind", "bad.parquet"))
    assert fault.value.code == "parquet_broken"


def test_the_same_bytes_have_the_same_digest(tmp_path):
    one, other = write(tmp_path, b"id\n1\n", "one.csv"), write(tmp_path, b"id\n1\n", "other.csv")
    assert digest_of(one) == digest_of(other) != digest_of(write(tmp_path, b"id\n2\n", "third.csv"))


@calm
@given(
    st.lists(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=2, max_size=2), max_size=20),
    st.integers(1, 9),
)
def test_any_csv_comes_back_however_its_bytes_are_cut(cells, cut):
    out = io.StringIO()
    csv.writer(out).writerows([["one", "two"], *cells])
    raw = out.getvalue().encode()
    ways = sniff(raw, separator=",", encoding="utf-8")
    pieces = [raw[start : start + cut] for start in range(0, len(raw), cut)]
    assert [list(line.cells.values()) for line in csv_lines(pieces, ways)] == [row for row in cells if any(row)]


@pytest.mark.parametrize("cell", ["=1+1", "+34", "-2", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_that_we_write_is_a_formula(tmp_path, cell):
    assert still(cell) == "'" + cell
    with CsvOut(tmp_path / "out.csv", ["=head", "b"]) as out:
        out.put([cell, "ñ"])
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["'=head", "b"], ["'" + cell, "ñ"]]


@calm
@given(st.text() | st.integers() | st.none() | st.booleans() | st.lists(st.text(), max_size=2))
def test_whatever_is_written_begins_with_nothing_that_runs(cell):
    assert still(cell)[:1] not in {"=", "+", "-", "@", "\t", "\r"}
