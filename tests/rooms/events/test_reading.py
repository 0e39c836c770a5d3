"""One item, read completely."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from oportuno.events.event import Call, Source
from oportuno.events.reading import Read, Refused, Surroundings, read_call
from oportuno.events.rejections import SENTENCES, Rejection
from oportuno.kit.times import DAY, HOUR, MINUTE, SECOND, day_of, parse_moment, to_text

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Two cores shared with others: a slow draw says nothing about the promise."""

NOON = parse_moment("2026-11-21T12:00:00Z") or 0
LONG_AGO = parse_moment("2026-08-01T10:00:00Z") or 0


def around(**changes: Any) -> Surroundings:
    chance = itertools.count(1)
    given_facts: dict[str, Any] = {"received": NOON, "digest_key": b"k" * 32, "ids": lambda: next(chance).to_bytes(16, "big")}
    return Surroundings(**(given_facts | changes))


def view(**changes: Any) -> dict[str, Any]:
    """Ana looks at boots in Tienda Norte."""
    return {
        "type": "track",
        "event": "Product Viewed",
        "userId": "ana",
        "messageId": "m-1",
        "properties": {"product_id": "boots"},
        "timestamp": to_text(NOON),
    } | changes


def read(item: Any, **changes: Any) -> Read:
    found = read_call(item if isinstance(item, bytes) else json.dumps(item).encode(), around(**changes))
    assert isinstance(found, Read), found
    return found


def refused(item: Any, **changes: Any) -> tuple[Rejection, str]:
    raw = item if isinstance(item, bytes) else json.dumps(item).encode()
    found = read_call(raw, around(**changes))
    assert isinstance(found, Refused), found
    assert found.body == raw
    return found.code, found.field


def test_what_ana_did_is_read_whole_and_kept_byte_for_byte() -> None:
    raw = json.dumps(view(), indent=3).encode()
    found = read(raw)
    assert (found.call, found.name, found.user, found.anonymous) == (Call.TRACK, "Product Viewed", "ana", "")
    assert found.body == raw
    assert (found.at, found.source) == (NOON, Source.LIVE)


@pytest.mark.parametrize("kind", [call.name.lower() for call in Call])
def test_every_call_of_segment_is_known(kind: str) -> None:
    assert read(view(type=kind, previousId="dora", groupId="club")).call is Call[kind.upper()]


def test_the_address_names_the_call_of_a_single_item() -> None:
    item = view()
    del item["type"]
    assert read(item, call=Call.TRACK).call is Call.TRACK
    assert refused(item) == (Rejection.TYPE_MISSING, "type")


def test_a_page_needs_no_name_and_a_track_call_does() -> None:
    assert read(view(type="page", event=None)).name == ""
    assert read(view(type="page", name="Botas")).name == "Botas"
    for nothing in (None, "", "   "):
        assert refused(view(event=nothing)) == (Rejection.EVENT_MISSING, "event")


def test_ids_may_be_whole_numbers_as_the_libraries_write_them() -> None:
    assert read(view(userId=42)).user == "42"
    for wrong in (True, 1.5, ["ana"], {"id": "ana"}):
        assert refused(view(userId=wrong)) == (Rejection.ID_MALFORMED, "userId")


def test_an_event_about_nobody_is_refused() -> None:
    assert refused(view(userId=None)) == (Rejection.CUSTOMER_MISSING, "userId")
    assert read(view(userId="", anonymousId="dora")).anonymous == "dora"


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"type": "tracked"}, Rejection.TYPE_UNKNOWN, "type"),
        ({"type": 7}, Rejection.TYPE_UNKNOWN, "type"),
        ({"event": 7}, Rejection.NAME_MALFORMED, "event"),
        ({"event": "x" * 201}, Rejection.NAME_TOO_LONG, "event"),
        ({"anonymousId": "x" * 201}, Rejection.ID_TOO_LONG, "anonymousId"),
        ({"messageId": ["m"]}, Rejection.ID_MALFORMED, "messageId"),
        ({"properties": ["boots"]}, Rejection.NOT_AN_OBJECT, "properties"),
        ({"traits": "tall"}, Rejection.NOT_AN_OBJECT, "traits"),
        ({"context": 1}, Rejection.NOT_AN_OBJECT, "context"),
        ({"type": "group"}, Rejection.GROUP_ID_MISSING, "groupId"),
        ({"type": "alias"}, Rejection.PREVIOUS_ID_MISSING, "previousId"),
        ({"timestamp": "yesterday"}, Rejection.TIMESTAMP_UNREADABLE, "timestamp"),
        ({"timestamp": "9999-12-31T23:59:59Z"}, Rejection.TIMESTAMP_UNREADABLE, "timestamp"),
        ({"originalTimestamp": 1700000000}, Rejection.TIMESTAMP_UNREADABLE, "originalTimestamp"),
        ({"sentAt": "soon"}, Rejection.TIMESTAMP_UNREADABLE, "sentAt"),
        ({"sentAt": "2099-01-01T00:00:00Z", "timestamp": "1900-01-01T00:00:00Z"}, Rejection.TIMESTAMP_UNREADABLE, "timestamp"),
        ({"properties": {"name": "bo\0ots"}}, Rejection.CHARACTER_FORBIDDEN, ""),
        ({"properties": {"na\0me": 1}}, Rejection.CHARACTER_FORBIDDEN, ""),
        ({"properties": {"price": 2**70}}, Rejection.NUMBER_OUT_OF_RANGE, ""),
        ({"properties": {"price": float("nan")}}, Rejection.NUMBER_OUT_OF_RANGE, ""),
        ({"properties": {"price": float("inf")}}, Rejection.NUMBER_OUT_OF_RANGE, ""),
        ({"properties": {"name": "\ud800"}}, Rejection.TEXT_MALFORMED, ""),
        ({"properties": {"name": "x" * 33_000}}, Rejection.ITEM_TOO_LARGE, ""),
    ],
)
def test_what_cannot_be_an_event_is_refused_by_name_and_place(changes: dict[str, Any], code: Rejection, field: str) -> None:
    assert refused(view(**changes)) == (code, field)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", Rejection.ITEM_UNREADABLE),
        (b"{", Rejection.ITEM_UNREADABLE),
        (b'{"a": 01}', Rejection.ITEM_UNREADABLE),
        (b"null", Rejection.ITEM_NOT_OBJECT),
        (b'["track"]', Rejection.ITEM_NOT_OBJECT),
        (b'{"price": 1e999}', Rejection.NUMBER_OUT_OF_RANGE),
        (b'{"price": ' + b"9" * 5000 + b"}", Rejection.NUMBER_OUT_OF_RANGE),
        (b'{"name": "\xff"}', Rejection.TEXT_MALFORMED),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, Rejection.ITEM_TOO_LARGE),
        (b"[" * 10_000 + b"]" * 10_000, Rejection.ITEM_TOO_DEEP),
        (b"[" * 10_000, Rejection.ITEM_TOO_DEEP),
    ],
)
def test_what_breaks_decoders_is_refused_and_never_raises(raw: bytes, code: Rejection) -> None:
    assert refused(raw) == (code, "")


def test_a_backslash_before_u0000_is_no_nul() -> None:
    assert read(view(properties={"path": "C:\\u0000"})).user == "ana"


def test_brackets_inside_texts_are_not_depth() -> None:
    assert read(view(properties={"drawing": "[" * 500})).user == "ana"


def test_a_clock_that_runs_behind_is_corrected_by_what_it_says_of_sending() -> None:
    behind = NOON - 3 * DAY
    found = read(view(timestamp=to_text(behind), sentAt=to_text(behind + 4 * SECOND)))
    assert (found.at, found.source) == (NOON - 4 * SECOND, Source.LIVE)
    batch = read(view(timestamp=to_text(behind)), sent_at=behind + 4 * SECOND)
    assert batch.at == found.at


def test_the_original_stamp_is_corrected_and_without_sending_the_corrected_one_counts() -> None:
    item = view(originalTimestamp=to_text(NOON - HOUR), timestamp=to_text(NOON - MINUTE))
    assert read(item, sent_at=NOON - HOUR + SECOND).at == NOON - SECOND
    assert read(item).at == NOON - MINUTE


def test_without_any_stamp_it_happened_when_it_arrived() -> None:
    item = view()
    del item["timestamp"]
    assert read(item, sent_at=NOON - 5 * DAY).at == NOON


def test_news_is_live_for_a_quarter_of_an_hour() -> None:
    assert read(view(timestamp=to_text(NOON - 15 * MINUTE))).source is Source.LIVE
    assert read(view(timestamp=to_text(NOON - 15 * MINUTE - 1))).source is Source.LATE


def test_the_future_is_now_and_from_far_ahead_it_starts_nothing() -> None:
    near, far = read(view(timestamp=to_text(NOON + MINUTE))), read(view(timestamp=to_text(NOON + HOUR)))
    assert (near.at, near.source) == (NOON, Source.LIVE)
    assert (far.at, far.source) == (NOON, Source.LATE)


def test_history_needs_the_secret_key_and_is_believed_as_it_stands() -> None:
    item = view(timestamp=to_text(LONG_AGO), context={"oportuno": {"source": "import"}})
    assert refused(item) == (Rejection.IMPORT_NOT_ALLOWED, "context.oportuno.source")
    assert refused(view(), imported=True) == (Rejection.IMPORT_NOT_ALLOWED, "")
    found = read(item, secret=True, sent_at=NOON - 9 * SECOND)
    assert (found.at, found.source) == (LONG_AGO, Source.IMPORT)
    assert read(view(), secret=True, imported=True).source is Source.IMPORT


def test_a_reject_taken_in_again_is_old_news() -> None:
    assert read(view(), replayed=True).source is Source.REPLAY


def test_the_same_message_id_gives_the_same_identity_and_needs_the_key_to_guess() -> None:
    assert read(view()).h == read(view(event="Cart Viewed")).h
    assert read(view()).h != read(view(), digest_key=b"x" * 32).h
    assert len(read(view()).h) == 16


def test_without_a_message_id_every_item_is_its_own_event() -> None:
    surroundings = around()
    first, second = (read_call(json.dumps(view(messageId=None)).encode(), surroundings) for _ in range(2))
    assert isinstance(first, Read)
    assert isinstance(second, Read)
    assert first.h != second.h


def test_an_id_is_remembered_under_the_clients_own_day() -> None:
    found = read(view(timestamp=to_text(NOON - 3 * DAY)))
    assert (found.day, found.also_day) == (day_of(NOON) - 3, None)
    original = read(view(originalTimestamp=to_text(NOON - 2 * DAY)))
    assert (original.day, original.also_day) == (day_of(NOON) - 2, None)


@calm
@example(-5_140_800_001, 1)
@given(st.integers(min_value=-60 * DAY, max_value=60 * DAY), st.integers(min_value=0, max_value=DAY))
def test_a_retry_finds_the_id_again_within_48_hours_whatever_the_stamps(own: int, later: int) -> None:
    """The retry arrives later, with a new sentAt; the day it probes, or the one before, is the day of the first attempt."""
    for item in (view(timestamp=to_text(NOON + own)), view(timestamp=None, sentAt=to_text(NOON + own)), view(timestamp=None)):
        first = read(item)
        again = read(item | ({"sentAt": to_text(NOON + own + later)} if "sentAt" in item else {}), received=NOON + later)
        assert first.day in {again.day, again.also_day}
        assert first.day < 0 or day_of(NOON) - 30 <= first.day <= day_of(NOON) + 1


@given(st.integers(min_value=0, max_value=400 * DAY), st.integers(min_value=0, max_value=30 * DAY))
def test_a_stamp_of_the_clients_own_is_found_again_for_thirty_days_however_old_it_was(age: int, later: int) -> None:
    item = view(timestamp=to_text(NOON - age))
    first, again = read(item), read(item, received=NOON + later)
    assert first.day in {again.day, again.also_day}


def test_the_day_inside_the_message_id_counts_when_there_is_no_stamp() -> None:
    yesterday = NOON - DAY
    uuid = f"{yesterday >> 16:08x}-{yesterday & 0xFFFF:04x}-7abc-8abc-0123456789ab"
    letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    ulid = "".join(letters[yesterday >> 5 * place & 31] for place in reversed(range(10))) + "0" * 16
    for message_id in (uuid, ulid, ulid.lower()):
        found = read(view(timestamp=None, messageId=message_id))
        assert (found.day, found.also_day) == (day_of(yesterday), None)
    for other in ("7" * 36, "u" * 26, "z" * 26, "x" * 14 + "7" + "-" * 21):
        found = read(view(timestamp=None, messageId=other))
        assert (found.day, found.also_day) == (day_of(NOON), day_of(NOON) - 1)


def test_every_rejection_has_its_sentence_in_both_languages() -> None:
    assert set(SENTENCES) == set(Rejection)
    assert all(sentence.en and sentence.es and sentence.en != sentence.es for sentence in SENTENCES.values())


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("track") | st.just("2026-11-21T10:00:00Z"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
fields = st.sampled_from(
    ["type", "event", "name", "userId", "anonymousId", "messageId", "timestamp", "originalTimestamp", "sentAt", "context", "properties"]
)


@calm
@given(st.dictionaries(fields, anything))
def test_any_object_is_an_event_or_a_named_refusal(item: dict[str, Any]) -> None:
    found = read_call(json.dumps(view() | item).encode(), around())
    assert isinstance(found, Read | Refused)
    if isinstance(found, Read):
        assert found.at <= NOON
        assert found.user or found.anonymous
        assert "\0" not in found.user + found.anonymous + found.name


@calm
@given(st.binary())
def test_any_bytes_are_an_event_or_a_named_refusal(raw: bytes) -> None:
    assert isinstance(read_call(raw, around()), Read | Refused)
