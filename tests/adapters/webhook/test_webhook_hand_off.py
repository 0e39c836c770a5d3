"""A real endpoint judges what arrives, and every way it can behave is one of four outcomes."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from http_sink import HttpScript, http_sink
from hurried import hurry
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from words import MOMENT, NO_HURRY, message, rendered

from oportuno.adapters.webhook.outcomes import BREAKS, Stage, of_status, read_retry_after
from oportuno.adapters.webhook.provider import WebhookProvider
from oportuno.channels.channel import NOT_BEGUN, Answer, Outcome, Window
from oportuno.content.message import Rendered
from oportuno.kit.ids import write_id
from oportuno.kit.times import DAY, MINUTE, SECOND

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes long").decode()
PAYLOAD = {"type": "cart.left", "data": {"customer": "cus_0000000000001", "items": ["jersey «otoño»"]}}


def words(url: str, **changes: Any) -> Rendered:
    return rendered(**{"channel": "webhook", "url": url, "secret": SECRET, "payload": PAYLOAD, **changes})


def provider(**more: Any) -> WebhookProvider:
    settings = {
        "monotonic": time.monotonic,
        "wall": lambda: MOMENT,
        "allow_loopback": True,
        "timeout": 30.0,
        "keep_for": 300.0,
    }
    return WebhookProvider(**{**settings, **more})


def hand_off(script: HttpScript, *, times: int = 1, **more: Any) -> Answer:
    async def story() -> Answer:
        async with http_sink(script) as port:
            way = provider(**more)
            for place in range(times):
                answer = await way.hand_off(message(f"m{place}"), words(f"http://127.0.0.1:{port}/hook?x=1"), "cus_0000000000001", NO_HURRY)
            await way.close()
            return answer

    return hurry(story())


def test_the_endpoint_gets_the_body_under_a_signature_that_the_standard_s_own_verifier_accepts() -> None:
    script = HttpScript()
    now = datetime.now(UTC)
    assert hand_off(script, wall=lambda: now).outcome is Outcome.ACCEPTED
    [taken] = script.taken
    assert taken.line == "POST /hook?x=1 HTTP/1.1"
    assert Webhook(SECRET).verify(taken.body, taken.headers) == PAYLOAD
    assert taken.headers["webhook-id"] == taken.headers["idempotency-key"] == write_id("msg", message("m0").id)
    assert json.loads(taken.body) == PAYLOAD


def test_the_standard_s_published_vector_signs_as_published() -> None:
    signed = Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", datetime.fromtimestamp(1614265330, UTC), '{"test": 2432232314}'
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("told", "outcome", "about"),
    [
        ("200 OK", Outcome.ACCEPTED, "message"),
        ("204 No Content", Outcome.ACCEPTED, "message"),
        ("302 Found", Outcome.REFUSED_FOR_GOOD, "message"),
        ("400 Bad Request", Outcome.REFUSED_FOR_GOOD, "message"),
        ("401 Unauthorized", Outcome.REFUSED_FOR_GOOD, "message"),
        ("404 Not Found", Outcome.REFUSED_FOR_GOOD, "message"),
        ("410 Gone", Outcome.REFUSED_FOR_GOOD, "message"),
        ("408 Request Timeout", Outcome.UNKNOWN, "message"),
        ("425 Too Early", Outcome.REFUSED_FOR_NOW, "destination"),
        ("429 Too Many Requests", Outcome.REFUSED_FOR_NOW, "destination"),
        ("503 Service Unavailable\r\nretry-after: 7", Outcome.REFUSED_FOR_NOW, "destination"),
        ("503 Service Unavailable", Outcome.UNKNOWN, "message"),
        ("500 Internal Server Error", Outcome.UNKNOWN, "message"),
        ("502 Bad Gateway", Outcome.UNKNOWN, "message"),
        ("504 Gateway Timeout", Outcome.UNKNOWN, "message"),
        ("599 What", Outcome.UNKNOWN, "message"),
        ("reset", Outcome.UNKNOWN, "message"),
        ("reset early", Outcome.UNKNOWN, "message"),
        ("hang", Outcome.UNKNOWN, "message"),
        (b"this is not HTTP\r\n\r\n", Outcome.UNKNOWN, "message"),
    ],
)
def test_every_ending_is_one_of_four(told: str | bytes, outcome: Outcome, about: str) -> None:
    answer = hand_off(HttpScript(told))
    assert (answer.outcome, answer.about) == (outcome, about)


def test_what_the_endpoint_asked_for_is_how_long_we_wait() -> None:
    assert hand_off(HttpScript("429 Too Many Requests\r\nRetry-After: 120")).retry_after == 2 * MINUTE
    later = (MOMENT + timedelta(minutes=3)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert hand_off(HttpScript(f"503 Later\r\nRetry-After: {later}")).retry_after == 3 * MINUTE


@given(st.text(max_size=40))
def test_any_retry_after_is_read_or_ignored_and_never_longer_than_a_day(text: str) -> None:
    asked = read_retry_after(text, MOMENT)
    assert asked is None or 0 <= asked <= DAY


def test_nothing_is_refused_for_now_unless_the_table_names_it() -> None:
    for status in range(100, 600):
        if of_status(status, stage=Stage.SENT, retry_after="", now=MOMENT).outcome is Outcome.REFUSED_FOR_NOW:
            assert status in (425, 429)
    assert of_status(408, stage=Stage.SENDING, retry_after="", now=MOMENT).outcome is Outcome.REFUSED_FOR_NOW
    assert all(outcome is Outcome.UNKNOWN for (stage, _), (outcome, _) in BREAKS.items() if stage is not Stage.CONNECT)


def test_an_endpoint_that_is_not_there_is_refused_for_now() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        answer = asyncio.run(provider().hand_off(message(), words(url), "", NO_HURRY))
    assert (answer.outcome, answer.about) == (Outcome.REFUSED_FOR_NOW, "destination")


def test_tls_that_fails_is_refused_for_now() -> None:
    async def story() -> Answer:
        async with http_sink(HttpScript()) as port:
            return await provider().hand_off(message(), words(f"https://127.0.0.1:{port}/"), "", NO_HURRY)

    answer = asyncio.run(asyncio.wait_for(story(), 300))
    assert answer.outcome is Outcome.REFUSED_FOR_NOW


def test_one_connection_carries_many_requests() -> None:
    script = HttpScript()
    assert hand_off(script, times=6).outcome is Outcome.ACCEPTED
    assert (len(script.taken), script.connections) == (6, 1)


def test_a_response_without_end_is_cut_and_its_outcome_stands() -> None:
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n" + b"x" * 200_000
    script = HttpScript(endless)
    assert hand_off(script, times=2).outcome is Outcome.ACCEPTED
    assert script.connections == 2


def test_a_slow_connection_is_kept_and_the_claim_made_anew_because_a_withdrawal_may_have_come() -> None:
    script = HttpScript()
    clock = [0.0]

    async def slow(host: str, _port: int) -> list[str]:
        clock[0] += 1.0
        return [host]

    async def story() -> None:
        async with http_sink(script) as port:
            way = provider(monotonic=lambda: clock[0], resolve=slow)
            url = f"http://127.0.0.1:{port}/"
            late = await way.hand_off(message(), words(url), "", Window(0.5, 60.0))
            assert (late, script.taken) == (NOT_BEGUN, [])
            assert (await way.hand_off(message(), words(url), "", Window(1.5, 60.0))).outcome is Outcome.ACCEPTED
            await way.close()

    asyncio.run(asyncio.wait_for(story(), 300))
    assert script.connections == 1


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%", "no base sixty-four at all!"])
def test_a_secret_that_cannot_sign_sends_nothing(secret: str) -> None:
    script = HttpScript()

    async def story() -> Answer:
        async with http_sink(script) as port:
            return await provider().hand_off(message(), words(f"http://127.0.0.1:{port}/", secret=secret), "", NO_HURRY)

    answer = asyncio.run(asyncio.wait_for(story(), 300))
    assert (answer.outcome, answer.detail) == (Outcome.REFUSED_FOR_GOOD, "webhook_secret_unusable")
    assert script.taken == []


def test_one_slow_host_does_not_hold_up_another() -> None:
    slow, quick = HttpScript("hang"), HttpScript()

    async def story() -> None:
        async with http_sink(slow) as slow_port, http_sink(quick) as quick_port:
            way = provider()
            loop = asyncio.get_running_loop()
            hanging = [loop.create_task(way.hand_off(message(), words(f"http://127.0.0.1:{slow_port}/"), "", NO_HURRY)) for _ in range(8)]
            for _ in hanging:
                await slow.hanging.acquire()
            assert (await way.hand_off(message(), words(f"http://127.0.0.1:{quick_port}/"), "", NO_HURRY)).outcome is Outcome.ACCEPTED
            assert not any(task.done() for task in hanging)
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)
            await way.close()

    asyncio.run(asyncio.wait_for(story(), 300))


def test_milliseconds_are_the_unit() -> None:
    assert read_retry_after("3", MOMENT) == 3 * SECOND
