"""A client that nobody here wrote: the stock Segment library for Python, with only its host changed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import requests
from segment.analytics.client import Client

from listening import listening
from oportuno.adapters.memory.world import MemoryWorld
from oportuno.entry.http.collect import Collector
from oportuno.events.event import Call, Event, Source
from oportuno.flows.limits import Doorkeeper
from oportuno.flows.ports import KeyFacts


@pytest.fixture
def shop() -> Iterator[tuple[MemoryWorld, str]]:
    """Tienda Norte on a port."""
    world = MemoryWorld()
    world.keys.put("write", KeyFacts(workspace=1, key_id="k1", secret=False))
    collector = Collector(intake=world.intake, keys=world.keys, doorkeeper=Doorkeeper(), digest_key=b"k" * 32)
    with listening(collector) as (host, port):
        yield world, f"http://{host}:{port}"


def stored(world: MemoryWorld) -> list[Event]:
    return sorted((event for run in world.tables.events.values() for event in run), key=lambda event: event.seq)


def tell(client: Client) -> None:
    client.identify("ana", {"email": "ana@example.com", "plan": "oro"})
    client.track("ana", "Product Viewed", {"product_id": "boots", "price": 79.95})
    client.page("ana", "Tienda", "Botas")
    client.screen("ana", "App", "Cesta")
    client.group("ana", "club")
    client.alias("dora", "ana")


@pytest.mark.parametrize("compressed", [False, True])
def test_the_stock_library_delivers_unchanged_but_for_its_host(shop: tuple[MemoryWorld, str], compressed: bool) -> None:
    world, host = shop
    errors: list[Any] = []
    client = Client("write", host=host, gzip=compressed, on_error=lambda *what: errors.append(what), upload_interval=0.05, max_retries=1)
    tell(client)
    client.flush()
    client.shutdown()
    events = stored(world)
    assert errors == []
    assert [event.call for event in events] == [Call.IDENTIFY, Call.TRACK, Call.PAGE, Call.SCREEN, Call.GROUP, Call.ALIAS]
    assert [event.name for event in events] == ["", "Product Viewed", "Botas", "Cesta", "", ""]
    assert {event.source for event in events} == {Source.LIVE}
    assert {event.key for event in events} == {events[0].key}
    assert all(event.at <= event.received for event in events)
    assert msgspec.json.decode(events[1].body)["properties"] == {"product_id": "boots", "price": 79.95}
    assert world.tables.rejects == []


def test_the_stock_library_is_told_when_its_key_is_wrong(shop: tuple[MemoryWorld, str]) -> None:
    world, host = shop
    errors: list[Any] = []
    logging.getLogger("segment").setLevel(logging.CRITICAL)
    client = Client("guess", host=host, on_error=lambda *what: errors.append(what), sync_mode=False, upload_interval=0.05, max_retries=0)
    client.track("ana", "Product Viewed")
    client.flush()
    client.shutdown()
    ((error, items),) = errors
    assert error.status == 401
    assert len(items) == 1
    assert stored(world) == []


def test_a_batch_far_too_large_gets_its_answer_over_a_real_connection(shop: tuple[MemoryWorld, str]) -> None:
    world, host = shop
    with requests.Session() as session:
        answer = session.post(f"{host}/v1/batch", data=b" " * 3_000_000, auth=("write", ""), timeout=120)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        again = session.post(f"{host}/v1/track", json={"event": "Cart Viewed", "userId": "ana"}, auth=("write", ""), timeout=120)
        assert again.status_code == 200
        asked = session.options(f"{host}/v1/track", timeout=120)
        assert (asked.status_code, asked.text) == (204, "")
    assert [event.name for event in stored(world)] == ["Cart Viewed"]
