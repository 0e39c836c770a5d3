"""The body of a request, and the outline that saves the neighbours of a bad item."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oportuno.events.envelope import BATCH_CEILING, ITEMS_CEILING, open_batch, open_call
from oportuno.events.splitting import split_array, split_object
from oportuno.kit.faults import BadInput, TooLarge
from oportuno.kit.times import parse_moment

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Two cores shared with others: a slow draw says nothing about the promise."""

ANA = b'{"type":"track","event":"Cart Viewed","userId":"ana"}'
BRUNO = b'{"type":"track","event":"Cart Viewed","userId":"bruno"}'

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)


def items(body: bytes) -> list[bytes]:
    return [bytes(item) for item in open_batch(body).items]


@pytest.mark.parametrize(
    "bad",
    [
        b'{"name":"\\ud800"}',
        b'{"price":NaN}',
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a": 01}',
        b'{"a" "b"}',
        b'{"price":1e999}',
        b'{"name":"\xff"}',
        b'{"name":"a\x00b"}',
        b"nonsense",
        b"",
    ],
)
def test_the_neighbours_of_a_bad_item_go_through(bad: bytes) -> None:
    assert items(b'{"batch": [' + b", ".join([ANA, bad, BRUNO]) + b'], "sentAt": "2026-11-21T12:00:00Z"}') == [ANA, bad, BRUNO]


@pytest.mark.parametrize("bad", [b"", b"NaN"])
def test_what_the_batch_says_is_heard_both_ways(bad: bytes) -> None:
    rest = b'"writeKey":"wk","sentAt":"2026-11-21T12:00:00Z","context":{"oportuno":{"source":"import"}}'
    envelope = open_batch(b'\xef\xbb\xbf {"batch":[' + (ANA + b"," + bad if bad else ANA) + b"]," + rest + b"}\n")
    assert (envelope.key, envelope.sent_at, envelope.imported) == ("wk", parse_moment("2026-11-21T12:00:00Z"), True)


@pytest.mark.parametrize("strange", [b"7", b"{}", b'"soon"', b"NaN", b'"\\ud800"', b'"9999-01-01T00:00:00Z"'])
def test_strange_things_beside_the_batch_do_not_cost_its_items(strange: bytes) -> None:
    envelope = open_batch(b'{"writeKey":' + strange + b',"sentAt":' + strange + b',"context":' + strange + b',"batch":[' + ANA + b"]}")
    assert [bytes(item) for item in envelope.items] == [ANA]
    assert (envelope.sent_at, envelope.imported) == (None, False)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "body_unreadable"),
        (b"hello", "body_unreadable"),
        (b"[]", "body_unreadable"),
        (b'"batch"', "body_unreadable"),
        (b'{"batch":[', "body_unreadable"),
        (b'{"batch":[{]}}', "body_unreadable"),
        (b'{"batch":["open]}', "body_unreadable"),
        (b'{"batch":[]} {}', "body_unreadable"),
        (b'{"batch" []}', "body_unreadable"),
        (b'{"batch":[]}}', "body_unreadable"),
        (b"{}", "batch_missing"),
        (b'{"batch":null}', "batch_missing"),
        (b'{"batch":{}}', "batch_not_list"),
        (b'{"batch":"many"}', "batch_not_list"),
        (b'{"batch":[1],"batch":[2]}', "batch_repeated"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_whole(body: bytes, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        open_batch(body)
    assert caught.value.code == code


def test_a_property_called_batch_is_no_second_batch() -> None:
    item = b'{"type":"track","event":"Lot Made","userId":"ana","properties":{"batch":"7"}}'
    assert items(b'{"batch":[' + item + b"]}") == [item]


def test_too_much_at_once_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLarge):
        open_batch(b" " * (BATCH_CEILING + 1))
    with pytest.raises(TooLarge) as caught:
        open_batch(b'{"batch":[' + b",".join([b"1"] * (ITEMS_CEILING + 1)) + b"]}")
    assert caught.value.code == "batch_too_many"
    with pytest.raises(TooLarge):
        open_call(b'{"userId":"' + b"a" * 33_000 + b'"}')


def test_a_single_call_is_its_own_item_even_when_it_will_be_rejected() -> None:
    for body in (ANA, b'{"price":NaN}', b'{"name":"\\ud800"}', b'{"a":' * 5_000 + b"1" + b"}" * 5_000):
        assert open_call(body).items == [body]
    assert open_call(b'{"writeKey":"wk","event":"x"}').key == "wk"
    assert open_call(b'{"writeKey":"wk","price":NaN}').key == "wk"
    assert open_call(b'{"writeKey":7}').key == ""
    for body in (b"", b"7", b"[]", b'{"a":"', b"{} {}"):
        with pytest.raises(BadInput):
            open_call(body)


@calm
@given(st.lists(json_values))
def test_the_outline_cuts_any_list_as_a_reader_would(values: list[Any]) -> None:
    parts = split_array(json.dumps(values, indent=1).encode())
    assert [json.dumps(json.loads(part)) for part in parts] == [json.dumps(value) for value in values]


@calm
@given(st.dictionaries(st.text(), json_values))
def test_the_outline_cuts_any_object_as_a_reader_would(values: dict[str, Any]) -> None:
    parts = split_object(json.dumps(values).encode())
    assert [json.loads(key) for key, _ in parts] == list(values)
    assert [json.dumps(json.loads(value)) for _, value in parts] == [json.dumps(value) for value in values.values()]


@calm
@given(st.lists(json_values))
def test_every_item_of_any_list_is_found_in_its_order(values: list[Any]) -> None:
    found = items(json.dumps({"sentAt": "x", "batch": values}).encode())
    assert [json.dumps(json.loads(item)) for item in found] == [json.dumps(value) for value in values]


@calm
@given(st.binary() | st.text(alphabet='{}[]":,\\ abNuld0eE-.').map(str.encode))
def test_any_bytes_are_opened_or_refused_by_name(body: bytes) -> None:
    for opened in (open_batch, open_call):
        try:
            opened(body)
        except BadInput as fault:
            code = fault.code
        else:
            code = ""
        assert code in {"", "body_unreadable", "batch_missing", "batch_not_list", "batch_repeated"}


def test_a_malicious_half_megabyte_is_cut_in_linear_time() -> None:
    """An open string full of escaped quotes once made such expressions try again from every quote."""
    for body in (b'{"batch":["' + b'\\"' * 250_000, b'{"batch":[' + b'"' * 499_001, b'{"batch":[' + b"[" * 500_000):
        with pytest.raises(BadInput):
            open_batch(body)
