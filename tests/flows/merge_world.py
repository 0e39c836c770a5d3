"""Tienda Norte for stories about who is who, on one adapter of every port: requests come in, engines work, merges go their way."""

from __future__ import annotations

import itertools
import json
from typing import Any

from oportuno.adapters.memory import MemoryWorld
from oportuno.adapters.postgres.facts import FactsCache
from oportuno.catalog.product import Product
from oportuno.catalog.row import ProductRow
from oportuno.consent.policy import Policy
from oportuno.events.event import Trust
from oportuno.flows.crossing import Asked, Merge, Reason
from oportuno.flows.limits import Doorkeeper
from oportuno.flows.merge import merge_once
from oportuno.flows.ports import KeyFacts, Sighting
from oportuno.flows.ports_catalogue import How
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.react import react_once
from oportuno.flows.take_in import TakeIn, Taken, take_in
from oportuno.kit.ids import BUCKETS, CustomerKey, derive, key_of
from oportuno.kit.times import to_text
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose

WORKSPACE = 7
WRITE_KEY = "wk_tienda_norte"
SECRET_KEY = "sk_tienda_norte"
EVERYWHERE = frozenset(range(BUCKETS))


def programme(workspace: int = WORKSPACE, **policy: Any) -> Programme:
    return Programme(workspace=workspace, public_id=f"ws_{workspace}", version=1, policy=Policy(**policy), brand=Brand(name="Tienda Norte"))


class Norte:
    """The shop on the twin."""

    def __init__(self) -> None:
        self.world = MemoryWorld()
        self.world.programmes.put(programme())
        self.world.keys.put(WRITE_KEY, KeyFacts(WORKSPACE, "write", secret=False))
        self.world.keys.put(SECRET_KEY, KeyFacts(WORKSPACE, "secret", secret=True))
        self.feed = self.world.feed()
        self.facts = FactsCache(self.world.catalogue)
        self.number = itertools.count(1)

    async def send(self, kind: str, *, key: str = WRITE_KEY, browser: bool = True, **fields: Any) -> Taken:
        """Send one call."""
        now = self.world.clock.now
        number = next(self.number)
        call = {"type": kind, "messageId": f"m{number}", "timestamp": to_text(now), **fields}
        body = json.dumps({"batch": [call], "sentAt": to_text(now)}).encode()
        return await take_in(
            TakeIn(body=body, key=key, browser=browser and key == WRITE_KEY),
            intake=self.world.intake,
            keys=self.world.keys,
            doorkeeper=Doorkeeper(),
            digest_key=b"k" * 32,
            ids=lambda: derive("id", number),
            now=now,
        )

    async def looks(self, product: str, **who: str) -> Taken:
        """Somebody looks at a product."""
        return await self.send("track", event="Product Viewed", properties={"product_id": product, "name": product}, **who)

    async def sell(self, *products: str) -> None:
        """Lay products into the catalogue: their brand and category stand there alone, no event names them."""
        rows = [
            ProductRow(
                product=Product(id=name, name=name.title(), brand=f"brand of {name}", categories=(f"{name}s",)),
                told=frozenset({"name", "brand", "categories"}),
            )
            for name in products
        ]
        await self.world.catalogue.upsert(WORKSPACE, rows, How())

    async def work(self) -> None:
        """Let the engine do everything that waits."""
        for _ in range(50):
            reacted = await react_once(self.feed, self.world.store, self.world.programmes, self.facts, limit=100)
            crossed = await merge_once(self.world.crossings, self.world.store, self.world.programmes, EVERYWHERE, self.facts, limit=50)
            if not (reacted.events or reacted.timers or reacted.moved) and crossed.idle:
                return
        raise AssertionError("the engine does not come to rest")

    async def who(self, user: str = "", anonymous: str = "") -> CustomerKey:
        """Say whose an id is now."""
        kind, value = ("user", user) if user else ("anonymous", anonymous)
        customer = await self.world.store.find(WORKSPACE, kind, value)
        assert customer is not None
        return key_of(WORKSPACE, customer)

    async def ask(self, loser: CustomerKey, winner: CustomerKey, *, trust: Trust = Trust.SECRET) -> Merge:
        """Ask that two be one."""
        return await self.world.crossings.ask(
            Merge(
                id=derive("merge", *loser, *winner),
                loser=loser,
                winner=winner,
                reason=Reason.REQUEST,
                asked_by="secret",
                trust=trust,
                asked_at=self.world.clock.now,
            )
        )

    def draft(self, key: CustomerKey) -> Draft:
        """Read a customer."""
        row = self.world.tables.customers[key]
        draft = Draft(key, row.state, row.version)
        draft.granted = frozenset(Purpose)
        return draft


__all__ = ["Asked", "Norte", "Sighting"]
