"""Whom the limits count: behind proxies whoever asked the outermost of ours, and never whom somebody claims to be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from collect_door import BASIC, CART, Door
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from oportuno.entry.http.app import House
from oportuno.entry.http.proxies import Proxies, seen_through
from oportuno.flows.limits import Intakes

PROXY = ("10.0.0.1", 41000)


def asked(*headers: tuple[str, str], by: tuple[str, int] | None = PROXY) -> dict[str, Any]:
    return {
        "type": "http",
        "scheme": "http",
        "client": by,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


def client(proxies: Proxies, *headers: tuple[str, str]) -> str:
    return str(seen_through(asked(*headers), proxies)["client"][0])


def test_without_proxies_nobody_is_believed() -> None:
    scope = asked(("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.9"), ("x-forwarded-proto", "https"))
    assert seen_through(scope, Proxies()) is scope


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:51000", "203.0.113.9"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("unknown", PROXY[0]),
        ("127.0.0.1", PROXY[0]),
        ("::1", PROXY[0]),
        ("0.0.0.0", PROXY[0]),  # noqa: S104 - told, not bound
        ("", PROXY[0]),
        (" , ,", PROXY[0]),
    ],
)
def test_behind_one_proxy_it_is_the_last_address_and_what_is_none_stays_the_proxys(told: str, seen: str) -> None:
    assert client(Proxies(1), ("x-forwarded-for", told)) == seen


def test_behind_two_it_is_the_last_but_one_and_who_went_round_the_outer_one_is_seen_as_well() -> None:
    assert client(Proxies(2), ("x-forwarded-for", "6.6.6.6, 203.0.113.9"), ("x-forwarded-for", "192.0.2.1")) == "203.0.113.9"
    assert client(Proxies(2), ("x-forwarded-for", "203.0.113.9")) == "203.0.113.9"


def test_the_scheme_is_the_one_the_visitor_used() -> None:
    behind = ("x-forwarded-for", "203.0.113.9")
    assert seen_through(asked(behind, ("x-forwarded-proto", "HTTPS")), Proxies(1))["scheme"] == "https"
    assert seen_through(asked(behind, ("x-forwarded-proto", "gopher")), Proxies(1))["scheme"] == "http"
    assert seen_through(asked(behind), Proxies(1))["scheme"] == "http"


def test_only_the_header_that_our_proxies_write_is_read() -> None:
    forwarded = ("forwarded", 'for=6.6.6.6, For="[2001:db8::7]:8080";proto=https;by=10.0.0.1')
    assert client(Proxies(1, "forwarded"), forwarded, ("x-forwarded-for", "6.6.6.7")) == "2001:db8::7"
    assert seen_through(asked(forwarded), Proxies(1, "forwarded"))["scheme"] == "https"
    assert client(Proxies(1), forwarded) == PROXY[0]
    assert client(Proxies(1, "forwarded"), ("forwarded", "for=_hidden")) == PROXY[0]


@settings(max_examples=40)
@given(st.lists(st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=60), max_size=4))
def test_whatever_the_visitor_writes_the_address_is_the_one_that_our_proxy_saw(written: list[str]) -> None:
    """The proxy appends to what is there, in a line of its own or in the last one, as proxies do."""
    headers = [("x-forwarded-for", value) for value in written]
    assert client(Proxies(1), *headers, ("x-forwarded-for", "203.0.113.9")) == "203.0.113.9"
    if written:
        appended = [*headers[:-1], ("x-forwarded-for", f"{written[-1]}, 203.0.113.9")]
        assert client(Proxies(1), *appended) == "203.0.113.9"


def test_one_visitor_uses_up_her_own_limit_and_nobody_elses_whatever_she_claims() -> None:
    door = Door(intakes=Intakes(address_rate=0, address_burst=1))
    house = House(door.collector, FastAPI(), Proxies(1))

    def post(told: str) -> int:
        sent: list[Any] = []
        body = iter([b'{"batch":[' + str(CART).replace("'", '"').encode() + b"]}", b""])

        async def receive() -> Any:
            return {"type": "http.request", "body": next(body), "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = asked(("authorization", BASIC.decode()), ("x-forwarded-for", told)) | {
            "method": "POST",
            "path": "/v1/batch",
            "query_string": b"",
        }
        asyncio.run(house(scope, receive, send))
        return int(sent[0]["status"])

    assert [post("203.0.113.9"), post("203.0.113.9")] == [200, 429]
    assert post("198.51.100.77, 203.0.113.9") == 429, "a claim gives no new limit"
    assert post("203.0.113.10") == 200
