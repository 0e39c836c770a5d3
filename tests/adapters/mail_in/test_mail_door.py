"""The port that takes mail which comes back: answered only once it is stored, and whole whichever way its bytes arrive."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiosmtplib
from hypothesis import given, settings
from hypothesis import strategies as st

from oportuno.adapters.mail_in.door import KEPT, MailDoor, _Wire


class Shelf:
    """Where mail is stored; refuses for whom it is told to."""

    def __init__(self, *refused: str) -> None:
        self.stored: list[tuple[str, bytes]] = []
        self.refused = set(refused)

    async def take(self, raw: bytes, recipient: str) -> None:
        if recipient in self.refused:
            raise ConnectionError("the database is gone")
        self.stored.append((recipient, raw))


@asynccontextmanager
async def open_door(shelf: Shelf) -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    door = MailDoor(shelf.take, name="bounce.tiendanorte.example")
    await door.open(listener)
    try:
        yield port
    finally:
        await door.close()


def run(story: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(asyncio.wait_for(story(), 60))


async def converse(port: int, said: bytes) -> list[str]:
    """Say everything at once, as a mail server that pipelines, and give the answers until the other side leaves."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    await writer.drain()
    answers = (await reader.read()).decode().splitlines()
    writer.close()
    return answers


MAIL = b"MAIL FROM:<>\r\nRCPT TO:<b+x@bounce.tiendanorte.example>\r\nDATA\r\nSubject: x\r\n\r\nhello\r\n.\r\n"


def test_a_mail_server_that_speaks_smtp_is_answered_once_the_mail_is_stored():
    shelf = Shelf()

    async def story() -> None:
        async with open_door(shelf) as port, aiosmtplib.SMTP(hostname="127.0.0.1", port=port, timeout=60) as smtp:
            await smtp.sendmail("", ["b+x@bounce.tiendanorte.example"], b"Subject: x\r\n\r\n.dot\r\n..two\r\n")
            assert shelf.stored == [("b+x@bounce.tiendanorte.example", b"Subject: x\r\n\r\n.dot\r\n..two\r\n")]
            await smtp.sendmail("mta@relay.example", ["r+y@bounce.tiendanorte.example"], b"again\r\n")
            assert len(shelf.stored) == 2

    run(story)


def test_lmtp_answers_for_each_recipient_whether_its_report_is_stored():
    shelf = Shelf("two@x.example")

    async def story() -> list[str]:
        async with open_door(shelf) as port:
            return await converse(
                port,
                b"LHLO relay.example\r\nMAIL FROM:<>\r\nRCPT TO:<one@x.example>\r\nRCPT TO:<two@x.example>\r\nRCPT TO:<three@x.example>\r\n"
                b"DATA\r\nhello\r\n.\r\nQUIT\r\n",
            )

    answers = run(story)
    assert [answer[:3] for answer in answers[-5:]] == ["354", "250", "451", "250", "221"]
    assert [who for who, _ in shelf.stored] == ["one@x.example", "three@x.example"]


def test_smtp_has_one_answer_and_what_is_not_stored_for_all_comes_again():
    shelf = Shelf("two@x.example")
    said = b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<one@x.example>\r\nRCPT TO:<two@x.example>\r\nDATA\r\nhello\r\n.\r\nQUIT\r\n"

    async def story() -> list[str]:
        async with open_door(shelf) as port:
            return await converse(port, said)

    assert [answer[:3] for answer in run(story)[-3:]] == ["354", "451", "221"]


def test_commands_in_the_wrong_order_and_nonsense_are_refused_and_too_much_of_it_ends_the_talk():
    odd = (b"DATA", b"RCPT TO:<a@b.example>", b"MAIL TO:<a@b.example>", b"MAIL FROM:a@b.example", b"VRFY a", b"NOOP")

    async def story() -> list[bytes]:
        answers = []
        async with open_door(Shelf()) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await reader.readline()
            for command in (*odd, *[b"\xff\x00"] * 30):
                writer.write(command + b"\r\n")
                answers.append(await reader.readline())
                if sum(answer.startswith(b"5") for answer in answers) == 20:
                    answers.append(await reader.readline())
                    break
            writer.close()
        return answers

    answers = run(story)
    assert [answer[:3] for answer in answers[:6]] == [b"503", b"503", b"501", b"501", b"252", b"250"]
    assert answers[-1].startswith(b"421")


def test_a_line_that_never_ends_and_a_mail_that_is_too_large_are_named_and_the_talk_goes_on():
    shelf = Shelf()

    async def story() -> list[str]:
        async with open_door(shelf) as port:
            large = b"MAIL FROM:<> SIZE=99999999999\r\n"
            return await converse(port, b"EHLO " + b"x" * 100_000 + b"\r\nEHLO a\r\n" + large + MAIL + b"QUIT\r\n")

    answers = [answer[:3] for answer in run(story)]
    assert answers[:2] == ["220", "500"]
    assert "552" in answers
    assert answers[-2:] == ["250", "221"]
    assert len(shelf.stored) == 1


def test_of_a_large_mail_the_beginning_is_kept():
    shelf = Shelf()
    body = b"0123456789abcdef\r\n" * 100_000

    async def story() -> list[str]:
        async with open_door(shelf) as port:
            return await converse(port, b"LHLO a\r\n" + MAIL.replace(b"hello\r\n", body) + MAIL + b"QUIT\r\n")

    assert run(story)[-1].startswith("221")
    assert len(shelf.stored[0][1]) <= KEPT + 2
    assert (b"Subject: x\r\n\r\n" + body).startswith(shelf.stored[0][1][:-2])
    assert shelf.stored[1][1] == b"Subject: x\r\n\r\nhello\r\n"


def test_a_door_that_closes_breaks_off_who_is_still_talking():
    async def story() -> bytes:
        async with open_door(Shelf()) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await reader.readline()
        rest = await reader.read()
        writer.close()
        return rest

    assert run(story) == b""


LINES = st.lists(
    st.sampled_from([b"", b".", b"..", b"a", b".\n", b"\n.\n", b"\r", b".\r", b"a\n.\nQUIT", b"x" * 70, b"\x00\xff"]), max_size=12
)


@settings(deadline=None, max_examples=150)
@given(lines=LINES, cuts=st.lists(st.integers(1, 7), min_size=1, max_size=20))
def test_a_mail_is_the_same_however_its_bytes_are_cut_and_nothing_but_its_own_end_ends_it(lines, cuts):
    """Another mail hidden in this one, behind an end that only some take for one, stays a part of it."""
    mail = b"".join(line + b"\r\n" for line in lines)
    stuffed = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)

    async def story() -> tuple[bytes | None, bytes]:
        reader = asyncio.StreamReader()
        wire = _Wire(reader, None, 60.0)  # type: ignore[arg-type]
        reading = asyncio.create_task(_both(wire))
        left, turn = stuffed + b".\r\nNOOP\r\n", 0
        while left:
            size = cuts[turn % len(cuts)]
            reader.feed_data(left[:size])
            left, turn = left[size:], turn + 1
            await asyncio.sleep(0)
        return await reading

    # An end that stands inside a line is none, whatever the line holds.
    letter, command = asyncio.run(asyncio.wait_for(story(), 60))
    assert letter == mail
    assert command == b"NOOP"


async def _both(wire: _Wire) -> tuple[bytes | None, bytes]:
    return await wire.letter(), await wire.line()
