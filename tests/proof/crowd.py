"""The customers of a proof and what they do: half of them said yes to marketing, and their events come with twins and retries."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from ground import Ground

from oportuno.adapters.postgres.intake import PostgresIntake
from oportuno.consent.answers import ANY_CHANNEL, Answered
from oportuno.consent.change import answer
from oportuno.entry.bench.traffic import Traffic
from oportuno.events.event import Call, Source
from oportuno.flows.ports import Arrival, LaneClass, Sighting
from oportuno.kit.faults import Unavailable
from oportuno.kit.ids import CustomerKey, derive, key_of
from oportuno.kit.times import day_of
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

_T = TypeVar("_T")
POISON = "Poison"
"""The name of the events that make the proofs' own workers raise."""


class Crowd:
    """So many customers of one workspace, made from a seed."""

    def __init__(self, workspace: int, customers: int, seed: int) -> None:
        self.workspace = workspace
        self.chance = random.Random(seed)
        self.traffic = Traffic(customers=customers, seed=seed)
        self.people = [Sighting(workspace, f"u{number}", "") for number in range(customers)]
        self.keys: list[CustomerKey] = []
        self.acknowledged: set[bytes] = set()
        self.poison: set[bytes] = set()
        self._sent: list[Arrival] = []

    async def arrive(self, intake: PostgresIntake, ground: Ground, *, agreeing: int = 2) -> None:
        """Have the ids minted, and every `agreeing`-th customer say yes."""
        self.keys = [key_of(self.workspace, customer) for customer in await intake.resolve(self.people)]
        for key in self.keys[::agreeing]:
            ground.execute(
                "INSERT INTO customers (bucket, workspace, customer, version, state) VALUES (%s, %s, %s, 1, %s)",
                (*key, agreed(key).encode()),
            )

    def event(self, *, name: str | None = None, who: int | None = None, poison: bool = False, said: str = "") -> Arrival:
        """Make one event of somebody; `said` stands in its body as the name of the product."""
        now = time.time_ns() // 1_000_000
        who = self.chance.randrange(len(self.keys)) if who is None else who
        body = self.traffic.event(now, customer=who, name=name)
        read = msgspec.json.decode(body)
        if said:
            read["properties"]["name"] = said
            body = msgspec.json.encode(read)
        return Arrival(
            key=self.keys[who],
            h=derive(read["messageId"]),
            source=Source.LIVE if self.chance.random() < 0.95 else Source.LATE,
            call=Call.TRACK if read["type"] == "track" else Call.PAGE,
            name=POISON if poison else read.get("event") or read.get("name") or "",
            at=now - self.chance.randrange(500),
            received=now,
            body=body,
            day=day_of(now),
        )

    def batch(self, size: int, *, poison: float = 0.0) -> list[Arrival]:
        """Make so many events and put twins of earlier ones among them."""
        fresh = [self.event(poison=self.chance.random() < poison) for _ in range(size)]
        self.poison |= {arrival.h for arrival in fresh if arrival.name == POISON}
        self._sent = (self._sent + fresh)[-2_000:]
        return fresh + self.chance.sample(self._sent, min(len(self._sent), size * 15 // 100))

    async def send(self, intake: PostgresIntake, arrivals: list[Arrival]) -> None:
        """Send until acknowledged, as every client does."""
        await until_there(lambda: intake.store(arrivals, [], LaneClass.LIVE))
        self.acknowledged |= {arrival.h for arrival in arrivals}


async def until_there(what: Callable[[], Awaitable[_T]]) -> _T:
    """Try as long as PostgreSQL is away, or somebody holds what is needed, as every client does."""
    while True:
        try:
            return await what()
        except Unavailable:
            await asyncio.sleep(0.05)


def agreed(key: CustomerKey) -> Draft:
    """Give the draft of a customer who said yes to marketing by webhook and to personalisation."""
    draft = Draft(key)
    answer(draft, purpose=Purpose.MARKETING, channel="webhook", state=Answered.GRANTED, at=1, source="proof", notice="v1")
    answer(draft, purpose=Purpose.PERSONALISATION, channel=ANY_CHANNEL, state=Answered.GRANTED, at=1, source="proof", notice="v1")
    return draft
