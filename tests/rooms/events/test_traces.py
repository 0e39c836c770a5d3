"""Whose was what could not be read? Found by the ids in it, and by nothing that merely looks like them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oportuno.events.traces import names_any, traces_in


def test_an_event_tells_every_id_and_address_by_which_it_names_somebody() -> None:
    body = json.dumps(
        {
            "userId": 1001,
            "anonymousId": "tablet",
            "previousId": "old-ana",
            "traits": {"email": "ana@correo.example", "phone": "+34 600", "name": "Ana"},
            "context": {"traits": {"email": "ana@otro.example"}},
        }
    ).encode()
    assert traces_in(body) == {"1001", "tablet", "old-ana", "ana@correo.example", "+34 600", "ana@otro.example"}


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"text"', b"[" * 100_000, b'{"traits":7,"userId":true}'])
def test_what_cannot_be_read_tells_nothing(body: bytes) -> None:
    assert traces_in(body) == set()


@pytest.mark.parametrize(
    "raw",
    [
        b'{"userId":"ana"}',
        b'{"deep":[{"er":[["ana"]]}]}',
        b'{"user_id":7}',
        b'{"ana":1}',
        b'{"note":"ask (ana@correo.example)!"}',
        b'{"note":"ANA@CORREO.EXAMPLE"}',
        b"not json at all: mail to ana@correo.example, please",
        b'{"userId":"ana"',
        '{"name":"niño@correo.example"}'.encode(),
        rb'{"name":"ni\u00f1o@correo.example"',
    ],
)
def test_whoever_is_named_is_found(raw: bytes) -> None:
    assert names_any(raw, {"ana", "7", "ana@correo.example", "niño@correo.example"})


@pytest.mark.parametrize(
    "raw",
    [
        b'{"userId":"banana"}',
        b'{"properties":{"quantity":7}}',
        b'{"note":"ana is short"}',
        b'{"note":"susana@correo.example"}',
        b'{"note":"ana@correo.examples"}',
        b"not json: banana, ana",
        b"",
    ],
)
def test_who_is_not_named_is_left_alone(raw: bytes) -> None:
    assert not names_any(raw, {"ana", "7", "ana@correo.example"})


def test_by_nothing_nobody_is_found() -> None:
    assert not names_any(b'{"userId":""}', {"", "  "})
    assert not names_any(b'{"userId":"ana"}', set())


@given(st.text(min_size=1).filter(str.strip), st.sampled_from(["userId", "anonymousId", "email", "x"]), st.booleans())
def test_a_whole_text_that_is_an_id_is_always_found_however_it_is_written(trace: str, field: str, ascii_only: bool) -> None:
    try:
        raw = json.dumps({"type": "track", "inside": {field: trace}}, ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:
        return
    assert names_any(raw, {trace})


@given(st.binary(max_size=200), st.sets(st.text(max_size=10), max_size=5))
def test_no_bytes_make_the_search_fail(raw: bytes, traces: set[str]) -> None:
    assert names_any(raw, traces) in {True, False}
