"""Taking in: what a 2xx promises."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oportuno.adapters.memory.intake import MemoryIntake
from oportuno.adapters.memory.world import MemoryWorld
from oportuno.events.event import Call, Event, Source
from oportuno.flows.limits import Doorkeeper, Intakes
from oportuno.flows.ports import Arrival, KeyFacts, LaneClass, Reject
from oportuno.flows.take_in import TakeIn, Taken, take_in, take_in_again
from oportuno.kit.faults import BadInput, Busy, NotAllowed, NotRecognised, Unavailable
from oportuno.kit.times import DAY, SECOND, to_text

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Two cores shared with others: a slow draw says nothing about the promise."""
NORTE = 1


class TiendaNorte:
    """A shop with a write key and a secret key, and everything that came in."""

    def __init__(self, intakes: Intakes | None = None) -> None:
        self.world = MemoryWorld()
        self.world.keys.put("write", KeyFacts(workspace=NORTE, key_id="k1", secret=False))
        self.world.keys.put("secret", KeyFacts(workspace=NORTE, key_id="k2", secret=True))
        self.world.keys.put("other", KeyFacts(workspace=2, key_id="k3", secret=False))
        self.doorkeeper = Doorkeeper(intakes)
        self.intake: MemoryIntake = self.world.intake
        chance = itertools.count(1)
        self.ids: Callable[[], bytes] = lambda: next(chance).to_bytes(16, "big")

    @property
    def now(self) -> int:
        return self.world.clock.now

    def send(self, body: Any, *, key: str = "write", call: Call | None = None, **rest: Any) -> Taken:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = TakeIn(body=raw, call=call, key=key, address="192.0.2.1", **rest)
        return asyncio.run(
            take_in(
                request,
                intake=self.intake,
                keys=self.world.keys,
                doorkeeper=self.doorkeeper,
                digest_key=b"k" * 32,
                ids=self.ids,
                now=self.now,
            )
        )

    def again(self, reject: Reject) -> Taken:
        return asyncio.run(take_in_again(reject, intake=self.intake, digest_key=b"k" * 32, now=self.now))

    @property
    def events(self) -> list[Event]:
        return [event for run in self.world.tables.events.values() for event in run]

    @property
    def rejects(self) -> list[Reject]:
        return self.world.tables.rejects

    @property
    def nothing_stored(self) -> bool:
        return not self.events and not self.rejects

    def left_cart(self, number: int = 1, **changes: Any) -> dict[str, Any]:
        return {
            "type": "track",
            "event": "Cart Viewed",
            "userId": "ana",
            "messageId": f"m-{number}",
            "timestamp": to_text(self.now),
        } | changes


class Silent(MemoryIntake):
    """A store that is gone at the moment of writing."""

    async def store(self, arrivals: Any, rejects: Any, lane: LaneClass) -> int:
        raise Unavailable("store_gone", "the database does not answer")


class Watched(MemoryIntake):
    """An intake that says how often it was asked to commit."""

    commits = 0

    async def store(self, arrivals: Any, rejects: Any, lane: LaneClass) -> int:
        self.commits += 1
        return await super().store(arrivals, rejects, lane)


def test_a_batch_becomes_events_of_their_customers() -> None:
    shop = TiendaNorte()
    taken = shop.send({"batch": [shop.left_cart(1), shop.left_cart(2, userId="bruno"), shop.left_cart(3)]})
    assert taken == Taken(items=3, stored=3)
    owners = {event.h: event.key for event in shop.events}
    assert len(owners) == 3
    assert len(set(owners.values())) == 2


def test_a_bad_item_becomes_a_visible_reject_and_its_neighbours_go_through() -> None:
    shop = TiendaNorte()
    bad = b'{"type":"track","event":"Cart Viewed","userId":"carla","timestamp":"never"}'
    worse = b'{"type":"track","price":NaN}'
    good = [json.dumps(shop.left_cart(number)).encode() for number in (1, 2)]
    taken = shop.send(b'{"batch":[' + b",".join([good[0], bad, worse, good[1]]) + b"]}")
    assert (taken.items, taken.stored) == (4, 2)
    assert [(reject.place, reject.code) for reject in taken.rejects] == [
        ("batch[1].timestamp", "timestamp_unreadable"),
        ("batch[2]", "number_out_of_range"),
    ]
    assert [(reject.raw, reject.key_id, reject.workspace) for reject in shop.rejects] == [(bad, "k1", NORTE), (worse, "k1", NORTE)]
    assert {event.body for event in shop.events} == set(good)


def test_events_and_rejects_of_a_request_are_one_commit() -> None:
    shop = TiendaNorte()
    shop.intake = Watched(shop.world)
    shop.send({"batch": [shop.left_cart(), {}, shop.left_cart(2, context={"oportuno": {"source": "import"}})]}, key="secret")
    assert shop.intake.commits == 1


def test_an_event_sent_twice_is_one_event_and_both_are_thanked() -> None:
    shop = TiendaNorte()
    batch = {"batch": [shop.left_cart(1), shop.left_cart(2)]}
    assert shop.send(batch).stored == 2
    assert shop.send(batch) == Taken(items=2, stored=0)
    assert len(shop.events) == 2


def test_an_event_told_again_when_it_is_old_is_still_the_same_event() -> None:
    shop = TiendaNorte()
    batch = {"batch": [shop.left_cart()]}
    shop.send(batch)
    shop.world.clock.advance(2 * DAY)
    assert shop.send(batch).stored == 0


def test_the_same_message_id_in_another_shop_is_another_event() -> None:
    shop = TiendaNorte()
    batch = {"batch": [shop.left_cart()]}
    shop.send(batch)
    assert shop.send(batch, key="other").stored == 1


def test_a_single_call_is_named_by_its_address() -> None:
    shop = TiendaNorte()
    shop.send({"anonymousId": "dora", "event": "Cart Viewed"}, call=Call.TRACK)
    taken = shop.send({"anonymousId": "dora"}, call=Call.TRACK)
    assert [event.call for event in shop.events] == [Call.TRACK]
    assert [(reject.place, reject.code) for reject in taken.rejects] == [("track.event", "event_missing")]


def test_the_write_key_may_stand_in_the_body() -> None:
    shop = TiendaNorte()
    assert shop.send({"batch": [shop.left_cart()], "writeKey": "write"}, key="").stored == 1
    assert shop.send(shop.left_cart(2, writeKey="write"), key="", call=Call.TRACK).stored == 1


@pytest.mark.parametrize(
    ("key", "code"), [("", "key_missing"), ("guess", "key_unknown"), ("x" * 201, "key_unknown"), ("wri\0te", "key_unknown")]
)
def test_without_a_known_key_nothing_is_stored(key: str, code: str) -> None:
    shop = TiendaNorte()
    with pytest.raises(NotRecognised) as caught:
        shop.send({"batch": [shop.left_cart(), {}]}, key=key)
    assert caught.value.code == code
    assert shop.nothing_stored


def test_a_secret_key_has_no_place_in_a_web_page() -> None:
    shop = TiendaNorte()
    with pytest.raises(NotAllowed) as caught:
        shop.send({"batch": [shop.left_cart()]}, key="secret", browser=True)
    assert caught.value.code == "secret_key_in_page"
    assert shop.nothing_stored
    assert shop.send({"batch": [shop.left_cart()]}, key="write", browser=True).stored == 1


def test_history_comes_by_the_bulk_lane_and_is_nothing_new() -> None:
    shop = TiendaNorte()
    order = shop.left_cart(event="Order Completed", timestamp=to_text(shop.now - 50 * DAY))
    shop.send({"batch": [order], "context": {"oportuno": {"source": "import"}}}, key="secret")
    (event,) = shop.events
    assert (event.source, event.speaks, event.at) == (Source.IMPORT, False, shop.now - 50 * DAY)
    assert list(shop.world.tables.lanes.values()) == [LaneClass.BULK]


def test_beside_an_import_nothing_is_live() -> None:
    shop = TiendaNorte()
    shop.send({"batch": [shop.left_cart(1), shop.left_cart(2, context={"oportuno": {"source": "import"}})]}, key="secret")
    assert {event.source for event in shop.events} == {Source.LATE, Source.IMPORT}
    assert not any(event.speaks for event in shop.events)


def test_a_public_key_cannot_pass_news_off_as_history() -> None:
    shop = TiendaNorte()
    taken = shop.send({"batch": [shop.left_cart(1), shop.left_cart(2)], "context": {"oportuno": {"source": "import"}}})
    assert [reject.code for reject in taken.rejects] == ["import_not_allowed"] * 2
    assert len(shop.rejects) == 2


def test_a_key_that_brings_too_much_is_asked_to_wait_before_anything_is_stored() -> None:
    shop = TiendaNorte(Intakes(key_rate=10, key_burst=5))
    assert shop.send({"batch": [shop.left_cart(number) for number in range(25)]}).stored == 25
    with pytest.raises(Busy) as caught:
        shop.send({"batch": [shop.left_cart(99)]})
    assert (caught.value.code, caught.value.retry_after) == ("key_too_fast", 3)
    assert len(shop.events) == 25
    assert shop.send({"batch": [shop.left_cart(99)]}, key="other").stored == 1
    shop.world.clock.advance(caught.value.retry_after * SECOND)
    assert shop.send({"batch": [shop.left_cart(99)]}).stored == 1


def test_an_address_that_guesses_keys_is_asked_to_wait() -> None:
    shop = TiendaNorte(Intakes(address_rate=1, address_burst=3))
    for _ in range(3):
        with pytest.raises(NotRecognised):
            shop.send({"batch": []}, key="guess")
    with pytest.raises(Busy) as caught:
        shop.send({"batch": []}, key="guess")
    assert caught.value.code == "address_too_fast"


def test_a_shop_far_behind_is_asked_to_come_back() -> None:
    shop = TiendaNorte(Intakes(backlog=2))
    shop.send({"batch": [shop.left_cart(1), shop.left_cart(2)]})
    with pytest.raises(Busy) as caught:
        shop.send({"batch": [shop.left_cart(3)]})
    assert caught.value.code == "backlog_full"
    assert len(shop.events) == 2
    assert shop.send({"batch": [shop.left_cart(3)]}, key="other").stored == 1


def test_when_the_store_is_gone_nothing_is_acknowledged() -> None:
    shop = TiendaNorte()
    shop.intake = Silent(shop.world)
    with pytest.raises(Unavailable):
        shop.send({"batch": [shop.left_cart(), {}]})
    assert shop.nothing_stored


def test_an_empty_batch_is_thanked() -> None:
    assert TiendaNorte().send({"batch": []}) == Taken(items=0, stored=0)


def test_a_body_that_cannot_be_read_stores_nothing() -> None:
    shop = TiendaNorte()
    with pytest.raises(BadInput):
        shop.send(b'{"batch":[{"type":"track"')
    assert shop.nothing_stored


def test_a_reject_taken_in_again_is_one_late_event_however_often() -> None:
    shop = TiendaNorte()
    for place, item in (("batch[3].event", shop.left_cart(messageId=None)), ("track", {"event": "Cart Viewed", "userId": "ana"})):
        reject = Reject(
            workspace=NORTE,
            id=place.encode().ljust(16)[:16],
            received=shop.now,
            code="name_too_long",
            sentence="",
            place=place,
            raw=json.dumps(item).encode(),
            key_id="k1",
        )
        assert [shop.again(reject).stored for _ in range(2)] == [1, 0]
    assert {event.source for event in shop.events} == {Source.REPLAY}


def test_a_reject_that_still_cannot_be_read_says_so_and_is_not_doubled() -> None:
    shop = TiendaNorte()
    shop.send({"batch": [{"type": "track"}]})
    taken = shop.again(shop.rejects[0])
    assert [reject.code for reject in taken.rejects] == ["event_missing"]
    assert len(shop.rejects) == 1


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=6
)
item_fields = st.sampled_from(["type", "event", "userId", "anonymousId", "messageId", "timestamp", "context", "properties", "traits"])
good_calls = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["track", "page", "identify"]),
        "event": st.sampled_from(["Cart Viewed", "Order Completed"]),
        "userId": st.sampled_from(["ana", "bruno", "carla"]),
        "messageId": st.uuids().map(str),
    }
)


@calm
@given(st.lists(anything | good_calls | st.dictionaries(item_fields, anything)))
def test_every_item_of_any_list_is_an_event_or_a_reject(values: list[Any]) -> None:
    shop = TiendaNorte()
    taken = shop.send(json.dumps({"batch": values}).encode())
    assert taken.items == len(values)
    assert len(taken.rejects) == len(shop.rejects)
    distinct_or_seen = len(values) - len(shop.rejects)
    assert taken.stored == len(shop.events) <= distinct_or_seen
    kept = {event.body for event in shop.events} | {reject.raw for reject in shop.rejects}
    for value in values:
        text = json.dumps(value).encode()
        assert text in kept or json.loads(text).get("messageId") is not None


@calm
@given(st.lists(good_calls | st.dictionaries(item_fields, anything), max_size=8), st.randoms(use_true_random=False))
def test_any_order_of_a_batch_gives_the_same_events(values: list[Any], chance: random.Random) -> None:
    def stored(batch: list[Any]) -> list[Any]:
        shop = TiendaNorte()
        shop.send(json.dumps({"batch": batch}).encode())
        told = [(event.body, event.call, event.name, event.at, event.source) for event in shop.events]
        return sorted([*told, *((reject.raw, reject.code) for reject in shop.rejects)], key=repr)

    distinct = list(
        {
            value.get("messageId") if isinstance(value.get("messageId"), str) else number: value for number, value in enumerate(values)
        }.values()
    )
    assert stored(chance.sample(distinct, len(distinct))) == stored(distinct)


@calm
@given(st.binary() | st.binary().map(lambda tail: b'{"batch":[' + tail + b"]}"))
def test_any_bytes_are_taken_in_or_refused_by_a_fault(body: bytes) -> None:
    shop = TiendaNorte()
    try:
        taken = shop.send(body)
    except (BadInput, Busy):
        taken = None
    stored = len(shop.events) + len(shop.rejects)
    assert stored == (taken.items if taken else 0)


def test_arrivals_carry_what_the_log_needs() -> None:
    seen: list[Arrival] = []

    class Listening(MemoryIntake):
        async def store(self, arrivals: Any, rejects: Any, lane: LaneClass) -> int:
            seen.extend(arrivals)
            return await super().store(arrivals, rejects, lane)

    shop = TiendaNorte()
    shop.intake = Listening(shop.world)
    shop.send({"batch": [shop.left_cart(timestamp=to_text(shop.now - DAY), sentAt=to_text(shop.now - DAY + SECOND))]})
    (arrival,) = seen
    assert (arrival.at, arrival.received) == (shop.now - SECOND, shop.now)
    assert arrival.day == (shop.now - DAY) // DAY
    assert arrival.also_day is None
