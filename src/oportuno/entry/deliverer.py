"""The loop of the `deliver` process: per channel, what is due is delivered, as many at once as there are places."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from oportuno.channels.brake import SLOWED_TO
from oportuno.channels.channel import Channel
from oportuno.channels.pace import Lanes, Pace, Rate
from oportuno.consent.house_rules import HOUSE_RULES
from oportuno.consent.refusals import Reason
from oportuno.content.message import Message
from oportuno.flows.deliver import Delivered, Ended, Render, deliver_one, destination_of, hold_back
from oportuno.flows.facts import NO_CATALOGUE, FactsAtHand
from oportuno.flows.ports import Clock, Due, Outbox, Programmes
from oportuno.flows.programme import Programme
from oportuno.flows.recover import recover_once
from oportuno.flows.ways import FREE, MAIL_KINDS, Sending, Way, Ways, chosen, lane_of, may_take
from oportuno.flows.work import Store, Waiting
from oportuno.kit.faults import Fault, Unavailable
from oportuno.kit.ids import write_id
from oportuno.settings import Settings

PLACES: Final = 16
"""Most messages in `handing` per process, over all channels: what a kill can leave unknown."""
_LONGEST_SLEEP: Final = 1.0
_SHORT_REST: Final = 2.0
"""Seconds up to which a paced message rests in memory; beyond, its row is moved so that others come forward."""
_AFTER_A_FAULT: Final = 30.0
_RECOVER_EVERY: Final = 5.0
_LAST_WORDS: Final = 5.0
"""Seconds after `stop` in which an ending that the database does not take is tried again; then the message counts as abandoned."""

log = structlog.get_logger("deliverer")


Heard = Callable[[str, Delivered], None]
"""Told of each ending, for the metrics: channel and what became of it."""


def rates_of(settings: Settings) -> dict[str, Rate]:
    """Give the paces of the lanes: by their names, and by their kinds. A second's worth may go at once."""
    per_second = {
        **{f"provider {kind}": settings.email_per_second for kind in MAIL_KINDS},
        "provider webhook": settings.webhooks_per_second,
        "domain": settings.domain_per_second,
        "host": settings.host_per_second,
        "workspace": settings.workspace_per_second,
        "brake": settings.domain_per_second * SLOWED_TO,
    }
    return {name: Rate(rate, max(1.0, rate)) for name, rate in per_second.items()}


@dataclass(slots=True)
class Deliverer:
    """One process's deliverer. `run` returns after `stop` was called and what was in hand is recorded."""

    number: int
    """Its own number, alive as long as the process: the mark on everything it claims."""
    outbox: Outbox
    store: Store
    programmes: Programmes
    clock: Clock
    render: Render
    ways: Ways
    channels: Sequence[str] = ("email", "webhook")
    places: int = PLACES
    pace: Pace = field(default_factory=Pace)
    facts: FactsAtHand = NO_CATALOGUE
    """Of products: price and stock are looked at again before a message leaves."""
    sending: Sending = FREE
    """Of sending domains: complaints about them, and how much they may send while they are new."""
    heard: Heard | None = None
    settled: Callable[[int], None] | None = None
    """Told how many messages of dead deliverers were settled."""
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _wake: dict[str, asyncio.Event] = field(default_factory=dict)
    _in_hand: dict[str, dict[bytes, asyncio.Task[None]]] = field(default_factory=dict)
    _finished: dict[str, set[bytes]] = field(default_factory=dict)
    """What ended while the outbox was being read: the answer may still name it as waiting."""
    _behind: dict[str, bool] = field(default_factory=dict)
    """Whether a channel looks again as soon as a place is free; otherwise it waits for news."""
    _resting: dict[bytes, float] = field(default_factory=dict)
    _held: dict[int, str] = field(default_factory=dict)
    """Workspaces whose marketing by e-mail one of the house's rules kept from leaving when it was last tried, and which."""
    _lost: Unavailable | None = None
    _leave_by: float = float("inf")

    async def run(self) -> None:
        """Deliver until stopped, whatever a provider does.

        Raises Unavailable when the outbox is gone for good: then this deliverer's number is dead, and a new one must be born.
        """
        self._wake = {channel: asyncio.Event() for channel in self.channels}
        self._in_hand = {channel: {} for channel in self.channels}
        self._finished = {channel: set() for channel in self.channels}
        self._behind = dict.fromkeys(self.channels, True)
        loops = [asyncio.create_task(self._deliver_channel(channel)) for channel in self.channels]
        helpers = [asyncio.create_task(self._listen()), asyncio.create_task(self._recover())]
        await self._stopping.wait()
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        await asyncio.gather(*loops)
        if self._lost is not None:
            raise self._lost

    def stop(self) -> None:
        """Begin nothing new; finish and record what is in hand, as far as the database takes it."""
        self._leave_by = min(self._leave_by, self.clock.monotonic() + _LAST_WORDS)
        self._begin_nothing()

    def _begin_nothing(self) -> None:
        self._stopping.set()
        for event in self._wake.values():
            event.set()

    def says(self) -> dict[str, Any]:
        """Say how it is: what is in hand by channel, what is held back by kind, which providers are gone."""
        now = self.clock.monotonic()
        in_hand = {channel: len(mine) for channel, mine in self._in_hand.items()}
        held = sorted(set(self._held.values()))
        return {"in_hand": in_hand, "closed": self.pace.closed(now), "gone": self.pace.failing_providers(), "marketing_held": held}

    # ── one channel ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _deliver_channel(self, channel: str) -> None:
        places = max(1, self.places // len(self.channels))
        mine, wake = self._in_hand[channel], self._wake[channel]
        while not self._stopping.is_set():
            wake.clear()
            self._behind[channel] = True
            if len(mine) < places:
                try:
                    self._behind[channel] = await self._round(channel, places)
                except Exception as error:  # noqa: BLE001 - a round that fails must not silence the channel for good
                    log.error("round_fault", channel=channel, fault=type(error).__name__)  # noqa: TRY400 - a traceback may quote a message
            if not self._stopping.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), self._nap())
        if mine:
            await asyncio.gather(*mine.values(), return_exceptions=True)

    async def _round(self, channel: str, places: int) -> bool:
        """Look once at what is due, and begin as much as there are places for. True: more may begin as soon as a place is free."""
        self._finished[channel].clear()
        limit = places * 4
        try:
            due = await self.outbox.due(channel, limit)
        except Unavailable as fault:
            self._lose(fault)
            return False
        left = await self._start(channel, due, places)
        soon = self.clock.monotonic() + _SHORT_REST
        resting = sum(self._resting.get(waiting.message.id, soon + 1) <= soon for waiting in due.waiting)
        # Where nearly all of them wait for their turn, that turn wakes the loop: looking again before would find the same.
        return left or len(due.waiting) >= limit > resting + places

    async def _start(self, channel: str, due: Due, places: int) -> bool:
        """Begin what may begin; True when something is left only for want of a place."""
        mine, left, now = self._in_hand[channel], False, self.clock.monotonic()
        for waiting in due.waiting:
            if len(mine) >= places:
                return True
            message = waiting.message
            if message.id in mine or message.id in self._finished[channel] or self._resting.get(message.id, 0.0) > now:
                continue
            try:
                programme = await self.programmes.programme(message.key.workspace)
            except Fault as fault:
                log.warning("programme_unreadable", workspace=message.key.workspace, code=fault.code)
                self._resting[message.id] = now + _AFTER_A_FAULT
                continue
            way = self._way(programme, channel, message)
            if self._crowded(programme, channel, way, mine, places):
                left = True
                continue
            held = 0.0 if message.id in self._resting else self._turn(programme, channel, way, waiting)
            if held > 0:
                self._resting[message.id] = now + held
                continue
            self._resting.pop(message.id, None)
            task = asyncio.create_task(self._one(channel, waiting, programme), name=f"{programme.workspace} {way.lane}")
            mine[message.id] = task
        return left

    def _way(self, programme: Programme, channel: str, message: Message) -> Way:
        """Give the way that a message would go now, as `deliver_one` chooses it."""
        ways = self.ways(programme, channel)
        fit = may_take(message, programme, ways)
        return chosen(ways if isinstance(fit, Reason) else fit, self.pace, self.clock.monotonic())

    def _turn(self, programme: Programme, channel: str, way: Way, waiting: Waiting) -> float:
        """Give the seconds until a message's turn where its destination is known before it is claimed; 0.0: now, or nobody knows.

        A claim that only then finds its lane used up is a transaction in vain. What would have to wait for long is left to `deliver_one`.
        """
        template = programme.templates.get(waiting.message.said.template)
        if template is None or not template.url or template.channel != channel:
            return 0.0
        lanes, now = self._lanes(programme, channel, way)._replace(destination=destination_of(template.url, "")), self.clock.monotonic()
        held = self.pace.turn(lanes, now) if self.pace.wait(lanes, now) <= _SHORT_REST else 0.0
        return held if held <= _SHORT_REST else 0.0

    def _crowded(self, programme: Programme, channel: str, way: Way, mine: Mapping[bytes, asyncio.Task[None]], places: int) -> bool:
        """Leave a quarter of the places to who has none yet: slow endpoints, however many, must not take them all."""
        own = f"{programme.workspace} {way.lane}"
        lanes = self._lanes(programme, channel, way)
        shared = max(1, places * 3 // 4)
        return self.pace.crowded(lanes) or (len(mine) >= shared and any(task.get_name() == own for task in mine.values()))

    @staticmethod
    def _lanes(programme: Programme, channel: str, way: Way) -> Lanes:
        return Lanes(lane_of(way), "", f"workspace {programme.workspace} {channel}")

    async def _one(self, channel: str, waiting: Waiting, programme: Programme) -> None:
        message = waiting.message
        try:
            delivered = await deliver_one(
                waiting,
                programme=programme,
                store=self.store,
                ways=self.ways(programme, channel),
                render=self.render,
                deliverer=self.number,
                clock=self.clock,
                pace=self.pace,
                leaving=lambda: self.clock.monotonic() >= self._leave_by,
                facts=self.facts,
                sending=self.sending,
            )
            if delivered.ended is Ended.PACED:
                await self._step_aside(waiting, delivered)
            elif delivered.ended in (Ended.VOID, Ended.REFUSED_FOR_NOW):
                self._behind[channel] = True  # it may be due again at once: a connection is warm now
            self._note_rules(message, delivered)
            if self.heard is not None:
                self.heard(channel, delivered)
        except Unavailable as fault:
            log.warning("store_unavailable", code=fault.code)
            self._resting[message.id] = self.clock.monotonic() + _LONGEST_SLEEP
        except Exception as error:  # noqa: BLE001 - one message's fault must not end the loop; it rests and is tried again
            # No traceback: it may quote what the message says to whom.
            log.error("delivery_fault", message=write_id("msg", message.id), fault=type(error).__name__)  # noqa: TRY400 - as said above
            self._resting[message.id] = self.clock.monotonic() + _AFTER_A_FAULT
        finally:
            self._in_hand[channel].pop(message.id, None)
            self._finished[channel].add(message.id)
            if self._behind[channel]:
                self._wake[channel].set()

    def _note_rules(self, message: Message, delivered: Delivered) -> None:
        if delivered.ended is Ended.SILENT and delivered.reason in HOUSE_RULES:
            self._held[message.key.workspace] = delivered.reason
        elif delivered.ended is Ended.ACCEPTED and message.marketing and message.said.channel == Channel.EMAIL:
            self._held.pop(message.key.workspace, None)

    async def _step_aside(self, waiting: Waiting, delivered: Delivered) -> None:
        now = self.clock.monotonic()
        wait = max(delivered.wait / 1000, self.pace.turn(delivered.lanes, now) if delivered.lanes else 0.0)
        if wait > _SHORT_REST:
            await hold_back(waiting, self.store, math.ceil(wait * 1000))
        else:
            self._resting[waiting.message.id] = now + wait

    def _nap(self) -> float:
        now = self.clock.monotonic()
        for name in [name for name, until in self._resting.items() if until <= now - _AFTER_A_FAULT]:
            del self._resting[name]
        ahead = [until - now for until in self._resting.values() if until > now]
        return max(0.005, min([_LONGEST_SLEEP, *ahead]))

    # ── beside the channels ─────────────────────────────────────────────────────────────────────────────────────────

    async def _listen(self) -> None:
        """Wake every channel when something may have come."""
        while not self._stopping.is_set():
            try:
                await self.outbox.wait(_LONGEST_SLEEP)
            except Unavailable as fault:
                self._lose(fault)
                return
            except Exception as error:  # noqa: BLE001 - whatever ended the news, without them this deliverer is born anew
                self._lose(Unavailable("database_gone", f"the news of messages ended: {type(error).__name__}"))
                return
            for event in self._wake.values():
                event.set()

    async def _recover(self) -> None:
        """Settle what dead deliverers left."""
        while not self._stopping.is_set():
            try:
                settled = await recover_once(self.outbox, self.store)
                if settled:
                    log.warning("abandoned_settled", count=settled)
                    if self.settled is not None:
                        self.settled(settled)
            except Unavailable as fault:
                log.warning("outbox_unavailable", code=fault.code)
            except Exception as error:  # noqa: BLE001 - what could not be settled is found again
                log.error("recover_fault", fault=type(error).__name__)  # noqa: TRY400 - a traceback may quote a message
            await self._rest(_RECOVER_EVERY)

    def _lose(self, fault: Unavailable) -> None:
        log.warning("outbox_lost", code=fault.code, deliverer=self.number)
        self._lost = self._lost or fault
        self._begin_nothing()

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
