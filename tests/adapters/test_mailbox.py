"""A sandbox's mailbox: what was said lies there whole, once, and goes nowhere else. Told on memory and on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from email import message_from_bytes, policy

import pytest
from words import MOMENT, NO_HURRY, message, rendered

from oportuno.adapters.mailbox import MailboxProvider
from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.postgres.connections import CHANGING, Connections
from oportuno.adapters.postgres.mailbox import PostgresMailbox
from oportuno.channels.channel import Outcome
from oportuno.flows.ports import Letter, Mailbox
from oportuno.kit.faults import Unavailable
from oportuno.kit.ids import derive

Teller = Callable[[Callable[[Mailbox], Awaitable[None]]], None]


@pytest.fixture(params=["memory", "postgres"])
def tell(request: pytest.FixtureRequest) -> Teller:
    def teller(story: Callable[[Mailbox], Awaitable[None]]) -> None:
        async def whole() -> None:
            if request.param == "memory":
                await story(MemoryWorld().mailbox)
                return
            connections = Connections(request.getfixturevalue("postgres_url"), name="test", most=2, plans=CHANGING)
            try:
                await story(PostgresMailbox(connections))
            finally:
                await connections.close()

        asyncio.run(asyncio.wait_for(whole(), 300))

    return teller


def letter(name: str, *, at: int, workspace: int) -> Letter:
    raw = f"Subject: {name}\r\n\r\nHola\r\n".encode()
    return Letter(workspace=workspace, id=derive(name), at=at, address="ana@cliente.example", subject=name, raw=raw, message=derive(name))


def test_letters_come_newest_first_and_page_by_page(tell: Teller) -> None:
    async def story(mailbox: Mailbox) -> None:
        for at in range(5):
            await mailbox.put(letter(f"carta {at}", at=at, workspace=101))
        assert [one.at for one in await mailbox.letters(101, 2)] == [4, 3]
        assert [one.at for one in await mailbox.letters(101, 2, before=3)] == [2, 1]
        assert await mailbox.letters(102, 10) == []

    tell(story)


def test_a_letter_is_read_back_byte_for_byte_and_only_in_its_own_workspace(tell: Teller) -> None:
    async def story(mailbox: Mailbox) -> None:
        one = letter("carta", at=9, workspace=103)
        await mailbox.put(one)
        assert await mailbox.letter(103, one.id) == one
        assert await mailbox.letter(104, one.id) is None

    tell(story)


def test_the_same_letter_twice_lies_there_once(tell: Teller) -> None:
    async def story(mailbox: Mailbox) -> None:
        await mailbox.put(letter("carta", at=1, workspace=105))
        await mailbox.put(letter("carta", at=2, workspace=105))
        assert [one.at for one in await mailbox.letters(105, 10)] == [1]

    tell(story)


def test_a_mail_lies_in_the_mailbox_as_it_would_have_been_sent(tell: Teller) -> None:
    async def story(mailbox: Mailbox) -> None:
        provider = MailboxProvider(mailbox, monotonic=lambda: 0.0, wall=lambda: MOMENT)
        assert (await provider.hand_off(message("ante el buzón"), rendered(), "ana@cliente.example", NO_HURRY)).outcome is Outcome.ACCEPTED
        lying = await mailbox.letter(7, message("ante el buzón").id)
        assert lying is not None
        mail = message_from_bytes(lying.raw, policy=policy.default)
        assert (mail["Subject"], mail["List-Unsubscribe-Post"]) == (rendered().subject, "List-Unsubscribe=One-Click")
        assert lying.address == "ana@cliente.example"

    tell(story)


def test_a_webhook_s_body_lies_there_as_json_and_is_posted_nowhere(tell: Teller) -> None:
    async def story(mailbox: Mailbox) -> None:
        provider = MailboxProvider(mailbox, monotonic=lambda: 0.0, wall=lambda: MOMENT)
        words = rendered(channel="webhook", url="https://tienda.example/hook", payload={"type": "cart.left"})
        await provider.hand_off(message("gancho", channel="webhook"), words, "cus_0000000000001", NO_HURRY)
        lying = await mailbox.letter(7, message("gancho").id)
        assert lying is not None
        assert json.loads(lying.raw) == {"type": "cart.left"}

    tell(story)


def test_a_mailbox_that_is_gone_leaves_the_ending_unknown() -> None:
    class Gone:
        async def put(self, _letter: Letter) -> None:
            raise Unavailable("database_gone", "the database does not answer")

    answer = asyncio.run(
        MailboxProvider(Gone(), monotonic=lambda: 0.0, wall=lambda: MOMENT).hand_off(message(), rendered(), "ana@cliente.example", NO_HURRY)
    )  # type: ignore[arg-type]
    assert answer.outcome is Outcome.UNKNOWN
