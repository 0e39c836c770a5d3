"""What stock libraries ask beside the calls that they bring: settings, sources, beacons, metrics, and where the past goes."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from collect_door import BASIC, CART, Door
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oportuno.entry.http.collect import CALLS, Collector
from oportuno.entry.http.libraries import address_asked
from oportuno.events.event import Source
from oportuno.flows.limits import Doorkeeper
from oportuno.kit.times import to_text

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Two cores shared with others: a slow draw says nothing about the promise."""
HOST = (b"host", b"tienda.example:8080")
PAGE = (b"origin", b"https://tienda.example")
LONG_AGO = "2025-12-24T18:00:00.000Z"


def test_a_browser_library_is_told_to_send_here_and_to_nobody_else() -> None:
    answer = Door().ask("/v1/projects/write/settings", method="GET", key=b"", headers=[HOST, PAGE])
    assert (answer.status, answer.headers[b"access-control-allow-origin"]) == (200, b"*")
    told = answer.said
    assert list(told["integrations"]) == ["Segment.io"]
    here = told["integrations"]["Segment.io"]
    assert (here["apiKey"], here["protocol"], here["apiHost"]) == ("write", "http", "tienda.example:8080/v1")
    assert (told["metrics"]["sampleRate"], told["metrics"]["host"]) == (0, "tienda.example:8080/v1")
    assert told["remotePlugins"] == []
    assert b"segment.com" not in answer.body
    assert b"segment.io" not in answer.body.replace(b"Segment.io", b"")


def test_behind_a_proxy_the_address_that_was_laid_down_holds() -> None:
    door = Door()
    door.collector = Collector(
        intake=door.world.intake,
        keys=door.world.keys,
        doorkeeper=Doorkeeper(),
        digest_key=b"k" * 32,
        public_url="https://eventos.example/norte",
    )
    here = door.ask("/v1/projects/write/settings", method="GET", key=b"", headers=[HOST]).said["integrations"]["Segment.io"]
    assert (here["protocol"], here["apiHost"]) == ("https", "eventos.example/norte/v1")


@pytest.mark.parametrize("host", [b"", b"evil.example/@tienda.example", b'a"b', b"a b", b"a\r\nb", b"[::1", b"x" * 300, b"caf\xc3\xa9"])
def test_a_host_that_is_none_is_not_repeated(host: bytes) -> None:
    assert address_asked("http://tienda.example", host, "http") == "http://tienda.example"


@pytest.mark.parametrize(("host", "scheme"), [(b"[::1]:8080", "http"), (b"tienda.example", "https"), (b"192.0.2.7:80", "http")])
def test_a_library_is_sent_to_where_it_reached_us(host: bytes, scheme: str) -> None:
    assert address_asked("http://127.0.0.1:8080", host, scheme) == f"{scheme}://{host.decode()}"


@pytest.mark.parametrize(("key", "status", "code"), [("guess", 401, "key_unknown"), ("secret", 403, "secret_key_in_page")])
def test_settings_are_told_for_write_keys_only(key: str, status: int, code: str) -> None:
    answer = Door().ask(f"/v1/projects/{key}/settings", method="GET", key=b"", headers=[HOST])
    assert (answer.status, answer.said["code"]) == (status, code)


@pytest.mark.parametrize("query", [b"", b"p=web&v=3.0&writeKey=write&lockIntegrationsVersion=false"])
def test_rudderstacks_source_is_open_and_has_no_other_destination(query: bytes) -> None:
    key = b"" if query else BASIC
    answer = Door().ask("/sourceConfig/", method="GET", key=key, query=query, headers=[PAGE])
    assert answer.status == 200
    source = answer.said["source"]
    assert (source["enabled"], source["destinations"], source["writeKey"]) == (True, [], "write")
    assert source["config"]["statsCollection"]["errors"]["enabled"] is False


@pytest.mark.parametrize("query", [b"writeKey=secret", b"writeKey=%73ecret"])
def test_a_secret_key_in_an_address_is_refused(query: bytes) -> None:
    door = Door()
    for path, method in (("/sourceConfig", "GET"), ("/beacon/v1/batch", "POST")):
        answer = door.ask(path, {"batch": [CART]}, method=method, key=b"", query=query)
        assert (answer.status, answer.said["code"]) == (403, "secret_key_in_page")
    assert door.names == []


def test_a_beacon_of_a_closing_page_is_stored() -> None:
    door = Door()
    headers = [PAGE, (b"content-type", b"text/plain;charset=UTF-8")]
    answer = door.ask("/beacon/v1/batch", {"batch": [CART], "sentAt": LONG_AGO}, key=b"", query=b"writeKey=write", headers=headers)
    assert (answer.status, answer.said["events"]) == (200, 1)
    assert [event.source for event in door.events] == [Source.LIVE]


@pytest.mark.parametrize(
    "query", [b"writeKey=", b"writeKey=%ff%fe", b"writeKey", b"writeKey=" + b"x" * 900, b"\xff&writeKey=write", b"&" * 99]
)
def test_a_beacon_without_a_readable_key_is_answered_401(query: bytes) -> None:
    door = Door()
    assert door.ask("/beacon/v1/batch", {"batch": [CART]}, key=b"", query=query).status == 401
    assert door.names == []


def test_how_a_library_fares_is_heard_and_not_kept() -> None:
    door = Door()
    assert door.ask("/v1/m", {"series": [{"type": "Counter", "metric": "analytics_js.invoke"}]}, key=b"", headers=[PAGE]).status == 200
    assert door.ask("/v1/m", b" " * 40_000, key=b"").status == 413
    assert door.names == []
    assert door.world.tables.rejects == []


@pytest.mark.parametrize(("path", "allow"), [("/v1/m", b"POST, OPTIONS"), ("/sourceConfig", b"GET, OPTIONS")])
def test_what_libraries_ask_for_knows_one_method(path: str, allow: bytes) -> None:
    for method in ("PUT", "DELETE", "GET" if b"POST" in allow else "POST"):
        answer = Door().ask(path, b"", method=method)
        assert (answer.status, answer.headers[b"allow"]) == (405, allow)
    assert Door().ask(path, method="OPTIONS", key=b"").headers[b"access-control-allow-methods"] == allow


def test_a_page_may_send_the_headers_of_its_library() -> None:
    asked = (b"access-control-request-headers", b"AnonymousId, X-Something-New")
    told = Door().ask("/v1/track", method="OPTIONS", key=b"", headers=[PAGE, asked]).headers
    assert told[b"access-control-allow-headers"] == b"anonymousid, x-something-new"
    strange = (b"access-control-request-headers", b"a\r\nset-cookie: b")
    told = Door().ask("/v1/track", method="OPTIONS", key=b"", headers=[PAGE, strange]).headers
    assert b"authorization" in told[b"access-control-allow-headers"]
    assert b"set-cookie" not in told[b"access-control-allow-headers"]


# ── The past ────────────────────────────────────────────────────────────────────────────────────────────────────────

PAST = [CART | {"timestamp": LONG_AGO}, CART, CART | {"timestamp": "2025-12-24"}]


def test_an_import_with_the_secret_key_is_one_and_its_stamps_are_believed() -> None:
    door = Door()
    answer = door.ask("/v1/import", {"batch": PAST, "sentAt": "2025-12-25T00:00:00Z"}, key=b"Bearer secret")
    assert (answer.status, answer.said["events"]) == (200, 3)
    assert {event.source for event in door.events} == {Source.IMPORT}
    assert {event.at for event in door.events} >= {1_766_599_200_000, 1_766_534_400_000}
    assert not any(event.speaks for event in door.events)


def test_the_past_brought_with_the_write_key_starts_nothing_either() -> None:
    door = Door()
    answer = door.ask("/v1/import", {"batch": PAST}, headers=[PAGE])
    assert (answer.status, answer.said["events"], answer.said.get("rejected", 0)) == (200, 3, 0)
    assert {event.source for event in door.events} == {Source.LATE}
    assert not any(event.speaks for event in door.events)


def test_a_library_that_knows_no_other_address_brings_news_there() -> None:
    door = Door()
    now = to_text(time.time_ns() // 1_000_000)
    assert door.ask("/v1/import", {"batch": [CART | {"timestamp": now}], "sentAt": now}).said["events"] == 1
    assert [event.source for event in door.events] == [Source.LIVE]


# ── Whatever comes ──────────────────────────────────────────────────────────────────────────────────────────────────

plain = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(["\0", "\ud800", LONG_AGO, "x" * 201])
)
anything = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=6
)
fields: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(["track", "identify", "page", "screen", "group", "alias"]) | anything,
    "event": st.just("Product Viewed") | anything,
    "userId": st.just("ana") | anything,
    "anonymousId": anything,
    "previousId": anything,
    "timestamp": st.just(LONG_AGO) | anything,
    "properties": anything,
    "traits": anything,
    "context": anything | st.just({"oportuno": {"source": "import"}}),
    "of their own": anything,
}
items = st.fixed_dictionaries({}, optional=fields) | anything


@calm
@given(st.lists(items, max_size=5), st.sampled_from(["/v1/batch", "/v1/import", "/v1/b", "/beacon/v1/batch"]), st.booleans())
def test_every_item_of_an_acknowledged_batch_is_an_event_or_a_reject(batch: list[Any], path: str, secret: bool) -> None:
    door = Door()
    answer = door.ask(path, json.dumps({"batch": batch}).encode(), key=b"Bearer secret" if secret else BASIC)
    assert answer.status == 200
    assert len(door.events) + len(door.world.tables.rejects) == answer.said["items"] == len(batch)


@calm
@given(st.text(max_size=30), st.binary(max_size=60), st.sampled_from(["GET", "POST", "OPTIONS", "HEAD"]), st.binary(max_size=40))
def test_no_address_and_no_query_is_answered_5xx(path: str, query: bytes, method: str, body: bytes) -> None:
    door = Door()
    for begin in ("/v1/", "/beacon/v1/", "/sourceConfig", "/v1/projects/"):
        assert door.ask(begin + path, body, method=method, query=b"writeKey=" + query, key=b"").status < 500
    assert not door.events or method == "POST"


def test_every_short_address_is_a_call() -> None:
    assert {name for name in CALLS if len(name) == 1} == set("tipsgab")
