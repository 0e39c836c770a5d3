"""What a real mail server is made to refuse, and what must be understood of its reports.

Our own provider hands mail to Exim; the next hop is a scripted server for each case, at an address of its own so that one that answers 421
does not hold up the others. Exim writes its real reports and hands them to our port.
"""

from __future__ import annotations

import asyncio
import math
import smtplib
import socket
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from exim import Exim

from oportuno.adapters.mail_in.door import MailDoor
from oportuno.adapters.smtp.mail import Returning
from oportuno.adapters.smtp.pool import SmtpServer
from oportuno.adapters.smtp.provider import SmtpProvider
from oportuno.channels.channel import Outcome, Window
from oportuno.channels.hearing import Hearing, What
from oportuno.channels.returned.read import Ours, read_mail
from oportuno.content.message import Message, Rendered
from oportuno.content.said import Because, Said
from oportuno.kit.ids import dated, derive, key_of
from oportuno.kit.times import HOUR, day_of
from oportuno.profile.purposes import Purpose

DOMAIN = "bounce.tiendanorte.example"
SECRET = b"the return addresses' key, 32 by"
HARD, SOFT, AUTO, REPLY, NOTHING = What.HARD_BOUNCE, What.SOFT_BOUNCE, What.AUTO_REPLY, What.REPLY, None


@dataclass(frozen=True)
class Case:
    """One recipient, what is provoked there, and what must be heard; None: nothing may come back."""

    name: str
    expected: What | None
    at: str = ""
    """For Exim's own part of the world: the address. Empty: a next hop of its own."""
    rcpt: str = "250 OK"
    final: str = "250 OK"


CASES = (
    Case("user unknown (5.1.1)", HARD, rcpt="550 5.1.1 <ana>: Recipient address rejected: User unknown in virtual mailbox table"),
    Case("user unknown, no enhanced status", HARD, rcpt="550 No such user here"),
    Case("another Exim's unrouteable address", HARD, rcpt="550 Unrouteable address"),
    Case("account closed (5.2.1)", HARD, rcpt="550 5.2.1 The email account that you tried to reach is disabled"),
    Case("moved, no forwarding (5.1.6)", HARD, rcpt="551 5.1.6 not our customer"),
    Case(
        "recipient not found (5.1.10)", HARD, final="550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"
    ),
    Case("unknown to Exim itself", HARD, at="gone@local.example"),
    Case("no route from Exim itself", SOFT, at="ana@nowhere.example"),
    Case("full mailbox at Exim itself", SOFT, at="full@local.example"),
    Case("full mailbox (5.2.2)", SOFT, rcpt="552 5.2.2 Mailbox full"),
    Case("full mailbox, given up (4.2.2)", SOFT, rcpt="452 4.2.2 Mailbox full, try again later"),
    Case("greylisted until given up", SOFT, rcpt="450 4.7.1 Greylisted, try again in five minutes"),
    Case("shutting down until given up (421)", SOFT, rcpt="421 4.3.2 Service shutting down"),
    Case("blocked (5.7.1)", SOFT, rcpt="550 5.7.1 Service unavailable; client host blocked using a block list"),
    Case("spam at the end of data", SOFT, final="554 5.7.1 Message rejected as spam"),
    Case("policy under the code of a missing user", SOFT, rcpt="550 5.1.1 Message refused by our policy"),
    Case("relaying denied", SOFT, rcpt="550 Relaying denied"),
    Case("sender not authenticated (5.7.26)", SOFT, final="550 5.7.26 Unauthenticated email is not accepted due to DMARC policy"),
    Case("too large (5.3.4)", SOFT, final="552 5.3.4 Message size exceeds fixed limit"),
    Case("access denied (5.4.1)", SOFT, rcpt="550 5.4.1 Recipient address rejected: Access denied"),
    Case("no reason at all", SOFT, rcpt="550 Denied"),
    Case("away, says so by herself", AUTO, at="away@local.example"),
    Case("a person answers", REPLY, at="answers"),
    Case("taken", NOTHING),
)
FEW = tuple(case for case in CASES if case.expected is not SOFT or "Exim" in case.name or "5.7.1" in case.name or "452" in case.rcpt)
"""A small form for the tests: each kind of ending once or twice."""


@dataclass
class Provoked:
    """What was provoked and what was heard."""

    sent: int = 0
    understood: dict[str, int] = field(default_factory=dict)
    delayed: int = 0
    hard_of_soft: int = 0
    """Soft refusals that were taken for hard: the one thing that must never happen."""
    faults: list[str] = field(default_factory=list)


class _Hop:
    """A next hop that answers as its case says."""

    def __init__(self, case: Case) -> None:
        self._case = case

    async def handle_RCPT(self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]) -> str:  # noqa: N802
        if self._case.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self._case.rcpt

    async def handle_DATA(self, _server: Any, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        return self._case.final


def provoke(cases: tuple[Case, ...] = CASES, *, patience: str = "2s", warning: str = "0s", limit: float = 300.0) -> Provoked:
    """Send a message to each case and give what came back, waiting at most `limit` seconds for it."""
    return asyncio.run(_provoke(cases, patience, warning, limit))


async def _provoke(cases: tuple[Case, ...], patience: str, warning: str, limit: float) -> Provoked:
    heard: dict[bytes, list[Hearing]] = {}
    ours = Ours(secrets=(SECRET,), unsubscribing=lambda _token: None)

    async def take(raw: bytes, recipient: str) -> None:
        hearing = read_mail(raw, recipient=recipient, at=int(time.time() * 1_000), ours=ours)
        heard.setdefault(hearing.message, []).append(hearing)

    async with AsyncExitStack() as stack:
        hops = {}
        for number, case in enumerate(cases):
            if not case.at:
                host = f"127.0.{number // 250 + 1}.{number % 250 + 1}"
                hops[f"hop{number}.example"] = await _open_hop(case, host, stack)
        listener = socket.create_server(("127.0.0.1", 0))
        back = int(listener.getsockname()[1])
        door = MailDoor(take, name=DOMAIN)
        await door.open(listener)
        stack.push_async_callback(door.close)
        exim = stack.enter_context(Exim(back=back, bounce_domain=DOMAIN, hops=hops, patience=patience, warning=warning))
        messages = await _send(cases, exim.port)
        awaited = {message.id for message, case in zip(messages, cases, strict=True) if case.expected is not None}
        until = time.monotonic() + limit
        while not all(_final(heard.get(id_, [])) for id_ in awaited) and time.monotonic() < until:
            await asyncio.to_thread(exim.look_through_the_queue)
            await asyncio.sleep(0.2)
        said = exim.said()
    return _judge(cases, messages, heard, said)


async def _open_hop(case: Case, host: str, stack: AsyncExitStack) -> str:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(_Hop(case), hostname="mx.example"), host, 0)
    stack.callback(server.close)
    return f"{host}::{server.sockets[0].getsockname()[1]}"


async def _send(cases: tuple[Case, ...], port: int) -> list[Message]:
    """Hand a message to Exim for each case, by our own provider."""
    provider = SmtpProvider(
        SmtpServer(host="127.0.0.1", port=port, security="none", helo="oportuno.tiendanorte.example", timeout=120),
        monotonic=time.monotonic,
        wall=lambda: datetime.now(UTC),
        returning=Returning(domain=DOMAIN, secret=SECRET, replies=True),
    )
    messages = []
    for number, case in enumerate(cases):
        message = _message(number)
        messages.append(message)
        if case.at == "answers":
            await asyncio.to_thread(_answer, port, message)
            continue
        answer = await provider.hand_off(message, WORDS, case.at or f"ana@hop{number}.example", Window(math.inf, math.inf))
        if answer.outcome is not Outcome.ACCEPTED:
            raise RuntimeError(f"{case.name}: Exim did not take it: {answer.detail}")
    await provider.close()
    return messages


WORDS = Rendered(
    channel="email",
    language="es",
    subject="Ha bajado de precio",
    html="<p>Hola, Ana.</p>",
    text="Hola, Ana.",
    headers={"List-Unsubscribe": "<https://tienda.example/p/x>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    sender="Tienda Norte <hola@tiendanorte.example>",
)


def _message(number: int) -> Message:
    now = int(time.time() * 1_000)
    said = Said(
        id=dated(day_of(now), derive("bounces", number)),
        journey="price-drop",
        version=1,
        step="send",
        template="price-drop",
        channel="email",
        purpose=Purpose.MARKETING,
        because=Because(kind="price_fell"),
        expires_at=now + HOUR,
    )
    return Message(id=said.id, key=key_of(7, number + 1), said=said, marketing=True, permitted_at=now, expires_at=said.expires_at)


def _answer(port: int, message: Message) -> None:
    """Write back as a person's mail program does."""
    to = Returning(domain=DOMAIN, secret=SECRET).address("r", message)
    with smtplib.SMTP("127.0.0.1", port, timeout=120) as smtp:
        smtp.sendmail(
            "ana@cliente.example",
            [to],
            f"From: Ana <ana@cliente.example>\r\nTo: {to}\r\nSubject: Re: Ha bajado de precio\r\nMessage-ID: <1@cliente.example>\r\n\r\n"
            "Hola\r\n\r\n> Hola, Ana.\r\n",
        )


def _final(heard: list[Hearing]) -> bool:
    return any(hearing.what is not What.DELAYED for hearing in heard)


def _judge(cases: tuple[Case, ...], messages: list[Message], heard: dict[bytes, list[Hearing]], said: str) -> Provoked:
    done = Provoked(sent=len(cases))
    understood: Counter[str] = Counter()
    for case, message in zip(cases, messages, strict=True):
        # Its mail server may have come again with one that it was not sure of: the same report counts once, as it does for us.
        told = list({hearing.id: hearing for hearing in heard.pop(message.id, [])}.values())
        done.delayed += sum(hearing.what is What.DELAYED for hearing in told)
        final = [hearing for hearing in told if hearing.what is not What.DELAYED]
        whats = [hearing.what for hearing in final]
        if whats != ([] if case.expected is None else [case.expected]):
            done.faults.append(f"{case.name}: expected {case.expected}, heard {[str(what) for what in whats]}")
        if any(hearing.workspace != message.key.workspace or hearing.proof != "signed" for hearing in told):
            done.faults.append(f"{case.name}: its report is not known as ours")
        done.hard_of_soft += case.expected is not HARD and HARD in whats
        understood[str(case.expected or "nothing")] += whats == ([] if case.expected is None else [case.expected])
    done.understood = dict(sorted(understood.items()))
    done.faults += [f"a report of a message that was never sent: {[str(each.what) for each in told]}" for told in heard.values()]
    if done.faults:
        print(said)
    return done
