"""Bodies and connections of somebody who means ill: each is answered, none costs memory, and the next honest request is taken."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from listening import PATIENCE, listening
from oportuno.adapters.memory.world import MemoryWorld
from oportuno.entry.http.collect import Collector
from oportuno.flows.limits import Doorkeeper
from oportuno.flows.ports import KeyFacts

KEY = (b"authorization", b"Bearer write")
MB = 2**20


def _collector() -> tuple[MemoryWorld, Collector]:
    world = MemoryWorld()
    world.keys.put("write", KeyFacts(workspace=1, key_id="k1", secret=False))
    return world, Collector(intake=world.intake, keys=world.keys, doorkeeper=Doorkeeper(), digest_key=b"k" * 32)


def _ask(collector: Collector, body: bytes, *, pieces: int = 1) -> int:
    step = max(1, -(-len(body) // pieces))
    parts = [body[start : start + step] for start in range(0, len(body), step)] or [b""]
    inbox = [{"type": "http.request", "body": part, "more_body": part is not parts[-1]} for part in parts]
    sent: list[Any] = []

    async def receive() -> Any:
        return inbox.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/batch", "headers": [KEY], "client": ("192.0.2.1", 5000)}
    asyncio.run(collector(scope, receive, send))
    return int(sent[0]["status"])


def _deep(opening: bytes, closing: bytes, levels: int) -> bytes:
    return b'{"batch":[' + opening * levels + closing * levels + b"]}"


def _bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(b" " * MB) for _ in range(megabytes)) + packer.flush()


def _in_bombs(layers: int) -> bytes:
    body = b'{"batch":[]}'
    for _ in range(layers):
        body = gzip.compress(body, mtime=0)
    return body


HOSTILE: dict[str, tuple[Callable[[], bytes], int]] = {
    "a hundred megabytes, packed into one": (lambda: _bomb(100), 413),
    "gzip in gzip in gzip": (lambda: _in_bombs(3), 400),
    "thousands of gzip members of nothing": (lambda: gzip.compress(b"", mtime=0) * 5_000, 400),
    "brackets without bottom": (lambda: _deep(b"[", b"]", 30_000), 200),
    "objects without bottom": (lambda: _deep(b'{"a":', b"}", 15_000), 200),
    "brackets that never close": (lambda: b'{"batch":' + b"[" * 60_000, 400),
    "half surrogates": (lambda: b'{"batch":[' + b",".join([b'{"type":"track","event":"\\ud800","userId":"ana"}'] * 1_000) + b"]}", 200),
    "numbers that are none": (lambda: b'{"batch":[' + b",".join([b"NaN", b"-Infinity", b"1e999", b"0x1", b"01"] * 500) + b"]}", 200),
    "a number of half a million digits": (lambda: b'{"batch":[' + b"9" * 450_000 + b"]}", 200),
    "thousands of items of nothing": (lambda: b'{"batch":[' + b",".join([b"0"] * 3_000) + b"]}", 200),
    "ten thousand and one": (lambda: b'{"batch":[' + b",".join([b"0"] * 10_001) + b"]}", 413),
    "two batches in one": (lambda: b'{"batch":[],"batch":[]}', 400),
    "a name that is half a megabyte": (lambda: b'{"' + b"a" * 450_000 + b'":1,"batch":[]}', 200),
    "the same field again and again": (lambda: b'{"batch":[{' + b",".join([b'"userId":"ana"'] * 1_000) + b"}]}", 200),
    "escapes without end": (lambda: b'{"batch":[{"type":"track","userId":"ana","event":"' + b"\\u0061" * 5_000 + b'"}]}', 200),
    "bytes that are no text": (lambda: b'{"batch":[{"type":"track","userId":"\xff\xfe\xfd","event":"x"}]}' + b"\0" * 1_000, 400),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_body_is_answered_and_costs_little_memory(what: str) -> None:
    make, status = HOSTILE[what]
    body = make()
    _, collector = _collector()
    tracemalloc.start()
    try:
        found = _ask(collector, body, pieces=50)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == status
    assert peak < 40 * MB, "the largest body that is taken has half a megabyte"


HEAD = b"POST /v1/batch HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer write\r\n"
GARBLED = {
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xff" * 200,
    "a chunk of no size": HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a chunk larger than the world": HEAD + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}",
    "a chunk that is shorter than it says": HEAD + b"transfer-encoding: chunked\r\n\r\n10\r\n{}\r\n0\r\n\r\n",
    "chunks that never end": HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 500,
    "a length below nothing": HEAD + b"content-length: -1\r\n\r\n{}",
    "a length that is no number": HEAD + b"content-length: many\r\n\r\n{}",
    "two lengths": HEAD + b"content-length: 2\r\ncontent-length: 9\r\n\r\n{}",
    "a length and chunks": HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "less than was announced": HEAD + b"content-length: 400\r\n\r\n{}",
    "more than is taken": HEAD + b"content-length: 99999999999999999999\r\n\r\n{}",
    "a header without end": HEAD + b"x: " + b"a" * 200_000,
    "a thousand headers": HEAD + b"".join(b"x-%d: y\r\n" % number for number in range(1_000)) + b"content-length: 2\r\n\r\n{}",
    "an address of bytes": b"POST /v1/\xff\xfe%00%zz HTTP/1.1\r\nhost: shop\r\ncontent-length: 2\r\n\r\n{}",
    "a method of its own": b"STEAL /v1/batch HTTP/1.1\r\nhost: shop\r\n\r\n",
    "a version of its own": b"POST /v1/batch HTTP/9.9\r\nhost: shop\r\ncontent-length: 2\r\n\r\n{}",
}


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[str, int]]:
    """Tienda Norte's collector on a port."""
    _, collector = _collector()
    with listening(collector, http="httptools") as door:
        yield door


def _exchange(door: tuple[str, int], raw: bytes) -> bytes:
    """Send bytes, and give what comes back until the other side ends; unless they ask it to, say that there will be no more."""
    got = b""
    with socket.create_connection(door, timeout=PATIENCE) as connection:
        try:
            connection.sendall(raw)
            if b"connection: close" not in raw:
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65_536):
                got += piece
        except ConnectionError:
            pass  # it hung up on us, as it may
    return got


@pytest.mark.parametrize("what", GARBLED)
def test_a_garbled_request_is_no_fault_of_ours_and_the_next_one_is_taken(door: tuple[str, int], what: str) -> None:
    answers = _exchange(door, GARBLED[what]).split(b"HTTP/1.1 ")[1:]
    assert all(answer[:1] in {b"2", b"4"} for answer in answers), answers
    body = json.dumps({"batch": [{"type": "track", "event": "Cart Viewed", "userId": "ana"}]}).encode()
    honest = _exchange(door, HEAD + b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body)
    assert honest.startswith(b"HTTP/1.1 200")
    assert json.loads(honest.partition(b"\r\n\r\n")[2])["events"] == 1
