"""Two releases at once: the older keeps what it does not know, and gives up before what it cannot read."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import msgspec
from crowd import Crowd, agreed
from ground import Ground
from journal import TABLE
from newer import MARK, Novelty

from oportuno.adapters.postgres.intake import PostgresIntake
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
            deadline = time.monotonic() + 300
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


def test_an_engine_gives_up_the_bucket_in_which_a_newer_release_wrote_and_goes_on_with_the_others(postgres_server: str) -> None:
    with Ground(postgres_server) as ground:
        workspace = ground.workspace()
        newer, ana = key_of(workspace, 7), key_of(workspace, 8)
        sections = msgspec.msgpack.decode(agreed(newer).encode())
        states = {newer: msgspec.msgpack.encode([(title, 99, blob) for title, _, blob in sections]), ana: agreed(ana).encode()}
        assert newer.bucket != ana.bucket
        for key, state in states.items():
            ground.execute(
                "INSERT INTO customers (bucket, workspace, customer, version, due_at, state) VALUES (%s, %s, %s, 1, 1, %s)", (*key, state)
            )
            ground.execute("INSERT INTO due (bucket, workspace, customer, due_at) VALUES (%s, %s, %s, 1)", tuple(key))
        engine = ground.oportuno("engine")
        unowned = "SELECT bucket FROM leases WHERE until_at <= clock_millis() ORDER BY bucket"
        _until(lambda: ground.execute("SELECT customer FROM due") == [(newer.customer,)] and len(ground.execute(unowned)) == 1, ground)
        assert ground.execute(unowned) == [(newer.bucket,)]
        assert ground.execute("SELECT says FROM workers") == [({"given_up": {str(newer.bucket): "consents"}},)]
        assert ground.execute("SELECT version, state FROM customers WHERE customer = 7") == [(1, states[newer])]
        told = [json.loads(line) for line in ground.log().splitlines() if "given_up" in line]
        assert [(line["event"], line["bucket"], line["section"]) for line in told] == [("bucket_given_up", newer.bucket, "consents")]
        assert engine.poll() is None
        second = ground.oportuno("engine")
        _until(lambda: len(ground.execute("SELECT worker FROM workers WHERE says <> '{}'")) == 2, ground)
        _until(
            lambda: ground.execute("SELECT count(DISTINCT worker), count(*) FROM leases WHERE until_at > clock_millis()") == [(2, 63)],
            ground,
        )
        assert second.poll() is None


def _until(condition: Callable[[], bool], ground: Ground) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, ground.log()[-2_000:]
        time.sleep(0.05)
