"""An ingester falls asleep in a transaction while its twin goes on; it wakes, and nothing that was acknowledged stays unread."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass, field

import psutil
from crowd import Crowd
from ground import Ground
from journal import TABLE
from judge import FIRST, Findings, Judge

from oportuno.adapters.postgres.intake import PostgresIntake

STOP_AT = 5


@dataclass
class Sizes:
    """How hard it is."""

    seed: int
    seconds: float
    """How long the ingester sleeps."""
    customers: int = 100
    batches: int = 40
    inherit: bool = False
    """Plant the fault that the judge must find: the twin writes the sleeper's lane."""


@dataclass
class Report:
    """One run."""

    sizes: Sizes
    acknowledged_meanwhile: int = 0
    """Events of the twin that were acknowledged while the other slept."""
    evaluated_meanwhile: int = 0
    seconds: float = 0.0
    found: Findings = field(default_factory=Findings)


class Stopped:
    """One run."""

    def __init__(self, sizes: Sizes, *, server: str = "") -> None:
        self.sizes = sizes
        self.report = Report(sizes)
        self.ground = Ground(server)

    def run(self) -> Report:
        """Put to sleep, wake, come to rest, judge."""
        began = time.monotonic()
        with self.ground as ground:
            workspace = ground.workspace()
            ground.execute(TABLE)
            asyncio.run(self._people(workspace))
            ground.execute(FIRST)
            for _ in range(2):
                ground.start("worker.py", 200, "fixed", wait_for=b"ready")
            self._sleep_and_wake(workspace)
            good, poison = self._acknowledged()
            self.report.found = Judge(ground, good | poison, poison=poison).judge()
        self.report.seconds = round(time.monotonic() - began, 1)
        return self.report

    async def _people(self, workspace: int) -> None:
        intake = await PostgresIntake.open(self.ground.url)
        await Crowd(workspace, self.sizes.customers, self.sizes.seed).arrive(intake, self.ground)
        await intake.close()

    def _ingester(self, workspace: int, seed: int, *words: str):
        rest = [*words, "inherit"] if self.sizes.inherit else words
        file = self.ground.folder / f"acknowledged-{seed}"
        return self.ground.start("ingester.py", workspace, self.sizes.customers, seed, self.sizes.batches, file, *rest)

    def _sleep_and_wake(self, workspace: int) -> None:
        sleeper = self._ingester(workspace, self.sizes.seed, f"stop={STOP_AT}")
        self._until(lambda: psutil.Process(sleeper.pid).status() == psutil.STATUS_STOPPED, "the ingester did not fall asleep")
        asleep = time.monotonic()
        twin = self._ingester(workspace, self.sizes.seed + 1, f"again={self.sizes.seed}", "poison")
        self._until(lambda: len(set().union(*self._acknowledged(1))) > 200, "the twin was held up by the sleeper")
        self._until(self._read, "the engines were held up by the sleeper")
        time.sleep(max(0.0, self.sizes.seconds - (time.monotonic() - asleep)))
        self.report.acknowledged_meanwhile = len(set().union(*self._acknowledged(1)))
        self.report.evaluated_meanwhile = self.ground.execute("SELECT coalesce(sum(cardinality(events)), 0) FROM journal")[0][0]
        sleeper.send_signal(signal.SIGCONT)
        for process in (sleeper, twin):
            process.wait(300)
        self._until(lambda: not self.ground.unread(10_000), "the engines did not come to rest")

    def _read(self) -> bool:
        """Whether everything committed was evaluated, the sleeper's open transaction aside."""
        return not self.ground.unread()

    def _until(self, condition, fault: str) -> None:
        deadline = time.monotonic() + 300
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{fault}: {self.ground.log()[-600:]}")
            time.sleep(0.05)

    def _acknowledged(self, *only: int) -> tuple[set[bytes], set[bytes]]:
        good: set[bytes] = set()
        poison: set[bytes] = set()
        for place in only or (0, 1):
            path = self.ground.folder / f"acknowledged-{self.sizes.seed + place}"
            # The last line may be half written.
            for line in path.read_text().split("\n")[:-1] if path.exists() else ():
                kind, h = line.split(" ")
                (poison if kind == "p" else good).add(bytes.fromhex(h))
        return good, poison
