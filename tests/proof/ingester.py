"""An ingester of the proofs: the real writer of the log, which stops itself in the middle of a transaction when told to.

Arguments: url, workspace, customers, seed, batches, file of acknowledgements, and after that any of: ``stop=N`` (before the commit of the
N-th batch), ``again=SEED`` (first sends what the ingester of that seed sends, as a client does that got no answer), ``poison``,
``inherit`` (the planted fault: lanes are not born, one is used by all).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).parent))

from crowd import POISON, Crowd

from oportuno.adapters.postgres import intake as real
from oportuno.adapters.postgres.database import WRITER_PLANS, connect
from oportuno.adapters.postgres.intake import PostgresIntake
from oportuno.flows.ports import Arrival, LaneClass, Reject
from oportuno.kit.ids import key_of

SIZE = 50


def stop_in_transaction(before: int) -> None:
    """Have this process stop itself when it is about to commit for the `before`-th time, everything else being done."""
    execute, commits = psycopg.AsyncConnection.execute, [0]

    async def watched(self: Any, query: Any, *rest: Any, **named: Any) -> Any:
        if query == "COMMIT":
            commits[0] += 1
            if commits[0] == before:
                async with self.pipeline() as pipeline:
                    await pipeline.sync()
                os.kill(os.getpid(), signal.SIGSTOP)
        return await execute(self, query, *rest, **named)

    psycopg.AsyncConnection.execute = watched  # type: ignore[method-assign] - stopping in the very middle is the point


def inherit_lanes() -> None:
    """Plant the fault: every writer writes one and the same lane."""

    async def in_lane(self: Any) -> Any:
        if self._connection is None:
            self._connection, self._lane = await connect(self._url, name="lane", plans=WRITER_PLANS), 1_000
            await self._connection.execute("INSERT INTO lanes (lane, class, born_at) VALUES (1000, 0, 0) ON CONFLICT DO NOTHING")
        return self._connection

    real.LaneWriter._in_lane = in_lane  # type: ignore[method-assign]


class Ingester:
    """Sends batches and notes down what was acknowledged."""

    def __init__(self, workspace: int, customers: int, acknowledged: Path) -> None:
        self.workspace = workspace
        self.customers = customers
        self.acknowledged = acknowledged

    async def crowd(self, intake: PostgresIntake, seed: int) -> Crowd:
        """Give the people as they are known already."""
        crowd = Crowd(self.workspace, self.customers, seed)
        crowd.keys = [key_of(self.workspace, customer) for customer in await intake.resolve(crowd.people)]
        return crowd

    async def send(self, intake: PostgresIntake, arrivals: list[Arrival]) -> None:
        """Send, and note it down only when it was acknowledged."""
        await intake.store(arrivals, [self._reject(arrivals[0])], LaneClass.LIVE)
        with self.acknowledged.open("a") as file:
            file.writelines(f"{'p' if arrival.name == POISON else 'a'} {arrival.h.hex()}\n" for arrival in arrivals)

    def _reject(self, beside: Arrival) -> Reject:
        """Give a reject beside the events: with one, the writer's transaction has a BEGIN and a COMMIT between which it can fall asleep."""
        return Reject(
            workspace=self.workspace,
            id=beside.h,
            received=beside.received,
            code="proof",
            sentence="made up",
            place="batch[0]",
            raw=b"{}",
            key_id="proof",
        )


async def main(url: str, own: Ingester, seed: int, batches: int, words: list[str]) -> None:
    settings = dict(word.split("=") for word in words if "=" in word)
    intake = await PostgresIntake.open(url)
    crowd = await own.crowd(intake, seed)
    if "stop" in settings:
        stop_in_transaction(int(settings["stop"]))
    again = asyncio.create_task(_again(url, own, int(settings["again"]), batches)) if "again" in settings else None
    for _ in range(batches):
        await own.send(intake, crowd.batch(SIZE, poison=0.01 if "poison" in words else 0.0))
        await asyncio.sleep(0.02)
    if again is not None:
        await again
    await intake.close()


async def _again(url: str, own: Ingester, seed: int, batches: int) -> None:
    """Send what another ingester sends, over connections of its own: it waits for the first one's transaction."""
    intake = await PostgresIntake.open(url)
    crowd = await own.crowd(intake, seed)
    for _ in range(batches):
        await own.send(intake, crowd.batch(SIZE))
    await intake.close()


if __name__ == "__main__":
    address, space, people, number, count, file, *rest = sys.argv[1:]
    if "inherit" in rest:
        inherit_lanes()
    asyncio.run(main(address, Ingester(int(space), int(people), Path(file)), int(number), int(count), rest))
