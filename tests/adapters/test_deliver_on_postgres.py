"""From a row in PostgreSQL to a real mail server, through the real loop: once each, and every ending written down."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from deliver_world import policy, programme
from sink import Script, sink
from words import MOMENT, rendered

from oportuno.adapters.postgres.outbox import PostgresOutbox
from oportuno.adapters.postgres.store import PostgresStore
from oportuno.adapters.smtp.pool import SmtpServer
from oportuno.adapters.smtp.provider import SmtpProvider
from oportuno.adapters.system_clock import SystemClock
from oportuno.attention.ledger import Attention, reserve
from oportuno.channels.ways import ALL_SIGNED
from oportuno.consent.answers import Answered, Consent, Consents, slot
from oportuno.content.message import Message
from oportuno.content.said import Because, Said
from oportuno.entry.deliverer import Deliverer
from oportuno.flows.deliver import Delivered, Ended
from oportuno.flows.programme import Programme
from oportuno.flows.ways import Way
from oportuno.flows.work import OutboxStatus, SaveCustomer, Writes
from oportuno.kit.ids import dated, derive, key_of
from oportuno.kit.times import DAY, HOUR, day_of
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Core, Register

NORTE = 7


class OneProgramme:
    """Tienda Norte's, for everybody."""

    async def programme(self, _workspace: int) -> Programme:
        return programme(policy(limits=()))

    async def all(self) -> dict[int, Programme]:
        return {NORTE: programme(policy(limits=()))}


async def speak_to(store: PostgresStore, name: str, *, withdrawn: bool = False, lasts: int = HOUR) -> Message:
    """Make a customer who said yes (or takes it back), with one message waiting."""
    key = key_of(NORTE, int.from_bytes(derive(name)[:7], "big"))
    draft = Draft(key)
    traits = draft.open(Core).traits
    traits["email"] = Register(value=f"{name}@cliente.example", at=1, h=b"h")
    traits["timezone"] = Register(value="Europe/Madrid", at=1, h=b"h")
    state = Answered.WITHDRAWN if withdrawn else Answered.GRANTED
    draft.open(Consents).answers = {slot(Purpose.MARKETING, "email"): Consent(state=state, at=1, source="customer")}
    async with store.work() as work:
        now, rows = await work.lock([key])
        said = Said(
            id=dated(day_of(now), derive("mail", name)),
            journey="abandoned-cart",
            version=1,
            step="send",
            template="abandoned-cart",
            channel="email",
            purpose=Purpose.MARKETING,
            because=Because(kind="cart_left"),
            expires_at=now + lasts,
        )
        words = Message(id=said.id, key=key, said=said, marketing=True, permitted_at=now, expires_at=said.expires_at)
        reserve(draft.open(Attention), id=said.id, channel="email", now=now, until=said.expires_at)
        save = SaveCustomer(key, rows[key].version, draft.encode(), None, due_changed=False)
        await work.commit(Writes(saves=[save], messages=[words]))
    return words


@contextlib.asynccontextmanager
async def delivering(url: str, port: int) -> AsyncIterator[tuple[PostgresStore, asyncio.Queue[Delivered]]]:
    heard: asyncio.Queue[Delivered] = asyncio.Queue()
    store = await PostgresStore.open(url, name="test", size=8)
    outbox = await PostgresOutbox.open(url)
    server = SmtpServer(host="127.0.0.1", port=port, security="none", timeout=120, final_timeout=120, aside_timeout=120, connections=4)
    mail = SmtpProvider(server, monotonic=time.monotonic, wall=lambda: MOMENT)
    deliverer = Deliverer(
        number=outbox.deliverer,
        outbox=outbox,
        store=store,
        programmes=OneProgramme(),
        clock=SystemClock(),
        render=lambda *_: rendered(),
        ways=lambda _p, _c: [Way("smtp", mail, ALL_SIGNED)],
        heard=lambda _c, delivered: heard.put_nowait(delivered),
    )
    task = asyncio.get_running_loop().create_task(deliverer.run())
    try:
        yield store, heard
    finally:
        deliverer.stop()
        await task
        await mail.close()
        await outbox.close()
        await store.close()


@pytest.fixture(scope="module")
def norte(postgres_url: str) -> str:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO workspaces (workspace, public_id, name, timezone, locale) OVERRIDING SYSTEM VALUE "
            "VALUES (7, 'ws_7', 'Tienda Norte', 'Europe/Madrid', 'es')"
        )
    return postgres_url


def outcome_of(url: str, message: Message) -> OutboxStatus:
    with psycopg.connect(url) as connection:
        row: Any = connection.execute("SELECT status FROM outbox WHERE id = %s", (message.id,)).fetchone()
    return OutboxStatus(row[0])


async def last_word(heard: asyncio.Queue[Delivered]) -> Ended:
    """Wait for an attempt that ended. A claim that a busy machine made void is only made anew."""
    while True:
        ended = (await heard.get()).ended
        if ended not in (Ended.VOID, Ended.REFUSED_FOR_NOW, Ended.PACED, Ended.ELSEWHERE):
            return ended


@pytest.mark.postgres
def test_forty_mails_leave_once_each_and_carla_who_withdrew_hears_nothing(norte: str) -> None:
    script = Script()

    async def story() -> None:
        async with sink(script) as port, delivering(norte, port) as (store, heard):
            said = [await speak_to(store, f"ana{number}") for number in range(40)]
            carla = await speak_to(store, "carla", withdrawn=True)
            ends = [await last_word(heard) for _ in range(41)]
        assert sorted(end.value for end in ends) == ["accepted"] * 40 + ["silent"]
        assert {outcome_of(norte, message) for message in said} == {OutboxStatus.ACCEPTED}
        assert outcome_of(norte, carla) is OutboxStatus.CANCELLED

    asyncio.run(asyncio.wait_for(story(), 180))
    to = [envelope.rcpt_tos[0] for envelope in script.taken]
    assert len(to) == len(set(to)) == 40
    assert "carla@cliente.example" not in to


@pytest.mark.postgres
def test_an_unknown_ending_is_written_down_and_its_touch_stands(norte: str) -> None:
    async def story() -> None:
        async with sink(Script(final="drop")) as port, delivering(norte, port) as (store, heard):
            message = await speak_to(store, "bruno", lasts=DAY)
            assert await last_word(heard) is Ended.UNKNOWN
            async with store.work() as work:
                _, rows = await work.lock([message.key])
            state = rows[message.key]
        touches = Draft(message.key, state.state, state.version).read(Attention).touches
        assert [(touch.id, touch.made) for touch in touches] == [(message.id, True)]
        assert outcome_of(norte, message) is OutboxStatus.UNKNOWN

    asyncio.run(asyncio.wait_for(story(), 180))
