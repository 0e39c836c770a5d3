"""Hostile bodies at the collector's door, led by coverage: no crash, no 5xx, nothing thanked that is not kept, and flat memory."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from hostile import PATHS, SEEDS, Hostile

_LIKELY = [PATHS.index(f"/v1/{call}") for call in ("batch", "batch", "batch", "track", "alias", "identify")]
HERE = Path(__file__).parent
ROOM_MB = 100.0
"""Megabytes by which memory may grow after the first quarter: libFuzzer's own corpus grows in the same process."""


@dataclass
class Sizes:
    """How long, and how it is led."""

    seed: int
    seconds: float = 0.0
    """Seconds with atheris; 0: `inputs` by chance alone, in this process."""
    inputs: int = 0
    trapped: bool = False
    """Plant the fault that must be found: the word “Order” breaks the collector."""


@dataclass
class Report:
    """One run."""

    sizes: Sizes
    inputs: int = 0
    events: int = 0
    rejects: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    warm_mb: float = 0.0
    most_mb: float = 0.0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


class Fuzz:
    """One run."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.report = Report(sizes)

    def run(self) -> Report:
        """Try, and judge."""
        began = time.monotonic()
        if self.sizes.seconds:
            self._led()
        else:
            self._by_chance()
        self.report.seconds = round(time.monotonic() - began, 1)
        return self.report

    def _by_chance(self) -> None:
        chance, hostile = random.Random(self.sizes.seed), Hostile(trapped=self.sizes.trapped)
        try:
            for _ in range(self.sizes.inputs):
                hostile.ask(_spoilt(chance))
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is the finding
            self.report.faults.append(f"{type(fault).__name__}: {fault}")
        finally:
            hostile.close()
        self.report.inputs, self.report.events, self.report.rejects = hostile.asked, hostile.events, hostile.rejects
        self.report.answers = {str(status): times for status, times in sorted(hostile.answers.items())}

    def _led(self) -> None:
        with tempfile.TemporaryDirectory(prefix="oportuno-fuzz-") as name:
            folder = Path(name)
            arguments = [sys.executable, str(HERE / "fuzzed.py"), name, str(self.sizes.seconds), str(self.sizes.seed)]
            done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=self.sizes.seconds * 3 + 300)
            told = folder / "told.json"
            if not told.exists():
                raise RuntimeError(f"atheris did not begin (uv pip install --group fuzz): {done.stderr[-600:]}")
            said = json.loads(told.read_text(encoding="utf-8"))
        fault = said.pop("fault")
        for name, value in said.items():
            setattr(self.report, name, value)
        if fault or done.returncode:
            self.report.faults.append(fault or f"ended with {done.returncode}: {done.stderr[-600:]}")
        if self.report.most_mb - self.report.warm_mb > ROOM_MB:
            self.report.faults.append(f"memory grew from {self.report.warm_mb} to {self.report.most_mb} MB")


def _spoilt(chance: random.Random) -> bytes:
    """Give a known body, spoilt at a few places."""
    body = bytearray(chance.choice(SEEDS))
    for _ in range(chance.randrange(6)):
        place = chance.randrange(len(body) + 1)
        match chance.randrange(5):
            case 0:
                body[place:place] = chance.randbytes(chance.randrange(1, 5))
            case 1:
                del body[place : place + chance.randrange(1, 40)]
            case 2:
                body[place : place + 1] = chance.choice([b'"', b"{", b"[", b"]", b"}", b",", b"\\u0000", b"1e999", b"null", b"\xff"])
            case 3:
                body[place:place] = chance.choice(SEEDS)
            case _:
                body[place:place] = body[: chance.randrange(len(body) + 1)]
    head = chance.randbytes(5) if chance.random() < 0.3 else bytes([chance.choice(_LIKELY), chance.randrange(2), 0, chance.randrange(7), 0])
    return head + bytes(body)
