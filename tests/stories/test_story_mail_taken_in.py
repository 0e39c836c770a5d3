"""Mail comes back to Tienda Norte's port: a full mailbox silences nobody, an address that is gone does, and who leaves by mail has left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiosmtplib
from shop_alive import PATIENCE, Shop, tell

from oportuno.content.links import Action
from oportuno.entry.mail_in import take_in_mail
from oportuno.kit.ids import key_of, read_customer, read_id, write_id
from oportuno.wiring.mail_in import returning_for

DOMAIN = "bounce.tiendanorte.example"
PLAYS = ("price-drop",)


def bounce(number: int, status: str, words: str) -> bytes:
    return (
        f"From: Mailer-Daemon@relay.example\r\nSubject: Mail delivery failed\r\nMessage-ID: <{number}@relay.example>\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n\r\nIt failed.\r\n'
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.example\r\n\r\n"
        "Final-Recipient: rfc822; x@correo.example\r\n"
        f"Action: failed\r\nStatus: {status}\r\nRemote-MTA: dns; mx.correo.example\r\nDiagnostic-Code: smtp; {words}\r\n\r\n--b--\r\n"
    ).encode()


class MailServer:
    """The mail server beside us, which hands back what it could not deliver."""

    def __init__(self, shop: Shop, port: int) -> None:
        self._shop = shop
        self._port = port
        self._settings = shop.front.settings.model_copy(update={"bounce_domain": DOMAIN})

    async def give(self, raw: bytes, to: str) -> None:
        """Hand over one mail; returns when the port has answered that it is stored."""
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=self._port, timeout=PATIENCE, start_tls=False) as smtp:
            await smtp.sendmail("", [to], raw)

    def back_to(self, message: str, use: str = "b") -> str:
        returning = returning_for(self._settings, self._shop.front.secret)
        assert returning is not None
        from oportuno.channels.returned.verp import return_address

        return return_address(use, self._shop.workspace, read_id("msg", message), domain=DOMAIN, secret=returning.secret)


@asynccontextmanager
async def mail_server(shop: Shop) -> AsyncIterator[MailServer]:
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    settings = shop.front.settings.model_copy(update={"bounce_domain": DOMAIN, "mail_in_port": 0})
    part = asyncio.create_task(take_in_mail(settings, stop, listening=port.set_result))
    try:
        await asyncio.wait({part, port}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        yield MailServer(shop, port.result())
    finally:
        stop.set()
        await part


async def last_message(shop: Shop, who: str) -> dict[str, str]:
    [last, *_] = (await shop.call("GET", f"/customers/{who}/messages"))["items"]
    return last


async def falls(shop: Shop, price: float) -> list[str]:
    """The lamp's price falls; gives to whom a mail has gone since the shop opened."""
    await shop.price("galerna", price)
    await shop.rest()
    return sorted(mail.to for mail in await shop.mails())


def test_only_an_address_that_is_gone_is_struck_off_and_who_leaves_by_mail_has_left(postgres_url: str) -> None:
    async def story(shop: Shop) -> None:
        await shop.price("galerna", 200)
        for who in ("ana", "bruno"):
            await shop.known(who)
            await shop.look("galerna", 3, userId=who)
        await shop.rest()
        both = ["ana@correo.example", "bruno@correo.example"]
        assert await falls(shop, 160) == both

        async with mail_server(shop) as server:
            anas, brunos = (await last_message(shop, "ana"))["message"], (await last_message(shop, "bruno"))["message"]
            await server.give(bounce(1, "5.2.2", "552 5.2.2 Mailbox full"), server.back_to(anas))
            await server.give(bounce(2, "5.1.1", "550 5.1.1 refused: spam"), server.back_to(anas))
            await server.give(b"From: x@correo.example\r\nSubject: ???\r\n\r\nbip bop\r\n", server.back_to(anas).replace("b+a", "b+b"))
            strange = b"From: MAILER-DAEMON@relay.example\r\nSubject: Niezustellbar\r\n\r\nEmpfaenger verzogen.\r\n"
            await server.give(strange, server.back_to(anas))
            never = write_id("msg", bytes(reversed(read_id("msg", anas))))
            await server.give(bounce(9, "5.1.1", "550 5.1.1 User unknown"), server.back_to(never))
            assert await falls(shop, 120) == sorted(both * 2), (
                "a soft bounce, a forged one, a strange one or a stranger's silenced somebody"
            )
            kept = (await shop.call("GET", "/hearings", unmatched="ours"))["items"]
            assert sorted((each["what"], each["heard_as"]) for each in kept) == [
                ("hard_bounce", "unmatched"),
                ("not_understood", "unmatched"),
            ]

            anas = (await last_message(shop, "ana"))["message"]
            for _ in range(3):
                await server.give(bounce(3, "5.1.1", "550 5.1.1 User unknown"), server.back_to(anas))
            customer = read_customer((await last_message(shop, "bruno"))["customer"])
            now = await shop.front.reads.now()
            token = shop.front.links.token(read_id("msg", brunos), key_of(shop.workspace, customer), Action.UNSUBSCRIBE, now)
            await server.give(
                b"From: bruno@correo.example\r\nSubject: unsubscribe " + token.encode() + b"\r\nMessage-ID: <4@correo.example>\r\n\r\n",
                f"unsubscribe@{DOMAIN}",
            )
            await server.give(
                b"From: ana@correo.example\r\nSubject: Re: lampara\r\nMessage-ID: <5@correo.example>\r\n\r\nGracias\r\n",
                server.back_to(anas, "r"),
            )
        assert await falls(shop, 80) == sorted(both * 2)

        heard = (await shop.call("GET", "/hearings"))["items"]
        assert sorted(each["what"] for each in heard) == ["hard_bounce", "reply", "soft_bounce", "soft_bounce", "unsubscribed"]
        assert "suppressed" in {reason for _, reason in await shop.silences("ana")}

    tell(postgres_url, story, plays=PLAYS)
