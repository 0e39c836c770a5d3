"""What is fetched from Amazon SNS is fetched once a day, from where it was asked for and from nowhere else, and within bounds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
from http_sink import HttpScript, http_sink

from oportuno.adapters.sns_notary import SnsNotary
from oportuno.kit.faults import Unavailable

PEM = b"-----BEGIN CERTIFICATE-----"
FOUND = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(PEM), PEM)


class Sink(HttpScript):
    """A server that is asked, and not told anything."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await reader.readuntil(b"\r\n\r\n")
        told = self.next()
        writer.write(told if isinstance(told, bytes) else f"HTTP/1.1 {told}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()


def tell(script: Sink, story: Callable[[SnsNotary, str], Awaitable[None]], clock: list[float] | None = None) -> None:
    async def whole() -> None:
        moment = clock or [0.0]
        async with http_sink(script) as port:
            notary = SnsNotary(monotonic=lambda: moment[0], patience=100.0)
            await story(notary, f"http://127.0.0.1:{port}/")
            await notary.close()

    asyncio.run(asyncio.wait_for(whole(), 120))


def test_a_certificate_is_fetched_once_a_day() -> None:
    script, clock = Sink(FOUND), [0.0]

    async def story(notary: SnsNotary, url: str) -> None:
        for _ in range(3):
            assert await notary.certificate(url + "one.pem") == PEM
        assert script.connections == 1
        assert await notary.certificate(url + "two.pem") == PEM
        clock[0] = 100_000.0
        assert await notary.certificate(url + "one.pem") == PEM
        assert script.connections == 3

    tell(script, story, clock)


@pytest.mark.parametrize(
    "told", ["302 Found\r\nlocation: /elsewhere.pem", "404 Not Found", "500 Oh", b"no HTTP\r\n\r\n", FOUND.replace(PEM, b"x" * 70_000)]
)
def test_what_is_not_simply_there_is_not_taken_and_is_asked_for_again(told: str | bytes) -> None:
    if isinstance(told, bytes) and told.startswith(b"HTTP"):
        told = told.replace(b"content-length: 27", b"content-length: 70000")
    script = Sink(told, FOUND)

    async def story(notary: SnsNotary, url: str) -> None:
        with pytest.raises(Unavailable) as caught:
            await notary.certificate(url)
        assert caught.value.code == "sns_unreachable"
        assert script.connections == 1
        assert await notary.certificate(url) == PEM

    tell(script, story)


def test_a_subscription_whose_link_fails_is_not_confirmed() -> None:
    script = Sink("200 OK", "500 Oh")

    async def story(notary: SnsNotary, url: str) -> None:
        await notary.confirm(url)
        with pytest.raises(Unavailable):
            await notary.confirm(url)

    tell(script, story)


def test_nobody_there_is_said_and_not_guessed() -> None:
    async def story() -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
            notary = SnsNotary(monotonic=lambda: 0.0, patience=100.0)
            with pytest.raises(Unavailable):
                await notary.certificate(f"http://127.0.0.1:{bound.getsockname()[1]}/")
            await notary.close()

    asyncio.run(asyncio.wait_for(story(), 120))
