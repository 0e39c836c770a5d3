"""Who is stepped on facts that were not at hand is stepped again on them, and leaves one trace of it, whoever stands beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from oportuno.adapters.memory.store import MemoryStore, MemoryWork
from oportuno.adapters.memory.world import MemoryWorld
from oportuno.catalog.product import Product
from oportuno.consent.policy import Policy
from oportuno.events.event import Call, Source
from oportuno.flows.ports import Arrival, LaneClass
from oportuno.flows.programme import Brand, Programme
from oportuno.flows.react import react_once
from oportuno.flows.work import Writes
from oportuno.kit.ids import CustomerKey, WorkspaceId, derive, key_of
from oportuno.kit.times import day_of
from oportuno.profile.draft import Draft
from oportuno.profile.interest import Interest
from oportuno.profile.purposes import Purpose

ANA, BRUNO, CARLA = (key_of(7, number) for number in (4711, 4712, 4713))
_YES = '"anonymousId":"a","context":{"consent":{"categoryPreferences":{"personalisation":true}}}'


class Shelf:
    """Knows no product until somebody fetches it."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.fetched: list[set[str]] = []

    def for_workspace(self, workspace: WorkspaceId) -> Counter:
        return Counter(self, workspace)

    async def load(self, missing: Iterable[tuple[WorkspaceId, str]]) -> None:
        self.fetched.append({product for _, product in missing})
        self.known |= self.fetched[-1]

    async def refresh(self, at_least: Mapping[WorkspaceId, int] | None = None) -> None:
        pass


class Counter:
    """What one workspace sells, as far as it lies on the counter."""

    def __init__(self, shelf: Shelf, workspace: WorkspaceId) -> None:
        self.shelf = shelf
        self.workspace = workspace
        self.missing: set[tuple[WorkspaceId, str]] = set()

    def product(self, product: str) -> Product | None:
        if product in self.shelf.known:
            return Product(id=product, categories=(f"kind of {product}",))
        self.missing.add((self.workspace, product))
        return None


class NotingWork(MemoryWork):
    """Notes what it is asked to write."""

    noted: list[Writes]

    def check(self, writes: Writes) -> None:
        self.noted.append(writes)
        super().check(writes)


def test_whoever_missed_a_fact_is_stepped_once_more_on_it_and_answers_and_watches_once() -> None:
    async def story() -> None:
        world, shelf = MemoryWorld(), Shelf()
        noted: list[Writes] = []
        world.store = MemoryStore(world, type("Noting", (NotingWork,), {"noted": noted}))
        world.programmes.put(Programme(workspace=7, public_id="ws_norte", version=1, policy=Policy(), brand=Brand(name="Tienda Norte")))
        await world.intake.store([_looks(world, ANA, "boots"), _looks(world, BRUNO, ""), _looks(world, CARLA, "tent")], [], LaneClass.LIVE)

        done = await react_once(world.feed(), world.store, world.programmes, shelf, limit=100)

        assert (done.events, shelf.fetched) == (3, [{"boots", "tent"}])
        async with world.store.work() as work:
            _, rows = await work.lock([ANA, BRUNO, CARLA])
        leanings = {}
        for key, row in rows.items():
            draft = Draft(key, row.state, row.version)
            draft.granted = frozenset(Purpose)
            leanings[key] = [leaning.name for leaning in draft.read(Interest).categories]
        assert leanings == {ANA: ["kind of boots"], BRUNO: [], CARLA: ["kind of tent"]}
        (writes,) = noted
        assert sorted(save.key for save in writes.saves) == sorted([ANA, BRUNO, CARLA])
        assert sorted(entry.key for entry in writes.ledger) == sorted([ANA, BRUNO, CARLA])
        assert sorted(change.key for change in writes.watches) == sorted([ANA, CARLA])

    asyncio.run(asyncio.wait_for(story(), 60))


def _looks(world: MemoryWorld, key: CustomerKey, product: str) -> Arrival:
    now = world.clock.now
    name = "Product Viewed" if product else "Products Searched"
    said = f'"product_id":"{product}","visible_seconds":70' if product else '"query":"boots"'
    body = f'{{"type":"track","event":"{name}",{_YES},"properties":{{{said}}}}}'.encode()
    return Arrival(
        key=key, h=derive(*key), source=Source.LIVE, call=Call.TRACK, name=name, at=now, received=now, body=body, day=day_of(now)
    )
