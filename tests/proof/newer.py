"""An engine of a release to come: it knows a section that today's does not, writes it in every step, and marks its steps in the journal."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any, ClassVar

import uvloop

sys.path.insert(0, str(Path(__file__).parent))

import worker
from journal import Notes

from oportuno.flows import poison
from oportuno.flows.programme import Programme
from oportuno.profile.draft import Section

MARK = b"newer"


class Novelty(Section):
    """What a release to come keeps about a customer."""

    title: ClassVar[str] = "novelty"

    versions: list[int] = []
    """Versions of the row that this release found."""


def write_novelties(notes: Notes) -> None:
    """Have every step leave something in the new section."""
    watched = poison.step

    def novel(draft: Any, events: Any, *, programme: Programme, now: int, clock_trusted: bool = True, **more: Any) -> Any:
        outcome = watched(draft, events, programme=programme, now=now, clock_trusted=clock_trusted, **more)
        draft.open(Novelty).versions.append(draft.version)
        notes.steps[draft.key][3].append(MARK)
        return outcome

    poison.step = novel


if __name__ == "__main__":
    plain = worker.watch_steps

    def watch_steps(notes: Notes) -> None:
        plain(notes)
        write_novelties(notes)

    worker.watch_steps = watch_steps
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(worker.main(sys.argv[1], int(sys.argv[2]), leased=False))
