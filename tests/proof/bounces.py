"""Bounces that a real mail server writes, and bounces that others recorded: what is understood of them, and how often not.

Two limits that nothing may breach: of what was provoked everything is understood, and nothing soft is ever taken for hard.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from exim import has_exim, install
from provoked import Provoked, provoke
from recorded import Recorded, judge_recorded

CACHE = Path(__file__).parents[2] / ".venv" / "recorded-bounces"


@dataclass(frozen=True)
class Sizes:
    """How large: how often the whole table is provoked, each time with another patience of the mail server."""

    rounds: int = 3
    seed: int = 131


@dataclass
class Report:
    """What came of it."""

    sizes: Sizes
    provoked: list[Provoked] = field(default_factory=list)
    recorded: Recorded = field(default_factory=Recorded)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Bounces:
    """The proof."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes

    def run(self) -> Report:
        """Provoke, read, judge."""
        report, began = Report(self.sizes), time.monotonic()
        if not has_exim():
            install()
        for number in range(self.sizes.rounds):
            # The second round warns of delays before it gives up.
            done = provoke(patience=f"{2 + 3 * (number % 2)}s", warning="1s" if number % 2 else "0s")
            report.provoked.append(done)
            report.faults += done.faults
            print(f"  round {number}: {done.sent} sent, understood {done.understood}, {done.delayed} warnings", flush=True)
        report.recorded = judge_recorded(CACHE)
        report.faults += report.recorded.faults
        report.seconds = round(time.monotonic() - began, 1)
        _print(report.recorded)
        return report


def _print(recorded: Recorded) -> None:
    print(f"  {recorded.read} recorded bounces: label → verdict")
    for label, verdicts in recorded.table.items():
        print(f"    {label:<10} {verdicts}")
    print(f"    soft called hard: {recorded.hard_of_soft}; hard missed: {recorded.hard_missed:.1%}")
    print(f"    delays missed: {recorded.delayed_missed:.1%}; machines' answers missed: {recorded.automatic_missed:.1%}")
    for line in recorded.disagreed:
        print(f"      {line}")
