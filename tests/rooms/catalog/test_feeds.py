"""Feeds as shops send them: every encoding, every separator, cut in the middle, and with a bomb inside."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oportuno.catalog.feed_rows import read_csv, read_jsonl
from oportuno.catalog.feed_text import FeedBroken, Note
from oportuno.catalog.feed_xml import read_xml
from oportuno.catalog.product import Product
from oportuno.catalog.row import ProductRow, RowFault

NOW = 1_795_000_000_000


def take(reader, raw: bytes, piece: int = 7):
    """Read a feed that comes in small pieces: rows, refused rows, notes, and the fault at its end."""
    rows, refused, notes, broken = [], [], [], ""
    chunks = [raw[start : start + piece] for start in range(0, len(raw), piece)]
    try:
        for each in reader(chunks, currency="EUR", now=NOW):
            (rows if isinstance(each, ProductRow) else notes if isinstance(each, Note) else refused).append(each)
    except FeedBroken as fault:
        broken = fault.code
    return rows, [(each.line, each.field, each.code) for each in refused], notes, broken


CSV = "id;nombre;precio;existencias\np1;Lámpara;12,50;3\np2;Mesa «ñ»;1.234,00 €;\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_spanish_csv_is_read_whatever_its_encoding_and_ends_of_lines(encoding, end):
    rows, refused, notes, broken = take(read_csv, CSV.replace("\n", end).encode(encoding))
    assert [(row.product.id, row.product.name, row.product.price, row.product.stock) for row in rows] == [
        ("p1", "Lámpara", 1_250, 3),
        ("p2", "Mesa «ñ»", 123_400, None),
    ]
    assert (refused, broken) == ([], "")
    assert bool(notes) == (encoding == "cp1252")


@pytest.mark.parametrize("between", [",", ";", "\t", "|"])
def test_the_separator_is_seen_in_the_first_line(between):
    raw = f"id{between}name{between}price{between}colour\np1{between}Rug{between}9{between}red\n"
    rows, _, notes, _ = take(read_csv, raw.encode())
    assert rows[0].product == Product(id="p1", name="Rug", price=900, currency="EUR")
    assert "colour" in notes[0]


def test_a_row_that_cannot_be_used_is_named_with_its_line_and_field_and_the_next_one_is_read():
    raw = 'id,name,price,stock,url\np1,,1,1,\n,x,1,1,\np3,x,-1,1,\np4,x,1.234,1,\np5,x,1,many,\np6,x,1,1,ftp://x\np7,x,1\np8,x"y",1,1,\np9,good,1,1,\n'
    rows, refused, _, broken = take(read_csv, raw.encode())
    assert [row.product.id for row in rows] == ["p8", "p9"]
    assert refused == [
        (2, "name", "name_missing"),
        (3, "id", "id_missing"),
        (4, "price", "price_negative"),
        (5, "price", "price_malformed"),
        (6, "stock", "stock_malformed"),
        (7, "url", "url_malformed"),
        (8, "", "row_columns"),
    ]
    assert broken == ""


def test_a_quote_that_never_closes_is_a_feed_cut_in_the_middle():
    rows, _, _, broken = take(read_csv, b'id,name\np1,Rug\np2,"Lamp\np3,Chair\n')
    assert ([row.product.id for row in rows], broken) == (["p1"], "feed_cut")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "feed_empty"),
        (b"\n\n", "feed_empty"),
        (b"name,price\nx,1\n", "columns_missing"),
        (b"id,id,name\n1,2,x\n", "columns_twice"),
        (b"id,name\np1,\xc3\xb1\np2,\xff\n", "encoding_broken"),
    ],
)
def test_a_feed_that_cannot_be_understood_is_refused_by_name(raw, code):
    assert take(read_csv, raw)[3] == code


def test_json_lines_are_read_one_by_one():
    lines = [
        '{"id": "p1", "name": "Rug", "price": 12.345678901, "variants": [{"id": "s", "price": "12.35", "stock": 2}]}',
        "",
        '{"id": 7, "name": "Lamp", "price": null, "unknown": 1}',
        '["no object"]',
        '{"id": "p2", "name": "\\ud800"}',
    ]
    rows, refused, _, broken = take(read_jsonl, "\n".join(lines).encode() + b"\n")
    assert [(row.product.id, row.product.price, row.product.stock) for row in rows] == [("p1", 1_235, 2), ("7", None, None)]
    assert ([code for _, _, code in refused], broken) == (["row_malformed", "row_malformed"], "")
    assert take(read_jsonl, b'[{"id": "p1"}]')[3] == "feed_format"
    assert take(read_jsonl, b'{"id": "p1", "name": "Rug"}\n{"id": "p2", "na')[3] == "feed_cut"


MERCHANT = """<?xml version="1.0" encoding="{encoding}"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Tienda Norte</title>
<item><g:id>s-red</g:id><g:item_group_id>shirt</g:item_group_id><title>Camisa</title><link>https://norte.example/s</link>
<g:price>20.00 EUR</g:price><g:sale_price>15.00 EUR</g:sale_price><g:availability>in_stock</g:availability><g:color>rojo</g:color>
<g:product_type>Ropa &gt; Camisas</g:product_type><g:shipping><g:price>5.00 EUR</g:price></g:shipping></item>
<item><g:id>s-blue</g:id><g:item_group_id>shirt</g:item_group_id><title>Camisa</title><g:price>18.00 EUR</g:price>
<g:availability>out_of_stock</g:availability></item>
<item><g:id>rug</g:id><title>Año</title><g:price>9 EUR</g:price><g:sale_price>8 EUR</g:sale_price>
<g:sale_price_effective_date>2020-01-01T00:00:00Z/2020-02-01T00:00:00Z</g:sale_price_effective_date></item>
</channel></rss>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "windows-1252"])
def test_a_google_merchant_feed_is_read_with_groups_sales_and_availability(encoding):
    rows, refused, _, broken = take(read_xml, MERCHANT.format(encoding=encoding).encode(encoding))
    assert (refused, broken) == ([], "")
    red, blue, rug = rows
    assert (red.product.id, red.single, red.product.price, red.product.was) == ("shirt", True, 1_500, 2_000)
    assert red.product.categories == ("Ropa > Camisas",)
    assert (red.product.variants[0].id, red.product.variants[0].stock, red.product.variants[0].options) == ("s-red", 1, {"color": "rojo"})
    assert (blue.product.variants[0].price, blue.product.variants[0].stock) == (1_800, 0)
    assert (rug.product.name, rug.product.price, rug.product.was, rug.single) == ("Año", 900, None, False)


@pytest.mark.parametrize("at", [200, 400, 700, 880])
def test_a_merchant_feed_cut_in_the_middle_keeps_what_was_whole(at):
    raw = MERCHANT.format(encoding="utf-8").encode()
    rows, _, _, broken = take(read_xml, raw[:at])
    assert broken == "feed_cut"
    assert len(rows) == raw[:at].count(b"</item>")


def test_a_document_with_entities_is_refused_before_it_can_grow():
    bomb = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><rss><item><id>&b;</id></item></rss>'
    assert take(read_xml, bomb) == ([], [], [], "xml_declares")
    assert take(read_xml, b"<a>" * 200)[3] == "xml_too_deep"
    assert take(read_xml, b"<rss><item></rss>")[3] == "xml_malformed"
    assert take(read_xml, b"")[3] == "feed_cut"


@given(st.binary(max_size=300), st.sampled_from([read_csv, read_jsonl, read_xml]), st.integers(1, 50))
def test_no_bytes_whatever_break_a_reader_otherwise_than_by_name(raw, reader, piece):
    take(reader, raw, piece)


_junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(
            "id name url image brand categories price was currency stock tags sensitive variants manual_url at sale_price availability "
            "item_group_id color sale_price_effective_date".split()
        ),
        _junk,
    )
)
def test_no_values_whatever_break_a_row_otherwise_than_by_name(fields):
    for each in read_jsonl([json.dumps(fields).encode() + b"\n"], currency="EUR", now=NOW):
        assert isinstance(each, (ProductRow, RowFault, Note))
        if isinstance(each, ProductRow):
            assert each.product.price is None or each.product.price >= 0
