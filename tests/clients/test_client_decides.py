"""What our client makes of an answer, and of whom it is built: pure decisions, and no part of the house."""

from __future__ import annotations

import ast
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oportuno.client
from oportuno.client.retrying import LONGEST_PAUSE, LONGEST_WAIT, Again, Halve, Never, Taken, judge, pause

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def _judged(status: int, body: bytes = b"", **headers: str) -> Taken | Again | Halve | Never:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return judge(status, told, body, attempt=0, chance=0.0, now=NOW)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(status: int) -> None:
    assert isinstance(_judged(status), Again)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 410, 415, 422, 501, 505])
def test_what_will_not_pass_is_told_at_once(status: int) -> None:
    assert isinstance(_judged(status), Never)


def test_what_is_too_large_is_halved() -> None:
    assert isinstance(_judged(413), Halve)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        (" 7 ", 7.0),
        ("99999999999999", LONGEST_WAIT),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2026 23:00:00 GMT", LONGEST_WAIT),
        ("soon", 0.25),
        ("-3", 0.25),
        ("٣", 0.25),
        ("Sun, 22 Nov 2026 12:00:30", 0.25),
    ],
)
def test_the_server_says_how_long_to_wait_as_far_as_it_can_be_read(header: str, seconds: float) -> None:
    found = _judged(429, retry_after=header)
    assert isinstance(found, Again)
    assert found.after == seconds


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_a_pause_is_never_none_and_never_above_a_minute(attempt: int, chance: float) -> None:
    assert 0 < pause(attempt, chance) <= LONGEST_PAUSE


@given(
    st.integers(100, 599),
    st.dictionaries(st.sampled_from(["retry-after", "x"]), st.text()),
    st.binary(),
    st.integers(0, 100),
    st.floats(0, 1),
)
def test_no_answer_makes_the_decision_fail(status: int, headers: dict[str, str], body: bytes, attempt: int, chance: float) -> None:
    found = judge(status, headers, body, attempt=attempt, chance=chance, now=NOW)
    assert not isinstance(found, Again) or 0 <= found.after <= 1.1 * LONGEST_WAIT


def test_each_reject_is_told_with_its_place_in_the_batch_and_the_rest_as_a_number() -> None:
    body = b"""{"rejected": 4, "rejects": [{"place": "batch[3].event", "code": "event_missing", "detail": "d"},
        {"place": "batch[10]", "code": "item_too_large", "detail": "d"},
        {"place": "track.event", "code": "event_missing", "detail": "d"}]}"""
    found = _judged(200, body)
    assert isinstance(found, Taken)
    assert [(number, why.code) for number, why in found.rejected] == [
        (3, "event_missing"), (10, "item_too_large"), (None, "event_missing"), (None, "more_rejected"),
    ]  # fmt: skip


def test_a_refusal_names_its_code_even_when_somebody_else_answers() -> None:
    for status, body, code in (
        (401, b'{"code": "key_unknown", "detail": "there is no such key"}', "key_unknown"),
        (302, b"", "host_moved"),
        (403, b"<html>Forbidden</html>", "answer_unknown"),
    ):
        found = _judged(status, body)
        assert isinstance(found, Never)
        assert (found.why.code, found.why.status) == (code, status)


def test_the_client_is_made_of_the_standard_library_and_two_others() -> None:
    """Whoever installs it in a shop's own server gets nothing of ours that listens, stores or decides."""
    for path in Path(oportuno.client.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                first = name.split(".")[0]
                assert first in sys.stdlib_module_names | {"httpx2", "msgspec"} or name.startswith("oportuno.client"), (
                    f"{path.name}: {name}"
                )
