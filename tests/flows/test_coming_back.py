"""A backup of yesterday is restored: what may have been said since is not said again, and what is still to come stays as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from oportuno.adapters.memory import MemoryWorld
from oportuno.attention.ledger import Attention
from oportuno.consent.refusals import Refusal
from oportuno.content.message import Message
from oportuno.content.said import Because
from oportuno.decision.pending import Held, Pending
from oportuno.decision.verdict import Decided
from oportuno.flows.come_back import RESTORED, leave_in_doubt, silence_overdue
from oportuno.flows.work import MoveMessage, OutboxStatus, SaveCustomer, Waiting, Writes
from oportuno.journeys.read import read_journey
from oportuno.journeys.walks import Walk, Walks
from oportuno.kit.ids import dated, derive, key_of
from oportuno.kit.times import DAY, HOUR, day_of
from oportuno.moments.proposal import Proposal
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

ANA = key_of(7, 77)
_JOURNEY = """
journey: {key}
version: 1
trigger: [Product Added]
steps:
  - id: rest
    wait: 30m
  - id: tell
    send: {key}
    channel: email
    purpose: {purpose}
    because: event_seen
    expires: 24h
reentry: always
on_publish: finish_old
"""
JOURNEYS = tuple(
    read_journey(_JOURNEY.format(key=key, purpose=purpose))
    for key, purpose in (("cart", "marketing"), ("news", "marketing"), ("help", "service"))
)


def walk(journey: str, *, due: int, now: int) -> Walk:
    return Walk(journey=journey, version=1, step="rest", since=now - DAY, due=due, started_at=now - DAY, h=b"x" * 16, event="Product Added")


def proposal(word: str, now: int, *, purpose: Purpose = Purpose.MARKETING) -> Proposal:
    return Proposal(
        id=dated(day_of(now), derive(word)),
        journey="cart",
        version=1,
        step="tell",
        template="cart",
        channel="email",
        purpose=purpose,
        items=(),
        because=Because(kind="event_seen"),
        expires_at=now + HOUR,
        made_at=now - DAY,
    )


def spoken(said: Proposal, now: int) -> Message:
    return Message(id=said.id, key=ANA, said=said, marketing=True, permitted_at=now, expires_at=said.expires_at)


def tell(story: Callable[[MemoryWorld], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(MemoryWorld()), 60))


async def write(world: MemoryWorld, draft: Draft, **more: Any) -> None:
    async with world.store.work() as work:
        await work.commit(Writes(saves=[SaveCustomer(ANA, draft.version, draft.encode(), 1, due_changed=True)], **more))


async def read(world: MemoryWorld) -> tuple[Draft, int | None]:
    async with world.store.work() as work:
        _, rows = await work.lock([ANA])
    return Draft(ANA, rows[ANA].state, rows[ANA].version), rows[ANA].due_at


def test_what_promotes_and_was_due_is_silent_by_name_and_all_else_goes_on() -> None:
    async def story(world: MemoryWorld) -> None:
        now = world.clock.now
        draft = Draft(ANA)
        draft.open(Walks).going = [
            walk("cart", due=now - HOUR, now=now),
            walk("news", due=now + HOUR, now=now),
            walk("help", due=now - HOUR, now=now),
        ]
        held = [
            Held(proposal=proposal("due", now), retry_at=now - 1, refusal="quiet_hours"),
            Held(proposal=proposal("later", now), retry_at=now + DAY, refusal="quiet_hours"),
            Held(proposal=proposal("order", now, purpose=Purpose.SERVICE), retry_at=now - 1, refusal="quiet_hours"),
        ]
        draft.open(Pending).held = held
        await write(world, draft)

        assert await silence_overdue(ANA, JOURNEYS, world.store, until=now) == 2

        after, due_at = await read(world)
        assert [each.journey for each in after.read(Walks).going] == ["news", "help"]
        assert after.read(Walks).ended["cart"].how == "restored"
        assert [each.proposal.id for each in after.read(Pending).held] == [held[1].proposal.id, held[2].proposal.id]
        assert due_at == now - HOUR, "what serves is done again, at once"
        [decision] = world.tables.decisions
        assert (decision.verdict.decided, decision.verdict.reasons[0].refusal) == (Decided.SILENCE, Refusal.RESTORED)
        assert decision.verdict.proposal.id == held[0].proposal.id
        # Doing it again, as after a restore that was broken off, changes nothing.
        assert await silence_overdue(ANA, JOURNEYS, world.store, until=now) == 0
        assert (await read(world))[0].version == after.version

    tell(story)


def test_a_walk_of_a_journey_that_nobody_can_read_ends_too_when_it_was_due() -> None:
    async def story(world: MemoryWorld) -> None:
        now = world.clock.now
        draft = Draft(ANA)
        draft.open(Walks).going = [walk("help", due=now - HOUR, now=now)]
        await write(world, draft)
        assert await silence_overdue(ANA, (), world.store, until=now) == 1
        assert (await read(world))[1] is None

    tell(story)


def test_who_is_not_there_has_nothing_to_be_silent_about() -> None:
    async def story(world: MemoryWorld) -> None:
        assert await silence_overdue(ANA, JOURNEYS, world.store, until=world.clock.now) == 0

    tell(story)


def waiting(world: MemoryWorld) -> Waiting:
    [row] = world.tables.messages.values()
    return row.waiting()


def test_a_promoting_message_that_waited_is_unknown_and_counts_as_a_touch() -> None:
    async def story(world: MemoryWorld) -> None:
        now = world.clock.now
        said = proposal("cart", now)
        await write(world, Draft(ANA), messages=[spoken(said, now)])
        await leave_in_doubt(waiting(world), world.store)
        [row] = world.tables.messages.values()
        assert (row.status, row.reason) == (OutboxStatus.UNKNOWN, RESTORED)
        draft, _ = await read(world)
        [touch] = draft.read(Attention).touches
        assert (touch.id, touch.made) == (said.id, True)

    tell(story)


def test_one_that_was_in_hand_is_unknown_and_its_touch_stands_as_it_was_claimed() -> None:
    async def story(world: MemoryWorld) -> None:
        now = world.clock.now
        said = proposal("cart", now)
        await write(world, Draft(ANA), messages=[spoken(said, now)])
        async with world.store.work() as work:
            claim = MoveMessage(ANA, said.id, OutboxStatus.PENDING, OutboxStatus.HANDING, now, deliverer=1)
            await work.commit(Writes(moves=[claim]))
        before = (await read(world))[0].version
        await leave_in_doubt(waiting(world), world.store)
        [row] = world.tables.messages.values()
        assert row.status is OutboxStatus.UNKNOWN
        assert (await read(world))[0].version == before

    tell(story)
