"""`oportuno simulate`: many histories, each from its own seed, and every broken promise with the command that shows it again."""

from __future__ import annotations

import time
from hashlib import blake2b

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from oportuno.entry.simulation.history import History, Told
from oportuno.kit.faults import BadInput

BROKEN = 1
"""Exit code when a promise was broken."""


def simulate(*, seed: int = 1, histories: int = 1_000, steps: int = 100, trace: bool = False, console: Console | None = None) -> int:
    """Play histories with the seeds `seed`, `seed` + 1, …; give the exit code: 0 when every promise was kept, else `BROKEN`.

    With `trace` every await of the first history is printed instead. The digest at the end depends on nothing but seed, counts and
    release. Raises BadInput when there would be nothing to play.
    """
    for value, name in ((histories, "histories"), (steps, "steps")):
        if value < 1:
            raise BadInput("count_too_small", f"--{name} must be at least 1", place=f"--{name}")
    out = console or Console(highlight=False)
    if trace:
        return _trace(seed, steps, out)
    began = time.process_time()
    told: list[Told] = []
    columns = (TextColumn("[progress.description]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("histories", total=histories)
        for number in range(seed, seed + histories):
            one = History(number).play(steps)
            told.append(one)
            if one.breaches:
                _tell_breaches(one, steps, out)
            progress.advance(task)
    _sum_up(told, steps, time.process_time() - began, out)
    return BROKEN if any(one.breaches for one in told) else 0


def _trace(seed: int, steps: int, out: Console) -> int:
    history = History(seed)
    history.trace = []
    told = history.play(steps)
    for line in history.trace:
        out.print(line, markup=False, soft_wrap=True)
    _tell_breaches(told, steps, out)
    return BROKEN if told.breaches else 0


def _tell_breaches(told: Told, steps: int, out: Console) -> None:
    for breach in told.breaches:
        out.print(f"seed {told.seed}, step {told.steps}: {breach}", markup=False, soft_wrap=True)
    if told.breaches:
        out.print(f"  again: oportuno simulate --seed {told.seed} --histories 1 --steps {steps} --trace", markup=False, soft_wrap=True)


def _sum_up(told: list[Told], steps: int, seconds: float, out: Console) -> None:
    digest = blake2b("".join(one.digest for one in told).encode(), digest_size=8).hexdigest()
    broken = sum(1 for one in told if one.breaches)
    out.print(
        f"{len(told)} histories of {steps} steps: {sum(one.turns for one in told)} awaits, {sum(one.crashes for one in told)} crashes, "
        f"{sum(one.messages for one in told)} messages, {sum(one.accepted for one in told)} taken by their providers; "
        f"{broken} broke a promise. {seconds:.1f} s CPU. Digest {digest}",
        markup=False,
        soft_wrap=True,
    )
