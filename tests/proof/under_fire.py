"""Whoever hands off is killed in the middle of it, and PostgreSQL too; then all comes to rest and is judged by what the endpoints saw."""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from beside import Beside
from crowd import Crowd
from ground import Ground

from oportuno.entry.deliverer import PLACES


class UnderFire:
    """One run. A proof says what is laid down, how a deliverer is started, what is sent meanwhile, and judges."""

    patience = 300
    """Seconds in which whatever is waited for must come about; what is missing then is a fault."""
    lull = 300.0
    """Seconds for which a death waits for hand-offs, at most."""

    def __init__(self, report: Any, endpoints: Beside, arrived: Sequence[Any]) -> None:
        self.report = report
        self.sizes = report.sizes
        self.chance = random.Random(self.sizes.seed)
        self.ground = Ground()
        self.deliverers: list[subprocess.Popen[bytes]] = []
        self.killing = True
        self.arrived_before = 0
        """What had arrived when the last one died."""
        self.patient_until = 0.0
        self._endpoints = endpoints
        self._arrived = arrived

    def run(self) -> Any:
        """Send, kill, come to rest, judge."""
        began = time.monotonic()
        with self.ground as ground, self._endpoints:
            workspace = ground.workspace()
            asyncio.run(self._lay_down(workspace))
            ground.oportuno("engine")
            self.deliverers = [self._deliverer() for _ in range(self.sizes.deliverers)]
            self.patient_until = time.monotonic() + self.patience
            asyncio.run(self._rage(Crowd(workspace, self.sizes.customers, self.sizes.seed)))
            self._judge()
        self.report.seconds = round(time.monotonic() - began, 1)
        return self.report

    async def _lay_down(self, workspace: int) -> None:
        raise NotImplementedError

    def _deliverer(self) -> subprocess.Popen[bytes]:
        raise NotImplementedError

    async def _rage(self, crowd: Crowd) -> None:
        raise NotImplementedError

    def _judge(self) -> None:
        raise NotImplementedError

    async def _kill(self) -> None:
        plan = ["deliverer"] * self.sizes.deliverer_kills + ["postgres"] * self.sizes.postgres_kills
        self.chance.shuffle(plan)
        for what in plan:
            await self._until_busy()
            if what == "postgres":
                # On this thread: the server is bound to the life of the thread that starts it.
                self.ground.kill_postgres()
                self.report.postgres_kills += 1
            else:
                place = self.chance.randrange(len(self.deliverers))
                self.ground.kill(self.deliverers[place])
                self.report.deliverer_kills += 1
                self.deliverers[place] = self._deliverer()
            self.patient_until = time.monotonic() + self.patience
        await self._after_the_deaths()
        self.arrived_before, self.patient_until, self.killing = len(self._arrived), time.monotonic() + self.patience, False

    async def _after_the_deaths(self) -> None:
        """Do what a planted fault asks for."""

    async def _until_busy(self) -> None:
        """Wait until enough was handed off since the last death and something is in hand."""
        deadline = time.monotonic() + self.lull
        enough = len(self._arrived) + self.sizes.between
        while time.monotonic() < deadline and len(self._arrived) < enough:
            await asyncio.sleep(0.02)
        while time.monotonic() < deadline and not self.ground.execute("SELECT 1 FROM outbox WHERE status = 1 LIMIT 1"):
            await asyncio.sleep(0.01)

    async def _drain(self) -> None:
        deadline = time.monotonic() + self.patience
        while self.ground.unread() or self.ground.execute("SELECT 1 FROM outbox WHERE status IN (0, 1) LIMIT 1"):
            if time.monotonic() > deadline:
                left = self.ground.execute("SELECT status, reason, count(*) FROM outbox WHERE status IN (0, 1) GROUP BY 1, 2")
                self.report.found.faults.append(f"not everything came to an end within {self.patience} s: {left}")
                return
            await asyncio.sleep(0.3)

    def _seen(self) -> dict[str, list[Any]]:
        """Give what arrived, by message."""
        seen: dict[str, list[Any]] = {}
        for arrived in self._arrived:
            seen.setdefault(arrived.message, []).append(arrived)
        return seen

    def _judge_unknown(self) -> None:
        """A death leaves at most one message in doubt for each place of whoever died."""
        found = self.report.found
        deaths = self.report.deliverer_kills + self.report.postgres_kills * self.sizes.deliverers
        found.unknown_allowed = PLACES * deaths
        if found.unknown_by_death > found.unknown_allowed:
            found.faults.append(f"{found.unknown_by_death} unknown by death, at most {found.unknown_allowed} can be")
