"""Who writes a customer besides the engine: they themselves on our pages, the shop's staff and programs, and who asks to be forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from oportuno.adapters.memory import MemoryWorld
from oportuno.channels.channel import Channel
from oportuno.consent.answers import Answered
from oportuno.content.links import Action, LinkFacts
from oportuno.entry.simulation.promises import Intent, Promises
from oportuno.entry.simulation.town import PEOPLE, WORKSPACE
from oportuno.events.event import Trust
from oportuno.flows.answer import Desk, Scope, Verb
from oportuno.flows.crossing import Merge, Reason, merge_id
from oportuno.flows.record import Given, Registry
from oportuno.kit.faults import Conflict, NotFound, Unavailable
from oportuno.kit.ids import CustomerKey, key_of
from oportuno.kit.times import DAY
from oportuno.profile.purposes import Purpose

CHANNELS: Final = tuple(channel.value for channel in Channel)
_REST: Final = 0.5


@dataclass(slots=True)
class Writers:
    """The flows of `answer` and `record`, each tried until it is written, as people and programs do."""

    world: MemoryWorld
    chance: Random
    promises: Promises
    desk: Desk
    registry: Registry

    @classmethod
    def at(cls, world: MemoryWorld, chance: Random, promises: Promises) -> Writers:
        """Set up the counters on a world."""
        ports = {"store": world.store, "reads": world.reads, "programmes": world.programmes}
        return cls(world, chance, promises, Desk(**ports), Registry(**ports))  # type: ignore[arg-type]

    async def write(self, name: str, kind: str, user: str) -> None:
        """Write one wish of a customer: ``yes``, ``no``, ``stop``, ``leave``, ``mute`` or ``erase``; nothing if nobody is known."""
        while True:
            try:
                customer = await self.world.store.find(WORKSPACE, "user", user)
                if customer is not None:
                    await self._write(name, kind, key_of(WORKSPACE, customer))
            except (Conflict, Unavailable):
                self.promises.intents.pop(name, None)
                await self.world.clock.sleep(_REST)
            except NotFound:
                break
            else:
                break
        self.promises.intents.pop(name, None)

    async def join(self) -> None:
        """Staff say that two known customers are one."""
        world, workspace = self.world, WORKSPACE
        users = self.chance.sample(PEOPLE, 2)
        while True:
            try:
                loser, winner = [await world.store.find(workspace, "user", user) for user in users]
                if loser is None or winner is None or loser == winner:
                    return
                keys = key_of(workspace, loser), key_of(workspace, winner)
                asked = Merge(
                    id=merge_id(*keys), loser=keys[0], winner=keys[1], reason=Reason.REQUEST, asked_by="s1", trust=Trust.SECRET,
                    asked_at=world.clock.now,
                )  # fmt: skip
                await world.crossings.ask(asked)
            except Unavailable:
                await world.clock.sleep(_REST)
            else:
                return

    async def _write(self, name: str, kind: str, key: CustomerKey) -> None:
        intents = self.promises.intents
        match kind:
            case "yes" | "no":
                for channel in CHANNELS:
                    intents[name] = Intent(kind, key, (channel,))
                    await self.registry.record_consent(key, self._given(kind, channel))
            case "stop":
                channel = self.chance.choice(CHANNELS)
                intents[name] = Intent("stop", key, (channel,))
                await self.registry.suppress_channel(key, channel, "manual", actor="staff", proof={"by": "telephone"})
            case "erase":
                intents[name] = Intent("erase", key)
                await self.registry.erase(key)
            case _:
                await self._on_the_page(name, kind, key)

    async def _on_the_page(self, name: str, kind: str, key: CustomerKey) -> None:
        """Answer from a link in one of the messages, if there is one."""
        messages = self.world.tables.messages_of(key)
        if not messages:
            return
        message = self.chance.choice(messages).message
        facts = self._link(key, message.id)
        if kind == "mute":
            verb = self.chance.choice(list(Verb))
            if verb is Verb.NOT_INTERESTED:
                self.promises.intents[name] = Intent("mute", key, items=message.said.items)
            await self.desk.answer_item(facts, verb, language="es")
            return
        whole = self.chance.randrange(2) == 0
        channels = CHANNELS if whole else (message.said.channel,)
        self.promises.intents[name] = Intent("no", key, channels)
        heard = await self.desk.unsubscribe(facts, Scope.ALL if whole else Scope.CHANNEL, one_click=not whole, language="es")
        if self.chance.randrange(4) == 0:
            self.promises.intents[name] = Intent("undo", key, channels)
            await self.desk.undo(self._link(key, message.id, answer=heard.number), language="es")

    def _link(self, key: CustomerKey, message: bytes, answer: int = 0) -> LinkFacts:
        return LinkFacts(
            workspace=key.workspace,
            customer=key.customer,
            message=message,
            action=Action.WHY,
            expires=self.world.clock.now + DAY,
            answer=answer,
        )

    def _given(self, kind: str, channel: str) -> Given:
        return Given(
            purpose=Purpose.MARKETING,
            channel=channel,
            state=Answered.GRANTED if kind == "yes" else Answered.WITHDRAWN,
            source="shop_counter",
            notice="v1",
            language="es",
            actor="customer",
            proof={"form": self.chance.randrange(10**6)},
        )
