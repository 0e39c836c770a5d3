"""Delivery under fire: deliverers as they ship are killed, PostgreSQL too, while a judging endpoint answers as it likes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

import msgspec
from crowd import Crowd
from endpoint import OK, PERHAPS, UNSURE, Arrived, Sink
from laid_down import Play, lay_down
from under_fire import UnderFire

from oportuno.adapters.postgres.intake import PostgresIntake
from oportuno.channels.channel import Answer, Outcome
from oportuno.consent.refusals import Refusal
from oportuno.content.message import Message
from oportuno.flows.deliver import CLAIM_HOLDS
from oportuno.flows.work import OutboxStatus
from oportuno.kit.ids import write_id

HOSTS = {
    "good": ({}, 0.01),
    "strict": ({"429": 0.2, "503": 0.1}, 0.02),
    "broken": ({"500": 0.2, "reset": 0.1}, 0.02),
    "slow": ({"hang": 0.01}, 0.3),
}
PLAYS = [
    Play("Good News", host="good"),
    Play("Strict News", host="strict"),
    Play("Broken News", host="broken"),
    Play("Slow News", host="slow"),
    Play("Good Help", host="good", purpose="service"),
    Play("Broken Help", host="broken", purpose="service"),
]
WEIGHTS = [6, 2, 1, 2, 2, 1]
AT_MOST = 3
ENOUGH = 25
"""Messages that the endpoint took, at least, after the last death: until then events go on coming."""


@dataclass
class Sizes:
    """How hard it is."""

    events: int
    customers: int
    deliverer_kills: int
    postgres_kills: int
    seed: int
    deliverers: int = 2
    expires: str = "30s"
    rate: int = 60
    """Events a second; they go on coming until the last kill."""
    between: int = 20
    """Hand-offs that the endpoint must have seen between two kills: deaths of those who have hardly woken prove nothing."""
    late: int = 0
    """Milliseconds after its expiry by which a hand-off may be seen: a busy machine may stop between the last look and the first byte."""
    resend: bool = False
    """Plant the fault that the judge must find: after a death, what was in hand or is unknown is simply sent again."""


@dataclass
class Found:
    """What was found; it holds when `faults` is empty."""

    messages: int = 0
    arrived: int = 0
    accepted: int = 0
    duplicates: int = 0
    unknown_by_script: int = 0
    unknown_by_death: int = 0
    unknown_allowed: int = 0
    endings: dict[str, int] = field(default_factory=dict)
    latest_after_expiry_ms: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass
class Report:
    """One run."""

    sizes: Sizes
    events: int = 0
    deliverer_kills: int = 0
    postgres_kills: int = 0
    seconds: float = 0.0
    found: Found = field(default_factory=Found)


class Delivery(UnderFire):
    """One run."""

    lull = 20.0
    """Everybody may be dead."""

    def __init__(self, sizes: Sizes) -> None:
        self.sink = Sink(HOSTS, seed=sizes.seed)
        super().__init__(Report(sizes), self.sink, self.sink.arrived)

    async def _lay_down(self, workspace: int) -> None:
        await lay_down(self.ground.url, workspace, PLAYS, self.sink.urls, at_most=AT_MOST, expires=self.sizes.expires)

    def _deliverer(self):
        return self.ground.oportuno("deliver", OPORTUNO_ALLOW_LOOPBACK_WEBHOOKS="true")

    async def _rage(self, crowd: Crowd) -> None:
        intake = await PostgresIntake.open(self.ground.url)
        await crowd.arrive(intake, self.ground)
        async with asyncio.TaskGroup() as together:
            together.create_task(self._kill())
            together.create_task(self._send(crowd, intake))
        await intake.close()
        if not self.sizes.resend:
            await self._drain()

    async def _send(self, crowd: Crowd, intake: PostgresIntake) -> None:
        began = time.monotonic()
        while self.report.events < self.sizes.events or self.killing or not self._enough():
            if not self.killing and time.monotonic() > self.patient_until:
                self.report.found.faults.append(f"the endpoint took too little within {self.patience} s of the last death")
                return
            await asyncio.sleep(max(0.0, self.report.events / self.sizes.rate - (time.monotonic() - began)))
            names = self.chance.choices([play.event for play in PLAYS], WEIGHTS, k=10)
            await crowd.send(intake, [crowd.event(name=name) for name in names])
            self.report.events += len(names)

    def _enough(self) -> bool:
        """Whether the endpoint took enough since the last death."""
        return sum(arrived.answer == OK for arrived in self.sink.arrived[self.arrived_before :]) >= ENOUGH

    async def _until_busy(self) -> None:
        await asyncio.sleep(self.chance.uniform(0.2, 1.0))
        await super()._until_busy()

    async def _after_the_deaths(self) -> None:
        if self.sizes.resend:
            await self._until_struck()

    async def _until_struck(self) -> None:
        """Send again whatever is in hand or unknown, until the endpoint has seen a message twice that it may have taken."""
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            self.ground.execute("UPDATE outbox SET status = 0 WHERE status IN (1, 4)")
            marketing = {write_id("msg", bytes(row[0])) for row in self.ground.execute("SELECT id FROM outbox WHERE marketing")}
            perhaps = Counter(arrived.message for arrived in self.sink.arrived if arrived.answer in PERHAPS)
            if any(count > 1 and name in marketing for name, count in perhaps.items()):
                return
            await asyncio.sleep(0.05)

    # ── Judging ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _judge(self) -> None:
        found = self.report.found
        seen = self._seen()
        rows = self.ground.execute("SELECT id, customer, status, marketing, reason, expires_at, answer, body, handed_at FROM outbox")
        refusals = {refusal.value for refusal in Refusal}
        touched: Counter[int] = Counter()
        endings: Counter[str] = Counter()
        known = set()
        for id_, customer, status, marketing, reason, expires_at, stored, body, handed_at in rows:
            name = write_id("msg", bytes(id_))
            known.add(name)
            mine = sorted(seen.get(name, ()), key=lambda a: a.at)
            ending = OutboxStatus(status)
            endings[ending.name.lower()] += 1
            msgspec.msgpack.decode(bytes(body), type=Message)
            if handed_at is not None and handed_at + CLAIM_HOLDS * 1000 >= expires_at:
                found.faults.append(f"{name} was claimed {expires_at - handed_at} ms before it expires: its hand-off may begin after that")
            self._hand_offs(name, mine, marketing=marketing, expires_at=expires_at)
            answer = msgspec.msgpack.decode(bytes(stored), type=Answer).outcome if stored else None
            self._explained(name, ending, mine, reason, answer=answer, refusals=refusals)
            if ending is OutboxStatus.UNKNOWN:
                by_script = bool(mine) and mine[-1].answer in UNSURE
                found.unknown_by_script += by_script
                found.unknown_by_death += not by_script
            if marketing and any(a.answer in PERHAPS for a in mine):
                touched[customer] += 1
        found.messages, found.arrived, found.endings = len(rows), len(self.sink.arrived), dict(endings)
        found.accepted = endings["accepted"]
        if seen.keys() - known:
            found.faults.append(f"{len(seen.keys() - known)} messages reached the endpoint and stand nowhere")
        self._judge_unknown()
        over = [count for count in touched.values() if count > AT_MOST]
        if over:
            found.faults.append(
                f"{len(over)} customers were reached more often than the limit of {AT_MOST} allows, by count at the endpoint"
            )
        self._spoken()

    def _hand_offs(self, name: str, mine: list[Arrived], *, marketing: bool, expires_at: int) -> None:
        found = self.report.found
        perhaps = [place for place, arrived in enumerate(mine) if arrived.answer in PERHAPS]
        if marketing and perhaps and perhaps[0] != len(mine) - 1:
            found.duplicates += 1
            found.faults.append(f"{name} came again after it may have been taken: {[a.answer for a in mine]}")
        for arrived in mine:
            late = round(arrived.at - expires_at)
            found.latest_after_expiry_ms = max(found.latest_after_expiry_ms, late)
            if late > self.sizes.late:
                found.faults.append(f"{name} was handed off {late} ms after it had expired")

    def _explained(
        self, name: str, ending: OutboxStatus, mine: list[Arrived], reason: str, *, answer: Outcome | None, refusals: set[str]
    ) -> None:
        faults = self.report.found.faults
        match ending:
            case OutboxStatus.ACCEPTED if not mine or mine[-1].answer != OK:
                faults.append(f"{name} stands as accepted, the endpoint says {[a.answer for a in mine]}")
            case OutboxStatus.REFUSED:
                faults.append(f"{name} stands as refused for good, which no answer of the script means")
            case OutboxStatus.UNKNOWN if not (answer is Outcome.UNKNOWN and reason):
                faults.append(f"{name} is unknown and nothing says why")
            case OutboxStatus.CANCELLED | OutboxStatus.EXPIRED if reason not in refusals:
                faults.append(f"{name} was {ending.name.lower()} because of “{reason}”, which is no refusal")
            case OutboxStatus.CANCELLED | OutboxStatus.EXPIRED if any(a.answer in PERHAPS for a in mine):
                faults.append(f"{name} was {ending.name.lower()} although the endpoint may have taken it: {[a.answer for a in mine]}")
            case _:
                return

    def _spoken(self) -> None:
        """Every message comes from a verdict that says speak, and every such verdict has its message."""
        lonely = self.ground.execute(
            "SELECT count(*) FROM (SELECT proposal FROM verdicts WHERE decided = 'speak') v FULL JOIN outbox o ON o.id = v.proposal"
            " WHERE o.id IS NULL OR v.proposal IS NULL"
        )
        silent = self.ground.execute(
            "SELECT count(*) FROM outbox o WHERE o.status IN (5, 6) AND NOT EXISTS"
            " (SELECT 1 FROM verdicts v WHERE v.proposal = o.id AND v.decided = 'silence' AND v.refusal = o.reason)"
        )
        if lonely[0][0]:
            self.report.found.faults.append(f"{lonely[0][0]} verdicts or messages stand alone")
        if silent[0][0]:
            self.report.found.faults.append(f"{silent[0][0]} messages were cancelled or expired without a verdict that says so")
