"""A webhook reaches public addresses only, and exactly those that were looked at."""

from __future__ import annotations

import asyncio

import pytest
from http_sink import HttpScript, http_sink
from hypothesis import given
from hypothesis import strategies as st
from test_webhook_hand_off import provider, words
from words import NO_HURRY, message

from oportuno.adapters.webhook.addresses import allowed, read_target
from oportuno.channels.channel import Outcome
from oportuno.kit.faults import BadInput

NEVER = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0",  # noqa: S104 - an address to refuse, not to listen on
    "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.100.100.200",
    "169.254.169.254", "169.254.170.2", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.9",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1",
    "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1", "64:ff9b::7f00:1", "2002:7f00:1::", "2002:a00:1::",
    "2001:db8::1", "not an address", "",
]  # fmt: skip


@pytest.mark.parametrize("address", NEVER)
def test_addresses_that_are_not_public_are_never_reached(address: str) -> None:
    assert not allowed(address, loopback=False)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses_are(address: str) -> None:
    assert allowed(address, loopback=False)


def test_the_demo_s_setting_opens_loopback_and_nothing_else() -> None:
    opened = [address for address in NEVER if allowed(address, loopback=True)]
    assert opened == ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"]


@given(st.ip_addresses(v=4))
def test_no_private_address_is_reached_in_any_clothes(address: object) -> None:
    if not allowed(str(address), loopback=False):
        assert not allowed(f"::ffff:{address}", loopback=False)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://tienda.example/", "webhook_url_malformed"),
        ("file:///etc/passwd", "webhook_url_malformed"),
        ("https://", "webhook_url_malformed"),
        ("", "webhook_url_malformed"),
        ("https://tienda.example/a b", "webhook_url_malformed"),
        ("https://tienda.example/\r\nX: y", "webhook_url_malformed"),
        ("https://[::1", "webhook_url_malformed"),
        ("https://tienda.example:99999/", "webhook_url_malformed"),
        ("https://ana:clave@tienda.example/", "webhook_url_with_password"),
        ("http://tienda.example:22/", "webhook_port_forbidden"),
        ("http://tienda.example:25/", "webhook_port_forbidden"),
        ("http://tienda.example:0/", "webhook_port_forbidden"),
    ],
)
def test_a_url_that_a_webhook_may_not_go_to_is_refused_by_name(url: str, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_target(url)
    assert caught.value.code == code


@pytest.mark.parametrize("port", ["", ":80", ":443", ":1024", ":8443", ":65535"])
def test_the_web_s_ports_and_the_free_ones_are_open(port: str) -> None:
    assert read_target(f"https://tienda.example{port}/hook").host == "tienda.example"


def test_when_one_of_a_name_s_addresses_is_private_none_is_used() -> None:
    async def both(_host: str, _port: int) -> list[str]:
        return ["1.1.1.1", "10.0.0.1"]

    answer = asyncio.run(provider(resolve=both, allow_loopback=False).hand_off(message(), words("https://tienda.example/"), "", NO_HURRY))
    assert (answer.outcome, answer.detail) == (Outcome.REFUSED_FOR_GOOD, "webhook_address_forbidden")


def test_a_name_that_changes_its_address_after_the_look_is_still_reached_where_it_was_looked_at() -> None:
    """DNS rebinding: the first answer is harmless, the second one is the machine's own."""
    good, own = HttpScript(), HttpScript()
    asked = []

    async def story() -> None:
        async with http_sink(good) as port, http_sink(own):

            async def turning(_host: str, _port: int) -> list[str]:
                asked.append(1)
                return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

            way = provider(resolve=turning)
            for place in range(3):
                answer = await way.hand_off(message(f"m{place}"), words(f"http://tienda.example:{port}/"), "", NO_HURRY)
                assert answer.outcome is Outcome.ACCEPTED
            await way.close()

    asyncio.run(asyncio.wait_for(story(), 300))
    assert len(good.taken) == 3
    assert asked == [1]
    assert good.taken[0].headers["host"].startswith("tienda.example:")


def test_a_redirect_to_the_inside_is_not_followed() -> None:
    inside, outside = HttpScript(), HttpScript()

    async def story() -> None:
        async with http_sink(inside) as inner, http_sink(outside) as port:
            outside.told = [f"307 Temporary Redirect\r\nlocation: http://127.0.0.1:{inner}/"]
            way = provider()
            assert (await way.hand_off(message(), words(f"http://127.0.0.1:{port}/"), "", NO_HURRY)).outcome is Outcome.REFUSED_FOR_GOOD
            await way.close()

    asyncio.run(asyncio.wait_for(story(), 300))
    assert inside.taken == []


def test_a_name_without_an_address_is_refused_for_now() -> None:
    async def nobody(_host: str, _port: int) -> list[str]:
        raise OSError("no such host")

    answer = asyncio.run(provider(resolve=nobody).hand_off(message(), words("https://tienda.example/"), "", NO_HURRY))
    assert (answer.outcome, answer.about) == (Outcome.REFUSED_FOR_NOW, "destination")
