"""The floors: what the same machine, at the same hour, needs for less than the whole. Printed beside the figures."""

from __future__ import annotations

import contextlib
import gc
import socket
import subprocess
import sys
import time
from typing import Any

import psutil
import psycopg

from oportuno.consent.answers import granted_purposes
from oportuno.entry.bench.load import Plan
from oportuno.entry.bench.parts import send
from oportuno.entry.bench.people import _event, mould_states
from oportuno.entry.bench.traffic import Traffic
from oportuno.flows.programme import Programme
from oportuno.flows.step import step
from oportuno.kit.ids import CustomerKey
from oportuno.profile.draft import Draft
from oportuno.profile.fold import fold
from oportuno.profile.watching import rewatch

_BARE = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})

import asyncio, socket, sys, uvicorn, uvloop
config = uvicorn.Config(app, log_level="warning", access_log=False, loop="none", http="httptools", lifespan="off")
# As a socket, not as fd: uvicorn takes a bare descriptor for a Unix socket and leaves Nagle's delay on.
listener = socket.socket(fileno=int(sys.argv[1]))
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(uvicorn.Server(config).serve(sockets=[listener]))
"""


def bare_server(*, batch: int, connections: int, events: int) -> dict[str, Any]:
    """Send the same load to a bare ASGI application that answers 202 and does nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.set_inheritable(True)
        process = subprocess.Popen([sys.executable, "-c", _BARE, str(listener.fileno())], pass_fds=[listener.fileno()])
        try:
            port = listener.getsockname()[1]
            return send(Plan(host="127.0.0.1", port=port, connections=connections, batch=batch, events=events, customers=10_000, seed=1))
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)


def steps_in_memory(programme: Programme, *, events: int = 20_000) -> float:
    """Give CPU microseconds of one decode, step and encode on states of realistic size, with nothing around it."""
    now = time.time_ns() // 1_000_000
    states = mould_states(now)
    traffic = Traffic(customers=len(states), seed=11, prefix="mould")
    happened = []
    for number in range(events):
        key = CustomerKey(0, programme.workspace, number % len(states) + 1)
        # Her own call, under her own name: names drawn at random would give every customer twenty ids that nobody has.
        happened.append(_event(key, traffic.event(now + number, customer=number % len(states)), number, now + number))
    gc.collect()
    gc.disable()
    began = time.process_time()
    for number, event in enumerate(happened):
        place = number % len(states)
        draft = Draft(event.key, states[place], 1)
        step(draft, [event], programme=programme, now=event.at)
        states[place] = draft.encode()
    spent = time.process_time() - began
    gc.enable()
    return spent / events * 1e6


def watch_in_memory(*, events: int = 20_000) -> float:
    """Give CPU microseconds that judging what a customer watches adds to an event, over the same fold without it."""
    now = time.time_ns() // 1_000_000
    states = mould_states(now)
    traffic = Traffic(customers=len(states), seed=12, prefix="mould")
    keys = [CustomerKey(0, 1, number + 1) for number in range(len(states))]
    calls = [traffic.event(now + number, customer=number % len(states)) for number in range(events)]
    happened = [_event(keys[number % len(states)], body, number, now + number) for number, body in enumerate(calls)]
    gc.collect()
    gc.disable()
    spent = 0
    for number, event in enumerate(happened):
        draft = Draft(event.key, states[number % len(states)], 1)
        draft.granted = granted_purposes(draft, event.at)
        fold(draft, event)
        began = time.process_time_ns()
        watched = time.process_time_ns()
        rewatch(draft, event.at)
        # What asking for the time costs is taken off.
        spent += time.process_time_ns() - watched - (watched - began)
        states[number % len(states)] = draft.encode()
    gc.enable()
    return spent / events / 1e3


def copy_floor(url: str, *, rows: int = 100_000) -> float:
    """Give PostgreSQL's CPU microseconds for COPY of one event row into a table without any index."""
    traffic = Traffic(customers=1_000, seed=3)
    bodies = [traffic.event(1_800_000_000_000) for _ in range(1_000)]
    with psycopg.connect(url) as connection:
        pid = connection.info.backend_pid
        connection.execute("CREATE TABLE bench_floor (bucket smallint, workspace integer, seq bigint, at bigint, body bytea)")
        connection.commit()
        began = _backend_cpu(pid)
        with connection.cursor() as cursor, cursor.copy("COPY bench_floor FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int2", "int4", "int8", "int8", "bytea"])
            for number in range(rows):
                copy.write_row((number % 64, 1, number, number, bodies[number % 1_000]))
        connection.commit()
        spent = _backend_cpu(pid) - began
        connection.execute("DROP TABLE bench_floor")
        connection.commit()
    return spent / rows * 1e6


def _backend_cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
