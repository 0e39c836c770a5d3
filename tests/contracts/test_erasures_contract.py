"""Forgetting: at once nothing is said and nothing known; soon after nothing is there, whoever died on the way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest
from contract_world import Shop, arrival, message

from oportuno.flows.forget import forget_on
from oportuno.flows.ports import LaneClass, Letter, Reject
from oportuno.flows.work import LedgerEntry, OutboxStatus, Status
from oportuno.kit.ids import derive
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Core, Register

if TYPE_CHECKING:
    from oportuno.kit.ids import CustomerKey

MANY = 10_000


def state_of(key: CustomerKey, user: str, email: str) -> bytes:
    draft = Draft(key)
    core = draft.open(Core)
    core.ids = [("user", user, 1)]
    core.traits = {"email": Register(value=email, at=1)}
    return draft.encode()


def reject(shop: Shop, raw: bytes, *, now: int, number: int = 1) -> Reject:
    return Reject(
        workspace=shop.workspace,
        id=derive("reject", raw, number),
        received=now + number,
        code="name_missing",
        sentence="The event has no name.",
        place="batch[0].event",
        raw=raw,
        key_id="key_1",
    )


async def raws(shop: Shop) -> set[bytes]:
    return {record.reject.raw for record in await shop.outside.reads.rejects(shop.workspace, before=None, limit=200)}


async def forgotten(shop: Shop) -> None:
    assert await forget_on(shop.outside.erasures, most=MANY) < MANY


def test_at_once_nothing_is_known_and_nothing_can_be_read_and_soon_it_is_done(tell):
    async def story(shop: Shop):
        erasures, ana, now = shop.outside.erasures, await shop.customer(user="ana"), await shop.now()
        said = message(ana, "hello", now=now)
        await shop.save(ana, 0, state_of(ana, "ana", "ana@correo.example"))
        await shop.write(messages=[said])
        assert await erasures.erasure(ana) is None
        await shop.write(erasures=[ana])
        row = await shop.read(ana)
        assert (row.status, row.state) == (Status.ERASED, b"")
        assert await shop.outside.reads.message(shop.workspace, said.id) is None
        waiting = await erasures.erasure(ana)
        assert waiting is not None
        assert waiting.asked_at >= now
        assert waiting.done_at is None
        await forgotten(shop)
        done = await erasures.erasure(ana)
        assert done is not None
        assert (done.asked_at, done.place) == (waiting.asked_at, "")
        assert done.done_at is not None
        assert not await erasures.advance()

    tell(story)


def test_what_was_said_in_the_log_the_letters_and_the_ledger_is_gone_and_bruno_keeps_his(tell):
    async def story(shop: Shop):
        reads, now = shop.outside.reads, await shop.now()
        ana, bruno = await shop.customer(user="ana"), await shop.customer(user="bruno")
        for who, name in ((ana, "ana"), (bruno, "bruno")):
            await shop.save(who, 0, state_of(who, name, f"{name}@correo.example"))
            said = message(who, "hello", now=now)
            await shop.write(messages=[said])
            letter = Letter(
                workspace=shop.workspace, id=said.id, at=now, address=f"{name}@correo.example", subject="Hola", raw=b"hola", message=said.id
            )
            await shop.outside.mailbox.put(letter)
            await shop.write(
                ledger=[
                    LedgerEntry(who, derive("entry", name), now, "marketing/email", "granted", "api", "v1", "es", "customer", {"who": name})
                ]
            )
            await shop.intake.store([arrival(who, f"{name} {n}", now=now) for n in range(3)], [], LaneClass.LIVE)
        await shop.write(erasures=[ana])
        await forgotten(shop)
        assert {event.body for event in await reads.events(ana, before=None, limit=10)} == {b"{}"}
        assert {event.name for event in await reads.events(bruno, before=None, limit=10)} == {"bruno 0", "bruno 1", "bruno 2"}
        assert [record.proof for record in await reads.ledger(ana)] == [{}]
        assert [record.proof for record in await reads.ledger(bruno)] == [{"who": "bruno"}]
        assert [letter.address for letter in await shop.outside.mailbox.letters(shop.workspace, 10)] == ["bruno@correo.example"]
        assert len(await reads.messages(bruno, before=None, limit=10)) == 1

    tell(story)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"userId":"ana-1001","type":"track"}',
        b'{"type":"track","traits":{"email":"ANA@correo.example"}}',
        b'{"type":"track","properties":{"note":"call ana@correo.example today"}}',
        b'{"type":"track","anonymousId":"phone-of-ana","event":',
        b'\xff\xfe{"userId":"ana-1001"',
    ],
)
def test_a_reject_is_found_by_any_id_that_the_state_or_the_log_told(tell, raw):
    async def story(shop: Shop):
        now, ana = await shop.now(), await shop.customer(user="ana-1001")
        await shop.save(ana, 0, state_of(ana, "ana-1001", "ana@correo.example"))
        told = msgspec.structs.replace(arrival(ana, "seen", now=now), body=b'{"type":"page","anonymousId":"phone-of-ana"}')
        others = b'{"userId":"bruno","properties":{"name":"banana-1001"}}'
        rejects = [reject(shop, raw, now=now, number=n) for n in range(1, 151)] + [reject(shop, others, now=now)]
        await shop.intake.store([told], rejects, LaneClass.LIVE)
        await shop.write(erasures=[ana])
        await forgotten(shop)
        assert await raws(shop) == {others}

    tell(story)


def test_rejects_of_another_workspace_are_not_looked_at(tell):
    async def story(shop: Shop):
        other, now, ana = Shop(shop.outside), await shop.now(), await shop.customer(user="ana-1001")
        raw = b'{"userId":"ana-1001"}'
        await shop.save(ana, 0, state_of(ana, "ana-1001", "ana@correo.example"))
        await other.intake.store([], [reject(other, raw, now=now)], LaneClass.LIVE)
        await shop.write(erasures=[ana])
        await forgotten(shop)
        assert await raws(other) == {raw}

    tell(story)


def test_a_letter_that_was_on_its_way_to_somebody_forgotten_lies_nowhere(tell):
    async def story(shop: Shop):
        now, ana = await shop.now(), shop.key(1)
        said = message(ana, "hello", now=now)
        await shop.save(ana, 0)
        await shop.write(messages=[said])
        await shop.write(erasures=[ana])
        await forgotten(shop)
        letter = Letter(workspace=shop.workspace, id=said.id, at=now, address="ana@x.example", subject="Hola", raw=b"hola", message=said.id)
        await shop.outside.mailbox.put(letter)
        assert await shop.outside.mailbox.letters(shop.workspace, 10) == []

    tell(story)


def test_several_who_forget_at_once_come_to_the_same_end(tell):
    async def story(shop: Shop):
        now = await shop.now()
        people = [shop.key(n) for n in range(3)]
        for key in people:
            await shop.save(key, 0)
            await shop.intake.store([arrival(key, f"seen {key.customer}", now=now)], [], LaneClass.LIVE)
            await shop.write(erasures=[key])
        await asyncio.gather(*(forget_on(shop.outside.erasures, most=MANY) for _ in range(3)))
        await forgotten(shop)
        listed = await shop.outside.erasures.erasures(shop.workspace, before=None, limit=2)
        assert len(listed) == 2
        rest = await shop.outside.erasures.erasures(shop.workspace, before=listed[-1].spot, limit=10)
        assert {each.key for each in [*listed, *rest]} == set(people)
        assert all(each.done_at is not None for each in [*listed, *rest])
        for key in people:
            assert {event.body for event in await shop.outside.reads.events(key, before=None, limit=10)} == {b"{}"}

    tell(story)


def test_asking_again_changes_nothing_and_starts_nothing_anew(tell):
    async def story(shop: Shop):
        ana = shop.key(1)
        await shop.save(ana, 0)
        await shop.write(erasures=[ana])
        await forgotten(shop)
        first = await shop.outside.erasures.erasure(ana)
        await shop.write(erasures=[ana])
        assert await shop.outside.erasures.erasure(ana) == first

    tell(story)


def test_what_waited_is_cancelled_at_once_and_what_was_handed_off_loses_its_words(tell):
    async def story(shop: Shop):
        now, ana = await shop.now(), shop.key(1)
        await shop.save(ana, 0)
        await shop.write(messages=[message(ana, "waits", now=now)])
        await shop.write(erasures=[ana])
        assert await shop.waiting() == []
        due = await shop.outbox.abandoned(1_000)
        assert ana not in {each.message.key for each in due.waiting}
        assert OutboxStatus.PENDING not in {each.status for each in due.waiting if each.message.key == ana}

    tell(story)
