"""The shop's shelf in a history: prices rise and fall, things sell out, come back and go for good; and what is promised of such news."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final

from oportuno.adapters.memory import MemoryWorld
from oportuno.catalog.product import ChangeKind, Product
from oportuno.catalog.row import ProductRow
from oportuno.content.message import Message
from oportuno.entry.simulation.kin import Kin
from oportuno.entry.simulation.town import PRODUCTS, WORKSPACE
from oportuno.flows.fan_out import FanOut, product_of
from oportuno.flows.ports_catalogue import How
from oportuno.flows.work import Status
from oportuno.kit.faults import Unavailable
from oportuno.kit.ids import BUCKETS, CustomerKey
from oportuno.kit.times import HOUR, MINUTE, Millis
from oportuno.profile.draft import Draft
from oportuno.profile.watching import Watching

CHANGES: Final = frozenset(kind.value for kind in ChangeKind)
_PRICES: Final = (1_000, 1_500, 1_900, 2_000, 2_500)
_DEEDS: Final = {"price": 12, "stock": 3, "withdraw": 1}
_LASTS: Final[tuple[Millis, ...]] = (MINUTE, 2 * HOUR, 24 * HOUR, 24 * HOUR)


@dataclass(frozen=True, slots=True)
class Shopkeeper:
    """Who changes the catalogue."""

    world: MemoryWorld
    chance: Random

    async def open(self) -> None:
        """Put everything on the shelf."""
        await self.world.catalogue.upsert(WORKSPACE, [_row(product, price=2_000, stock=5) for product in PRODUCTS])

    async def change(self) -> None:
        """Change one product, perhaps while the database goes away."""
        chance, catalogue = self.chance, self.world.catalogue
        product = chance.choice(PRODUCTS)
        how = How(lasts=dict.fromkeys(ChangeKind, chance.choice(_LASTS)))
        try:
            match chance.choices(list(_DEEDS), list(_DEEDS.values()))[0]:
                case "price":
                    await catalogue.upsert(WORKSPACE, [_row(product, price=chance.choice(_PRICES))], how)
                case "stock":
                    await catalogue.upsert(WORKSPACE, [_row(product, stock=chance.choice((0, 5)))], how)
                case _:
                    await catalogue.withdraw(WORKSPACE, [product], how)
        except Unavailable:
            return


def _row(product: str, *, price: int | None = None, stock: int | None = None) -> ProductRow:
    told = {"name", "currency"} | ({"price"} if price is not None else set()) | ({"stock"} if stock is not None else set())
    return ProductRow(product=Product(id=product, name=product.title(), currency="EUR", price=price, stock=stock), told=frozenset(told))


@dataclass(slots=True)
class News:
    """What is promised of a change of the catalogue: each watcher is told at most once, and nobody who does not care."""

    world: MemoryWorld
    told: set[tuple[CustomerKey, str, Millis]] = field(default_factory=set)

    def born(self, message: Message) -> str:
        """Look at a message that speaks of a change; gives the breach, or nothing."""
        facts = message.said.because.facts
        at, [product] = facts["at"], message.said.items
        if not any((each.at, each.name, product_of(each.body)) == (at, facts["event"], product) for each in self._fan_outs()):
            return f"{message.said.journey} tells of a change that never was"
        final = Kin(self.world).final
        if any((final(key), *what) == (message.key, product, at) for key, *what in self.told):
            return f"{message.said.journey} tells of one change of {product} twice"
        self.told.add((message.key, product, at))
        mark = f'"{product}"'.encode()
        if not any(final(event.key) == message.key and mark in event.body for event in self.world.tables.all_events()):
            return f"{message.said.journey} speaks to somebody who never had to do with {product}"
        return ""

    def left(self) -> str:
        """Look at what must hold at rest: every change was told through, and watches are what the states say."""
        tables = self.world.tables
        last = max((each.n for each in self._fan_outs()), default=0)
        if tables.walks:
            return "a change of the catalogue is still on its way"
        if last and any(tables.heads.get((bucket, WORKSPACE), 0) != last for bucket in range(BUCKETS)):
            return "a change of the catalogue was never opened in some bucket"
        rows: dict[CustomerKey, set[int]] = {}
        for bucket, workspace, item, _, customer in tables.watch:
            rows.setdefault(CustomerKey(bucket, workspace, customer), set()).add(item)
        for key, row in tables.customers.items():
            wanted = set(Draft(key, row.state).read(Watching).ranks) if row.status is Status.ACTIVE and row.state else set()
            if rows.pop(key, set()) != wanted:
                return f"what a customer {row.status.name.lower()} watches is not what the table says"
        return "somebody watches who is not there" if rows else ""

    def _fan_outs(self) -> list[FanOut]:
        return [each for each in self.world.tables.fan_outs if each.workspace == WORKSPACE]
