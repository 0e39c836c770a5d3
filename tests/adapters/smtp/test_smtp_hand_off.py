"""A real server judges what leaves, and every way it can behave is one of four outcomes."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from email import message_from_bytes, policy
from typing import Any

import pytest
from hurried import hurry
from sink import Script, sink
from words import MOMENT, NO_HURRY, message, rendered

from oportuno.adapters.smtp.outcomes import BREAKS, CODES, Stage, of_code
from oportuno.adapters.smtp.pool import SmtpServer
from oportuno.adapters.smtp.provider import SmtpProvider
from oportuno.channels.channel import NOT_BEGUN, Answer, Outcome, Window


def provider(port: int, **more: Any) -> SmtpProvider:
    settings = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "helo": "tienda.example",
        "timeout": 30,
        "final_timeout": 30,
        "aside_timeout": 30,
        "idle": 300,
    }
    monotonic = more.pop("monotonic", time.monotonic)
    return SmtpProvider(SmtpServer(**{**settings, **more}), monotonic=monotonic, wall=lambda: MOMENT)


def hand_off(script: Script, **more: Any) -> Answer:
    async def story() -> Answer:
        async with sink(script) as port:
            way = provider(port, **more)
            answer = await way.hand_off(message(), rendered(), "ana@cliente.example", NO_HURRY)
            await way.close()
            return answer

    return hurry(story())


def talk(story: Callable[[int], Awaitable[None]], script: Script, **more: Any) -> None:
    async def whole() -> None:
        async with sink(script, **more) as port:
            await story(port)

    asyncio.run(asyncio.wait_for(whole(), 300))


def test_ana_gets_the_mail_as_it_was_written() -> None:
    script = Script()
    answer = hand_off(script)
    assert (answer.outcome, answer.provider_ref) == (Outcome.ACCEPTED, "4XyZ12")
    [envelope] = script.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("hola@tienda.example", ["ana@cliente.example"])
    mail = message_from_bytes(envelope.original_content, policy=policy.default)
    assert mail["To"] == "ana@cliente.example"
    assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == rendered().text
    assert mail.get_body(("html",)).get_content().strip() == rendered().html


@pytest.mark.parametrize(
    ("place", "told", "outcome", "about"),
    [
        ("connect", "421 busy", Outcome.REFUSED_FOR_NOW, "provider"),
        ("connect", "554 go away", Outcome.REFUSED_FOR_NOW, "provider"),
        ("connect", "drop", Outcome.REFUSED_FOR_NOW, "provider"),
        ("connect", "hang", Outcome.REFUSED_FOR_NOW, "provider"),
        ("mail", "451 later", Outcome.REFUSED_FOR_NOW, "provider"),
        ("mail", "553 not from you", Outcome.REFUSED_FOR_GOOD, "message"),
        ("mail", "hang", Outcome.REFUSED_FOR_NOW, "provider"),
        ("rcpt", "450 greylisted", Outcome.REFUSED_FOR_NOW, "message"),
        ("rcpt", "550 no such user", Outcome.REFUSED_FOR_GOOD, "message"),
        ("rcpt", "drop", Outcome.REFUSED_FOR_NOW, "provider"),
        ("data", "451 later", Outcome.REFUSED_FOR_NOW, "message"),
        ("data", "554 no", Outcome.REFUSED_FOR_GOOD, "message"),
        ("data", "drop", Outcome.REFUSED_FOR_NOW, "provider"),
        ("final", "451 scan failed", Outcome.REFUSED_FOR_NOW, "message"),
        ("final", "552 too large", Outcome.REFUSED_FOR_GOOD, "message"),
        ("final", "499 what", Outcome.UNKNOWN, "message"),
        ("final", "drop", Outcome.UNKNOWN, "provider"),
        ("final", "hang", Outcome.UNKNOWN, "provider"),
    ],
)
def test_every_ending_is_one_of_four(place: str, told: str, outcome: Outcome, about: str) -> None:
    script = Script(**{place: told})
    answer = hand_off(script)
    assert (answer.outcome, answer.about) == (outcome, about)
    assert script.taken == []
    assert "cliente.example" not in answer.detail


def test_a_server_that_is_not_there_is_refused_for_now() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        port = taken.getsockname()[1]

        async def story() -> Answer:
            return await provider(port).hand_off(message(), rendered(), "ana@cliente.example", NO_HURRY)

        answer = asyncio.run(story())
    assert (answer.outcome, answer.about) == (Outcome.REFUSED_FOR_NOW, "provider")


def test_nothing_is_refused_for_now_unless_the_table_names_it() -> None:
    named = {place for place, means in CODES.items() if means.outcome is Outcome.REFUSED_FOR_NOW}
    for stage in Stage:
        for code in range(600):
            if (stage, code) not in named:
                assert of_code(stage, code).outcome is not Outcome.REFUSED_FOR_NOW
    assert all(means.outcome is Outcome.UNKNOWN for (stage, _), means in BREAKS.items() if stage is Stage.FINAL)


def test_one_connection_carries_many_mails_one_after_the_other() -> None:
    script = Script()

    async def story(port: int) -> None:
        way = provider(port)
        for place in range(5):
            answer = await way.hand_off(message(f"m{place}"), rendered(), "ana@cliente.example", NO_HURRY)
            assert answer.outcome is Outcome.ACCEPTED
        await way.close()

    talk(story, script)
    assert (len(script.taken), script.connections) == (5, 1)


def test_a_refused_recipient_does_not_spoil_the_connection_for_the_next() -> None:
    script = Script(rcpt="550 no such user")

    async def story(port: int) -> None:
        way = provider(port)
        assert (await way.hand_off(message(), rendered(), "nadie@cliente.example", NO_HURRY)).outcome is Outcome.REFUSED_FOR_GOOD
        script.at.clear()
        assert (await way.hand_off(message(), rendered(), "ana@cliente.example", NO_HURRY)).outcome is Outcome.ACCEPTED
        await way.close()

    talk(story, script)
    assert script.connections == 1


@pytest.mark.parametrize("told", ["drop once", "421 once, I am closing"])
def test_a_kept_connection_that_the_server_closes_is_renewed_before_anything_is_said(told: str) -> None:
    script = Script()

    async def story(port: int) -> None:
        way = provider(port)
        await way.hand_off(message("a"), rendered(), "ana@cliente.example", NO_HURRY)
        script.at["mail"] = told
        assert (await way.hand_off(message("b"), rendered(), "ana@cliente.example", NO_HURRY)).outcome is Outcome.ACCEPTED
        await way.close()

    talk(story, script)
    assert script.connections == 2


def test_a_slow_connection_is_kept_and_the_claim_made_anew_because_a_withdrawal_may_have_come() -> None:
    script = Script()

    async def story(port: int) -> None:
        way = provider(port, monotonic=lambda: 1.0)  # it has taken a second to connect
        slow = await way.hand_off(message(), rendered(), "ana@cliente.example", Window(0.5, 60.0))
        assert (slow, script.taken) == (NOT_BEGUN, [])
        assert (await way.hand_off(message(), rendered(), "ana@cliente.example", Window(1.5, 60.0))).outcome is Outcome.ACCEPTED
        await way.close()

    talk(story, script)
    assert script.connections == 1


def test_a_message_whose_moment_passes_while_a_slow_server_hears_whom_it_is_for_is_not_given_any_more() -> None:
    script = Script()
    moments = [0.0, 31.0]  # begun, and the envelope has taken half a minute

    async def story(port: int) -> None:
        way = provider(port, monotonic=lambda: moments.pop(0) if len(moments) > 1 else moments[0])
        late = await way.hand_off(message(), rendered(), "ana@cliente.example", Window(0.5, 30.0))
        assert (late, script.taken) == (NOT_BEGUN, [])
        assert (await way.hand_off(message(), rendered(), "ana@cliente.example", NO_HURRY)).outcome is Outcome.ACCEPTED
        await way.close()

    talk(story, script)
    assert script.connections == 1


def test_many_at_once_never_open_more_connections_than_allowed() -> None:
    script = Script()

    async def story(port: int) -> None:
        way = provider(port, connections=3)
        mails = [way.hand_off(message(f"m{place}"), rendered(), "ana@cliente.example", NO_HURRY) for place in range(24)]
        assert {answer.outcome for answer in await asyncio.gather(*mails)} == {Outcome.ACCEPTED}
        await way.close()

    talk(story, script)
    assert len(script.taken) == 24
    assert script.connections <= 3


def test_an_address_with_an_enye_goes_by_smtputf8() -> None:
    script = Script()

    async def story(port: int) -> None:
        way = provider(port)
        assert (await way.hand_off(message(), rendered(), "señora@cliente.example", NO_HURRY)).outcome is Outcome.ACCEPTED
        await way.close()

    talk(story, script)
    assert script.taken[0].rcpt_tos == ["señora@cliente.example"]
    assert script.taken[0].smtp_utf8


def test_a_server_without_smtputf8_cannot_take_it_and_says_so_for_good() -> None:
    async def story(port: int) -> None:
        way = provider(port)
        assert (await way.hand_off(message(), rendered(), "señora@cliente.example", NO_HURRY)).outcome is Outcome.REFUSED_FOR_GOOD
        assert (await way.hand_off(message(), rendered(), "ana@españa.example", NO_HURRY)).outcome is Outcome.ACCEPTED
        await way.close()

    talk(story, Script(), utf8=False)


@pytest.mark.parametrize(
    "address", ["ana@cliente.example>\r\nRCPT TO:<carla@x.example", "a b@x.example", "@x.example", "ana", "", "a@b@c.example"]
)
def test_an_address_that_is_none_never_reaches_the_server(address: str) -> None:
    script = Script()

    async def story(port: int) -> None:
        way = provider(port)
        answer = await way.hand_off(message(), rendered(), address, NO_HURRY)
        assert (answer.outcome, answer.detail) == (Outcome.REFUSED_FOR_GOOD, "address_malformed recipient")
        await way.close()

    talk(story, script)
    assert script.connections == 0


def test_a_password_over_an_open_line_is_a_setting_that_must_be_said() -> None:
    assert SmtpServer(host="mail.example", port=587).security == "starttls"
