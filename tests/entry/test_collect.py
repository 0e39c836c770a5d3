"""The collector's door: HTTP in, problems and receipts out."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import Any

import pytest
from collect_door import BASIC, CART, Door
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oportuno.adapters.memory.intake import MemoryIntake
from oportuno.entry.http.collect import CALLS
from oportuno.entry.http.collect_openapi import COLLECT_OPENAPI
from oportuno.entry.http.problems import problem_bytes
from oportuno.events.event import Call, Source
from oportuno.flows.limits import Intakes
from oportuno.flows.ports import LaneClass
from oportuno.kit.faults import Fault, Unavailable

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Two cores shared with others: a slow draw says nothing about the promise."""


class Gone(MemoryIntake):
    """A store that does not answer."""

    async def store(self, arrivals: Any, rejects: Any, lane: LaneClass) -> int:
        raise Unavailable("store_gone", "the database does not answer")


class Torn(MemoryIntake):
    """A store with a fault nobody foresaw."""

    async def store(self, arrivals: Any, rejects: Any, lane: LaneClass) -> int:
        raise ZeroDivisionError("ana@example.com")


def test_a_stored_batch_is_answered_200_with_its_receipt() -> None:
    door = Door()
    answer = door.ask(body={"batch": [CART, {"type": "track"}]})
    assert answer.status == 200
    assert answer.said["success"] is True
    assert (answer.said["items"], answer.said["events"], answer.said["rejected"]) == (2, 1, 1)
    assert answer.said["rejects"][0]["place"] == "batch[1].event"
    assert answer.headers[b"access-control-allow-origin"] == b"*"
    assert door.names == ["Cart Viewed"]


@pytest.mark.parametrize("name", sorted(CALLS))
def test_every_call_has_its_address_and_its_short_one(name: str) -> None:
    door = Door()
    item = CART | {"groupId": "club", "previousId": "dora"}
    answer = door.ask(f"/v1/{name}", {"batch": [item]} if CALLS[name] is None else item)
    assert (answer.status, answer.said["events"]) == (200, 1)
    (event,) = next(iter(door.world.tables.events.values()))
    assert event.call is (CALLS[name] if CALLS[name] is not None else Call.TRACK)


def test_what_arrives_now_is_live() -> None:
    door = Door()
    door.ask("/v1/track", CART)
    (event,) = next(iter(door.world.tables.events.values()))
    assert (event.source, event.at) == (Source.LIVE, event.received)


def test_keys_come_by_basic_bearer_or_body() -> None:
    door = Door()
    assert door.ask(body={"batch": []}).status == 200
    assert door.ask(body={"batch": []}, key=b"Bearer secret").status == 200
    assert door.ask(body={"batch": [], "writeKey": "write"}, key=b"").status == 200


@pytest.mark.parametrize("key", [b"", b"Bearer guess", b"Basic ???", b"Basic " + base64.b64encode(b"\xff:"), b"Digest x", b"write"])
def test_an_unknown_key_is_answered_401_and_told_how(key: bytes) -> None:
    door = Door()
    answer = door.ask(body={"batch": [CART]}, key=key)
    assert answer.status == 401
    assert answer.headers[b"www-authenticate"].startswith(b"Basic")
    assert answer.headers[b"content-type"] == b"application/problem+json"
    assert door.names == []


def test_a_secret_key_in_a_web_page_is_answered_403() -> None:
    answer = Door().ask(body={"batch": [CART]}, key=b"Bearer secret", headers=[(b"origin", b"https://shop.example")])
    assert (answer.status, answer.said["code"]) == (403, "secret_key_in_page")


def test_a_problem_names_code_sentence_and_place() -> None:
    answer = Door().ask(body=b'{"batch":[{]}')
    assert answer.status == 400
    assert answer.said["type"] == "urn:oportuno:problem:body_unreadable"
    assert answer.said["place"] == "byte 11"
    assert answer.said["instance"] == "/v1/batch"
    assert answer.said["status"] == 400
    assert answer.said["title"]
    assert answer.said["detail"] == answer.said["message"], "Segment's libraries look for the message"


def test_a_page_of_another_origin_may_ask_first_and_nothing_changes() -> None:
    door = Door()
    answer = door.ask(method="OPTIONS", key=b"", headers=[(b"origin", b"https://shop.example")])
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers[b"access-control-allow-methods"] == b"POST, OPTIONS"
    for name in (b"authorization", b"x-retry-count"):  # the second comes with every retry of Segment's library for browsers
        assert name in answer.headers[b"access-control-allow-headers"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
def test_only_post_brings_anything(method: str) -> None:
    door = Door()
    answer = door.ask("/v1/track", CART, method=method)
    assert (answer.status, answer.headers[b"allow"]) == (405, b"POST, OPTIONS")
    assert door.names == []


def test_an_unknown_call_is_answered_404() -> None:
    assert [Door().ask(path).status for path in ("/v1/", "/v1/shout", "/v1/track/me")] == [404, 404, 404]


@pytest.mark.parametrize("encoding", [b"gzip", b"x-gzip", b" GZIP ", b""])
def test_gzip_is_inflated_even_when_nobody_says_so(encoding: bytes) -> None:
    headers = [(b"content-encoding", encoding), (b"content-type", b"application/x-www-form-urlencoded")]
    answer = Door().ask(body=gzip.compress(json.dumps({"batch": [CART]}).encode()), headers=headers, pieces=3)
    assert (answer.status, answer.said["events"]) == (200, 1)


def test_gzip_in_several_members_is_one_body() -> None:
    body = json.dumps({"batch": [CART]}).encode()
    assert Door().ask(body=gzip.compress(body[:20]) + gzip.compress(body[20:])).said["events"] == 1


def test_text_plain_is_read_as_a_beacon_sends_it() -> None:
    answer = Door().ask("/v1/t", CART | {"writeKey": "write"}, key=b"", headers=[(b"content-type", b"text/plain;charset=UTF-8")])
    assert answer.said["events"] == 1


def test_a_bomb_is_never_inflated() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 60_000
    answer = Door().ask(body=bomb, headers=[(b"content-encoding", b"gzip")])
    assert (answer.status, answer.said["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    "broken",
    [
        b"not gzip",
        gzip.compress(b'{"batch":[]}', mtime=0)[:-9],
        b"\x1f\x8b",
        b"\x1f\x8bxxxxxxxxxxxx",
        gzip.compress(b"{}", mtime=0) + b"more",
    ],
)
def test_broken_gzip_is_answered_400(broken: bytes) -> None:
    answer = Door().ask(body=broken, headers=[(b"content-encoding", b"gzip")])
    assert (answer.status, answer.said["code"]) == (400, "gzip_malformed")


@pytest.mark.parametrize("encoding", [b"br", b"deflate", b"gzip, gzip"])
def test_other_encodings_are_answered_415(encoding: bytes) -> None:
    answer = Door().ask(body=zlib.compress(b"{}"), headers=[(b"content-encoding", encoding)])
    assert answer.status == 415


def test_too_large_is_answered_413_whether_announced_or_not() -> None:
    large = json.dumps({"batch": [CART] * 12_000}).encode()
    door = Door()
    assert door.ask(body=large, headers=[(b"content-length", str(len(large)).encode())]).status == 413
    assert door.ask(body=large).status == 413
    assert door.ask(body=large, pieces=9).status == 413
    assert door.ask("/v1/track", CART | {"properties": {"name": "x" * 33_000}}).status == 413
    assert door.names == []


def test_one_too_large_item_does_not_cost_the_batch() -> None:
    answer = Door().ask(body={"batch": [CART, CART | {"properties": {"name": "x" * 33_000}}]})
    assert (answer.status, answer.said["events"]) == (200, 1)
    assert answer.said["rejects"][0]["code"] == "item_too_large"


def test_too_much_is_answered_429_with_the_time_to_wait() -> None:
    door = Door(intakes=Intakes(key_rate=1, key_burst=1))
    door.ask(body={"batch": [CART] * 8})
    answer = door.ask(body={"batch": [CART]})
    assert answer.status == 429
    assert 1 <= int(answer.headers[b"retry-after"]) <= 8
    assert len(door.names) == 8


def test_when_the_store_is_gone_it_is_answered_503_and_nothing_is_thanked() -> None:
    door = Door(Gone)
    answer = door.ask(body={"batch": [CART]})
    assert (answer.status, answer.headers[b"retry-after"]) == (503, b"2")
    assert door.collector.tally.refused == {"store_gone": 1}


def test_a_fault_nobody_foresaw_is_answered_without_its_inside() -> None:
    answer = Door(Torn).ask(body={"batch": [CART]})
    assert answer.status == 500
    assert b"ana@example.com" not in answer.body
    status, _, body = problem_bytes(Fault("odd", "the row of ana@example.com is torn"))
    assert status == 500
    assert b"ana@example.com" not in body


def test_who_hangs_up_in_the_middle_brings_nothing() -> None:
    door = Door()
    assert door.ask(body={"batch": [CART]}, hang_up=True).silent
    assert door.names == []


def test_the_collector_counts_what_it_did() -> None:
    door = Door()
    door.ask(body={"batch": [CART, {}]})
    door.ask(body=b"{")
    tally = door.collector.tally
    assert (tally.requests, tally.items, tally.events, tally.rejects, tally.refused) == (2, 2, 1, 1, {"body_unreadable": 1})


def test_every_status_and_call_is_described() -> None:
    paths = COLLECT_OPENAPI["paths"]
    calls = {f"/v1/{name}" for name in CALLS if len(name) > 1}
    assert {*calls, "/v1/m", "/beacon/v1/batch", "/v1/projects/{write_key}/settings", "/sourceConfig"} == set(paths)
    for path in calls:
        assert set(paths[path]["post"]["responses"]) == {"200", "400", "401", "403", "408", "413", "415", "429", "500", "503"}


@calm
@given(st.binary(), st.sampled_from(["/v1/batch", "/v1/track", "/v1/alias"]), st.sampled_from([b"", b"gzip", b"br"]), st.binary())
def test_no_bytes_at_the_door_are_answered_5xx(body: bytes, path: str, encoding: bytes, authorization: bytes) -> None:
    described = set(COLLECT_OPENAPI["paths"][path]["post"]["responses"])
    for key in (BASIC, authorization):
        answer = Door().ask(path, body, key=key, headers=[(b"content-encoding", encoding)])
        assert str(answer.status) in described
        assert answer.status < 500
