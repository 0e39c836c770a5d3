"""Two releases at once: the older keeps what it does not know, and gives up before what it cannot read."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import msgspec
from crowd import Crowd, agreed
from ground import Ground
from journal import TABLE
from newer import MARK, Novelty

from oportuno.adapters.postgres.intake import PostgresIntake
from oportuno.consent.answers import Consents
from oportuno.kit.ids import CustomerKey, key_of
from oportuno.profile.draft import Draft


def test_an_older_engine_beside_a_newer_one_keeps_the_section_it_does_not_know(postgres_server: str) -> None:
    with Ground(postgres_server) as ground:
        crowd = Crowd(ground.workspace(), 60, seed=31)
        ground.execute(TABLE)
        older, newer = ground.start("worker.py", 20, "fixed", wait_for=b"ready"), ground.start("newer.py", 20, wait_for=b"ready")

        async def send_until_both_worked() -> None:
            intake = await PostgresIntake.open(ground.url)
            await crowd.arrive(intake, ground)
            deadline = time.monotonic() + 240
            while time.monotonic() < deadline:
                await crowd.send(intake, crowd.batch(50))
                both = ground.execute("SELECT count(*) FILTER (WHERE %s = ANY(events)), count(*) FROM journal", (MARK,))[0]
                if both[0] > 30 and both[1] - both[0] > 30:
                    break
            while ground.unread() and time.monotonic() < deadline:
                await asyncio.sleep(0.1)
            await intake.close()

        asyncio.run(send_until_both_worked())
        for process in (older, newer):
            ground.kill(process)
        wrote: dict[CustomerKey, list[int]] = {}
        rows = ground.execute("SELECT bucket, workspace, customer, version, %s = ANY(events) FROM journal ORDER BY version", (MARK,))
        for bucket, workspace, customer, version, by_newer in rows:
            if by_newer:
                wrote.setdefault(CustomerKey(bucket, workspace, customer), []).append(version)
        assert 30 < sum(map(len, wrote.values())) < len(rows) - 30
        for bucket, workspace, customer, state in ground.execute("SELECT bucket, workspace, customer, state FROM customers"):
            key = CustomerKey(bucket, workspace, customer)
            assert Draft(key, bytes(state)).read(Novelty).versions == wrote.get(key, [])


def test_an_engine_stops_with_one_sentence_before_a_state_that_a_newer_release_wrote(postgres_server: str) -> None:
    with Ground(postgres_server) as ground:
        key = key_of(ground.workspace(), 7)
        sections = msgspec.msgpack.decode(agreed(key).encode())
        state = msgspec.msgpack.encode([(title, 99, blob) for title, _, blob in sections])
        row = (*key, state)
        ground.execute("INSERT INTO customers (bucket, workspace, customer, version, due_at, state) VALUES (%s, %s, %s, 1, 1, %s)", row)
        ground.execute("INSERT INTO due (bucket, workspace, customer, due_at) VALUES (%s, %s, %s, 1)", tuple(key))
        engine = ground.oportuno("engine")
        assert engine.wait(240) == 1
        sentence = f"oportuno: section consents has codec 99, known is {Consents.codec} (codec_too_new)"
        assert [line for line in ground.log().splitlines() if not line.startswith("{")] == [sentence]
        assert ground.execute("SELECT version, state FROM customers") == [(1, state)]
